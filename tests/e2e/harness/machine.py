# SPDX-License-Identifier: BSD-2-Clause
"""A machine of one's own, on which the filter and Postfix are installed where a package puts them: /etc, /var
and /run are as on this one, but changed by nobody else and for nobody else."""

import os
import subprocess

from .filter import PROGRAM

INSTALLED = "/run/programs/mailreeve"
TREE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))

MACHINE = """
set -eu
umask 022
work=$1 tree=$2 programs=$3
shift 3
mkdir -p "$work/var/lib" "$work/var/spool" "$work/var/mail" "$work/var/tmp" "$work/run/programs"
cp -a /etc "$work/etc"
cp -a /var/lib/postfix "$work/var/lib/"
cp -a /var/spool/postfix "$work/var/spool/"
chgrp mail "$work/var/mail"
chmod 2775 "$work/var/mail"
for folder in etc var run; do mount --bind "$work/$folder" "/$folder"; done
ip link set lo up
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
echo 'compatibility_level = 3.6' >/etc/postfix/main.cf
postconf -e 'inet_interfaces = 127.0.0.1' maillog_file=/var/postfix.log 'alias_maps =' 'alias_database =' \
    smtpd_peername_lookup=no
getent passwd mailreeve >/dev/null || useradd --system --user-group --no-create-home mailreeve
install -d -o mailreeve -g mailreeve -m 750 /var/lib/mailreeve
mkdir -p /etc/mailreeve
cp "$tree"/conf/*.conf /etc/mailreeve/
cp "$programs/mailreeve" "$programs/mailreevectl" /run/programs/
export PATH="/run/programs:$PATH"
cd "$work"
exec "$@"
"""


def trace_to(file):
    """What stands before a command whose use of files, sockets and programs FILE is to hold."""
    return (f"strace -f -qq -o {file} --signal=none -e trace="
            "open,openat,execve,connect,bind,mkdir,unlink,unlinkat,rename,link,chmod,clone,clone3,vfork,fork")


def run(folder, *command):
    """COMMAND on such a machine below FOLDER; nothing outlives it."""
    return subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
         "sh", "-c", MACHINE, "sh", str(folder), TREE, os.path.dirname(PROGRAM), *command],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
