# SPDX-License-Identifier: BSD-2-Clause
"""Address harvesting: who has asked for too many recipients that are refused learns nothing more."""

import re

import pytest

from harness import world

HARVEST = ('limit "harvest" { key = "client_net" count = "refused_recipients" rate = "3 / 1h" '
           'spread = 0 }\n')
UNKNOWN = [f"nobody{n}@example.test" for n in range(3)]

# After the limit these are all the same: known, unknown, foreign, ambiguous, and no address at all.
ASKED = ["bob@example.test", "nobody@example.test", "carol@example.test", "postmaster@example.test",
         "out@other.test", "u%other.test@example.test", "abuse@example.test", "x@nosuch.test",
         "bob+x@example.test", '"u@other.test"@example.test']


def open_dialogue(mta, source=world.GOOD, **options):
    dialogue = mta.connect(source=source, **options)
    dialogue.command("EHLO mail.good.test" if source == world.GOOD else "EHLO mail.other.test")
    return dialogue


def said(reply):
    """Without the reference, what Sendmail puts before it, and the time left in seconds."""
    text = re.sub(r"\(ref [0-9A-Z-]+\)", "", reply.given)
    return re.sub(r"[0-9]+ (second|minute)s?", "a while", text)


def test_nothing_more_is_learned(mta, site):
    daemon = site.fresh_filter(HARVEST)
    with open_dialogue(mta) as dialogue:
        dialogue.command("MAIL FROM:<anna@good.test>")
        for address in UNKNOWN:
            assert dialogue.command(f"RCPT TO:<{address}>").code == 550
        replies = [dialogue.command(f"RCPT TO:<{address}>") for address in ASKED]
        assert {reply.code for reply in replies} == {451}, replies
        assert len({said(reply) for reply in replies}) == 1, replies
        dialogue.command("RSET")
        # Nor on the next connection, which gets no recipient in.
    mark = daemon.mark()
    with open_dialogue(mta) as dialogue:
        assert dialogue.command("MAIL FROM:<anna@good.test>").code == 451
        assert not dialogue.command("RCPT TO:<bob@example.test>").ok
        assert not dialogue.command("RCPT TO:<nobody@example.test>").ok
    assert daemon.wait_decision(mark, stage="connect")["verdict"] == "tempfail"
    with open_dialogue(mta, world.OTHER) as dialogue:
        dialogue.command("MAIL FROM:<olaf@other.test>")
        assert dialogue.command("RCPT TO:<nobody@example.test>").code == 550
        assert dialogue.command("RCPT TO:<bob@example.test>").ok


def test_what_the_mta_refused_counts(postfix, site):
    """Postfix answers for itself, but only to who gets that far."""
    service = ("192.0.2.25", 2525)
    daemon = site.fresh_filter(HARVEST)
    mark = daemon.mark()
    with open_dialogue(postfix, service=service) as dialogue:
        dialogue.command("MAIL FROM:<anna@good.test>")
        # carol is known to the filter but not to this Postfix.
        for _ in range(3):
            assert dialogue.command("RCPT TO:<carol@example.test>").code == 550
        assert dialogue.command("RCPT TO:<bob@example.test>").code == 451
        assert dialogue.command("RCPT TO:<carol@example.test>").code == 550
    assert daemon.decisions(mark, verdict="reject") == []
    for address in ("carol@example.test", "bob@example.test"):
        with open_dialogue(postfix, service=service) as dialogue:
            reply = dialogue.command("MAIL FROM:<anna@good.test>")
            assert reply.code == 451 and "3 refused recipients" in reply.text
            assert dialogue.command(f"RCPT TO:<{address}>").code == 503
    with open_dialogue(postfix, world.OTHER, service=service) as dialogue:
        dialogue.command("MAIL FROM:<olaf@other.test>")
        assert dialogue.command("RCPT TO:<carol@example.test>").code == 550
        assert dialogue.command("RCPT TO:<bob@example.test>").ok


@pytest.mark.parametrize("settings", [
    # The client alone does not make the key, or the limit refuses nothing: nothing at connect.
    'limit "h" { key = "sender" count = "refused_recipients" rate = "1 / 1h" }\n',
    'limit "h" { key = "client_net" count = "refused_recipients" rate = "1 / 1h" mode = monitor }\n',
])
def test_not_at_connect(postfix, site, settings):
    site.fresh_filter(settings)
    for _ in range(2):
        with open_dialogue(postfix) as dialogue:
            assert dialogue.command("MAIL FROM:<anna@good.test>").ok
            assert not dialogue.command("RCPT TO:<nobody@example.test>").ok
            assert not dialogue.command("RCPT TO:<nobody@example.test>").ok
