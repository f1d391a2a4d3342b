# SPDX-License-Identifier: BSD-2-Clause
"""Many sessions at once while the name server is mute: nobody waits for those who wait for it."""

import contextlib
import random
import select
import subprocess
import time

import pytest

from harness.milter_client import MilterClient
from harness.process import free_port, until

ROUNDS = 3
EACH = 3
NO_ANSWER_TO_CONNECT = "connection { mode = off }\n"


@pytest.fixture
def muted(site, nameserver):
    """A filter that knows what there is to know of good.test; the name server says nothing any more."""
    site.fresh_filter(NO_ANSWER_TO_CONNECT + "time_limit = 3s\n")
    with MilterClient(site.milter_path) as mta:
        mta.as_far_as_rcpt()
    nameserver.freeze()
    yield site
    nameserver.thaw()


def session(stack, site, unknown=None, where=None):
    """Up to MAIL; of a client and names that nobody has asked for yet where UNKNOWN is a number."""
    mta = stack.enter_context(MilterClient(where or site.milter_path))
    mta.negotiate()
    if unknown is None:
        mta.connect_info()
        mta.helo()
        mta.mail()
    else:
        mta.connect_info(address=f"198.51.100.{unknown + 1}")
        mta.helo(f"h{unknown}.slow.test")
        mta.mail(f"<anna@d{unknown}.slow.test>")
    return mta


def answered(clients):
    return select.select([mta.socket for mta in clients], [], [], 0)[0]


def assert_quick_before_slow(site, first, where=None):
    with contextlib.ExitStack() as stack:
        slow = [session(stack, site, first + i, where) for i in range(EACH)]
        quick = [session(stack, site, None, where) for _ in range(EACH)]
        # Until no thread is with any of them.
        time.sleep(0.05)
        for mta in slow + quick:
            mta.rcpt()
        assert [mta.receive()[0] for mta in quick] == ["c"] * EACH
        assert not answered(slow)
        for mta in slow:
            mta.receive()


def test_who_needs_no_lookup_does_not_wait(muted):
    for number in range(ROUNDS):
        assert_quick_before_slow(muted, number * EACH)


@pytest.mark.parametrize(("family", "address"), [("inet", "127.0.0.1"), ("inet6", "::1")])
def test_nor_on_other_sockets(site, nameserver, family, address):
    port = free_port()
    site.fresh_filter(
        NO_ANSWER_TO_CONNECT + "time_limit = 3s\n", options=["-p", f"{family}:{port}@{address}"])
    with MilterClient((address, port)) as mta:
        mta.as_far_as_rcpt()
    nameserver.freeze()
    try:
        assert_quick_before_slow(site, 0, (address, port))
    finally:
        nameserver.thaw()
    site.stop_filter()


def test_new_connections_do_not_wait(muted):
    with contextlib.ExitStack() as stack:
        slow = [session(stack, muted, i) for i in range(60)]
        for mta in slow:
            mta.rcpt()
        for _ in range(700):
            session(stack, muted)
        assert not answered(slow)
        for mta in slow:
            mta.receive()


def test_who_needs_no_lookup_is_not_put_off(site, nameserver):
    """As many sessions wait as may: others that would wait are put off, and only they."""
    site.fresh_filter(NO_ANSWER_TO_CONNECT + "max_waiting = 2\ntime_limit = 3s\n")
    with MilterClient(site.milter_path) as mta:
        mta.as_far_as_rcpt()
    nameserver.freeze()
    try:
        with contextlib.ExitStack() as stack:
            slow = [session(stack, site, i) for i in range(3)]
            for mta in slow:
                mta.rcpt()
            put_off = until(lambda: answered(slow), "who is put off")
            quick = session(stack, site)
            quick.rcpt()
            assert quick.receive()[0] == "c"
            assert len(put_off) == 1 and answered(slow) == put_off
            answers = [mta.receive() for mta in slow]
            assert sorted(letter for letter, _ in answers) == ["c", "c", "y"]
            assert all(b"451 4.3.2" in text for letter, text in answers if letter == "y")
    finally:
        nameserver.thaw()


def test_descriptors_are_left_for_lookups(site, nameserver):
    """As many connections as there may be: who is in is served as ever, and then the rest."""
    del nameserver
    filter_ = site.fresh_filter(NO_ANSWER_TO_CONNECT, under=["prlimit", "--nofile=64"])
    with contextlib.ExitStack() as stack:
        first = session(stack, site)
        waiting = [stack.enter_context(MilterClient(site.milter_path)) for _ in range(60)]
        filter_.wait_line("connections of MTAs are open, more must wait")
        first.mail("<anna@legit.test>")
        first.rcpt()
        letter, text = first.receive()
        assert letter == "y" and b"5.7.23 SPF fail" in text
        for mta in waiting[:30]:
            mta.close()
        for mta in waiting[30:]:
            mta.negotiate()
        first.close()
        for _ in range(40):
            stack.enter_context(MilterClient(site.milter_path))
        # With others in line it stops as ever.
        site.stop_filter()
    assert not filter_.lines(containing="unreachable")


@pytest.fixture
def lonely_user(folder):
    """A user whose processes are only ours, so that a limit of them is."""
    with open("/etc/passwd", encoding="utf-8") as file:
        users = file.read()
    number = random.randrange(100000, 2**30)
    with open(f"{folder}/passwd", "w", encoding="utf-8") as file:
        file.write(f"{users}lonely:x:{number}:65534::/:/usr/sbin/nologin\n")
    subprocess.run(["mount", "--bind", f"{folder}/passwd", "/etc/passwd"], check=True)
    yield "lonely"
    subprocess.run(["umount", "/etc/passwd"], check=True)


def test_sessions_outlast_a_want_of_threads(site, nameserver, lonely_user):
    """More sessions wait for the name server than there may be threads: none is forgotten."""
    filter_ = site.fresh_filter(
        NO_ANSWER_TO_CONNECT + "time_limit = 1s\n",
        under=["prlimit", "--nproc=16"], options=["-u", lonely_user],
    )
    nameserver.freeze()
    try:
        with contextlib.ExitStack() as stack:
            slow = [session(stack, site, i) for i in range(30)]
            for mta in slow:
                mta.rcpt()
            filter_.wait_line("no thread is left")
            for mta in slow:
                mta.receive()
    finally:
        nameserver.thaw()
        site.stop_filter()
