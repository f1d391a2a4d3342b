# SPDX-License-Identifier: BSD-2-Clause
"""Mail of this host's own programs, by sendmail(1) through Postfix's non_smtpd_milters: there is nobody
to refuse to. A refusal would bounce it to a sender that may not exist, a temporary one keep it in the
queue."""

import os
import subprocess

import pytest

from harness.process import PATIENCE, until
from harness.site import letter

# Everything that could refuse does.
STRICT = """\
connection { max_connections = 1 max_rate = "1 / 1h" max_messages = 1 }
limit "messages" { key = "client_net" count = "messages" rate = "1 / 1d" action = "reject" }
limit "recipients" { key = "client_net | sender" count = "recipients" rate = "1 / 1d" }
limit "bytes" { key = "client_net" count = "bytes" rate = "10 / 1d" }
limit "refused" { key = "client_net" count = "refused_recipients" rate = "1 / 1d" }
limit "connections" { key = "client_net" count = "connections" rate = "1 / 1d" }
deny = { "root@example.test", "127.0.0.0/8", "::1" }
"""


def submit(postfix, text, *words):
    subprocess.run(
        ["/usr/sbin/sendmail", "-i", *words], input=text.encode("utf-8", "surrogateescape"),
        check=True, capture_output=True, timeout=PATIENCE,
        env={**os.environ, "MAIL_CONFIG": f"{postfix.folder}/etc"})


def queued(postfix):
    """Names of queue files, wherever they wait."""
    return [name for queue in ("maildrop", "incoming", "active", "deferred", "hold")
            for _, _, names in os.walk(f"{postfix.folder}/spool/{queue}") for name in names]


def arrives(sink, token, recipients):
    until(lambda: sorted(r for d in sink.find(token) for r in d.recipients) == sorted(recipients),
          f"{token} for {recipients}")


MESSAGES = {
    "plain": lambda token: letter(token),
    "two From fields": lambda token: letter(token, "From: Second <second@other.test>\n"),
    "no Date": lambda token: f"To: bob@example.test\nSubject: {token}\n\nhello\n",
    "no fields": lambda token: f"Subject: {token}\n\n",
    "8-bit header": lambda token: letter(token, "X-Name: J\udcf6rg\n"),
    "forged results": lambda token: letter(
        token, "Authentication-Results: mx.example.test; spf=pass\n"),
    "long line": lambda token: letter(token, body="x" * 5000 + "\n"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_never_refused(postfix, site, sink, name):
    daemon = site.filter(STRICT)
    mark = daemon.mark()
    recipients = ["out@other.test", "nobody@example.test", "bob@example.test"]
    for _ in range(2):
        token = site.token()
        submit(postfix, MESSAGES[name](token), "-f", "root@example.test", *recipients)
        arrives(sink, token, recipients)
    assert daemon.wait_decision(mark, stage="eom")["verdict"] == "accept"
    for verdict in ("reject", "tempfail", "quarantine"):
        assert daemon.decisions(mark, verdict=verdict) == []
    until(lambda: queued(postfix) == [], "an empty queue")


def test_recipients_from_the_header(postfix, site, sink):
    """sendmail -t, as cron and PHP do it; a sender without a domain, and none at all."""
    site.filter(STRICT)
    for sender in ("root", "<>", "www-data"):
        token = site.token()
        submit(postfix, f"To: out@other.test\nCc: nobody@example.test\nSubject: {token}\n\nhi\n",
               "-t", "-f", sender)
        arrives(sink, token, ["out@other.test", "nobody@example.test"])


def test_store_down(postfix, site, sink, redis):
    """Limits that put off while they cannot count do not put this off."""
    daemon = site.filter('store { url = "redis://127.0.0.1" }\n'
                         'limit "l" { key = "client_net" outage = "tempfail" rate = "1 / 1h" }\n'
                         'limit "b" { key = "client_net" outage = "tempfail" count = "bytes" }\n')
    redis.stop()
    try:
        mark = daemon.mark()
        token = site.token()
        submit(postfix, letter(token), "-f", "root@example.test", "out@other.test")
        arrives(sink, token, ["out@other.test"])
        assert daemon.decisions(mark, verdict="tempfail") == []
    finally:
        redis.start()


def test_smtp_on_loopback_is_no_local_submission(postfix, site):
    """A client on this host is told what any client is told."""
    site.filter()
    with postfix.connect(service=("127.0.0.1", 2527)) as dialogue:
        dialogue.command("EHLO localhost")
        dialogue.command("MAIL FROM:<root@example.test>")
        assert dialogue.command("RCPT TO:<out@other.test>").code == 550
        assert dialogue.command("RCPT TO:<nobody@example.test>").code == 550
        dialogue.quit()
