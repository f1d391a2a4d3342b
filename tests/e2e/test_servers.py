# SPDX-License-Identifier: BSD-2-Clause
"""The servers of the test world themselves, and what clients see while the filter is down."""

import dns.message
import dns.query
import dns.rcode

from harness import world
from harness.site import letter


def ask(name, kind):
    return dns.query.udp(dns.message.make_query(name, kind), "192.0.2.53", timeout=10)


def test_zones_answer(nameserver):
    del nameserver
    answer = ask("10.2.0.192.in-addr.arpa", "PTR")
    assert [r.to_text() for r in answer.answer[0]] == ["mail.good.test."]
    assert ask("mail.good.test", "AAAA").answer[0][0].address == world.GOOD6
    assert ask("nosuch.test", "MX").rcode() == dns.rcode.NXDOMAIN
    assert ask("example.com", "A").rcode() == dns.rcode.NXDOMAIN


def test_redis_answers(redis):
    assert redis.command("PING") == b"+PONG\r\n"


def test_postfix_delivers_to_the_sink(postfix, sink, site):
    token = site.token()
    dialogue = postfix.connect(service=("127.0.0.1", 26))
    dialogue.command("EHLO mail.good.test")
    assert dialogue.message("anna@good.test", ["bob@example.test"], letter(token)).accepted
    dialogue.quit()
    delivery = sink.wait_for(token)
    assert (delivery.sender, delivery.recipients) == ("anna@good.test", ["bob@example.test"])


def test_without_the_filter_mail_is_deferred(mta, site):
    site.stop_filter()
    step, reply = site.send(mta).refusal
    assert (step, reply.code) == ("mail", 451)
