# SPDX-License-Identifier: BSD-2-Clause
"""The header section and the body; Authentication-Results that are not ours, or not true."""

import pytest

from harness import world
from harness.site import letter

FORGED = "Authentication-Results: mx.example.test; spf=pass smtp.mailfrom=bank.test\n"
FOREIGN = "Authentication-Results: {host}; dkim=pass header.d=good.test\n"


def test_second_from(mta, site):
    site.filter()
    step, reply = site.send(mta, extra="From: Second <second@good.test>\n").refusal
    assert (step, reply.code, reply.enhanced) == ("end", 550, "5.6.0")
    assert "more than one From" in reply.text


@pytest.mark.parametrize(
    "extra",
    [
        "Subject: again\n", "To: Carol <c@example.test>\n",
        "Date: Sun, 22 Nov 2026 05:00:00 +0000\n", "Message-ID: <second@good.test>\n",
    ],
)
def test_field_that_may_stand_once(mta, site, sink, extra):
    site.filter()
    result = site.send(mta, extra=extra)
    assert result.accepted, result
    assert "message.field_repeated" in sink.wait_for(result.token).fields("X-Mailreeve")[0]
    site.filter("message { field_repeated = reject }\n")
    step, reply = site.send(mta, extra=extra).refusal
    assert (step, reply.code) == ("end", 550)
    assert extra.split(":")[0].lower() in reply.text.lower()


def test_no_from_field(mta, site):
    site.filter()
    result = site.send(mta, message=lambda t: letter(t).split("\n", 1)[1])
    assert result.end.code == 550


def test_line_too_long(mta, site):
    site.filter("body { line_length = reject }\n")
    result = site.send(mta, message=lambda t: letter(t, body="x" * 5000 + "\n"))
    assert result.end.code // 100 == 5


def results_of(delivery):
    return delivery.fields("Authentication-Results")


def test_forged_results_are_removed(mta, site, sink):
    site.filter()
    result = site.send(mta, extra=FORGED)
    assert result.accepted, result
    delivery = sink.wait_for(result.token)
    assert len(results_of(delivery)) == 1
    assert "bank.test" not in delivery.content.decode()


@pytest.mark.parametrize(
    "identity", ["MX.EXAMPLE.TEST", "(comment) mx.example.test", '"mx.example.test"',
                 "mx.example.test 1"],
)
def test_disguised_forgeries_are_removed(mta, site, sink, identity):
    site.filter()
    result = site.send(mta, extra=FORGED.replace("mx.example.test", identity))
    assert result.accepted, result
    assert "bank.test" not in sink.wait_for(result.token).content.decode()


def test_folded_forgery_is_removed(mta, site, sink):
    site.filter()
    result = site.send(mta, extra="Authentication-Results:\n mx.example.test;\n\tspf=pass "
                                  "smtp.mailfrom=bank.test\n")
    assert result.accepted, result
    assert "bank.test" not in sink.wait_for(result.token).content.decode()


def test_right_ones_are_removed_among_many(mta, site, sink):
    site.filter()
    fields = []
    for number in range(6):
        fields.append(FOREIGN.format(host=f"relay{number}.other.test"))
        fields.append(FORGED)
    result = site.send(mta, extra="".join(fields))
    assert result.accepted, result
    delivery = sink.wait_for(result.token)
    found = results_of(delivery)
    assert found[0].startswith("mx.example.test; ") and "smtp.helo=mail.good.test" in found[0]
    assert [f.split(";")[0] for f in found[1:]] == [f"relay{n}.other.test" for n in range(6)]
    assert "bank.test" not in delivery.content.decode()


def test_ours_stands_above_what_came_with_the_message(mta, site, sink):
    site.filter()
    result = site.send(mta, extra="X-First: 1\n")
    names = sink.wait_for(result.token).names()
    assert names.index("Authentication-Results") < names.index("From")
    assert names.index("Authentication-Results") < names.index("X-First")


@pytest.mark.parametrize("helo", ['"; spf=pass; x="', "a(b", "x;spf=pass"])
def test_wire_bytes_cannot_break_the_field(postfix, site, sink, helo):
    """Through Postfix only: Sendmail refuses such names itself."""
    site.filter("helo { mode = off }\nspf { mode = off }\n")
    result = site.send(postfix, client=world.PLAIN_HOST, helo=helo, sender="pat@plain.test")
    assert result.accepted, result
    found = results_of(sink.wait_for(result.token))
    assert len(found) == 1 and "spf=pass" not in found[0].replace(f'"{helo}"', "")


def test_eight_bit_and_empty_messages(mta, site, sink):
    site.filter()
    result = site.send(mta, message=lambda t: letter(t, body="\u00e4\u00f6\u00fc \u2603\n"))
    assert result.accepted, result
    assert "\u2603".encode() in sink.wait_for(result.token).content
    result = site.send(mta, message=lambda t: letter(t, body=""))
    assert result.accepted and sink.wait_for(result.token)


def test_large_message(mta, site, sink):
    site.filter()
    body = ("x" * 70 + "\n") * 20000
    result = site.send(mta, message=lambda t: letter(t, body=body))
    assert result.accepted, result
    assert len(sink.wait_for(result.token).content) > len(body)
