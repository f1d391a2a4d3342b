# SPDX-License-Identifier: BSD-2-Clause
"""Commands of the MTA arrive in pieces of any size: the answers are the same."""

import os
import random
import socket

import pytest

from harness.milter_client import MilterClient
from harness.process import until

MESSAGES = 12
NO_ANSWER_TO_CONNECT = "connection { mode = off }\n"


class Cut(MilterClient):
    """Hands over what it is told to send in pieces of SIZE octets; None: all that there is at once."""

    def __init__(self, path, size):
        super().__init__(path)
        self.size, self.held = size, b""

    def send(self, command, data=b""):
        self.held += len(data + b"x").to_bytes(4, "big") + command.encode() + data

    def flush(self):
        data, self.held = self.held, b""
        while data:
            size = self.size() if callable(self.size) else self.size or len(data)
            self.socket.sendall(data[:size])
            data = data[size:]

    def receive(self):
        self.flush()
        return super().receive()


def converse(mta, body):
    """The answers to a negotiation and some messages, by their letters; the changes apart."""
    mta.negotiate()
    answers = []
    mta.connect_info()
    mta.helo()
    for number in range(MESSAGES):
        mta.mail()
        mta.rcpt()
        answers.append(mta.receive()[0])
        mta.send("T")
        for name, text in (("From", b" anna@good.test"), ("Date", b" Sun, 22 Nov 2026 10:00:00 +0000"),
                           ("Message-ID", b" <%d@good.test>" % number)):
            mta.header(name, text)
        mta.send("N")
        for at in range(0, len(body), 65535):
            mta.send("B", body[at:at + 65535])
        mta.end_of_message()
        changes = []
        while (letter := mta.receive()[0]) not in "carty":
            changes.append(letter)
        answers.append((changes, letter))
    return answers


@pytest.mark.parametrize("body", [b"short\r\n", b"x" * 70 + b"\r\n" + (b"y" * 76 + b"\r\n") * 2500],
                         ids=["short", "195kB"])
def test_pieces(site, body):
    site.filter(NO_ANSWER_TO_CONNECT)
    random.seed(5)
    sizes = {"whole": None, "1": 1 if len(body) < 100 else 777, "5": 5 if len(body) < 100 else 16384,
             "random": lambda: random.choice((1, 4, 5, 6, 100, 16383, 16384, 16385, 60000))}
    seen = {}
    for name, size in sizes.items():
        with Cut(site.milter_path, size) as mta:
            seen[name] = converse(mta, body)
    assert seen["whole"] == [answer for _ in range(MESSAGES) for answer in ("c", (["i"], "c"))]
    for name, answers in seen.items():
        assert answers == seen["whole"], name


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.child.pid}/fd"))


def test_end_in_the_middle_of_a_command(site):
    """Whatever part of a command has come when the MTA goes: the connection ends, and others go on."""
    daemon = site.fresh_filter(NO_ANSWER_TO_CONNECT)
    with Cut(site.milter_path, None) as mta:
        converse(mta, b"before\r\n")
        at_rest = descriptors(daemon) - 1
    for cut in range(1, 22):
        with Cut(site.milter_path, None) as mta:
            mta.as_far_as_rcpt()
            mta.send("T")
            mta.header("From", b" anna@good.test")
            mta.held = mta.held[:cut]
            mta.flush()
    with Cut(site.milter_path, 3) as mta:
        assert converse(mta, b"after\r\n")[-1] == (["i"], "c")
    until(lambda: descriptors(daemon) <= at_rest, "connections being closed")


def test_end_before_the_changes(site):
    """An MTA that goes while a long list of changes is under way: told once, and others go on."""
    daemon = site.fresh_filter(NO_ANSWER_TO_CONNECT)
    with MilterClient(site.milter_path) as mta:
        mta.as_far_as_rcpt()
        mta.send("T")
        for number in range(1000):
            mta.header("Authentication-Results", b" mx.example.test; spf=pass (%d)" % number)
        mta.header("From", b" anna@good.test")
        mta.send("N")
        mta.socket.shutdown(socket.SHUT_RD)
        mta.end_of_message()
    daemon.wait_line("did not take [0-9]+ of [0-9]+ changes")
    with Cut(site.milter_path, None) as mta:
        assert converse(mta, b"after\r\n")[-1] == (["i"], "c")
    assert len(daemon.lines(containing="did not take")) == 1
