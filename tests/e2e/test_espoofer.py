# SPDX-License-Identifier: BSD-2-Clause
"""The attacks of "Composition Kills" (USENIX Security 2020), as the tool espoofer names them: 19 that
a stranger's server sends, 3 of an authenticated user. Each is sent over SMTP, with the DNS records
of attacker and victim, through the real MTA to a filter with its defaults. None may reach a reader
unmarked, none may pass DMARC or be aligned for the victim's domain."""

import base64
import re

import pytest

from harness import world

VICTIM, ATTACKER = "legit.test", "attack.test"
ADMIN = f"admin@{VICTIM}"
PLAIN = f"<any@{ATTACKER}>"
HIDDEN = "=?utf-8?B?" + base64.b64encode(f"<{ADMIN}>".encode()).decode() + "?="
SIGNATURE = "DKIM-Signature: v=1; a=rsa-sha256; d={d}; s={s}; h=from; bh=eA==; b=eA==\r\n"

# What only who verifies DKIM can see: here no more than "not known" is asked for.
DKIM_ONLY = {"a3", "a4"}

# Name, what is wrong, MAIL FROM, HELO, the first fields of the message.
SERVER = [
    ("a1", "sender below the victim that does not exist", f"<any@mailfrom.notexist.{VICTIM}>",
     f"helo.{ATTACKER}", f"From: <{ADMIN}>\r\n"),
    ("a2", "sender that reads as empty", f"<(any@{VICTIM}>", ATTACKER, f"From: <{ADMIN}>\r\n"),
    ("a3", "NUL in the selector", f"<any@33.{ATTACKER}>", f"33.{ATTACKER}",
     SIGNATURE.format(d=VICTIM, s=f"selector._domainkey.{ATTACKER}.\0.any")
     + f"From: <{ADMIN}>\r\n"),
    ("a4", "quote in the signer's domain", PLAIN, ATTACKER,
     SIGNATURE.format(d=f"{VICTIM}'a.{ATTACKER}", s="selector") + f"From: <{ADMIN}>\r\n"),
    ("a5", "parenthesis in the sender's domain", f"<any@{VICTIM}(a.{ATTACKER}>", ATTACKER,
     f"From: <{ADMIN}>\r\n"),
    ("a6", "quote and two @ in the sender", f"<any@{VICTIM}'@any.{ATTACKER}>", ATTACKER,
     f"From: <{ADMIN}>\r\n"),
    ("a7", "route in the sender", f"<@{VICTIM},@any.test:'any@{ATTACKER}>", ATTACKER,
     f"From: <{ADMIN}>\r\n"),
    ("a8", "two From", PLAIN, ATTACKER, f"From: <first@{ATTACKER}>\r\nFrom: <{ADMIN}>\r\n"),
    ("a9", "blank before the first From", PLAIN, ATTACKER,
     f" From: <first@{ATTACKER}>\r\nFrom: <{ADMIN}>\r\n"),
    ("a10", "blank behind the second From", PLAIN, ATTACKER,
     f"From: <first@{ATTACKER}>\r\nFrom : <{ADMIN}>\r\n"),
    ("a11", "folded name of the first From", PLAIN, ATTACKER,
     f"From\r\n : <first@{ATTACKER}>\r\nFrom: <{ADMIN}>\r\n"),
    ("a12", "folded name of From, and Sender", PLAIN, ATTACKER,
     f"From\r\n : <first@{ATTACKER}>\r\nSender: <{ADMIN}>\r\n"),
    ("a13", "folded name of From, and Resent-From", PLAIN, ATTACKER,
     f"From\r\n : <first@{ATTACKER}>\r\nResent-From: <{ADMIN}>\r\n"),
    ("a14", "two addresses", PLAIN, ATTACKER,
     f"From: <first@{ATTACKER}>, <{ADMIN}>\r\nSender: <s@sender.{VICTIM}>\r\n"),
    ("a15", "encoded address before another", PLAIN, ATTACKER,
     f"From:{HIDDEN},<second@{ATTACKER}>\r\nSender: <s@sender.{VICTIM}>\r\n"),
    ("a16", "route in From", PLAIN, ATTACKER,
     f"From: <@{ATTACKER},@any.test:{ADMIN}>\r\nSender: <s@sender.{VICTIM}>\r\n"),
    ("a17", "escaped comma", PLAIN, ATTACKER,
     f"From: <{ADMIN}>\\,<second@{ATTACKER}>\r\nSender: <s@sender.{VICTIM}>\r\n"),
    ("a18", "address without brackets before another", PLAIN, ATTACKER,
     f"From: {ADMIN},<second@{ATTACKER}>\r\nSender: <s@sender.{VICTIM}>\r\n"),
    ("a19", "address behind the address", PLAIN, ATTACKER,
     f"From: <any@{ATTACKER}>{ADMIN}\r\nSender: <s@sender.{VICTIM}>\r\n"),
]

