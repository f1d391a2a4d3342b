# SPDX-License-Identifier: BSD-2-Clause
"""What a connection can do to its own state: cut off anywhere, begin again, go in any order. After
each, a limit of one message tells whether what was reserved has been given back."""

import signal
import threading

import pytest

from harness import world
from harness.milter_client import MilterClient
from harness.process import until
from harness.site import letter
from harness.smtp_client import Dropped

ONE_MESSAGE = """\
limit "one" { key = "sender" count = "messages" rate = "1 / 1h" action = "tempfail" }
limit "three" { key = "sender" count = "recipients" rate = "3 / 1h" action = "tempfail" }
"""

HELO = "EHLO mail.good.test"
MAIL = "MAIL FROM:<anna@good.test>"
RCPT = "RCPT TO:<bob@example.test>"
DIALOGUE = [HELO, MAIL, RCPT, "DATA"]


@pytest.fixture
def one_message(site):
    return site.fresh_filter(ONE_MESSAGE)


def assert_nothing_is_charged(mta, site):
    """The one message that the limit allows can still be sent, and no second one."""

    def sent():
        # The end of a connection reaches the filter later than its client.
        return site.send(mta).accepted

    until(sent, "the sender's one message to be accepted")
    step, reply = site.send(mta).refusal
    assert (step, reply.code, reply.enhanced) == ("rcpt", 451, "4.7.1")


def converse(dialogue, lines):
    return [dialogue.command(line) for line in lines]


@pytest.mark.parametrize("steps", range(len(DIALOGUE) + 1))
def test_client_disappears(mta, site, one_message, steps):
    dialogue = mta.connect(source=world.GOOD)
    converse(dialogue, DIALOGUE[:steps])
    dialogue.close()
    assert_nothing_is_charged(mta, site)


def test_client_disappears_in_the_message(mta, site, sink, one_message):
    token = site.token()
    dialogue = mta.connect(source=world.GOOD)
    converse(dialogue, DIALOGUE)
    dialogue.send(letter(token).replace("\n", "\r\n"))
    dialogue.close()
    assert_nothing_is_charged(mta, site)
    assert not sink.find(token)


@pytest.mark.parametrize("steps", range(1, len(DIALOGUE)))
def test_quit_early(mta, site, one_message, steps):
    dialogue = mta.connect(source=world.GOOD)
    converse(dialogue, DIALOGUE[:steps])
    assert dialogue.quit().code == 221
    assert_nothing_is_charged(mta, site)


@pytest.mark.parametrize("steps", range(1, len(DIALOGUE)))
def test_rset_everywhere(mta, site, sink, one_message, steps):
    dialogue = mta.connect(source=world.GOOD)
    converse(dialogue, DIALOGUE[:steps])
    assert dialogue.command("RSET").code == 250
    token = site.token()
    assert dialogue.message("anna@good.test", ["bob@example.test"], letter(token)).accepted
    dialogue.quit()
    assert sink.wait_for(token)


@pytest.mark.parametrize("again", ["HELO mail.good.test", "EHLO mail.good.test"])
def test_second_greeting_ends_the_transaction(mta, site, sink, one_message, again):
    dialogue = mta.connect(source=world.GOOD)
    converse(dialogue, [HELO, MAIL, RCPT])
    assert dialogue.command(again).ok
    assert dialogue.command("RCPT TO:<carol@example.test>").code == 503
    token = site.token()
    assert dialogue.message("anna@good.test", ["bob@example.test"], letter(token)).accepted
    dialogue.quit()
    assert sink.wait_for(token).recipients == ["bob@example.test"]


def test_second_greeting_is_judged_anew(mta, site):
    daemon = site.filter()
    mark = daemon.mark()
    dialogue = mta.connect(source=world.GOOD)
    converse(dialogue, ["EHLO mx.example.test", MAIL])
    assert dialogue.command(RCPT).code == 550  # our own name
    assert dialogue.command(HELO).ok
    assert dialogue.message("anna@good.test", ["bob@example.test"], letter(site.token())).accepted
    dialogue.quit()
    assert daemon.wait_decision(mark, stage="eom")["helo"] == "mail.good.test"


