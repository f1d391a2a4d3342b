# SPDX-License-Identifier: BSD-2-Clause
"""Who may be written to: unknown local users, relaying, odd addresses."""

import os

import pytest

from harness import world


def first_refusal(mta, site, recipient, settings="", **mail):
    site.filter(settings)
    result = site.send(mta, recipients=[recipient], **mail)
    step, reply = result.refusal
    assert step == "rcpt", result
    return reply


def test_unknown_local_user(mta, site):
    reply = first_refusal(mta, site, "nobody@example.test")
    assert (reply.code, reply.enhanced) == (550, "5.1.1")
    assert "Unknown local user" in reply.text


@pytest.mark.parametrize(
    "recipient", ["BOB@example.test", "bob@EXAMPLE.test", "bob+list@example.test"]
)
def test_known_local_user(mta, site, sink, recipient):
    site.filter()
    result = site.send(mta, recipients=[recipient])
    assert result.accepted, result
    assert sink.wait_for(result.token)


def test_relaying(mta, site):
    reply = first_refusal(mta, site, "out@other.test")
    assert (reply.code, reply.enhanced) == (550, "5.7.1")
    assert "relaying denied" in reply.text


def test_relay_domain(mta, site):
    site.filter('relay_domains = { "other.test" }\n')
    assert site.send(mta, recipients=["out@other.test"]).accepted


@pytest.mark.parametrize(
    "recipient",
    ["out%other.test@example.test", "other.test!out@example.test",
     '"out@other.test"@example.test'],
)
def test_disguised_relaying(mta, site, recipient):
    reply = first_refusal(mta, site, recipient)
    assert reply.code // 100 == 5 and reply.enhanced in ("5.7.1", "5.1.3"), reply


def test_the_file_is_read_again_on_reload(mta, site):
    daemon = site.filter()
    assert not site.send(mta, recipients=["newcomer@example.test"]).accepted
    with open(site.users_file, "a", encoding="utf-8") as out:
        out.write("newcomer@example.test\n")
    mark = daemon.mark()
    daemon.reload()
    daemon.wait_line("reloaded", mark)
    assert site.send(mta, recipients=["newcomer@example.test"]).accepted
    site.users_without("newcomer@example.test")
    site.stop_filter()


@pytest.mark.parametrize("line, wrong", [
    ("nonsense", "not an address; write user@example.org or @example.org"),
    ("@", 'no domain after "@"; write @example.org'),
    ("u%other.test@example.test", "not an address"),
    (None, "No such file or directory"),
])
def test_a_bad_source_keeps_the_old_table(postfix, site, line, wrong):
    daemon = site.filter()
    with open(site.users_file, encoding="utf-8") as file:
        before = file.read()
    mark = daemon.mark()
    try:
        if line is None:
            os.unlink(site.users_file)
        else:
            with open(site.users_file, "w", encoding="utf-8") as out:
                out.write(f"# new\nnewcomer@example.test\n{line}\n")
        daemon.reload()
        place = site.users_file + (":3: " if line else ": ")
        daemon.wait_line(place + wrong, mark)
        assert site.send(postfix, recipients=["bob@example.test"]).accepted
        assert not site.send(postfix, recipients=["newcomer@example.test"]).accepted
    finally:
        with open(site.users_file, "w", encoding="utf-8") as out:
            out.write(before)


def test_mta_that_knows_its_users_itself(postfix, site):
    """What the MTA refuses first, the filter does not charge to anybody."""
    daemon = site.filter()
    mark = daemon.mark()
    dialogue = postfix.connect(source=world.GOOD, service=("192.0.2.25", 2525))
    dialogue.command("EHLO mail.good.test")
    dialogue.command("MAIL FROM:<anna@good.test>")
    assert dialogue.command("RCPT TO:<carol@example.test>").code == 550
    assert dialogue.command("RCPT TO:<out@other.test>").code == 554
    assert dialogue.command("RCPT TO:<bob@example.test>").code == 250
    dialogue.quit()
    assert daemon.decisions(mark, verdict="reject") == []
