# SPDX-License-Identifier: BSD-2-Clause
"""Messages as no real MTA sends them, by the milter protocol itself."""

import pytest

from harness.milter_client import ALL_STEPS, STEPS, MilterClient

GOOD = (
    ("From", b" Anna <anna@good.test>"), ("To", b" bob@example.test"),
    ("Date", b" Sun, 22 Nov 2026 04:00:00 +0000"), ("Message-ID", b" <x@good.test>"),
)


@pytest.fixture
def mta(site):
    site.filter("connection { mode = off }\nmark { subject = \"[suspicious] \" }\n")
    with MilterClient(site.milter_path) as client:
        yield client


def begin(mta, steps=ALL_STEPS):
    mta.negotiate(steps=steps)
    mta.connect_info()
    mta.helo()
    return begin_next(mta)


def begin_next(mta):
    mta.mail()
    mta.rcpt()
    assert mta.receive()[0] == "c"
    return mta


def outcome(mta):
    """Letter of the verdict, text of a refusal, changes as (letter, octets)."""
    mta.end_of_message()
    changes = []
    while True:
        letter, data = mta.receive()
        if letter in "actr":
            return letter, "", changes
        if letter == "y":
            return letter, data.decode(), changes
        changes.append((letter, data))


def fields(mta, rows):
    for name, body in rows:
        mta.header(name, body)


def test_no_header_section_and_no_body(mta):
    begin(mta)
    letter, text, _ = outcome(mta)
    assert letter == "y" and text.startswith("550 5.6.0 the message has no From field")
    # The next one is judged by itself.
    begin_next(mta)
    fields(mta, GOOD)
    assert outcome(mta)[0] in "ac"


def test_field_of_a_megabyte(mta):
    begin(mta)
    fields(mta, GOOD)
    mta.header("X-Long", b" " + b"x" * 1_000_000)
    letter, _, changes = outcome(mta)
    assert letter in "ac"
    assert any(b"message.field_too_long" in data for _, data in changes)


def test_from_of_a_megabyte(mta):
    begin(mta)
    fields(mta, GOOD[1:])
    mta.header("From", b" " + b"(" * 500_000 + b"<a@b.test>," * 40_000)
    letter, text, _ = outcome(mta)
    assert letter == "y" and text.startswith("550 5.6.0 the From field is ambiguous")


def test_ten_thousand_fields(mta):
    begin(mta)
    for number in range(10_000):
        mta.header(f"X-{number}", b" x")
    fields(mta, GOOD)
    letter, _, changes = outcome(mta)
    assert letter in "ac"
    assert any(b"message.too_many_fields" in data for _, data in changes)


def test_body_of_hundred_megabytes_in_odd_chunks(mta):
    begin(mta)
    fields(mta, GOOD)
    line = b"x" * 61 + b"\r\n"
    chunk = line * 1000
    for number in range(1600):
        mta.send("B", chunk[number % 60 :] + chunk[: number % 60])
    assert outcome(mta)[0] in "ac"


@pytest.mark.parametrize("as_sent", [True, False])
def test_blanks_of_what_is_written(mta, as_sent):
    """An MTA that gives leading blanks is given them; to one that does not, they would be too much."""
    begin(mta, ALL_STEPS if as_sent else ALL_STEPS & ~STEPS["HDR_LEADSPC"])
    blank = b" " if as_sent else b""
    fields(mta, [(name, blank + body.strip()) for name, body in GOOD[1:]])
    mta.header("From", blank + b"Doe, Anna <anna@good.test>")
    mta.header("Subject", blank + b"hello")
    letter, _, changes = outcome(mta)
    assert letter in "ac"
    changed = [data for kind, data in changes if kind == "m"]
    assert changed == [b"\0\0\0\1Subject\0" + blank + b"[suspicious] hello\0"]
    inserted = [data[4:] for kind, data in changes if kind == "i"]
    assert any(data.startswith(b"X-Mailreeve\0" + blank + b"from_form.unquoted") for data in inserted)
