# SPDX-License-Identifier: BSD-2-Clause
"""Messages that readers could take for another's, and what is only sloppy: each sent as it is
through the real MTA to a filter with its defaults. What misleads is refused, what is sloppy is
marked, and the log names the check. Where an MTA repairs or refuses it before us, the table says
what is left."""

import pytest

from harness.process import until

GOOD_FROM = b"From: Anna <anna@good.test>\r\n"
REST = (
    b"To: Bob <bob@example.test>\r\nSubject: test\r\n"
    b"Date: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <x@good.test>\r\n"
)
FILLER = b"".join(b"X-Filler-%d: x\r\n" % number for number in range(990))

REJECT, TAG, PASS, MTA = "reject", "tag", "pass", "refused by the MTA"


def of(value):
    return b"From: " + value + b"\r\n" + REST


# Number of the list in the plan, what it is, header section, verdict, check (one of several may be
# named). A dictionary gives verdict and check by MTA.
HEADERS = [
    ("H01 no From", REST, REJECT, "message.from_missing"),
    ("H02 two From", GOOD_FROM + GOOD_FROM + REST, REJECT, "message.from_repeated"),
    ("H03 blank before the colon, second", GOOD_FROM + b"From : <b@evil.test>\r\n" + REST,
     REJECT, "message.from_repeated"),
    # Both take a first line "From " for that of an mbox file.
    ("H03 blank before the colon, alone", b"From : <anna@good.test>\r\n" + REST, REJECT,
     "message.from_missing"),
    ("H04 tab before the colon, alone", b"From\t: <anna@good.test>\r\n" + REST,
     {"postfix": (PASS, ""), "sendmail": (PASS, "")}),
    ("H04 tab before the colon", GOOD_FROM + b"From\t: <b@evil.test>\r\n" + REST,
     REJECT, "message.from_repeated"),
    ("H05 leading blank", b" " + GOOD_FROM + REST, REJECT, "message.from_missing"),
    ("H05 leading tab", b"\t" + GOOD_FROM + REST, REJECT, "message.from_missing"),
    ("H06 folded name", b"From\r\n : <anna@good.test>\r\n" + REST, REJECT, "message.from_missing"),
    ("H07 mixed case", GOOD_FROM + b"fRoM: <b@evil.test>\r\n" + REST,
     REJECT, "message.from_repeated"),
    ("H08 NUL in the name", b"Fr\0om: <anna@good.test>\r\n" + REST,
     {"postfix": (REJECT, "message.from_missing"), "sendmail": (PASS, "")}),
    ("H09 8-bit in the name", b"Fr\xc3\xb6m: <anna@good.test>\r\n" + REST,
     REJECT, "message.from_missing"),
    ("H10 mbox line", b"From anna@good.test Sun Nov 22 04:00:00 2026\r\n" + GOOD_FROM + REST,
     {"postfix": (TAG, "message.mailbox_line"), "sendmail": (PASS, "")}),
    ("H11 bare CR", b"From: <anna@good.test>\rFrom: <b@evil.test>\r\n" + REST,
     {"postfix": (REJECT, "from_form."), "sendmail": (MTA, "")}),
    ("H12 bare LF", b"From: <anna@good.test>\nFrom: <b@evil.test>\r\n" + REST,
     {"postfix": (REJECT, "message.from_repeated"), "sendmail": (MTA, "")}),
    ("H13 line of blanks", of(b"Anna\r\n \r\n <anna@good.test>"), REJECT, "from_form.blank_fold"),
    ("H13 line of blanks in another field", GOOD_FROM + b"X-A: a\r\n \t\r\n b\r\n" + REST,
     TAG, "message.blank_fold"),
    ("H14 second From behind many fields", GOOD_FROM + FILLER + REST + b"From: b@evil.test\r\n",
     REJECT, "message.from_repeated"),
    ("H15 over-long From", of(b"\"" + b"\r\n ".join([b"x" * 900] * 115) + b"\" <anna@good.test>"),
     {"postfix": (REJECT, "from_form.length"), "sendmail": (MTA, "")}),
    ("H15 over-long From",
     of(b"\"" + b"\r\n ".join([b"x" * 900] * 20) + b"\" <anna@good.test>"), REJECT,
     "from_form.length"),
    ("H16 empty From", of(b""),
     {"postfix": (REJECT, "message.from_empty"), "sendmail": (REJECT, "message.from_missing")}),
    ("H16 blanks in From", of(b"  \r\n \t"),
     {"postfix": (REJECT, "message.from_empty"), "sendmail": (REJECT, "message.from_missing")}),
    ("H17 fold after the colon", of(b"\r\n Anna <anna@good.test>"), PASS, ""),
    ("H18 From in a part only", REST + b"Content-Type: message/rfc822\r\n\r\n" + GOOD_FROM,
     REJECT, "message.from_missing"),
    ("H19 two addresses", of(b"anna@good.test, b@evil.test"),
     REJECT, "from_form.several_addresses"),
    ("H20 group", of(b"x: anna@good.test, b@evil.test;"), REJECT, "from_form.group"),
    ("H21 empty group", of(b"undisclosed:;"), REJECT, "from_form"),
    ("H22 route", of(b"<@b.test,@c.test:anna@good.test>"), REJECT, "from_form.route"),
    ("H23 escaped comma", of(b"<anna@good.test>\\,<b@evil.test>"),
     REJECT, "from_form.escaped_separator"),
    ("H24 unquoted comma", of(b"Doe, Anna <anna@good.test>"), TAG, "from_form.unquoted_comma"),
    ("H25 text after the address", of(b"<anna@good.test>b@evil.test"),
     REJECT, "from_form.text_after_address"),
    ("H26 two in brackets", of(b"<anna@good.test><b@evil.test>"),
     REJECT, "from_form.several_brackets"),
    ("H26 nested brackets", of(b"<<anna@good.test>>"), REJECT, "from_form.nested_brackets"),
    ("H27 encoded address", of(b"=?utf-8?b?YW5uYUBnb29kLnRlc3Q=?="),
     REJECT, "from_form.encoded_address"),
    ("H28 encoded local-part", of(b"<=?utf-8?q?anna?=@good.test>"),
     REJECT, "from_form.encoded_part"),
    ("H28 encoded domain", of(b"<anna@=?utf-8?q?good.test?=>"), REJECT, "from_form.encoded_part"),
    ("H29 encoded name with an address",
     of(b"=?utf-8?q?=3Cadmin=40bank.test=3E?= <anna@good.test>"),
     REJECT, "from_form.address_in_encoded_name"),
    ("H30 encoded NUL", of(b"=?utf-8?q?admin=40bank.test=00?= <anna@good.test>"),
     REJECT, "from_form.encoded_control"),
    ("H30 encoded line end", of(b"=?utf-8?q?admin=0A=0Ax?= <anna@good.test>"),
     REJECT, "from_form.encoded_control"),
    ("H31 open comment", of(b"anna@good.test (x"), REJECT, "from_form.unbalanced_comment"),
    ("H31 nested comment", of(b"(a (b)) anna@good.test"), TAG, "from_form.nested_comment"),
    ("H32 open quote", of(b"\"Anna <anna@good.test>"), REJECT, "from_form.unbalanced_quote"),
    ("control character", of(b"An\x07na <anna@good.test>"), REJECT, "from_form.control_character"),
    ("NUL in the address", of(b"<anna@good.test\0.evil.test>"),
     {"postfix": (REJECT, "from_form.unbalanced_bracket"), "sendmail": (PASS, "")}),
    ("8-bit name", of(b"M\xc3\xbcller <anna@good.test>"), PASS, ""),
    ("latin-1 name", of(b"M\xfcller <anna@good.test>"), PASS, ""),
    ("8-bit domain", of(b"<anna@g\xc3\xb6\xc3\xb6d.test>"), TAG, "from_form.address_not_ascii"),
    ("invisible in the domain", of(b"<anna@good\xe2\x80\x80.test>"),
     REJECT, "from_form.invisible_in_address"),
    ("direction override in the name", of(b"\"\xe2\x80\xaeanna\" <anna@good.test>"),
     TAG, "from_form.invisible_in_name"),
    ("deeply nested", of(b"(" * 50 + b")" * 50 + b" anna@good.test"),
     REJECT, "from_form.deep_comment"),
    ("missing domain", of(b"<anna>"), TAG, "from_form.unqualified"),
    ("missing address", of(b"Anna"), TAG, "from_form.no_address"),
    ("null address", of(b"Anna <>"), TAG, "from_form.null_address"),
    ("address in the name only", of(b"\"admin@bank.test\" <>"),
     REJECT, "from_form.address_in_name_only"),
    ("comment in the address", of(b"anna@good(.evil).test"),
     REJECT, "from_form.comment_in_address"),
    ("blank in the address", of(b"<anna@good.test .evil.test>"),
     REJECT, "from_form.blank_in_address"),
    ("two @", of(b"<anna@good.test@evil.test>"), REJECT, "from_form.two_at"),
    ("another address as the name", of(b"admin@bank.test <anna@good.test>"), REJECT,
     "from_form.other_address_as_name"),
    ("the same organization's as the name", of(b"info@good.test <anna@mail.good.test>"), TAG,
     "from_form.unquoted_at"),
    ("special character in the domain", of(b"<admin@bank.test;anna@good.test>"), REJECT,
     "from_form."),
    ("quote within the domain", of(b"<admin@bank.test\"x\".good.test>"), REJECT,
     "from_form.special_in_address"),
    ("colon in the name", of(b"Re: x <anna@good.test>"), TAG, "from_form.unquoted_colon"),
    ("square brackets in the name", of(b"[x] Anna <anna@good.test>"), TAG,
     "from_form.unquoted_bracket"),
    ("semicolon", of(b"anna@good.test;"), TAG, "from_form.semicolon"),
    ("backslash", of(b"\\\"Anna\\\" <anna@good.test>"), TAG, "from_form.stray_backslash"),
    ("trailing comma", of(b"anna@good.test,"), TAG, "from_form.empty_element"),
    ("blank beside @", of(b"anna @ good.test"), TAG, "from_form.blank_around_at"),
    ("words before the address", of(b"Anna anna@good.test"), TAG,
     "from_form.words_beside_address"),
    ("two dots", of(b"an..na@good.test"), TAG, "from_form.local_part_malformed"),
    ("underscore in the domain", of(b"anna@go_od.test"), TAG, "from_form.domain_malformed"),
    ("long local-part", of(b"a" * 70 + b"@good.test"), TAG, "from_form.address_length"),
    ("encoded word that is none", of(b"=?utf-8?b?****?= <anna@good.test>"), TAG,
     "from_form.encoded_word_malformed"),
    ("open bracket", of(b"<anna@good.test"), REJECT, "from_form.unbalanced_bracket"),
    ("Sender of another organization", of(b"a@good.test, b@good.test") + b"Sender: c@evil.test\r\n",
     REJECT, "from_form.several_domains"),
    ("Sender that agrees", of(b"a@good.test, b@good.test") + b"Sender: c@good.test\r\n", PASS, ""),
    ("Sender with two addresses", GOOD_FROM + REST + b"Sender: a@good.test, b@evil.test\r\n",
     TAG, "message.sender_ambiguous"),
    ("Reply-To with text behind", GOOD_FROM + REST + b"Reply-To: <a@good.test> b@evil.test\r\n",
     TAG, "message.reply_to_ambiguous"),
    ("Resent-From with a route", GOOD_FROM + REST + b"Resent-From: <@b.test:a@good.test>\r\n",
     TAG, "message.resent_from_ambiguous"),
    ("To with an open quote", GOOD_FROM + REST.replace(b"Bob", b"\"Bob"),
     TAG, "message.recipients_ambiguous"),
    ("two Subject", GOOD_FROM + REST + b"Subject: again\r\n", TAG, "message.field_repeated"),
    ("two Content-Type",
     GOOD_FROM + REST + b"Content-Type: text/plain\r\nContent-Type: text/html\r\n",
     TAG, "message.mime_field_repeated"),
    ("parameter twice",
     GOOD_FROM + REST + b"Content-Type: multipart/mixed; boundary=a; boundary=b\r\n",
     TAG, "message.content_type_malformed"),
    ("no Date", GOOD_FROM + b"To: bob@example.test\r\nSubject: test\r\n",
     TAG, "message.date_missing"),
    ("bad Date", GOOD_FROM + REST.replace(b"Nov", b"Nob"), TAG, "message.date_malformed"),
    ("bad Message-ID", GOOD_FROM + REST.replace(b"<x@good.test>", b"x y"),
     TAG, "message.message_id_malformed"),
    ("control character in Subject", GOOD_FROM + REST + b"X-A: a\x01b\r\n",
     TAG, "message.control_character"),
    ("encoded NUL in Subject", GOOD_FROM + REST + b"Comments: =?utf-8?q?a=00b?=\r\n",
     TAG, "message.encoded_control"),
    ("too many fields", GOOD_FROM + FILLER + FILLER + REST, TAG, "message.too_many_fields"),
    ("over-long field", GOOD_FROM + REST + b"X-A: " + b"\r\n ".join([b"x" * 900] * 90) + b"\r\n",
     {"postfix": (TAG, "message.field_too_long"), "sendmail": (MTA, "")}),
    ("over-long line", GOOD_FROM + REST + b"X-A: " + b"x" * 1500 + b"\r\n",
     TAG, "message.line_length"),
]


