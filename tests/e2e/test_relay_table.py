# SPDX-License-Identifier: BSD-2-Clause
"""The table of forward-paths x senders x set-ups: nobody else's mail is taken in whatever form it is
asked for, and honest recipients are. The 16 forms of the classic open-relay test come first."""

import re

import pytest

from harness import world
from harness.milter_client import MilterClient
from harness.smtp_client import Dropped

HOST, IP, DOMAIN = world.HOSTNAME, "192.0.2.25", world.DOMAIN
OUT = "other.test"

# From nobody, from elsewhere, and from us.
SENDERS = ["<>", "<u@good.test>", f"<u@{HOST}>", f"<u@[{IP}]>"]

# What must happen: for a stranger, and for an authenticated user (None: either).
GOOD, BAD = "accept", "refuse"
FORMS = [
    # The classic ones: 1 to 4 differ by sender only.
    (f"<u@{OUT}>", BAD, GOOD),
    (f"<u%{OUT}@[{IP}]>", BAD, None),
    (f"<u%{OUT}@{HOST}>", BAD, None),
    (f'<"u@{OUT}">', BAD, BAD),
    (f'<"u%{OUT}">', BAD, BAD),
    (f"<u@{OUT}@[{IP}]>", BAD, BAD),
    (f'<"u@{OUT}"@[{IP}]>', BAD, None),
    (f"<u@{OUT}@{HOST}>", BAD, BAD),
    (f"<@[{IP}]:u@{OUT}>", BAD, BAD),
    (f"<@{HOST}:u@{OUT}>", BAD, BAD),
    (f"<{OUT}!u>", BAD, BAD),
    (f"<{OUT}!u@[{IP}]>", BAD, None),
    (f"<{OUT}!u@{HOST}>", BAD, None),
    # Missing and doubled brackets, two addresses.
    (f"u@{OUT}", BAD, GOOD),
    (f"<<u@{OUT}>>", BAD, BAD),
    (f"<u@{OUT}", BAD, BAD),
    (f"<u@{OUT}>>", BAD, BAD),
    (f"<bob@{DOMAIN}> <u@{OUT}>", BAD, BAD),
    (f"<bob@{DOMAIN},u@{OUT}>", BAD, BAD),
    (f"<bob@{DOMAIN} u@{OUT}>", BAD, BAD),
    (f"<u@{OUT};bob@{DOMAIN}>", BAD, BAD),
    (f"<u@{DOMAIN}:u@{OUT}>", BAD, BAD),
    (f"<bob@{DOMAIN}><u@{OUT}>", BAD, BAD),
    (f"u@{OUT}>", BAD, BAD),
    (f"<group:u@{OUT};>", BAD, BAD),
    # Percent, bang, colons, in and out of quotes.
    (f"<u@{DOMAIN}@{OUT}>", BAD, BAD),
    (f"<u@{OUT}@{DOMAIN}>", BAD, BAD),
    (f"<u@{DOMAIN}%{OUT}>", BAD, BAD),
    (f"<u@{OUT}%{DOMAIN}>", BAD, BAD),
    (f"<u%[192.0.2.11]@{DOMAIN}>", BAD, None),
    (f"<u%{OUT}>", BAD, BAD),
    (f"<postmaster%{OUT}>", BAD, BAD),
    (f"<postmaster%{OUT}@{DOMAIN}>", BAD, None),
    (f"<{OUT}!postmaster>", BAD, BAD),
    (f'<"postmaster@{OUT}">', BAD, BAD),
    (f'<"u\\"@{OUT}"@{DOMAIN}>', BAD, None),
    (f'<"u\\%{OUT}"@{DOMAIN}>', BAD, None),
    (f"<{OUT}!{DOMAIN}!u@{DOMAIN}>", BAD, None),
    (f"<!{OUT}!u@{DOMAIN}>", BAD, None),
    (f"<{OUT}:u@{DOMAIN}>", BAD, BAD),
    (f'<"{OUT}:u"@{DOMAIN}>', BAD, None),
    (f'<"u%{OUT}"@[{IP}]>', BAD, None),
    (f'<"{OUT}!u"@{HOST}>', BAD, None),
    (f"<u%{OUT}@{DOMAIN}>", BAD, None),
    (f"<u%{OUT}%{DOMAIN}@{DOMAIN}>", BAD, None),
    (f'<"u%{OUT}"@{DOMAIN}>', BAD, None),
    (f'<"u@{OUT}"@{DOMAIN}>', BAD, None),
    (f'<"u\\@{OUT}"@{DOMAIN}>', BAD, None),
    (f'<"{OUT}!u"@{DOMAIN}>', BAD, None),
    (f"<{OUT}!u@{DOMAIN}>", BAD, None),
    (f"<{DOMAIN}!{OUT}!u@{DOMAIN}>", BAD, None),
    (f"<{DOMAIN}!u%{OUT}@{DOMAIN}>", BAD, None),
    (f"<{OUT}::u@{DOMAIN}>", BAD, None),
    (f'<"{OUT}::u"@{DOMAIN}>', BAD, None),
    (f'<"@{OUT}:u"@{DOMAIN}>', BAD, None),
    (f'<"u"@{OUT}>', BAD, GOOD),
    # Source routes.
    (f"<@{DOMAIN}:u@{OUT}>", BAD, BAD),
    (f"<@{DOMAIN},@{HOST}:u@{OUT}>", BAD, BAD),
    (f"<@{OUT}:bob@{DOMAIN}>", BAD, BAD),
    (f"<@{OUT},@{DOMAIN}:bob@{DOMAIN}>", BAD, BAD),
    (f"<@{HOST}:@{DOMAIN}:u@{OUT}>", BAD, BAD),
    (f"<@{OUT}>", BAD, BAD),
    (f"<@{DOMAIN}:{OUT}!u>", BAD, BAD),
    (f"<@[{IP}],@{HOST}:u%{OUT}@{DOMAIN}>", BAD, BAD),
    # Address literals.
    ("<postmaster@[192.0.2.11]>", BAD, GOOD),
    ("<u@#3221225995>", BAD, BAD),
    ("<u@[0xC000020B]>", BAD, BAD),
    ("<u@[0300.0.02.013]>", BAD, BAD),
    ("<u@[192.0.2.11.]>", BAD, BAD),
    ("<u@[::ffff:192.0.2.11]>", BAD, BAD),
    ("<u@[IPv6:::ffff:192.0.2.11]>", BAD, None),
    ("<u@[192.0.2.11>", BAD, BAD),
    ("<u@192.0.2.11]>", BAD, BAD),
    ("<u@[192.0.2.11]>", BAD, GOOD),
    ("<u@[IPv6:2001:db8::99]>", BAD, GOOD),
    ("<u@192.0.2.11>", BAD, BAD),
    ("<u@[3221225995]>", BAD, BAD),
    ("<u@3221225995>", BAD, BAD),
    ("<u@[192.0.2]>", BAD, BAD),
    (f"<u@[{IP}].{OUT}>", BAD, BAD),
    # Names that only look like ours.
    (f"<u@{DOMAIN}.{OUT}>", BAD, GOOD),
    (f"<u@not{DOMAIN}>", BAD, GOOD),
    (f"<u@sub.{DOMAIN}>", BAD, GOOD),
    (f"<u@{OUT.upper()}>", BAD, GOOD),
    (f"<u@{OUT}.>", BAD, None),
    (f"<u@{DOMAIN}..{OUT}>", BAD, BAD),
    (f"<u@.{OUT}>", BAD, BAD),
    (f"<u@{OUT}..>", BAD, BAD),
    (f"<u@{DOMAIN}-{OUT}>", BAD, GOOD),
    (f"<u@{DOMAIN[:-1]}>", BAD, GOOD),
    (f"<postmaster@{OUT}>", BAD, GOOD),
    (f"<postmaster@sub.{DOMAIN}>", BAD, GOOD),
    # Comments, display names, unfinished quotes.
    (f"<bob@{DOMAIN}(u@{OUT})>", BAD, BAD),
    (f"<(bob@{DOMAIN})u@{OUT}>", BAD, BAD),
    (f'<"bob"@{DOMAIN}"@{OUT}>', BAD, BAD),
    (f'<"u@{OUT}\\">', BAD, BAD),
    (f'<""@{OUT}>', BAD, None),
    (f"<u@{OUT}(@{DOMAIN})>", BAD, BAD),
    (f"<u(@{DOMAIN})@{OUT}>", BAD, BAD),
    (f'"bob@{DOMAIN}" <u@{OUT}>', BAD, None),
    (f'<"u@{OUT}>', BAD, BAD),
    (f'<u"@{OUT}>', BAD, BAD),
    (f"<u\\@{OUT}>", BAD, BAD),
    (f"<bob\\@{DOMAIN}@{OUT}>", BAD, None),
    # Blanks, tabs, parameters smuggled in.
    (f"< u@{OUT}>", BAD, None),
    (f"<u@{OUT} >", BAD, None),
    (f"<u\t@{OUT}>", BAD, BAD),
    (f"<\tu@{OUT}>", BAD, None),
    (f"<u@{OUT}\t>", BAD, None),
    (f"<u @{OUT}>", BAD, BAD),
    (f"<u@ {OUT}>", BAD, BAD),
    (f'<"u@{OUT} "@{DOMAIN}>', BAD, None),
    (f"<=?utf-8?b?dUBvdGhlci50ZXN0?=@{DOMAIN}>", BAD, None),
    (f'<"bob@{DOMAIN}> SIZE=1 <u"@{OUT}>', BAD, None),
    (f'<"u@{OUT}> NOTIFY=NEVER"@{DOMAIN}>', BAD, BAD),
    (f'<"u@{OUT}> ORCPT=rfc822;bob@{DOMAIN} <"@{DOMAIN}>', BAD, BAD),
    (f"<=?utf-8?q?u=40{OUT}?=@{DOMAIN}>", BAD, None),
    # Long, too long, 8-bit without SMTPUTF8.
    (f"<{'u' * 65}@{OUT}>", BAD, GOOD),
    (f"<{'u' * 300}@{OUT}>", BAD, BAD),
    (f"<u@{'a' * 64}.{OUT}>", BAD, BAD),
    (f"<\u00fc@{OUT}>", BAD, BAD),
    (f"<u@{DOMAIN}\u3002{OUT}>", BAD, BAD),
    (f"<{'u' * 64}@{'.'.join(['a' * 60] * 3)}.{OUT}>", BAD, BAD),
    (f"<u@{DOMAIN}\uff0e{OUT}>", BAD, BAD),
    (f"<u@{DOMAIN}\uff61{OUT}>", BAD, BAD),
    (f"<u\uff20{OUT}@{DOMAIN}>", BAD, BAD),
    # At our own address.
    (f"<bob@[{IP}]>", GOOD, GOOD),
    ("<bob@[IPv6:2001:db8::25]>", GOOD, GOOD),
    (f"<postmaster@[{IP}]>", GOOD, GOOD),
    (f"<nobody@[{IP}]>", BAD, BAD),
    ("<nobody@[IPv6:2001:db8::25]>", BAD, BAD),
    (f"<bob@{IP}>", BAD, BAD),
    ("<bob@[3221226009]>", BAD, BAD),
    ("<bob@3221226009>", BAD, BAD),
    ("<bob@[2001:db8::25]>", BAD, BAD),
    (f"<bob@[{IP}.]>", BAD, BAD),
    (f"<bob@{HOST}>", GOOD, GOOD),
    (f"<@[{IP}]:bob@{DOMAIN}>", BAD, BAD),
    (f"<@{HOST}:bob@{DOMAIN}>", BAD, BAD),
    (f"<bob%{DOMAIN}@[{IP}]>", BAD, None),
    # Ours: known, unknown, and what is always known.
    (f"<bob@{DOMAIN}>", GOOD, GOOD),
    (f"<BOB@{DOMAIN.upper()}>", GOOD, GOOD),
    (f"<bob+list@{DOMAIN}>", GOOD, GOOD),
    (f'<"bob"@{DOMAIN}>', GOOD, GOOD),
    (f"<postmaster@{DOMAIN}>", GOOD, GOOD),
    ("<postmaster>", GOOD, GOOD),
    ("<Postmaster>", GOOD, GOOD),
    (f"<nobody@{DOMAIN}>", BAD, BAD),
    (f"<bobby@{DOMAIN}>", BAD, BAD),
    (f"<+list@{DOMAIN}>", BAD, BAD),
    (f'<"bob "@{DOMAIN}>', BAD, BAD),
]

