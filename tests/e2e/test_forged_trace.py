# SPDX-License-Identifier: BSD-2-Clause
"""Fields that claim to be our own results, in every form that a reader could take for ours, a hundred
copies of each among as many of others: ours go, theirs stay. Loops."""

import pytest

from harness import world
from harness.site import letter

OURS = "mx.example.test"
COPIES = 100

# Each claims our authserv-id, mx.example.test.
FORMS = [
    "{name}: mx.example.test; {result}",
    "{name}:mx.example.test; {result}",
    "{name}:  mx.example.test; {result}",
    "{name}: MX.Example.TEST; {result}",
    "{name}: mx.example.test.; {result}",
    "{name}: mx.example.test 1; {result}",
    "{name}: mx.example.test/1; {result}",
    '{name}: "mx.example.test"; {result}',
    '{name}: "mx\\.example.test" 1; {result}',
    "{name}: (comment) mx.example.test; {result}",
    "{name}: (a (nested) one) mx.example.test (b) 1 (c); {result}",
    "{name}: mx.(comment)example.test; {result}",
    "{name}: m(x)x.example.test; {result}",
    "{name}: mx . example . test; {result}",
    "{name}:\n mx.example.test; {result}",
    "{name}:\n\t(comment)\n\tmx.example.test;\n\t{result}",
    "{name}: mx.\n example.test; {result}",
    "{name} : mx.example.test; {result}",
    "{upper}: mx.example.test; {result}",
    "{lower}: mx.example.test; {result}",
    "{name}: (\\) mx.example.test; {result}",
    "{name}: ; mx.example.test; {result}",
    "{name}: \f mx.example.test\v; {result}",
    "{name}: mx.example.test; {many}",
    "{name}: mx.example.test",
]

# Each is another's.
FOREIGN = [
    "{name}: mx.other.test; {result}",
    "{name}: mx.example.test.other.test; {result}",
    "{name}: xmx.example.test; {result}",
    "{name}: example.test; {result}",
    "{name}: mx.other.test (mx.example.test); {result}",
    "{name}: mx.other.test; none (mx.example.test)",
]


def field(form, name, result, number):
    return form.format(
        name=name, upper=name.upper(), lower=name.lower(), result=f"{result} ({number})",
        many="; ".join([result] * 20) + f" ({number})",
    ) + "\n"


def send(site, mta, fields):
    return site.send(mta, extra="".join(fields))


@pytest.mark.parametrize("name", ["Authentication-Results", "ARC-Authentication-Results"])
@pytest.mark.parametrize("number", range(len(FORMS)))
def test_each_form(postfix, site, sink, name, number):
    """Through one MTA; all forms go through both below."""
    site.filter()
    fields = []
    for copy in range(COPIES):
        fields.append(field(FOREIGN[copy % len(FOREIGN)], name, "spf=pass x.y=other.test", copy))
        fields.append(field(FORMS[number], name, "spf=pass x.y=bank.test", copy))
    result = send(site, postfix, fields)
    assert result.accepted, result
    found = sink.wait_for(result.token).fields(name)
    kept = [f for f in found if not f.startswith(f"{OURS};") or "bank" in f]
    assert len(kept) == COPIES
    assert not any("bank.test" in f for f in found)


def test_all_forms_mixed(mta, site, sink):
    site.filter("message { max_fields = 10000 }\n")
    fields, foreign = [], 0
    for number, form in enumerate(FORMS * 3):
        for name in ("Authentication-Results", "ARC-Authentication-Results"):
            if name.startswith("ARC"):
                form = form.replace(": ", ": i=1; ", 1) if number % 2 else form
            fields.append(field(form, name, "dmarc=pass x.y=bank.test", number))
            fields.append(
                field(FOREIGN[number % len(FOREIGN)], name, "dmarc=pass x.y=other.test", number))
            foreign += 1
    fields.append("Received-SPF: pass (mx.example.test: x) client-ip=192.0.2.1; x=bank.test\n")
    fields.append("Received-SPF: Pass receiver=MX.example.test; client-ip=192.0.2.1; x=bank.test\n")
    fields.append("Received-SPF: pass (mx.other.test: x) client-ip=192.0.2.1; x=other.test\n")
    fields.append("X-Mailreeve: spf.fail=bank.test\n")
    result = send(site, mta, fields)
    assert result.accepted, result
    delivery = sink.wait_for(result.token)
    assert b"bank.test" not in delivery.content
    names = ("Authentication-Results", "ARC-Authentication-Results", "Received-SPF")
    found = [f for name in names for f in delivery.fields(name)]
    assert len(found) == foreign + 2  # with one of other.test's Received-SPF, and ours
    assert delivery.fields("Authentication-Results")[0].startswith(f"{OURS};")


