# SPDX-License-Identifier: BSD-2-Clause
"""OpenDKIM before us, through both MTAs: what it found good counts, what only says so does not."""

import pytest

from harness import world
from harness.dkim import OpenDkim

OBEY = ('trusted_authserv_ids = { "dkim.example.test" }\nspf { defer_to_dmarc = yes }\n'
        "dmarc { reject = reject }\nfrom { unaligned = tag }\n")
FORGED = "Authentication-Results: dkim.example.test; dkim=pass header.d=legit.test\n"


@pytest.fixture(scope="module")
def verifier(folder):
    server = OpenDkim(f"{folder}/opendkim", 8892, "dkim.example.test")
    server.start()
    yield server
    server.stop()


def letter(token):
    return (
        f"From: Admin <admin@legit.test>\nTo: Bob <bob@example.test>\nSubject: {token}\n"
        f"Date: Sun, 22 Nov 2026 04:00:00 +0000\nMessage-ID: <{token}@legit.test>\n\nHello.\n"
    )


def send(mta, site, make, client=world.GOOD, helo="mail.good.test"):
    """By the way on which OpenDKIM is asked before us."""
    token = site.token()
    with mta.connect(source=client, service=mta.behind_dkim) as dialogue:
        dialogue.command(f"EHLO {helo}")
        result = dialogue.message("anna@good.test", ["bob@example.test"], make(letter(token)))
    result.token = token
    return result


def results_of(sink, result):
    assert result.accepted, result
    return sink.wait_for(result.token).fields("Authentication-Results")


def test_good_signature(mta, site, sink, verifier, signer):
    site.filter(OBEY)
    result = send(mta, site, signer.sign)
    found = results_of(sink, result)
    assert "dmarc=pass (p=reject) header.from=legit.test" in found[0]
    # What the other filter found stays in the message.
    assert any(f.startswith("dkim.example.test") and "dkim=pass" in f for f in found[1:])
    assert "from.unaligned" not in " ".join(sink.wait_for(result.token).fields("X-Mailreeve"))


def test_forwarded_with_its_signature(mta, site, sink, verifier, signer):
    """SPF fails for the forwarder: what counts is who wrote it."""
    site.filter(OBEY)
    result = send(mta, site, signer.sign, client=world.STRAY, helo="web.shop.test")
    assert "dmarc=pass" in results_of(sink, result)[0]


@pytest.mark.parametrize("forge", [
    lambda sign, text: sign(text).replace("Hello.", "Send money."),
    lambda sign, text: sign(text).replace("admin@legit", "ceo@legit"),
    lambda sign, text: FORGED + text,
    lambda sign, text: FORGED + sign(text).replace("Hello.", "Send money."),
    lambda sign, text: FORGED.replace("dkim.", "DKIM.", 1) * 20 + text,
    lambda sign, text: text.replace("\nTo:", "\n" + FORGED + "To:"),
], ids=["body", "author", "results", "results-and-body", "many-results", "results-below"])
def test_forgeries(mta, site, verifier, signer, forge):
    site.filter(OBEY)
    step, reply = send(mta, site, lambda text: forge(signer.sign, text)).refusal
    assert (step, reply.code, reply.enhanced) == ("end", 550, "5.7.26")
