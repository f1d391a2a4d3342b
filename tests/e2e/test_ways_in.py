# SPDX-License-Identifier: BSD-2-Clause
"""Other ways in than a plain SMTP message: TLS with certificates, BDAT, SMTPUTF8, local submission,
many at once."""

import os
import threading

import pytest

from harness import world
from harness.milter_client import MilterClient
from harness.process import until
from harness.site import letter

CERTIFIED = 'trusted_certificates = { "client.good.test", "/CN=client.good.test" }\n'


def over_tls(mta, tls, certificate, port=2528):
    """A dialogue after STARTTLS."""
    service = {"service": ("192.0.2.25", port)} if mta.name == "postfix" else {}
    dialogue = mta.connect(source=world.NAMELESS, **service)
    dialogue.command("EHLO before.test")
    assert dialogue.starttls(tls.client_context(certificate)).ok
    dialogue.command("EHLO client.good.test")
    return dialogue


@pytest.mark.parametrize("name, listed", [
    ("postfix", "client.good.test"), ("sendmail", "client.good.test"),
    ("sendmail", "/CN=client.good.test"),
])
def test_verified_certificate_may_relay(request, site, tls, sink, name, listed):
    """Postfix tells the CN alone."""
    mta = request.getfixturevalue(name)
    daemon = site.filter(f'trusted_certificates = {{ "{listed}" }}\n')
    mark = daemon.mark()
    token = site.token()
    dialogue = over_tls(mta, tls, "client.good.test")
    assert dialogue.message("eve@nosuch.test", ["out@other.test"], letter(token)).accepted
    dialogue.quit()
    assert daemon.wait_decision(mark, stage="eom")["exempt"] == "certified"
    assert sink.wait_for(token)


def test_tls_without_a_certificate_gives_nothing(mta, site, tls):
    daemon = site.filter(CERTIFIED)
    mark = daemon.mark()
    dialogue = over_tls(mta, tls, None)
    result = dialogue.message("anna@good.test", ["out@other.test"], letter(site.token()))
    assert result.refusal[1].code // 100 == 5
    dialogue.quit()
    assert "exempt" not in daemon.wait_decision(mark, verdict="reject")


def test_unlisted_certificate_gives_nothing(mta, site, tls):
    site.filter('trusted_certificates = { "other.good.test" }\n')
    dialogue = over_tls(mta, tls, "client.good.test")
    result = dialogue.message("anna@good.test", ["out@other.test"], letter(site.token()))
    assert result.refusal[1].code // 100 == 5
    dialogue.quit()


@pytest.mark.parametrize("name, listed, may", [
    ("client.good.test", "client.good.test", True),
    # Known to no authority, but it is the one.
    ("self.good.test", "self.good.test", True),
    ("self.good.test", "client.good.test", False),
])
def test_fingerprint(sendmail, site, tls, name, listed, may):
    """Postfix tells no fingerprint."""
    daemon = site.filter(f'trusted_certificates = {{ "fingerprint:{tls.fingerprint(listed)}" }}\n')
    mark = daemon.mark()
    dialogue = over_tls(sendmail, tls, name)
    result = dialogue.message("anna@good.test", ["out@other.test"], letter(site.token()))
    dialogue.quit()
    assert result.accepted == may, result
    if may:
        assert daemon.wait_decision(mark, stage="eom")["exempt"] == "certified"


def test_service_that_checks_fingerprints(postfix, site, tls):
    daemon = site.filter('trusted_daemons = { "certified" }\n')
    mark = daemon.mark()
    dialogue = over_tls(postfix, tls, "client.good.test", 2532)
    assert dialogue.message("anna@good.test", ["out@other.test"], letter(site.token())).accepted
    dialogue.quit()
    assert daemon.wait_decision(mark, stage="eom")["exempt"] == "trusted"
    dialogue = over_tls(postfix, tls, "self.good.test", 2532)
    result = dialogue.message("anna@good.test", ["out@other.test"], letter(site.token()))
    assert result.refusal[1].code == 554
    dialogue.quit()
    # Elsewhere the same certificate gives nothing.
    dialogue = over_tls(postfix, tls, "client.good.test")
    result = dialogue.message("anna@good.test", ["out@other.test"], letter(site.token()))
    assert result.refusal[1].code == 550
    dialogue.quit()


def test_bdat(postfix, site, sink):
    """Sendmail 8.17 has no CHUNKING."""
    site.filter()
    token = site.token()
    dialogue = postfix.connect(source=world.GOOD)
    dialogue.command("EHLO mail.good.test")
    dialogue.command("MAIL FROM:<anna@good.test>")
    assert dialogue.command("RCPT TO:<bob@example.test>").ok
    text = letter(token).replace("\n", "\r\n")
    for part, last in ((text[:40], ""), (text[40:], " LAST")):
        dialogue.send(f"BDAT {len(part)}{last}\r\n{part}")
        assert dialogue.reply().ok
    dialogue.quit()
    assert len(sink.wait_for(token).fields("Authentication-Results")) == 1


