# SPDX-License-Identifier: BSD-2-Clause
"""Alarms by mail beside a real Sendmail: installed as a package does, the filter under the restrictions of its
unit, Sendmail's submission program set-group-ID, its mail through the same filter to an administrator."""

import re

import pytest

from harness import apparmor, machine, manual
from conftest import TOOLS

CONFIGURATION = """
hostname = "mx.example.org"
local_domains = { example.org }
socket = "local:/run/mailreeve/mailreeve.sock"
log_to = stderr
recipient { sources = { "example.org passwd:", "example.org aliases:/etc/mail/aliases" } }
connection { mode = off }
rdns { mode = off }
helo { mode = off }
sender { mode = off }
spf { mode = off }
limit "few" {
    key = "sender"
    count = messages
    rate = "2 / 1h"
    notify = "mail:root@example.org"
}
"""

SERVER = """\
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.org')dnl
define(`ALIAS_FILE', `/etc/mail/aliases')dnl
define(`QUEUE_DIR', `/var/spool/mqueue')dnl
define(`STATUS_FILE', `')dnl
define(`HELP_FILE', `')dnl
define(`confTO_IDENT', `0')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h 2600')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Port=25, Addr=127.0.0.1')dnl
INPUT_MAIL_FILTER(`mailreeve', `S=local:/run/mailreeve/mailreeve.sock, F=T, T=C:5s;S:30s;R:30s;E:1m')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

SUBMISSION = """\
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.org')dnl
define(`confTO_IDENT', `0')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confQUEUE_LA', `1000')dnl
define(`MSP_QUEUE_DIR', `/var/spool/mqueue-client')dnl
FEATURE(`msp', `[127.0.0.1]', `25')dnl
"""

# A sender that a careless program would take for a command, an option, a line of its own or, in a subject,
# for a word in another encoding.
SENDERS = ["anna@good.test", '"a$(id) `id` =?utf-8?q?=0A.=0ABcc:x@y.test?= -f"@good.test']

CLIENT = """
import smtplib, sys
for sender in {senders}:
    for i in range(5):
        server = smtplib.SMTP("127.0.0.1", 25, "mail.good.test", timeout=60)
        server.ehlo()
        print(server.docmd("MAIL FROM:<" + sender + ">"))
        code, text = server.docmd("RCPT TO:<bob@example.org>")
        print("client", code, text.decode())
        if code == 250:
            print(server.data("From: <anna@good.test>\\nTo: <bob@example.org>\\nSubject: x\\n"
                "Date: Sun, 22 Nov 2026 04:00:00 +0000\\nMessage-ID: <x%d@good.test>\\n\\nx\\n" % i))
        server.quit()
"""

MAILBOX = """
import sys, time
sys.path.insert(0, sys.argv[1])
from harness.sink import Sink

class Mailbox(Sink):
    def keep(self, delivery):
        with open("/var/mails", "ab") as out:
            out.write(b"--- to %s from <%s>\\n" % (",".join(delivery.recipients).encode(),
                delivery.sender.encode()) + delivery.content)

Mailbox(port=2600)
time.sleep(600)
"""

SCRIPT = r"""
set -eu
tree=$1 dropin=$2 tools=$3
macros=$tools/usr/share/sendmail/cf/
cp configuration /etc/mailreeve/mailreeve.conf
getent group smmsp >/dev/null || groupadd --system smmsp
getent passwd smmsp >/dev/null || useradd --system --gid smmsp --no-create-home smmsp
mkdir -p /etc/mail
for part in sendmail submit; do
    m4 -D_CF_DIR_="$macros" "${macros}m4/cf.m4" $part.mc >/etc/mail/$part.cf
done
printf 'hosts files\naliases files\n' >/etc/mail/service.switch
printf 'bob: root\nMAILER-DAEMON: root\npostmaster: root\n' >/etc/mail/aliases
rm -f /etc/resolv.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
printf '127.0.0.1 localhost mx.example.org\n' >/etc/hosts
: >/var/mails
/usr/bin/python3 mailbox "$tree/tests/e2e" &
mailbox=$!
install -d -m 700 /var/spool/mqueue
install -d -o smmsp -g smmsp -m 2770 /var/spool/mqueue-client
cp "$tools/usr/libexec/sendmail/sendmail" sendmail
chgrp smmsp sendmail
chmod 2755 sendmail
mount --bind sendmail /usr/sbin/sendmail
install -d -o mailreeve -g mailreeve -m 755 /run/mailreeve
/usr/sbin/sendmail -bi
mount --bind configuration /usr/sbin/sendmail
mailreeve -n -m none 2>&1 | sed 's/^/without: /'
umount /usr/sbin/sendmail
STATE_DIRECTORY=/var/lib/mailreeve $TRACE /usr/bin/python3 "$tree/tests/sandbox/under_unit.py" \
    "$tree/packaging/systemd/mailreeve.service$dropin" mailreeve /run/mailreeve:/var/lib/mailreeve \
    "$(command -v mailreeve)" -f 2>log &
