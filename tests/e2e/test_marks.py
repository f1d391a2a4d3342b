# SPDX-License-Identifier: BSD-2-Clause
"""What the action tag does to a message: one field with the findings, and by choice a mark in the
Subject; quarantine."""

import email.header

import pytest

from harness import world
from harness.site import letter

SLOPPY = "Doe, Anna <anna@good.test>"
MARK = 'mark { subject = "[suspicious] " }\n'


def sloppy(token, subject="test"):
    return letter(token).replace("Anna <anna@good.test>", SLOPPY).replace(
        f"Subject: test {token}", f"Subject: {subject}" if subject is not None else "X-None: x",
    ).replace("\n\n", f"\nX-Token: {token}\n\n", 1)


def delivered(mta, site, sink, **options):
    result = site.send(mta, message=lambda token: sloppy(token, **options))
    assert result.accepted, result
    return sink.wait_for(result.token)


def test_one_field_with_all_findings(mta, site, sink):
    site.filter("lists { denied = tag }\ndeny = { \"good.test\" }\n")
    delivery = delivered(mta, site, sink)
    marks = delivery.fields("X-Mailreeve")
    assert len(marks) == 1
    assert "lists.denied=" in marks[0] and "from_form.unquoted_comma=" in marks[0]
    assert b"X-Mailreeve: " in delivery.content  # one blank behind the colon


def test_findings_about_recipients_are_kept(mta, site, sink):
    site.filter("lists { denied = tag }\ndeny = { \"carol@example.test\" }\n")
    result = site.send(
        mta, recipients=("bob@example.test", "carol@example.test", "dave@example.test"))
    assert result.accepted, result
    assert "lists.denied=" in sink.wait_for(result.token).fields("X-Mailreeve")[0]


def test_name_of_the_field(mta, site, sink):
    site.filter("mark { field = \"X-Gate\" }\n")
    result = site.send(
        mta, message=lambda t: "X-Gate: forged\nX-Mailreeve: another's\nx-gate: forged\n" + sloppy(t))
    delivery = sink.wait_for(result.token)
    assert len(delivery.fields("X-Gate")) == 1 and b"forged" not in delivery.content
    assert delivery.fields("X-Mailreeve") == ["another's"]


def test_forged_mark_is_removed(mta, site, sink):
    site.filter()
    result = site.send(mta, extra="X-Mailreeve: forged\nX-MAILREEVE : forged\n")
    delivery = sink.wait_for(result.token)
    assert b"forged" not in delivery.content and not delivery.fields("X-Mailreeve")


@pytest.mark.parametrize("subject, shown", [
    ("hello", "[suspicious] hello"),
    ("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "[suspicious] Gr\u00fc\u00dfe"),
    ("one\n two", "[suspicious] one two"),
    ("x" * 100, "[suspicious] " + "x" * 100),
    ("[suspicious] hello", "[suspicious] hello"),
    ("Re: [suspicious] hello", "Re: [suspicious] hello"),
    ("", "[suspicious]"),
    (None, "[suspicious]"),
])
def test_subject(mta, site, sink, subject, shown):
    site.filter(MARK)
    delivery = delivered(mta, site, sink, subject=subject)
    found = delivery.fields("Subject")
    assert len(found) == 1
    assert str(email.header.make_header(email.header.decode_header(found[0]))) == shown
    assert all(len(line) < 200 for line in delivery.content.splitlines())


def test_subject_mark_that_is_not_ascii(mta, site, sink):
    site.filter('mark { subject = "\u26a0 " }\n')
    for subject in ("hello", "=?utf-8?q?Gr=C3=BC=C3=9Fe?="):
        delivery = delivered(mta, site, sink, subject=subject)
        raw = delivery.fields("Subject")[0]
        assert raw.isascii()
        shown = str(email.header.make_header(email.header.decode_header(raw)))
        assert " ".join(shown.split()) in ("\u26a0 hello", "\u26a0 Gr\u00fc\u00dfe")


def test_subject_of_good_mail_stays(mta, site, sink):
    site.filter(MARK)
    result = site.send(mta)
    assert sink.wait_for(result.token).fields("Subject") == [f"test {result.token}"]


def test_subject_only_for_some_checks(mta, site, sink):
    site.filter('mark { subject = "[suspicious] " subject_checks = { "dmarc" } }\n')
    delivery = delivered(mta, site, sink)
    assert delivery.fields("X-Mailreeve") and delivery.fields("Subject") == ["test"]
    site.filter(
        'mark { subject = "[suspicious] " subject_checks = { "from_form.unquoted_comma" } }\n')
    assert delivered(mta, site, sink).fields("Subject") == ["[suspicious] test"]


def test_quarantine_and_mark(mta, site, sink):
    """Into the MTA's hold queue, where an administrator sees why."""
    site.filter("from_form { unquoted_comma = quarantine }\n")
    result = site.send(mta, message=sloppy)
    assert result.accepted, result
    held = mta.wait_held(result.token)
    assert held
    assert not sink.find(result.token)


def test_trusted_clients_are_not_marked(mta, site, sink):
    site.filter(MARK)
    result = site.send(mta, client=world.TRUSTED, message=sloppy)
    delivery = sink.wait_for(result.token)
    assert not delivery.fields("X-Mailreeve") and delivery.fields("Subject") == ["test"]