def test_smtputf8(postfix, site, sink):
    """Sendmail 8.17 as Debian builds it has no SMTPUTF8."""
    daemon = site.filter()
    mark = daemon.mark()
    result = site.send(postfix, sender="j\u00f6rg@good.test", parameters=" SMTPUTF8")
    assert result.accepted, result
    assert sink.wait_for(result.token).sender == "j\u00f6rg@good.test"
    assert daemon.wait_decision(mark, stage="eom")["from"].isascii()


def test_local_submission_is_never_refused(postfix, site, sink):
    """There is nobody to refuse to: the sender would only get a bounce."""
    daemon = site.filter()
    mark = daemon.mark()
    token = site.token()
    postfix.submit("root@example.test", ["out@other.test", "nobody@example.test"], letter(token))
    until(
        lambda: sorted(r for d in sink.find(token) for r in d.recipients)
        == ["nobody@example.test", "out@other.test"], "both copies",
    )
    assert daemon.decisions(mark, verdict="reject") == []


# Many at once.


def test_descriptors_and_threads_are_given_back(mta, site):
    daemon = site.fresh_filter()
    folder = f"/proc/{daemon.child.pid}"

    def use():
        return len(os.listdir(f"{folder}/fd"))

    assert site.send(mta).accepted
    with MilterClient(site.milter_path) as idle:
        idle.negotiate()
        at_rest = until(lambda: use(), "descriptors") - 1
    dialogues = [mta.connect(source=world.GOOD) for _ in range(20)]
    for number, dialogue in enumerate(dialogues):
        for line in ("EHLO mail.good.test", "MAIL FROM:<anna@good.test>")[: number % 3]:
            dialogue.command(line)
    assert use() > at_rest
    for dialogue in dialogues:
        dialogue.close()
    until(lambda: use() <= at_rest, "descriptors to be closed")


def test_mail_flows_beside_many_idle_sessions(postfix, site):
    site.fresh_filter()
    idle = [MilterClient(site.milter_path) for _ in range(300)]
    for number, client in enumerate(idle):
        client.negotiate()
        client.connect_info(address=f"203.0.113.{number % 250 + 1}")
        assert client.receive()[0] == "c"
    assert site.send(postfix).accepted
    for client in idle:
        client.close()
    assert site.send(postfix).accepted


@pytest.fixture
def silent_dns(nameserver):
    nameserver.freeze()
    yield
    nameserver.thaw()


def test_sessions_that_wait_are_bounded(site, silent_dns):
    """Above the bound the answer is quick, and temporary."""
    site.fresh_filter("max_waiting = 2\ntime_limit = 3s\nconnection { mode = off }\n")
    sessions = [MilterClient(site.milter_path) for _ in range(6)]
    for session in sessions:
        session.negotiate()
        session.connect_info()
        session.helo()
        session.mail()
    for session in sessions:
        session.rcpt()
    answers = [session.receive() for session in sessions]
    for session in sessions:
        session.close()
    refused = [data for letter_, data in answers if letter_ == "y"]
    assert len(refused) >= 1 and all(data.startswith(b"451 4.3.2 ") for data in refused)
    assert [letter_ for letter_, _ in answers].count("c") >= 2


PERSONAS = [
    ({}, None),
    ({"client": world.OTHER, "helo": "mail.other.test", "sender": "olaf@other.test"}, None),
    ({"sender": "eve@nosuch.test"}, (550, "5.1.8")),
    ({"helo": "mx.example.test"}, (550, "5.7.1")),
    ({"client": world.STRAY, "helo": "web.shop.test"}, (550, "5.7.23")),
    ({"recipients": ["nobody@example.test"]}, (550, "5.1.1")),
    ({"extra": "From: Second <second@good.test>\n"}, (550, "5.6.0")),
    ({"client": world.TRUSTED, "sender": "eve@nosuch.test"}, None),
]


def test_sessions_do_not_mix(postfix, sendmail, site):
    """Many clients of all kinds at the same time: to each what is due to it."""
    site.fresh_filter("connection { mode = off }\n")
    wrong = []

    def be(mta, mail, due):
        for _ in range(8):
            result = site.send(mta, **mail)
            _, reply = result.refusal
            if (reply and (reply.code, reply.enhanced)) != due:
                wrong.append((mail, due, result))

    threads = [
        threading.Thread(target=be, args=(mta, mail, due))
        for mta in (postfix, sendmail) for mail, due in PERSONAS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_filter_is_killed_and_comes_back(mta, site, sink):
    daemon = site.fresh_filter()
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command("EHLO mail.good.test")
    assert dialogue.command("MAIL FROM:<anna@good.test>").ok
    daemon.child.kill()
    assert dialogue.command("RCPT TO:<bob@example.test>").code == 451
    dialogue.close()
    assert site.send(mta).refusal[1].code == 451
    daemon.start()  # over the socket that the dead one left
    result = site.send(mta)
    assert result.accepted and sink.wait_for(result.token)
