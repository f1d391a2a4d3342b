# SPDX-License-Identifier: BSD-2-Clause
"""What comes from the wire stays data: in the log, in replies, in the message."""

import re

import pytest

from harness import world

STRANGER = {"client": world.STRAY, "sender": "eve@nosuch.test"}

NAMES = [
    'x" verdict=accept check="none', "x verdict=accept", "\x1b[31mred\x1b[0m", "a\tb", "%s%n%x",
    "\u00fc\u00e4.test", "x" * 400, "\x7f\x01\x02",
]


@pytest.mark.parametrize("helo", NAMES)
def test_helo_cannot_forge_a_log_line(postfix, site, helo):
    """Through Postfix only: Sendmail refuses such names itself."""
    daemon = site.filter()
    mark = daemon.mark()
    result = site.send(postfix, helo=helo, **STRANGER)
    _, reply = result.refusal
    assert reply.code // 100 == 5, result
    row = daemon.wait_decision(mark, stage="rcpt")
    assert (row["verdict"], row["client"]) == ("reject", world.STRAY)
    for line in daemon.lines(mark):
        assert re.fullmatch(r"[\x20-\x7e]*", line), line


@pytest.mark.parametrize("helo", NAMES)
def test_reply_is_bounded_ascii(postfix, site, helo):
    site.filter("reply_at = stage\nhelo { invalid = reject unqualified = reject }\n")
    result = site.send(postfix, helo=helo, client=world.STRAY)
    _, reply = result.refusal
    assert re.fullmatch(r"[\x20-\x7e]*", reply.text)
    assert all(len(line) + 6 <= 512 for line in reply.lines)


@pytest.mark.parametrize(
    "sender",
    ['"a b"@good.test', '"\\""@good.test', "a" * 64 + "@good.test", "%s%n@good.test",
     "a=b/c@good.test"],
)
def test_odd_but_valid_senders(mta, site, sender):
    daemon = site.filter()
    mark = daemon.mark()
    result = site.send(mta, sender=sender)
    assert result.accepted, result
    assert daemon.wait_decision(mark, stage="eom")["from"].startswith("<")


def test_many_and_long_fields(mta, site, sink):
    site.filter()
    extra = "".join(f"X-Number-{n}: {'y' * 900}\n" for n in range(30))
    result = site.send(mta, extra=extra)
    assert result.accepted, result
    assert len(sink.wait_for(result.token).fields("X-Number-29")) == 1


def test_percent_in_a_reply(mta, site):
    """A percent sign would be a format to the MTA's library."""
    site.filter()
    result = site.send(mta, recipients=["no%20%one@elsewhere.test"])
    _, reply = result.refusal
    assert reply.code // 100 == 5 and "%" in reply.text and "%%" not in reply.text