UTF8_FORMS = [
    (f"<\u00fc@{OUT}>", BAD, GOOD),
    (f"<u@\u00fcber.test>", BAD, GOOD),
    (f"<u@{OUT}\u3002>", BAD, None),
    (f"<u@{DOMAIN}\u3002{OUT}>", BAD, None),
    (f"<u\uff05{OUT}@{DOMAIN}>", BAD, BAD),
    (f"<u\uff20{OUT}@{DOMAIN}>", BAD, BAD),
    (f"<b\u00f6b@{DOMAIN}>", BAD, BAD),
    (f"<bob@{DOMAIN}>", GOOD, GOOD),
]

RELAY_FORMS = [
    ("<anybody@relay.test>", GOOD, GOOD),
    ("<anybody@RELAY.test>", GOOD, GOOD),
    ("<anybody@sub.relay.test>", BAD, GOOD),
    ("<anybody@relay.test.other.test>", BAD, GOOD),
    (f"<u%{OUT}@relay.test>", BAD, None),
    (f'<"u@{OUT}"@relay.test>', BAD, None),
    (f"<{OUT}!u@relay.test>", BAD, None),
    (f"<@relay.test:u@{OUT}>", BAD, BAD),
]

ALL_UTF8_FORMS = UTF8_FORMS + [form for form in FORMS + RELAY_FORMS if form[0].isascii()]

