# SPDX-License-Identifier: BSD-2-Clause
"""Recipients that are known elsewhere: a mail store asked by SMTP or LMTP, a set of Redis."""

import json
import os
import re
import socket
import sys

import pytest

from harness import world
from harness.dovecot import Dovecot
from harness.process import free_port, until

from test_ctl import control, ctl

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "servers"))
from mail_store import SECRET, MailStore  # noqa: E402

KEY = "known:example.test"


@pytest.fixture(params=["smtp", "lmtp"])
def mail_store(request, folder):
    path = f"{folder}/mail_store.sock" if request.param == "lmtp" else None
    store = MailStore(["bob@example.test"], path)
    yield store
    if not store.stopping.is_set():
        store.stop()


@pytest.fixture(scope="module")
def dovecot(folder, tls):
    server = Dovecot(f"{folder}/dovecot", free_port(), ["bob@example.test"],
                     tls.certificate(world.HOSTNAME), tls.key(world.HOSTNAME))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def with_source(site):
    """Starts the filter with that source instead of the file."""
    base = site.base

    def start(source, settings="", domains="", more=""):
        site.base = lambda: base().replace(
            f'"example.test file:{site.users_file}" }}',
            f'"example.test {source}"{more} }} {settings}'
            + (f' domains = {{ "{domains}" }}' if domains else ""))
        return site.fresh_filter()

    yield start
    site.base = base
    site.stop_filter()


def refusal(mta, site, recipient):
    """The refusal of RCPT, which never tells what stands behind us."""
    step, reply = site.send(mta, recipients=[recipient]).refusal
    assert step == "rcpt"
    assert SECRET not in str(reply) and "lmtp" not in str(reply) and "smtp:" not in str(reply)
    return reply


def test_mail_store(mta, site, with_source, mail_store):
    with_source(mail_store.source)
    for _ in range(2):
        assert site.send(mta, recipients=["bob@example.test"]).accepted
        reply = refusal(mta, site, "nobody@example.test")
        assert (reply.code, reply.enhanced) == (550, "5.1.1")
        assert "Unknown local user" in reply.text
    # The second time nobody was asked.
    assert len(mail_store.asked) == 3 and mail_store.asked[1].startswith("no-such-user-")
    shown = json.loads(ctl(*control(site), "status", "--json")[1])["callaheads"]
    target = next(row for row in shown if row["target"] == mail_store.source)
    assert (target["up"], target["asked"], target["cached"], target["failed"]) == (True, 2, 2, 0)
    shown = ctl(*control(site), "status")[1]
    assert re.search(re.escape(mail_store.source) + r" +2 +2 +0 +0\n", shown), shown


def test_many_recipients_of_one_message(mta, site, with_source, mail_store):
    with_source(mail_store.source)
    result = site.send(
        mta, recipients=["nobody@example.test", "bob@example.test", "none@example.test"])
    assert [reply.code for reply in result.rcpts] == [550, 250, 550]
    assert result.accepted


def test_postfix_is_asked(mta, site, with_source):
    with_source("smtp:127.0.0.1:2529")
    assert site.send(mta, recipients=["bob@example.test"]).accepted
    reply = refusal(mta, site, "nobody@example.test")
    assert (reply.code, reply.enhanced) == (550, "5.1.1")
    # More unknown ones than Postfix likes on one connection.
    for number in range(12):
        assert refusal(mta, site, f"nobody{number}@example.test").code == 550


@pytest.mark.parametrize("target, settings, knows", [
    ("192.0.2.25:2530", "callahead_tls = encrypt", True),
    ("mx.example.test:2530", 'callahead_tls = verify callahead_authorities = "{authority}"', True),
    # The certificate is for another name; the system does not know the authority.
    ("192.0.2.25:2530", 'callahead_tls = verify callahead_authorities = "{authority}"', False),
    ("mx.example.test:2530", "callahead_tls = verify", False),
    ("192.0.2.25:2531", "", True),
    ("192.0.2.25:2531", "callahead_tls = never", False),
    ("127.0.0.1:2529", "callahead_tls = encrypt", False),
])
def test_tls(postfix, site, tls, with_source, target, settings, knows):
    with_source(f"smtp:{target}",
                "outage = tempfail " + settings.format(authority=tls.authority))
    reply = refusal(postfix, site, "nobody@example.test")
    assert reply.code == (550 if knows else 450)
    assert site.send(postfix, recipients=["bob@example.test"]).accepted == knows


@pytest.mark.parametrize("where", ["socket", "TCP", "TCP with TLS"])
def test_dovecot_is_asked(mta, site, with_source, dovecot, where):
    target = dovecot.socket if where == "socket" else f"127.0.0.1:{dovecot.port}"
    with_source(f"lmtp:{target}", "callahead_tls = encrypt" if "TLS" in where else "")
    for number in range(12):
        reply = refusal(mta, site, f"nobody{number}@example.test")
        assert (reply.code, reply.enhanced) == (550, "5.1.1")
    result = site.send(mta, recipients=["Bob@example.test", "none@example.test", "bob+x@example.test"])
    # Dovecot delivers bob+x to bob by default.
    assert [reply.code for reply in result.rcpts] == [250, 550, 250]


def test_answers_are_shared_by_all_hosts(postfix, site, with_source, mail_store, redis):
    del redis
    settings = '} store { url = "redis://127.0.0.1" prefix = "shared:" '
    for _ in range(2):
        with_source(mail_store.source, settings)
        assert site.send(postfix, recipients=["bob@example.test"]).accepted
        assert refusal(postfix, site, "nobody@example.test").code == 550
        # The second filter asks nobody, not even whether the target takes anybody.
        assert len(mail_store.asked) == 3