def test_thousands(postfix, site, sink):
    """Sendmail takes no header section of more than 32 kB."""
    site.filter()
    result = send(site, postfix, [
        field(FORMS[number % len(FORMS)], "Authentication-Results", "spf=pass x.y=bank.test", number)
        for number in range(len(FORMS) * COPIES)])
    assert result.accepted, result
    assert b"bank.test" not in sink.wait_for(result.token).content
    result = send(site, postfix, [
        f"Authentication-Results: mx.example.test; x=bank.test {number}\n" for number in range(5001)])
    step, reply = result.refusal
    assert (step, reply.code, reply.enhanced) == ("end", 550, "5.7.1")


def test_longer_than_64_kb(postfix, site, sink):
    """Sendmail takes no header section of more than 32 kB."""
    site.filter()
    long = "Authentication-Results: mx.example.test;" + "\n x=bank.test" * 6000 + "\n"
    result = send(site, postfix, [long])
    assert result.accepted, result
    assert b"bank.test" not in sink.wait_for(result.token).content


def test_what_is_ours_is_kept_where_the_administrator_says_so(mta, site, sink):
    site.filter("authres { remove_forged = no }\n")
    result = send(site, mta, [field(FORMS[0], "Authentication-Results", "x=bank.test", 0)])
    assert b"bank.test" in sink.wait_for(result.token).content


# Received. -----------------------------------------------------------------------------------------

HOP = "Received: from a.test by hop{}.other.test; Sun, 22 Nov 2026 04:00:00 +0000\n"


def test_loop(mta, site):
    """Sendmail itself stops at 25 hops, so that a lower bound shows that it is us."""
    site.filter("authres { max_received = 12 }\n")
    assert send(site, mta, [HOP.format(n) for n in range(12)]).accepted
    step, reply = send(site, mta, [HOP.format(n) for n in range(13)]).refusal
    assert (step, reply.code, reply.enhanced) == ("end", 554, "5.4.6")
    assert "loop" in reply.text


def test_loop_by_default(mta, site):
    site.filter()
    step, reply = send(site, mta, [HOP.format(n) for n in range(51)]).refusal
    assert step == "end" and reply.code // 100 == 5, reply


@pytest.mark.parametrize("by", [
    "by mx.example.test (Postfix)", "BY MX.example.test.", "by (x) mx.example.test",
    "(by other.test) by\n\tmx.example.test",
])
def test_received_by_us_already(mta, site, sink, by):
    site.filter()
    field_text = f"Received: from a.test {by}; Sun, 22 Nov 2026 04:00:00 +0000\n"
    result = send(site, mta, [HOP.format(1), field_text])
    assert result.accepted, result
    assert "authres.received_by_us" in sink.wait_for(result.token).fields("X-Mailreeve")[0]
    site.filter("authres { received_by_us = reject }\n")
    step, reply = send(site, mta, [HOP.format(1), field_text]).refusal
    assert (step, reply.code, reply.enhanced) == ("end", 554, "5.4.6")


def test_received_by_us_of_our_own_users(mta, site, sink):
    """Who may relay through us has a reason to have been here."""
    site.filter()
    result = site.send(
        mta, client=world.TRUSTED,
        extra="Received: from a.test by mx.example.test; Sun, 22 Nov 2026 04:00:00 +0000\n")
    assert result.accepted, result
    assert not sink.wait_for(result.token).fields("X-Mailreeve")


def test_other_received_fields_are_left_alone(mta, site, sink):
    site.filter()
    result = site.send(mta, message=lambda t: HOP.format(1) + letter(t))
    delivery = sink.wait_for(result.token)
    assert not delivery.fields("X-Mailreeve")
    assert len([f for f in delivery.fields("Received") if "hop1" in f]) == 1