# What every refusal of the filter ends with.
OURS = re.compile(r"\(ref [0-9A-Z-]+\)")

# Only who may be written to is judged here, whoever writes.
ALONE = "".join(f"{name} {{ mode = off }}\n" for name in
                ("connection", "rdns", "helo", "sender", "spf", "impostor", "message"))


class Count:
    def __init__(self, what):
        self.what, self.right, self.wrong = what, 0, []

    def judge(self, want, accepted, case):
        if want is None or (want == GOOD) == accepted:
            self.right += 1
        else:
            self.wrong.append((case, "accepted" if accepted else "refused"))

    def end(self, capsys):
        with capsys.disabled():
            print(f"\nscore: relay table, {self.what}: {self.right} of "
                  f"{self.right + len(self.wrong)} right")
        assert self.wrong == []


def ask_alone(mta, sender, form, authenticated):
    """Whether the filter lets an MTA that would take anything have its way."""
    mta.send("D", b"M" + (b"{auth_authen}\0anna\0{auth_type}\0PLAIN\0" if authenticated else b""))
    mta.mail(sender)
    mta.rcpt(form)
    letter, data = mta.receive()
    mta.abort()
    assert letter in "cayrt", (letter, data)
    return letter in "ca"


@pytest.mark.parametrize("authenticated", [False, True], ids=["stranger", "authenticated"])
def test_filter_alone(site, capsys, authenticated):
    count = Count("filter alone, " + ("authenticated" if authenticated else "stranger"))
    site.filter('relay_domains = { "relay.test" }\n' + ALONE)
    for sender in SENDERS:
        for form, stranger, user in FORMS + RELAY_FORMS:
            with MilterClient(site.milter_path) as mta:
                mta.negotiate()
                mta.connect_info()
                mta.helo()
                accepted = ask_alone(mta, sender, form, authenticated)
                count.judge(user if authenticated else stranger, accepted, (sender, form))
    count.end(capsys)