def test_the_filter_behind_the_target_is_ours(postfix, site, with_source):
    """It must not wait for the answer that it is itself to give."""
    # The kept connection is a session of ours, too.
    daemon = with_source(
        "smtp:127.0.0.1:2527", "callahead_timeout = 20s outage = tempfail } drain = 1s recipient {")
    mark = daemon.mark()
    # That Postfix takes anybody when we do not refuse.
    assert site.send(postfix, recipients=["bob@example.test"]).accepted
    assert daemon.decisions(mark, verdict="tempfail") == []
    daemon.wait_line("takes any recipient of example.test", mark)


def test_another_address_of_the_target(postfix, site, with_source):
    with socket.create_server(("192.0.2.25", 2529)):  # says nothing
        with_source("smtp:mx.example.test:2529", "callahead_timeout = 4s outage = tempfail")
        assert refusal(postfix, site, "nobody@example.test").code == 550
        assert site.send(postfix, recipients=["bob@example.test"]).accepted


def test_postfix_that_takes_anybody(postfix, site, with_source):
    daemon = with_source("smtp:127.0.0.1:26")
    assert site.send(postfix, recipients=["nobody@example.test"]).accepted
    daemon.wait_line("takes any recipient of example.test")


def test_new_mailbox(postfix, site, with_source, mail_store):
    with_source(mail_store.source)
    assert refusal(postfix, site, "New@example.test").code == 550
    mail_store.known.add("new@example.test")
    assert refusal(postfix, site, "New@example.test").code == 550
    assert ctl(*control(site), "forget", "new@EXAMPLE.test")[:2] == (0, "forgotten\n")
    assert site.send(postfix, recipients=["New@example.test"]).accepted
    for address, status, said in (("new", 64, "no address"), ("<>", 64, "no address"),
                                  ("a@other.test", 66, "no call-ahead")):
        code, out = ctl(*control(site), "forget", address)[:2]
        assert code == status and said in out, out


@pytest.mark.parametrize("how", ["silent", "garbage", "flood", "close", "later", "relaying denied"])
def test_target_that_misbehaves(postfix, site, with_source, mail_store, how):
    mail_store.misbehaviour = how
    with_source(mail_store.source, "callahead_timeout = 300ms unverified = tempfail")
    reply = refusal(postfix, site, "bob@example.test")
    assert (reply.code, reply.enhanced) == (450, "4.1.1")
    with_source(mail_store.source, "callahead_timeout = 300ms")
    assert site.send(postfix, recipients=["bob@example.test"]).accepted
    mail_store.stop()


def test_target_gone_and_back(postfix, site, with_source, folder):
    path = f"{folder}/come_and_go.sock"
    store = MailStore(["bob@example.test"], path)
    with_source(f"lmtp:{path}", "callahead_unknown = 0s callahead_known = 0s",
                "example.test outage=backup")
    assert refusal(postfix, site, "nobody@example.test").code == 550
    store.stop()
    # What was refused stays refused; what is not known about is taken.
    assert refusal(postfix, site, "nobody@example.test").code == 550
    assert site.send(postfix, recipients=["carol@example.test"]).accepted
    store = MailStore(["nobody@example.test"], path)
    until(lambda: site.send(postfix, recipients=["nobody@example.test"]).accepted,
          "the target is asked again")
    store.stop()


def test_file_first_then_mail_store(postfix, site, with_source, mail_store):
    with_source(f"file:{site.users_file}", more=f', "* {mail_store.source}"')
    assert site.send(postfix, recipients=["carol@example.test"]).accepted
    assert mail_store.asked == []
    assert refusal(postfix, site, "nobody@example.test").code == 550
    assert mail_store.asked == ["nobody@example.test"]


@pytest.mark.parametrize("add, remove", [(("SADD", KEY), ("SREM", KEY)),
                                         (("HSET", KEY), ("HDEL", KEY))], ids=["set", "hash"])
def test_redis(postfix, site, with_source, redis, add, remove):
    value = ["1"] if add[0] == "HSET" else []
    redis.command("DEL", KEY)
    settings = '} store { url = "redis://127.0.0.1" '
    redis.command(*add, "bob@example.test", *value)
    redis.command(*add, "dave", *value)
    with_source("redis:known:%d", settings)
    assert site.send(postfix, recipients=["Bob+x@example.test"]).accepted
    assert site.send(postfix, recipients=["Dave@example.test"]).accepted
    assert refusal(postfix, site, "carol@example.test").code == 550
    redis.command(*add, "carol@example.test", *value)
    assert site.send(postfix, recipients=["carol@example.test"]).accepted
    redis.command(*remove, "carol@example.test")
    assert refusal(postfix, site, "carol@example.test").code == 550
    # A Redis that lost what it held makes nobody unknown.
    redis.command("RENAME", KEY, "elsewhere")
    assert site.send(postfix, recipients=["carol@example.test"]).accepted
    redis.command("RENAME", "elsewhere", KEY)
    assert refusal(postfix, site, "carol@example.test").code == 550
    redis.stop()
    try:
        assert site.send(postfix, recipients=["carol@example.test"]).accepted
        with_source("redis:known:%d", "outage = tempfail" + settings)
        assert refusal(postfix, site, "bob@example.test").code == 450
    finally:
        redis.start()


def test_accounts_of_the_machine(postfix, site, with_source):
    with_source("passwd:")
    assert site.send(postfix, recipients=["root@example.test"]).accepted
    assert refusal(postfix, site, "no-such-account@example.test").code == 550
    assert site.send(postfix, client=world.GOOD, recipients=["postmaster@example.test"]).accepted
