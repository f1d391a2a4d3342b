# SPDX-License-Identifier: BSD-2-Clause
"""The table of forward-paths x senders x set-ups: nobody else's mail is taken in whatever form it is
asked for, and honest recipients are. The 16 forms of the classic open-relay test are marked."""

import pytest

from harness import world
from harness.milter_client import MilterClient

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
    # Percent, bang, colons, in and out of quotes.
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
    # Address literals.
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
    # Comments, display names, unfinished quotes.
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
    (f'<"u@{OUT}> NOTIFY=NEVER"@{DOMAIN}>', BAD, BAD),
    (f'<"u@{OUT}> ORCPT=rfc822;bob@{DOMAIN} <"@{DOMAIN}>', BAD, BAD),
    (f"<=?utf-8?q?u=40{OUT}?=@{DOMAIN}>", BAD, None),
    # Too long, 8-bit without SMTPUTF8.
    (f"<{'u' * 65}@{OUT}>", BAD, BAD),
    (f"<{'u' * 300}@{OUT}>", BAD, BAD),
    (f"<u@{'a' * 64}.{OUT}>", BAD, BAD),
    (f"<\u00fc@{OUT}>", BAD, BAD),
    (f"<u@{DOMAIN}\u3002{OUT}>", BAD, BAD),
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
    site.filter(ALONE)
    for sender in SENDERS:
        for form, stranger, user in UTF8_FORMS:
            with MilterClient(site.milter_path) as mta:
                mta.negotiate()
                mta.connect_info()
                mta.helo()
                accepted = ask_alone(mta, sender + "\0SMTPUTF8", form, authenticated)
                count.judge(user if authenticated else stranger, accepted, (sender, form))
    count.end(capsys)


def test_through_the_mta(mta, site, capsys):
    """Both would relay anything for anybody: only the filter stands before them."""
    count = Count(f"through {mta.name.capitalize()}")
    site.filter(ALONE)
    forms = FORMS + [(f"<u\0@{OUT}>", BAD, BAD), (f"<bob@{DOMAIN}\0@{OUT}>", BAD, BAD)]
    for sender in SENDERS:
        for form, want, _ in forms:
            # Each MTA has its own view of what is a path; what it refuses is refused.
            with mta.connect(source=world.GOOD) as dialogue:
                assert dialogue.command("EHLO mail.good.test").ok
                if not dialogue.command(f"MAIL FROM:{sender}").ok:
                    continue
                reply = dialogue.command(f"RCPT TO:{form}")
                dialogue.quit()
            # This Sendmail has no users of its own, so none without a domain either.
            of_mta = want == GOOD and "@" not in form and "User unknown" in reply.text
            count.judge(want, reply.ok or of_mta, (sender, form))
    assert count.right > len(forms)
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