@pytest.mark.parametrize("authenticated", [False, True], ids=["stranger", "authenticated"])
def test_filter_alone_with_smtputf8(site, capsys, authenticated):
    count = Count("filter alone, SMTPUTF8, " + ("authenticated" if authenticated else "stranger"))
    site.filter('relay_domains = { "relay.test" }\n' + ALONE)
    for sender in SENDERS:
        for form, stranger, user in ALL_UTF8_FORMS:
            with MilterClient(site.milter_path) as mta:
                mta.negotiate()
                mta.connect_info()
                mta.helo()
                accepted = ask_alone(mta, sender + "\0SMTPUTF8", form, authenticated)
                count.judge(user if authenticated else stranger, accepted, (sender, form))
    count.end(capsys)


class Way:
    """A connection through an MTA, opened again when the MTA hangs up."""

    def __init__(self, mta, tls, authenticated):
        self.mta, self.tls, self.authenticated = mta, tls, authenticated
        self.dialogue = None

    def _open(self):
        if self.authenticated and self.mta.name == "postfix":
            self.dialogue = self.mta.connect(service=("127.0.0.1", 2527))
            self.dialogue.command("EHLO before.test")
            self.dialogue.command(f"XCLIENT ADDR={world.GOOD} NAME=mail.good.test LOGIN=anna")
        else:
            self.dialogue = self.mta.connect(source=world.GOOD)
        greeting = self.dialogue.command("EHLO mail.good.test")
        if self.authenticated and self.mta.name == "sendmail":
            assert self.dialogue.starttls(self.tls.client_context("client.good.test")).ok
            self.dialogue.command("EHLO mail.good.test")
            greeting = self.dialogue.command("AUTH EXTERNAL =")
        assert greeting.ok, greeting

    def ask(self, sender, form, parameters=""):
        """The reply to RCPT; None where the MTA does not even take the sender."""
        if self.dialogue is None:
            self._open()
        try:
            if not self.dialogue.command(f"MAIL FROM:{sender}{parameters}").ok:
                return None
            reply = self.dialogue.command(f"RCPT TO:{form}")
            self.dialogue.command("RSET")
            return reply
        except Dropped:
            self.dialogue.close()
            self.dialogue = None
            raise

    def close(self):
        if self.dialogue is not None:
            self.dialogue.quit()


