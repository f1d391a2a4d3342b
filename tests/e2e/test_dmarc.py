# SPDX-License-Identifier: BSD-2-Clause
"""DMARC: the domain of From has a say; what our SPF and the filters before us know counts."""

import pytest

from harness import world

OBEY = "dmarc { reject = reject quarantine = quarantine }\n"
TRUST = 'trusted_authserv_ids = { "dkim.example.test" }\n'
DKIM = "Authentication-Results: dkim.example.test; dkim={} header.d={}\n"
SIGNATURE = "DKIM-Signature: v=1; a=rsa-sha256; d={}; s=x; h=from; bh=eA==; b=eA==\n"


def letter(token, domain, fields="", before=""):
    return (
        f"{before}From: Admin <admin@{domain}>\nTo: Bob <bob@example.test>\nSubject: {token}\n"
        f"Date: Sun, 22 Nov 2026 04:00:00 +0000\nMessage-ID: <{token}@good.test>\n"
        f"{fields}\nHello.\n"
    )


def send(mta, site, domain, fields="", before="", **options):
    return site.send(mta, message=lambda t: letter(t, domain, fields, before), **options)


def results_of(sink, result):
    assert result.accepted, result
    return sink.wait_for(result.token).fields("Authentication-Results")[0]


def marks_of(sink, result):
    assert result.accepted, result
    return " ".join(sink.wait_for(result.token).fields("X-Mailreeve"))


def test_tagged_by_default(mta, site, sink):
    site.filter()
    result = send(mta, site, "legit.test")
    assert "dmarc.reject=" in marks_of(sink, result)
    assert "dmarc=fail (p=reject) header.from=legit.test" in results_of(sink, result)


def test_reject_is_obeyed_on_wish(mta, site):
    daemon = site.filter(OBEY)
    mark = daemon.mark()
    step, reply = send(mta, site, "legit.test").refusal
    assert (step, reply.code, reply.enhanced) == ("end", 550, "5.7.26")
    assert "_dmarc.legit.test TXT: v=DMARC1; p=reject" in reply.text
    assert daemon.wait_decision(mark, verdict="reject")["check"] == "dmarc.reject"


@pytest.mark.parametrize("domain, expected", [
    # Whose policy it is: that of the name itself, or sp= of the organization.
    ("quarantine.test", "quarantine"), ("sub.quarantine.test", "reject"),
    ("own.quarantine.test", "none"), ("a.b.legit.test", "reject"),
    # A record in several strings, some 300 octets long.
    ("long.test", "reject"),
])
def test_which_policy(mta, site, domain, expected):
    daemon = site.filter(OBEY)
    mark = daemon.mark()
    result = send(mta, site, domain)
    assert result.accepted == (expected != "reject"), result
    row = daemon.wait_decision(mark, stage="eom")
    assert row["verdict"] == {"none": "accept"}.get(expected, expected)
    assert f"dmarc.{expected}=fail" in row["findings"]


@pytest.mark.parametrize("domain, options, expected", [
    ("good.test", {}, "none"),
    ("nowhere.legit.test.other.test", {}, "none"),
    ("twice.test", {}, "permerror"),
    ("strict.test", {"sender": "a@strict.test"}, "pass"),
    ("strict.test", {"sender": "a@bounce.strict.test"}, "fail"),
    ("sub.strict.test", {"sender": "a@bounce.strict.test"}, "fail"),
])
def test_results(mta, site, sink, domain, options, expected):
    site.filter()
    found = results_of(sink, send(mta, site, domain, **options))
    assert f"dmarc={expected} " in found and f"header.from={domain}" in found


def test_helo_counts_for_the_null_reverse_path(mta, site, sink):
    site.filter()
    result = send(mta, site, "strict.test", sender="", helo="strict.test")
    assert "dmarc=pass" in results_of(sink, result)
    # But not where there is a reverse-path.
    result = send(mta, site, "strict.test", helo="strict.test")
    assert "dmarc=fail" in results_of(sink, result)


@pytest.mark.parametrize("before, fields, expected", [
    (DKIM.format("pass", "legit.test") + SIGNATURE.format("legit.test"), "", "pass"),
    (DKIM.format("pass", "mail.legit.test"), "", "pass"),
    (DKIM.format("pass", "other.test"), "", "fail"),
    (DKIM.format("fail", "legit.test") + SIGNATURE.format("legit.test"), "", "fail"),
    (DKIM.format("temperror", "legit.test") + SIGNATURE.format("legit.test"), "", "temperror"),
    # Nobody has looked at the signature: honest mail is not refused.
    ("", SIGNATURE.format("legit.test"), "none"),
    # One that could not help anyway.
    ("", SIGNATURE.format("other.test"), "fail"),
    # Not by whom we trust, or not of this hop.
    (DKIM.format("pass", "legit.test").replace("dkim.example.test", "dkim.attack.test"), "",
     "fail"),
    (DKIM.format("pass", "legit.test").replace("dkim.example.test", "(x) dkim.example.test.y"),
     "", "fail"),
    ("Received: from a by b; Sun, 22 Nov 2026 04:00:00 +0000\n", DKIM.format("pass", "legit.test"),
     "fail"),
    # The newest of that name counts.
    (DKIM.format("none", "legit.test") + DKIM.format("pass", "legit.test"), "", "fail"),
    # Injection into what the filter before us wrote (CVE-2020-12272).
    (DKIM.format("pass", '"legit.test(.attack.test"'), "", "fail"),
    (DKIM.format("pass", "legit.test'a.attack.test"), "", "fail"),
])
def test_results_of_the_filter_before_us(mta, site, sink, before, fields, expected):
    site.filter(TRUST)
    found = results_of(sink, send(mta, site, "legit.test", fields, before))
    assert f"dmarc={expected} " in found


