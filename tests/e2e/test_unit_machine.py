# SPDX-License-Identifier: BSD-2-Clause
"""Installed as a package does, under the restrictions of the unit: a socket within Postfix's chroot, alarms by
mail, and all that the filter writes and runs, which the AppArmor profile has to allow."""

import re

import pytest

from harness import apparmor, machine, manual

CONFIGURATION = """
hostname = "mx.example.org"
local_domains = { example.org }
socket = "local:/var/spool/postfix/mailreeve/mailreeve.sock"
log_to = stderr
journal = "/var/lib/mailreeve/journal"
metrics = "127.0.0.1:9749"
recipient { sources = { "example.org passwd:" } }
limit "few" {
    key = "auth_user | sender"
    count = messages
    rate = "2 / 1h"
    notify = mail:root@example.org
}
"""

SCRIPT = r"""
set -eu
tree=$1 dropin=$2
cp configuration /etc/mailreeve/mailreeve.conf
sh "$tree/packaging/systemd/postfix-folder"
stat -c 'folder %U %G %a' /var/spool/postfix/mailreeve
install -d -o mailreeve -g mailreeve -m 755 /run/mailreeve
postconf -e 'myhostname = mx.example.org' 'mydestination = example.org, localhost' \
    'smtpd_milters = unix:mailreeve/mailreeve.sock' 'milter_default_action = tempfail' \
    'smtpd_reject_unlisted_recipient = no'
sed -i 's/^\(smtp  *inet  *n  *- *\)[-ny] /\1y /' /etc/postfix/master.cf
grep -E '^smtp +inet +n +- +y ' /etc/postfix/master.cf
postfix start 2>/dev/null
$TRACE /usr/bin/python3 "$tree/tests/sandbox/under_unit.py" \
    "$tree/packaging/systemd/mailreeve.service$dropin" mailreeve /run/mailreeve:/var/lib/mailreeve \
    "$(command -v mailreeve)" -f 2>log &
filter=$!
ctl() { mailreevectl "$@"; }
tries=0
until ctl status >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat log; exit 1; }
    sleep 0.2
done
stat -c 'socket %U %G %a' /var/spool/postfix/mailreeve/mailreeve.sock
send() { swaks --server 127.0.0.1 --from anna@example.org --to "$1" 2>&1 | grep '^<\*\*' || echo "sent $1"; }
send rooot@example.org >refused
cat refused
send root@example.org
send root@example.org
send root@example.org
reference=$(sed -n 's/.*(ref \([0-9A-Z-]*\)).*/\1/p' refused)
ctl why "$reference" | head -n 1
ctl limits show anna@example.org | tail -n 1
ctl reload
ctl report | head -n 1
for page in metrics healthz; do
    /usr/bin/python3 -c 'import sys, urllib.request as r
print(r.urlopen("http://127.0.0.1:9749/" + sys.argv[1], timeout=9).status, sys.argv[1])' $page
done
tries=0
until grep -qs '^Subject:.*few' /var/mail/root || [ $tries -ge "$PATIENCE" ]; do
    tries=$((tries + 1))
    sleep 0.2
done
grep -s '^Subject:.*few' /var/mail/root || echo 'no alarm came'
mailreeve -n
kill -TERM "$(cat /proc/$filter/task/$filter/children | cut -d' ' -f1)" 2>/dev/null || kill -TERM $filter
wait $filter || echo "ended with $?"
echo '--- log'
cat log
"""


@pytest.fixture
def unit_machine(tmp_path):
    (tmp_path / "configuration").write_text(CONFIGURATION, encoding="utf-8")
    (tmp_path / "script").write_text(SCRIPT, encoding="utf-8")

    def run(dropin="", patience=100, trace=""):
        return machine.run(tmp_path, "env", f"PATIENCE={patience}", f"TRACE={trace}", "sh", "script",
                           machine.TREE, dropin and f":{dropin}")
    return run


def test_chroot_and_alarm(unit_machine, tmp_path):
    """All in one run, since it has a machine to set up: the profile is held against a trace of it."""
    example, = manual.examples("unit")
    (tmp_path / "notify.conf").write_text(example.text, encoding="utf-8")
    trace = f"{tmp_path}/trace"
    done = unit_machine(f"{tmp_path}/notify.conf", trace=machine.trace_to(trace))
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "folder mailreeve postfix 2750" in said
    assert "socket mailreeve postfix 660" in said
    assert re.search(r"550 5\.1\.1 Unknown local user: rooot@example\.org", said), said
    assert said.count("sent root@example.org") == 2 and "451 4.7.1" in said
    assert "reject at rcpt by recipient.unknown" in said
    assert "200 metrics" in said and "200 healthz" in said
    assert re.search(r"(?m)^few +anna@example\.org +sender +2 messages", said) and " decisions from " in said
    assert re.search(r"(?m)^Subject:.*few", said), said

    profile = apparmor.Profile(f"{machine.TREE}/packaging/apparmor/usr.sbin.mailreeve")
    actions = apparmor.done_by(trace, machine.INSTALLED, "/var/spool/postfix")
    assert ("/usr/sbin/postdrop", "x") in actions and ("/var/lib/mailreeve/journal", "w") in actions
    missing = [(path, right) for path, right in actions if not profile.allows(path, right)]
    assert missing == []
    assert not profile.allows("/etc/shadow", "r") and not profile.allows("/etc/mailreeve/x", "w")
