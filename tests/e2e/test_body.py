# SPDX-License-Identifier: BSD-2-Clause
"""The octets and lines of bodies, as far as each MTA shows them: sent as they are, marked by default,
refused where the administrator says so."""

import base64

import pytest

from harness import world

HEADER = (
    b"From: Anna <anna@good.test>\r\nTo: bob@example.test\r\nSubject: test\r\n"
    b"Date: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <x@good.test>\r\n"
)
MIXED = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n"
BASE64 = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n"
SMTP = b"MAIL FROM:<a@good.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nFrom: x\r\n"

MARKED, CLEAN, REFUSED = "marked", "clean", "refused by the MTA"

# What it is, more header fields, body, parameters of MAIL, check, what each MTA makes of it.
BODIES = [
    ("plain", b"", b"Hello.\r\n", "", "", CLEAN),
    ("998 octets", b"", b"x" * 998 + b"\r\n", "", "", {"postfix": CLEAN, "sendmail": CLEAN}),
    ("999 octets", b"", b"x" * 999 + b"\r\n", "", "line_length", MARKED),
    ("100 kB in a line", b"", b"x" * 100000 + b"\r\n", "", "line_length", MARKED),
    # Postfix shows CR as a blank and LF as a line end.
    ("bare CR", b"", b"a\rb\r\n", "", "bare_cr", {"postfix": CLEAN, "sendmail": REFUSED}),
    ("bare LF", b"", b"a\nb\r\n", "", "bare_lf", {"postfix": CLEAN, "sendmail": REFUSED}),
    ("NUL", b"", b"a\0b\r\n", "", "nul", {"postfix": MARKED, "sendmail": MARKED}),
    ("8-bit, undeclared", b"", "Grüße\r\n".encode(), "", "undeclared_8bit", MARKED),
    ("8-bit, BODY=", b"", "Grüße\r\n".encode(), " BODY=8BITMIME", "", CLEAN),
    ("8-bit, declared in the header section",
     b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n", "Grüße\r\n".encode(), "", "",
     CLEAN),
    ("8-bit, declared in a part", MIXED,
     b"--x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + "Grüße\r\n--x--\r\n".encode(), "", "",
     CLEAN),
    ("base64", BASE64, base64.encodebytes(bytes(range(256)) * 40).replace(b"\n", b"\r\n"), "", "",
     CLEAN),
    ("base64 that is none", BASE64, b"YWJj!\r\n", "", "undecodable_base64", MARKED),
    ("base64 behind its padding", BASE64, b"YWI=\r\nYWJj\r\n", "", "undecodable_base64", MARKED),
    ("base64 that is cut", MIXED,
     b"--x\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJ\r\n--x--\r\n", "",
     "undecodable_base64", MARKED),
    ("smuggled commands", b"", b"Hello.\r\n" + SMTP, "", "smtp_dialogue", MARKED),
    ("commands with replies between", b"", b"MAIL FROM:<a@b.test>\r\n250 ok\r\nRCPT TO:<c@d.test>\r\n"
     b"250 ok\r\nDATA\r\n", "", "", CLEAN),
]


def send(mta, site, header, body, parameters=""):
    token = site.token()
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command("EHLO mail.good.test")
    assert dialogue.command(f"MAIL FROM:<anna@good.test>{parameters}").ok
    assert dialogue.command("RCPT TO:<bob@example.test>").ok
    assert dialogue.command("DATA").code == 354
    dialogue.send(HEADER + header + f"X-Token: {token}\r\n\r\n".encode() + body + b".\r\n")
    end = dialogue.reply()
    dialogue.quit()
    return token, end


@pytest.mark.parametrize("row", BODIES, ids=[row[0].replace(" ", "-") for row in BODIES])
def test_body(mta, site, sink, row):
    _, header, body, parameters, check, outcome = row
    if isinstance(outcome, dict):
        outcome = outcome[mta.name]
    site.filter("")
    token, end = send(mta, site, header, body, parameters)
    if outcome == REFUSED:
        assert end.code // 100 in (4, 5) and "(ref " not in end.text
        return
    assert end.ok, end
    marks = sink.wait_for(token).fields("X-Mailreeve")
    if outcome == CLEAN:
        assert not marks, marks
        return
    assert f"body.{check}=" in " ".join(marks), marks
    site.filter(f"body {{ {check} = reject }}\n")
    token, end = send(mta, site, header, body, parameters)
    assert (end.code, end.enhanced) == (550, "5.6.0"), end