def send(mta, site, header, body=b"Hello.\r\n"):
    token = site.token()
    dialogue = mta.connect(source="192.0.2.10")
    dialogue.command("EHLO mail.good.test")
    assert dialogue.command("MAIL FROM:<anna@good.test>").ok
    assert dialogue.command("RCPT TO:<bob@example.test>").ok
    assert dialogue.command("DATA").code == 354
    # The token stands in the body too: the header section may end early.
    dialogue.send(header + f"X-Token: {token}\r\n\r\n{token}\r\n".encode() + body + b".\r\n")
    end = dialogue.reply()
    dialogue.quit()
    return token, end


def seen_with(verdict, check, name):
    """What is expected of one MTA."""
    if isinstance(verdict, dict):
        return verdict[name]
    return verdict, check


@pytest.mark.parametrize("row", HEADERS, ids=[row[0].replace(" ", "-") for row in HEADERS])
def test_header(mta, site, sink, row):
    _, header, *expected = row
    verdict, check = seen_with(expected[0], expected[-1], mta.name)
    daemon = site.filter("")
    mark = daemon.mark()
    token, end = send(mta, site, header)
    if verdict == MTA:
        assert end.code // 100 in (4, 5) and "(ref " not in end.text
        return
    line = until(lambda: daemon.lines(mark, "stage=eom"), "the decision in the log")[0]
    assert check in line, line
    if verdict == REJECT:
        assert (end.code, end.enhanced) == (550, "5.6.0"), end
        assert "verdict=reject" in line and "action=reject" in line
    else:
        assert end.ok, end
        marks = sink.wait_for(token).fields("X-Mailreeve")
        assert bool(marks) == (verdict == TAG), marks
        assert check in " ".join(marks)