def test_our_own_name_is_not_trusted(mta, site, sink):
    site.filter()
    forged = DKIM.format("pass", "legit.test").replace("dkim.example.test", "mx.example.test")
    assert "dmarc=fail" in results_of(sink, send(mta, site, "legit.test", before=forged))


@pytest.mark.parametrize("settings, options, word", [
    ("", {"fields": "List-Id: <list.good.test>\n"}, "mailing_list"),
    ('forwarders = { "192.0.2.80" }\n', {"client": world.FORWARDER}, "trusted_forwarder"),
    ('dmarc { exceptions = { "192.0.2.10" } }\n', {}, "local_policy"),
    ('dmarc { exceptions = { legit.test } }\n', {}, "local_policy"),
    ('dmarc { exceptions = { mail.good.test } }\n', {}, "local_policy"),
])
def test_overrides(mta, site, sink, settings, options, word):
    daemon = site.filter(OBEY + settings if "dmarc" not in settings else
                         settings.replace("dmarc {", "dmarc { reject = reject"))
    mark = daemon.mark()
    result = send(mta, site, "legit.test", **options)
    assert "dmarc=fail" in results_of(sink, result)
    row = daemon.wait_decision(mark, stage="eom")
    assert word in row["findings"] and row["verdict"] == "accept"


def test_list_fields_alone_override_nothing(mta, site):
    """Whoever writes them must at least name itself."""
    site.filter(OBEY)
    result = send(mta, site, "legit.test", "List-Id: <x.test>\n", client=world.PLAIN_HOST,
                  helo="mail.plain.test", sender="pat@plain.test")
    assert result.refusal[0] == "end"


def test_authenticated_and_trusted_clients_are_not_judged(mta, site, sink):
    site.filter(OBEY)
    result = send(mta, site, "legit.test", client=world.TRUSTED, helo="trusted.example.test")
    assert "dmarc=" not in results_of(sink, result)


def test_mail_to_postmaster_is_let_through(mta, site):
    site.filter(OBEY)
    assert send(mta, site, "legit.test", recipients=["postmaster@example.test"]).accepted
    mixed = ["postmaster@example.test", "bob@example.test"]
    assert send(mta, site, "legit.test", recipients=mixed).refusal[0] == "end"


def test_dns_down_refuses_nothing(mta, site, nameserver, sink):
    site.fresh_filter(OBEY + "time_limit = 400ms\nstore { timeout = 100ms }\n"
                      "impostor { mode = off }\n")
    nameserver.freeze()
    try:
        result = send(mta, site, "legit.test")
    finally:
        nameserver.thaw()
    assert "dmarc=temperror" in results_of(sink, result)


DEFER = TRUST + "spf { defer_to_dmarc = yes }\n"


def forwarded(mta, site, domain, **options):
    """SPF of good.test fails for this client."""
    return send(mta, site, domain, client=world.STRAY, helo="web.shop.test", **options)


def test_spf_fail_waits_for_dmarc(mta, site, sink):
    daemon = site.filter(DEFER)
    mark = daemon.mark()
    result = forwarded(mta, site, "legit.test", before=DKIM.format("pass", "legit.test"))
    assert "dmarc=pass" in results_of(sink, result)
    assert "held back until DMARC decides" in daemon.wait_decision(mark, stage="eom")["findings"]


@pytest.mark.parametrize("domain, before", [
    ("legit.test", ""),  # DMARC fails
    ("legit.test", DKIM.format("fail", "legit.test")),
    ("other.test", DKIM.format("pass", "other.test")),  # no DMARC record
])
def test_spf_fail_acts_in_the_end(mta, site, domain, before):
    site.filter(DEFER)
    step, reply = forwarded(mta, site, domain, before=before).refusal
    assert (step, reply.code, reply.enhanced) == ("end", 550, "5.7.23")


def test_spf_fail_is_answered_at_rcpt_by_default(mta, site):
    site.filter(TRUST)
    result = forwarded(mta, site, "legit.test", before=DKIM.format("pass", "legit.test"))
    assert result.refusal[0] in ("rcpt", "mail")