filter=$!
tries=0
until mailreevectl status >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat log; exit 1; }
    sleep 0.2
done
/usr/sbin/sendmail -bD -q1h 2>&1 &
server=$!
tries=0
until swaks --server 127.0.0.1 --quit-after CONNECT >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat log; exit 1; }
    sleep 0.2
done
/usr/bin/python3 client
tries=0
until { [ "$(grep -c '^Subject: limit few' /var/mails)" -ge 2 ] &&
    [ -z "$(ls -A /var/lib/mailreeve/mqueue)" ]; } || [ $tries -ge "$PATIENCE" ]; do
    tries=$((tries + 1))
    sleep 0.2
done
mailreeve -n
kill -TERM "$(cat /proc/$filter/task/$filter/children | cut -d' ' -f1)" 2>/dev/null || kill -TERM $filter
wait $filter || echo "ended with $?"
kill $server $mailbox
ls -A /var/spool/mqueue-client /var/lib/mailreeve/mqueue
echo '--- log'
cat log
echo '--- mails'
cat /var/mails
"""


@pytest.fixture
def sendmail_machine(tmp_path):
    for name, text in (("configuration", CONFIGURATION), ("script", SCRIPT), ("sendmail.mc", SERVER),
                       ("submit.mc", SUBMISSION), ("mailbox", MAILBOX), ("client", CLIENT.format(senders=SENDERS))):
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(dropin="", patience=100, trace=""):
        return machine.run(tmp_path, "env", f"PATIENCE={patience}", f"TRACE={trace}", "sh", "script",
                           machine.TREE, dropin and f":{dropin}", f"{TOOLS}/sendmail")
    return run


def test_alarm_is_delivered(sendmail_machine, tmp_path):
    """Once for each key; a trace of it is held against the AppArmor profile."""
    example, = manual.examples("unit-sendmail")
    (tmp_path / "notify.conf").write_text(example.text, encoding="utf-8")
    trace = f"{tmp_path}/trace"
    done = sendmail_machine(f"{tmp_path}/notify.conf", trace=machine.trace_to(trace))
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "there is no /usr/sbin/sendmail here" in said and said.count("there is no /usr") == 1, said
    assert said.count("client 250") == 4 and said.count("client 451") == 6, said
    assert "notify:" not in said, said
    mails = said[said.index("--- mails"):].replace("\r\n", "\n").split("\n--- to ")[1:]
    alarms = [text + "\n" for text in mails if "\nSubject: limit few: " in text]
    assert len(alarms) == 2, said
    odd, = (text for text in alarms if "anna@good.test" not in text)
    for text in alarms:
        assert text.startswith("root@example.org from <>\n") and "\nTo: <root@example.org>\n" in text
        assert "\nAuto-Submitted: auto-generated\n" in text and "has reached 2 messages per hour" in text
        assert text.count("\nSubject:") == 1 and "\nBcc:" not in text
    # In the field that a reader of mail decodes it is no encoded word; in the command it is one word.
    assert re.search(r"(?m)^Subject: limit few: a\$\(id\) `id` =\\\?utf-8\?q\?.* has", odd), odd
    assert "\nmailreevectl limits show 'a$(id) `id` =?utf-8?q?=0a.=0abcc:x@y.test?= -f@good.test'\n" in odd
    assert re.search(r"mqueue:\n\n", said), "something was left in a queue:\n" + said

    profile = apparmor.Profile(f"{machine.TREE}/packaging/apparmor/usr.sbin.mailreeve")
    actions = apparmor.done_by(trace, machine.INSTALLED, "/var/lib/mailreeve/mqueue")
    assert ("/usr/sbin/sendmail", "x") in actions and ("/etc/mail/submit.cf", "r") in actions
    assert [(path, right) for path, right in actions if not profile.allows(path, right)] == []