def test_second_mail_is_refused_by_the_mta_and_changes_nothing(mta, site, one_message):
    dialogue = mta.connect(source=world.GOOD)
    converse(dialogue, [HELO, MAIL])
    assert dialogue.command("MAIL FROM:<other@good.test>").code == 503
    assert dialogue.command(RCPT).ok
    dialogue.quit()
    assert_nothing_is_charged(mta, site)


def test_several_messages_in_a_connection(mta, site, sink):
    daemon = site.filter()
    mark = daemon.mark()
    tokens = [site.token() for _ in range(5)]
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command(HELO)
    for number, token in enumerate(tokens):
        recipients = ["bob@example.test", "carol@example.test"][: 1 + number % 2]
        assert dialogue.message("anna@good.test", recipients, letter(token)).accepted
    dialogue.quit()
    for token in tokens:
        assert len(sink.wait_for(token).fields("Authentication-Results")) == 1
    rows = until(
        lambda: len(r := daemon.decisions(mark, stage="eom")) == 5 and r, "five decisions"
    )
    assert [row["recipients"] for row in rows] == ["1", "2", "1", "2", "1"]
    assert len({row["session"] for row in rows}) == 1
    assert len({row["queue"] for row in rows}) == 5


def test_refusal_leaves_the_next_message_alone(mta, site, sink):
    """libmilter calls no abort after our own refusal."""
    site.filter()
    token = site.token()
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command(HELO)
    first = dialogue.message("eve@nosuch.test", ["bob@example.test"], "")
    assert first.refusal[1].code == 550
    dialogue.command("RSET")
    two_from = letter(site.token(), "From: Second <second@good.test>\n")
    assert dialogue.message("anna@good.test", ["bob@example.test"], two_from).end.code == 550
    assert dialogue.message("anna@good.test", ["bob@example.test"], letter(token)).accepted
    dialogue.quit()
    assert sink.wait_for(token)


def test_pipelining(mta, site, sink):
    site.filter()
    token = site.token()
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command(HELO)
    replies = dialogue.pipeline(
        MAIL, RCPT, "RCPT TO:<nobody@example.test>", "RCPT TO:<carol@example.test>", "DATA"
    )
    assert [reply.code for reply in replies] == [250, 250, 550, 250, 354]
    assert replies[2].enhanced == "5.1.1"
    dialogue.send(letter(token).replace("\n", "\r\n") + ".\r\n" + MAIL + "\r\n" + RCPT + "\r\n")
    assert [dialogue.reply().code for _ in range(3)] == [250, 250, 250]
    dialogue.quit()
    assert sink.wait_for(token)