@pytest.mark.parametrize("check, without", [
    ("date_missing", b"Date:"), ("message_id_missing", b"Message-ID:"),
])
def test_required_where_the_administrator_says_so(mta, site, check, without):
    header = GOOD_FROM + REST
    site.filter(f"message {{ {check} = reject }}\n")
    assert send(mta, site, header)[1].ok
    header = b"".join(
        line for line in header.splitlines(keepends=True) if not line.startswith(without))
    _, end = send(mta, site, header)
    assert (end.code, end.enhanced) == (550, "5.6.0"), end


def test_allowed_senders_are_not_judged(mta, site, sink):
    """So that a partner whose programs write badly gets through."""
    header = of(b"<anna@good.test> b@evil.test")
    site.filter("")
    assert send(mta, site, header)[1].code == 550
    site.filter('allow = { "good.test" }\n')
    token, end = send(mta, site, header)
    assert end.ok, end
    assert not sink.wait_for(token).fields("X-Mailreeve")


def test_smtputf8(postfix, site, sink):
    """Sendmail 8.17 has none."""
    site.filter("")
    token = site.token()
    dialogue = postfix.connect(source="192.0.2.10")
    dialogue.command("EHLO mail.good.test")
    assert dialogue.command("MAIL FROM:<anna@good.test> SMTPUTF8").ok
    assert dialogue.command("RCPT TO:<bob@example.test>").ok
    assert dialogue.command("DATA").code == 354
    dialogue.send(of("M\u00fcller <m\u00fcller@m\u00fcnchen.test>".encode())
                  + f"X-Token: {token}\r\n\r\ntext\r\n.\r\n".encode())
    end = dialogue.reply()
    dialogue.quit()
    assert end.ok, end
    assert "from_form" not in " ".join(sink.wait_for(token).fields("X-Mailreeve"))
