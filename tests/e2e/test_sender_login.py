# SPDX-License-Identifier: BSD-2-Clause
"""Authenticated users and the senders that belong to them."""

import os

import pytest

from harness import world

MAP = """\
joe   joe@example.test @lists.example.test
joe   joe+*@example.test, list-*@example.test
*@example.test  =
# two of everybody's
*     news@example.test
"""


@pytest.fixture(scope="module")
def owners(folder):
    path = f"{folder}/sender_login"
    with open(path, "w", encoding="utf-8") as out:
        out.write(MAP)
    os.chmod(path, 0o644)
    return f'recipient {{ sender_login = "{path}" }}\n'


def as_user(postfix, user, sender, recipient="out@other.test"):
    """By XCLIENT, which Sendmail does not have; the reply to RCPT."""
    with postfix.connect(service=("127.0.0.1", 2527)) as dialogue:
        dialogue.command("EHLO before.test")
        login = f" LOGIN={user}" if user else ""
        dialogue.command(f"XCLIENT ADDR={world.GOOD} NAME=mail.good.test{login}")
        dialogue.command("EHLO mail.good.test")
        assert dialogue.command(f"MAIL FROM:<{sender}>").ok
        reply = dialogue.command(f"RCPT TO:<{recipient}>")
        dialogue.quit()
    return reply


@pytest.mark.parametrize("sender", [
    "joe@example.test", "JOE@example.test", "x@lists.example.test", "news@example.test", "",
    "joe+x@example.test", "list-a@example.test"])
def test_own_sender(postfix, site, owners, sender):
    site.filter(owners)
    assert as_user(postfix, "joe", sender).ok


@pytest.mark.parametrize("sender", [
    "bob@example.test", "joe@other.test", "joex@example.test", "list@example.test", "x@a.lists.example.test", "joe%other.test@example.test"])
def test_sender_of_somebody_else(postfix, site, owners, sender):
    site.filter(owners)
    reply = as_user(postfix, "joe", sender)
    assert (reply.code, reply.enhanced) == (553, "5.7.1"), reply


def test_user_without_senders(postfix, site, owners):
    site.filter(owners)
    assert as_user(postfix, "ann", "ann@example.test").code == 553
    assert as_user(postfix, "ann", "news@example.test").ok


def test_user_whose_name_is_an_address(postfix, site, owners):
    site.filter(owners)
    assert as_user(postfix, "eve@example.test", "eve@example.test").ok
    for sender in ("bob@example.test", "eve@other.test", "joe@example.test"):
        reply = as_user(postfix, "eve@example.test", sender)
        assert (reply.code, reply.enhanced) == (553, "5.7.1"), reply


def test_sendmail_user(sendmail, site, tls, owners):
    site.filter(owners)
    for sender, may in (("news@example.test", True), ("joe@example.test", False)):
        with sendmail.connect(source=world.GOOD) as dialogue:
            dialogue.command("EHLO mail.good.test")
            assert dialogue.starttls(tls.client_context("client.good.test")).ok
            dialogue.command("EHLO mail.good.test")
            assert dialogue.command("AUTH EXTERNAL =").ok
            dialogue.command(f"MAIL FROM:<{sender}>")
            reply = dialogue.command("RCPT TO:<out@other.test>")
            assert reply.ok == may and (may or reply.given.startswith("553 5.7.1 ")), reply
            dialogue.quit()


def test_strangers_have_no_owner(postfix, site, owners):
    site.filter(owners)
    assert as_user(postfix, None, "anna@good.test", "bob@example.test").ok


def test_broken_map_keeps_the_old_one(postfix, site, owners, folder):
    daemon = site.filter(owners)
    with open(f"{folder}/sender_login", "a", encoding="utf-8") as out:
        out.write("ann ann\n")
    mark = daemon.mark()
    daemon.reload()
    daemon.wait_line("sender_login:6: not a sender", mark)
    assert as_user(postfix, "joe", "joe@example.test").ok
    assert as_user(postfix, "joe", "bob@example.test").code == 553
    with open(f"{folder}/sender_login", "w", encoding="utf-8") as out:
        out.write(MAP)