# SMTP smuggling: the terminators that some MTA takes for the end of the message.
TERMINATORS = {
    "LF . LF": b"\n.\n", "LF . CRLF": b"\n.\r\n", "CRLF . LF": b"\r\n.\n",
    "LF . CRCRLF": b"\n.\r\r\n", "CR . CR": b"\r.\r", "CR . CRLF": b"\r.\r\n",
    "CRLF . CR": b"\r\n.\r", "CRLF NUL . CRLF": b"\r\n\0.\r\n",
}


@pytest.mark.parametrize("service", [None, ("192.0.2.25", 2540)], ids=["default", "normalize"])
@pytest.mark.parametrize("name", TERMINATORS)
def test_smuggling(postfix, site, sink, name, service):
    """Whatever Postfix takes for the end, the inner message is either one of its own, judged like any
    other (here: from nobody, so refused), or marked as a part of the outer one."""
    daemon = site.filter("")
    token, inner = site.token(), site.token()
    dialogue = postfix.connect(source=world.GOOD, **({"service": service} if service else {}))
    dialogue.command("EHLO mail.good.test")
    assert dialogue.command("MAIL FROM:<anna@good.test>").ok
    assert dialogue.command("RCPT TO:<bob@example.test>").ok
    assert dialogue.command("DATA").code == 354
    mark = daemon.mark()
    smuggled = (
        b"MAIL FROM:<admin@good.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n"
        b"To: bob@example.test\r\nX-Token: " + inner.encode() + b"\r\n\r\nsmuggled\r\n.\r\n"
    )
    dialogue.send(
        HEADER + f"X-Token: {token}\r\n\r\nouter".encode() + TERMINATORS[name] + smuggled)
    replies = [dialogue.reply()]
    while replies[-1].code == 250 and len(replies) < 3 and daemon.decisions(mark, stage="rcpt"):
        replies.append(dialogue.reply())
    dialogue.close()
    if replies[0].code // 100 in (4, 5):  # Postfix refuses it
        return
    outer = sink.wait_for(token)
    if b"smuggled" in outer.content:
        assert "body.smtp_dialogue" in " ".join(outer.fields("X-Mailreeve"))
    assert not [d for d in sink.find(inner) if token.encode() not in d.content]


def test_message_that_is_only_a_header_section(mta, site, sink):
    site.filter("")
    token, end = send(mta, site, b"", b"")
    assert end.ok and not sink.wait_for(token).fields("X-Mailreeve")


@pytest.mark.parametrize("first", [b" From: a@evil.test\r\n", b"From\r\n : a@evil.test\r\n"])
def test_header_section_that_ends_early(mta, site, sink, first):
    """What the MTA takes for text begins like a field: noted, though From is there."""
    site.filter("")
    token, end = send(mta, site, b"", first + b"text\r\n")
    assert end.ok, end
    assert "body.header_in_body" in " ".join(sink.wait_for(token).fields("X-Mailreeve"))


def test_size_by_sender(mta, site):
    """A limit that counts bytes: what does not fit in is refused, what is smaller still fits."""
    daemon = site.fresh_filter(
        'limit "size" { key = "sender" count = "bytes" rate = "20KB / 1h" action = "reject" }\n')
    assert send(mta, site, b"", b"x" * 70 + b"\r\n")[1].ok
    big = b"".join(b"x" * 70 + b"\r\n" for _ in range(250))
    assert send(mta, site, b"", big)[1].ok
    _, end = send(mta, site, b"", big)
    assert end.code == 550 or end.code == 552, end
    assert "limit.rate(size)" in daemon.lines(containing="stage=eom verdict=reject")[0]
    assert send(mta, site, b"", b"x\r\n")[1].ok