# Sendmail as Debian builds it has no SMTPUTF8.
@pytest.mark.parametrize("authenticated", [False, True], ids=["stranger", "authenticated"])
@pytest.mark.parametrize("name, utf8", [("postfix", False), ("postfix", True), ("sendmail", False)])
def test_through_the_mta(request, site, tls, capsys, name, utf8, authenticated):
    """Both would relay anything for anybody: only the filter stands before them."""
    mta = request.getfixturevalue(name)
    count = Count(f"through {mta.name.capitalize()}, " + "SMTPUTF8, " * utf8
                  + ("authenticated" if authenticated else "stranger"))
    site.filter('relay_domains = { "relay.test" }\n' + ALONE)
    forms = ALL_UTF8_FORMS if utf8 else FORMS + RELAY_FORMS + [
        (f"<u\0@{OUT}>", BAD, BAD), (f"<bob@{DOMAIN}\0@{OUT}>", BAD, BAD)]
    asked = 0
    way = Way(mta, tls, authenticated)
    for sender in SENDERS:
        for form, stranger, user in forms:
            want = user if authenticated else stranger
            reply = way.ask(sender, form, " SMTPUTF8" if utf8 else "")
            # Each MTA has its own view of what is a path; what it refuses itself is refused.
            of_mta = want == GOOD and reply is not None and not OURS.search(reply.text)
            asked += reply is not None
            count.judge(want, reply is not None and reply.ok or of_mta, (sender, form, str(reply)))
    way.close()
    assert asked == len(forms) * len(SENDERS)
    count.end(capsys)


def test_the_mta_itself_would_take_it(mta, site):
    """What the table shows is the filter's work."""
    site.filter(ALONE + "recipient { relay = monitor }\n")
    for form in (f"<u@{OUT}>", f"<u%{OUT}@{DOMAIN}>"):
        with mta.connect(source=world.GOOD) as dialogue:
            dialogue.command("EHLO mail.good.test")
            dialogue.command("MAIL FROM:<u@good.test>")
            assert dialogue.command(f"RCPT TO:{form}").ok
            dialogue.quit()