def test_pipelined_refusal_of_all(mta, site):
    site.filter()
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command(HELO)
    replies = dialogue.pipeline("MAIL FROM:<eve@nosuch.test>", RCPT, "DATA")
    assert [reply.code // 100 for reply in replies] == [2, 5, 5]
    assert dialogue.command("RSET").ok
    dialogue.quit()


def test_mail_without_a_greeting(mta, site, sink):
    """Neither MTA insists on HELO; its absence is a sign."""
    daemon = site.filter()
    mark = daemon.mark()
    token = site.token()
    dialogue = mta.connect(source=world.GOOD)
    assert dialogue.message("anna@good.test", ["bob@example.test"], letter(token)).accepted
    dialogue.quit()
    row = daemon.wait_decision(mark, stage="eom")
    assert "helo" not in row and "helo.absent=fail/suspect" in row["findings"]
    assert sink.wait_for(token)


@pytest.mark.parametrize("junk", [b"", b"\0", b"\0\0\0\1", b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 64])
def test_probe_on_the_milter_socket(site, postfix, junk):
    """Something connects to the filter itself, says nothing or nonsense, and goes."""
    daemon = site.filter()
    with MilterClient(site.milter_path) as probe:
        probe.socket.sendall(junk)
    with MilterClient(site.milter_path) as silent:
        assert site.send(postfix).accepted  # while a silent one is still there
        del silent
    assert daemon.child.running()


MILTER_STEPS = ["negotiate", "connect_info", "helo", "mail", "rcpt"]


@pytest.mark.parametrize("steps", range(1, len(MILTER_STEPS) + 1))
def test_mta_disappears(site, postfix, steps):
    """The MTA's process is killed in the middle of a session."""
    site.fresh_filter(ONE_MESSAGE)
    with MilterClient(site.milter_path) as dying:
        for step in MILTER_STEPS[:steps]:
            getattr(dying, step)()
    assert_nothing_is_charged(postfix, site)


@pytest.mark.parametrize("end", ["abort", "helo", "mail"])
def test_given_back_while_the_connection_stays(site, postfix, end):
    """At the end of the transaction, not of the connection. Without an MTA between: Sendmail sends no
    abort at RSET, Postfix only with its next question."""
    site.fresh_filter(ONE_MESSAGE + "connection { mode = off }\n")
    with MilterClient(site.milter_path) as mta:
        for step in MILTER_STEPS:
            getattr(mta, step)()
        assert mta.receive()[0] == "c"
        getattr(mta, end)()
        assert_nothing_is_charged(postfix, site)


# Reload.


def test_session_keeps_its_configuration(mta, site, sink):
    daemon = site.fresh_filter()
    token = site.token()
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command(HELO)
    mark = daemon.mark()
    daemon.configure(site.base() + 'deny = { "192.0.2.10" }\n')
    daemon.reload(signal.SIGUSR1)
    daemon.wait_line("reloaded", mark)
    assert site.send(mta).refusal[1].code == 550  # a new session
    assert dialogue.message("anna@good.test", ["bob@example.test"], letter(token)).accepted
    dialogue.quit()
    assert sink.wait_for(token)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_broken_file_keeps_the_old_configuration(mta, site, number):
    daemon = site.fresh_filter('deny = { "192.0.2.11" }\n')
    mark = daemon.mark()
    daemon.configure("this is not { a configuration\n")
    daemon.reload(number)
    line = daemon.wait_line("old configuration stays", mark)
    assert "error" in line.lower()
    assert daemon.wait_line(f"{daemon.file}:1: ", mark)
    assert site.send(mta).accepted
    other = site.send(mta, client=world.OTHER, helo="mail.other.test", sender="olaf@other.test")
    assert other.refusal[1].code == 550
    site.stop_filter()


def test_reload_under_traffic(postfix, site):
    daemon = site.fresh_filter("connection { mode = off }\n")
    done = threading.Event()

    def reload_until_done():
        number = 0
        while not done.wait(0.01):
            number += 1
            daemon.reload(signal.SIGHUP if number % 2 else signal.SIGUSR1)

    results = []
    mark = daemon.mark()

    def reloads():
        return sum("reloaded" in line for line in daemon.lines(mark))

    def send_many():
        sent = 0
        while sent < 25 or (reloads() <= 10 and sent < 1000):
            results.append(site.send(postfix))
            sent += 1

    reloader = threading.Thread(target=reload_until_done)
    senders = [threading.Thread(target=send_many) for _ in range(4)]
    reloader.start()
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    done.set()
    reloader.join()
    assert len(results) >= 100
    assert [r for r in results if not r.accepted] == []
    assert daemon.child.running()
    assert reloads() > 10
    assert daemon.stop() == 0


def test_dropped_is_not_an_answer(postfix, site):
    """The harness itself: a closed connection is told from a reply."""
    site.filter()
    dialogue = postfix.connect(source=world.GOOD)
    dialogue.command("QUIT")
    with pytest.raises((Dropped, OSError)):
        dialogue.command("NOOP")
    dialogue.close()
