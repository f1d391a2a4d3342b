# SPDX-License-Identifier: BSD-2-Clause
"""Mail of a form that is rare, and must get through, or be judged, all the same."""

import pytest

from harness.site import letter


@pytest.mark.parametrize("control", ["\x01", "\x08", "\v", "\f", "\x1b", "\x7f"])
def test_control_character_in_a_trace_field(mta, site, sink, control):
    site.filter()
    received = f"Received: from a{control}b by mx.other.test{control}; Sun, 22 Nov 2026 04:00:00 +0000\n"
    sent = site.send(mta, message=lambda token: received + letter(token))
    assert sent.accepted, sent.transcript
    assert "mx.other.test" in sink.wait_for(sent.token).fields("Received")[-1]


def test_reverse_path_with_a_long_local_part(mta, site, sink):
    """VERP and SRS write more than 64 octets."""
    log = site.filter()
    sender = "SRS0=HHHH=TT=lists.other.test=bounces-1234567890-bob=example.test-" + "x" * 80 + "@good.test"
    mark = log.mark()
    sent = site.send(mta, sender=sender)
    assert sent.accepted, sent.transcript
    delivered = sink.wait_for(sent.token)
    assert delivered.sender == sender
    assert f'spf=pass smtp.mailfrom="{sender}"' in delivered.fields("Authentication-Results")[0]
    assert not log.decisions(mark, verdict="reject")


def test_results_for_an_internationalized_sender(postfix, site, sink):
    site.filter()
    sent = site.send(postfix, sender="b\u00fccher@good.test", parameters=" SMTPUTF8")
    assert sent.accepted, sent.transcript
    results = sink.wait_for(sent.token).content.decode().split("Authentication-Results:")[1]
    assert 'spf=pass smtp.mailfrom="b\u00fccher@good.test"' in results


def test_a_look_up_that_failed_is_not_told_as_a_fact(mta, site, nameserver):
    log = site.fresh_filter("sender { nonexistent_temperror = tempfail }\nresolver { timeout = 100ms }\n")
    mark = log.mark()
    nameserver.stop()
    try:
        sent = site.send(mta, sender="anna@never.asked.test")
    finally:
        nameserver.start()
    assert sent.rcpt.given.startswith("451 4.1.8 not known now, try again later: "), sent.transcript
    assert log.decisions(mark, check="sender.nonexistent", verdict="tempfail")
