# SPDX-License-Identifier: BSD-2-Clause
"""Bounds on one client's connections: answered at once, with a reply that makes the MTA hang up."""

import time

import pytest

from harness import world
from harness.process import until
from harness.site import letter
from harness.smtp_client import Dropped

# Of Sendmail's own, VERB, HELP and EXPN are known, and SEND and the like refused without asking us.
JUNK = {
    "postfix": ["FOOBAR x y", "EXPN list", "HELP", "SEND FROM:<anna@good.test>", "TURN", "ONEX"],
    "sendmail": ["FOOBAR x y", "XCLIENT ADDR=192.0.2.1", "DEBUG", "GET / HTTP/1.1", "WIZ", "ONEX"],
}


def greeted(mta, client=world.GOOD):
    dialogue = mta.connect(source=client)
    dialogue.command("EHLO mail.good.test")
    return dialogue


def rcpt(dialogue):
    dialogue.command("MAIL FROM:<anna@good.test>")
    return dialogue.command("RCPT TO:<bob@example.test>")


def hangs_up(dialogue):
    with pytest.raises(Dropped):
        dialogue.command("NOOP")
    return True


def test_connections_at_once(mta, site):
    daemon = site.fresh_filter("connection { max_connections = 2 }\n")
    mark = daemon.mark()
    first, second = (mta.connect(source=world.GOOD) for _ in range(2))
    third = mta.connect(source=world.GOOD)
    assert third.greeting.code == 421
    row = daemon.wait_decision(mark, check="connection.concurrency")
    assert (row["stage"], row["verdict"]) == ("connect", "tempfail")
    other = mta.connect(source=world.OTHER)
    assert other.greeting.code == 220
    for dialogue in (first, second, third, other):
        dialogue.close()

    def let_in():
        with mta.connect(source=world.GOOD) as again:
            return again.greeting.code == 220

    until(let_in, "room for a connection again")


def test_unknown_commands(mta, site):
    junk = JUNK[mta.name]
    daemon = site.fresh_filter(f"connection {{ max_junk_commands = {len(junk) - 1} }}\n")
    mark = daemon.mark()
    with greeted(mta) as dialogue:
        assert {dialogue.command(word).code for word in junk[:-1]} <= {500, 502}
        # So many are allowed, between messages and within one.
        sent = dialogue.message("anna@good.test", ["bob@example.test"], letter("junk"))
        assert sent.accepted, sent
        assert rcpt(dialogue).ok
        reply = dialogue.command(junk[-1])
        assert (reply.code, reply.enhanced) == (421, "4.7.0")
        verb = junk[-1].split()[0]
        assert f"too many unknown commands: {verb} is number {len(junk)}" in reply.text
        assert hangs_up(dialogue)
    row = daemon.wait_decision(mark, check="connection.junk_commands")
    assert (row["stage"], row["verdict"]) == ("command", "tempfail")
    # Another connection begins anew.
    with greeted(mta) as dialogue:
        dialogue.command(junk[0])
        assert rcpt(dialogue).ok


def test_unknown_commands_refused_for_good(mta, site):
    site.fresh_filter("connection { max_junk_commands = 1 junk_commands = reject }\n")
    with greeted(mta) as dialogue:
        dialogue.command("FOOBAR")
        for _ in range(2):
            reply = dialogue.command("FOOBAR")
            assert (reply.code, reply.enhanced) == (554, "5.7.0")
        assert rcpt(dialogue).code == 554


@pytest.mark.parametrize("settings", [
    "connection { max_junk_commands = 1 junk_commands = monitor }\n",
    "connection { max_junk_commands = 1 mode = monitor }\n",
    "connection { max_junk_commands = 0 }\n",
    "connection { max_junk_commands = 1 }\nallow = { \"192.0.2.10\" }\n",
])
def test_unknown_commands_that_do_nothing(postfix, site, settings):
    site.fresh_filter(settings)
    with greeted(postfix) as dialogue:
        assert [dialogue.command("FOOBAR").code for _ in range(3)] == [500] * 3
        assert rcpt(dialogue).ok


def test_duration(mta, site):
    daemon = site.fresh_filter("connection { max_duration = 1s }\n")
    mark = daemon.mark()
    with greeted(mta) as slow, greeted(mta) as busy:
        assert rcpt(busy).ok
        time.sleep(1.1)
        # A message under way is not cut off; the next one is.
        assert busy.command("RCPT TO:<carol@example.test>").ok
        busy.command("DATA")
        assert busy.content(letter("slow")).ok
        for dialogue in (slow, busy):
            reply = rcpt(dialogue)
            assert (reply.code, reply.enhanced) == (421, "4.7.0")
            assert "at most 1s are allowed" in reply.text
            assert hangs_up(dialogue)
    row = daemon.wait_decision(mark, check="connection.duration")
    assert (row["stage"], row["verdict"]) == ("rcpt", "tempfail")


def test_messages(mta, site):
    site.fresh_filter("connection { max_messages = 2 }\n")
    with greeted(mta) as dialogue:
        for _ in range(2):
            sent = dialogue.message("anna@good.test", ["bob@example.test"], letter("many"))
            assert sent.accepted, sent
        reply = rcpt(dialogue)
        assert (reply.code, reply.enhanced) == (421, "4.7.0")
        assert hangs_up(dialogue)
