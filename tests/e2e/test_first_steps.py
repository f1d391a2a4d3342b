# SPDX-License-Identifier: BSD-2-Clause
"""mailreeve-first-steps(7) from its first line to its last, in a machine of its own: the same program as in
the package's autopkgtest."""

import os
import subprocess

from harness.filter import PROGRAM

TREE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
REPLAY = f"{TREE}/packaging/debian/tests/first-steps"
PAGE = f"{TREE}/packaging/man/mailreeve-first-steps.7"

# /etc, /var and /run of this machine as they are, but changed by nobody else and for nobody else.
MACHINE = """
set -eu
umask 022
work=$1
mkdir -p "$work/var/lib" "$work/var/spool" "$work/var/mail" "$work/var/tmp" "$work/run" "$work/bin"
cp -a /etc "$work/etc"
cp -a /var/lib/postfix "$work/var/lib/"
cp -a /var/spool/postfix "$work/var/spool/"
for folder in etc var run; do mount --bind "$work/$folder" "/$folder"; done
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
echo 'compatibility_level = 3.6' >/etc/postfix/main.cf
postconf -e 'inet_interfaces = 127.0.0.1' maillog_file=/var/postfix.log 'alias_maps =' 'alias_database =' \
    smtpd_peername_lookup=no
getent passwd mailreeve >/dev/null || useradd --system --user-group --no-create-home mailreeve
install -d -o mailreeve -g mailreeve -m 750 /var/lib/mailreeve
mkdir -p /etc/mailreeve
cp "$2/conf/mailreeve.conf" /etc/mailreeve/
export PATH="$3:$PATH"
cd "$work"
exec "$4" "$5"
"""


def replay(folder, page):
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
         "sh", "-c", MACHINE, "sh", str(folder), TREE,
         os.path.dirname(PROGRAM), REPLAY, page],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)


def test_each_step_is_as_the_page_says(tmp_path):
    done = replay(tmp_path, PAGE)
    assert done.returncode == 0 and "all steps are as the page says" in done.stdout, (
        done.stdout[-6000:] + done.stderr[-3000:])


def test_a_page_that_says_otherwise(tmp_path):
    with open(PAGE, encoding="utf-8") as page:
        text = page.read()
    (tmp_path / "page").write_text(text.replace("mailreeve.conf: good", "mailreeve.conf: better"),
                                   encoding="utf-8")
    done = replay(tmp_path, str(tmp_path / "page"))
    assert done.returncode == 1 and "mailreeve.conf: better" in done.stderr