# What a user of ours that is authenticated sends.
CLIENT = [
    ("a1", "two From", "From: <mallory@example.test>\r\nFrom: <admin@example.test>\r\n"),
    ("a2", "two addresses", "From: <mallory@example.test>, <admin@example.test>\r\n"
                            "Sender: <s@sender.legit.test>\r\n"),
    ("a3", "another user's address", "From: <admin@example.test>\r\n"),
]


def message(token, fields):
    return (
        f"{fields}To: <bob@example.test>\r\nSubject: {token}\r\n"
        f"Date: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <{token}@{ATTACKER}>\r\n\r\n"
        "Hello.\r\n"
    )


def outcome(mta, sink, dialogue, sender, token, fields):
    """What became of it: ("rejected", step and reply) or ("marked" or "unmarked", the delivery)."""
    mail = dialogue.command(f"MAIL FROM:{sender}")
    if not mail.ok:
        return "rejected", f"MAIL {mail}"
    rcpt = dialogue.command("RCPT TO:<bob@example.test>")
    if not rcpt.ok:
        return "rejected", f"RCPT {rcpt}"
    assert dialogue.command("DATA").code == 354
    dialogue.send(message(token, fields) + ".\r\n")
    end = dialogue.reply()
    if not end.ok:
        return "rejected", f"end {end}"
    delivery = sink.wait_for(token)
    kind = "marked" if delivery.fields("X-Mailreeve") else "unmarked"
    return kind, delivery


def shown(kind, detail):
    return detail if kind == "rejected" else f"delivered, {kind}"


def results_of(kind, detail):
    return "" if kind == "rejected" else " ".join(detail.fields("Authentication-Results"))


def table(mta, rows, what, capsys):
    """The table (pytest -s), and a line of it for whoever runs all tests."""
    print(f"\n{mta.name}: {len(rows)} cases")
    for name, wrong, kind, detail in rows:
        print(f"  {name:10} {wrong:45} {shown(kind, detail)[:90]}")
    kinds = [kind for _, _, kind, _ in rows]
    counts = ", ".join(f"{kinds.count(k)} {k}" for k in ("rejected", "marked", "unmarked"))
    with capsys.disabled():
        print(f"\nscore: espoofer, {what}, through {mta.name.capitalize()}: {len(rows)} cases, "
              f"{counts}")


@pytest.mark.parametrize("settings", [
    "",
    # What misleads is let through marked, so that each is judged by alignment and DMARC.
    "from_form { mode = monitor }\nmessage { mode = monitor }\nfrom { unaligned = tag }\n"
    "dmarc { permerror = tag }\n",
], ids=["defaults", "form-unchecked"])
def test_server_cases(mta, site, sink, settings, request, capsys):
    site.filter(settings)
    rows = []
    for name, wrong, sender, helo, fields in SERVER:
        dialogue = mta.connect(source=world.ATTACKER)
        dialogue.command(f"EHLO {helo}")
        kind, detail = outcome(mta, sink, dialogue, sender, site.token(), fields)
        dialogue.quit()
        rows.append((f"server_{name}", wrong, kind, detail))
    table(mta, rows, "server, " + request.node.callspec.id.split("-", 1)[1], capsys)
    for name, _, kind, detail in rows:
        found = results_of(kind, detail)
        assert "dmarc=pass" not in found, (name, found)
        assert not re.search(rf"(spf|dkim)=pass[^;]*{VICTIM}", found), (name, found)
        if name.removeprefix("server_") not in DKIM_ONLY:
            assert kind in ("rejected", "marked"), (name, shown(kind, detail))
    assert len(rows) - len(DKIM_ONLY) == 17


def test_client_cases(postfix, site, sink, capsys):
    """By XCLIENT, which Sendmail does not have."""
    owners = f"{site.folder}/owners"
    with open(owners, "w", encoding="utf-8") as out:
        out.write("mallory mallory@example.test\nadmin admin@example.test\n")
    site.filter(f'from {{ sender_login = "{owners}" }}\n')
    rows = []
    for name, wrong, fields in CLIENT:
        dialogue = postfix.connect(service=("127.0.0.1", 2527))
        dialogue.command("EHLO client.test")
        dialogue.command(f"XCLIENT ADDR={world.NAMELESS} NAME=[UNAVAILABLE] LOGIN=mallory")
        dialogue.command("EHLO client.test")
        kind, detail = outcome(
            postfix, sink, dialogue, "<mallory@example.test>", site.token(), fields)
        dialogue.quit()
        rows.append((f"client_{name}", wrong, kind, detail))
    table(postfix, rows, "client", capsys)
    for name, _, kind, detail in rows:
        assert kind in ("rejected", "marked"), (name, shown(kind, detail))
    # The user's own address is let through.
    dialogue = postfix.connect(service=("127.0.0.1", 2527))
    dialogue.command("EHLO client.test")
    dialogue.command(f"XCLIENT ADDR={world.NAMELESS} NAME=[UNAVAILABLE] LOGIN=mallory")
    dialogue.command("EHLO client.test")
    kind, _ = outcome(postfix, sink, dialogue, "<mallory@example.test>", site.token(),
                      "From: Mallory <mallory@example.test>\r\n")
    dialogue.quit()
    assert kind == "unmarked"
