# SPDX-License-Identifier: BSD-2-Clause
"""The author that a reader is shown: impostors of our domain, names and domains that look like others,
answers that go elsewhere."""

import pytest

from harness import world

OWN = "Anna <anna@example.test>"


def letter(token, author, fields=""):
    return (
        f"From: {author}\nTo: Bob <bob@example.test>\nSubject: {token}\n"
        f"Date: Sun, 22 Nov 2026 04:00:00 +0000\nMessage-ID: <{token}@good.test>\n"
        f"{fields}\nHello.\n"
    )


def send(mta, site, author, fields="", **options):
    return site.send(mta, message=lambda t: letter(t, author, fields), **options)


def marks_of(sink, result):
    assert result.accepted, result
    return " ".join(sink.wait_for(result.token).fields("X-Mailreeve"))


def findings(mta, site, settings, author, fields="", **options):
    """What the log says of an accepted message."""
    daemon = site.filter(settings)
    mark = daemon.mark()
    result = send(mta, site, author, fields, **options)
    assert result.accepted, result
    return daemon.wait_decision(mark, stage="eom").get("findings", "")


def test_own_domain_is_watched_by_default(mta, site):
    found = findings(mta, site, "", OWN)
    assert "from.own_domain=fail/monitor: ours, From example.test: SPF pass of good.test" in found


def test_own_domain_refused_on_wish(mta, site):
    site.filter("from { own_domain = reject }\n")
    step, reply = send(mta, site, OWN).refusal
    assert (step, reply.code, reply.enhanced) == ("end", 550, "5.7.1")


@pytest.mark.parametrize("settings, options, word", [
    # Whoever is ours.
    ("", {"client": world.TRUSTED, "helo": "trusted.example.test"}, None),
    ("", {"client": "192.0.2.25", "helo": "mx.example.test", "sender": "anna@example.test"}, None),
    ('trusted_authserv_ids = { "dkim.example.test" }\n',
     {"fields": "Authentication-Results: dkim.example.test; dkim=pass header.d=example.test\n"},
     None),
    # Whoever is let be, which is noted.
    ("", {"fields": "List-Id: <list.good.test>\n"}, "excused: a mailing list"),
    ('forwarders = { "192.0.2.80" }\n', {"client": world.FORWARDER}, "excused: a forwarder"),
    ("exceptions = { mail.good.test }\n", {}, "excused: an exception: mail.good.test"),
])
def test_who_may_use_our_domain(mta, site, settings, options, word):
    inside = settings if settings.startswith("exceptions") else ""
    outside = "" if inside else settings
    found = findings(mta, site, f"{outside}helo {{ mode = off }}\n"
                     f"from {{ own_domain = reject {inside} }}\n", OWN, **options)
    if word is None:
        assert "from.own_domain" not in found
    else:
        assert word in found


def test_authenticated_users_may_use_our_domain(postfix, site):
    """By XCLIENT, which Sendmail does not have."""
    site.filter("from { own_domain = reject }\n")
    with postfix.connect(service=("127.0.0.1", 2527)) as dialogue:
        dialogue.command("EHLO client.test")
        dialogue.command(f"XCLIENT ADDR={world.NAMELESS} NAME=[UNAVAILABLE] LOGIN=anna")
        dialogue.command("EHLO client.test")
        token = site.token()
        result = dialogue.message(
            "anna@example.test", ["bob@example.test"], letter(token, OWN))
        assert result.accepted, result


@pytest.mark.parametrize("author, fields, check", [
    ('"ceo@example.test" <x@good.test>', "", "display_name"),
    ("=?utf-8?q?ceo=40example=2Etest?= <x@good.test>", "", "display_name"),
    ("Anna Example <x@good.test>", "", "display_name"),
    ("=?utf-8?q?=D0=90nna_Examp1e?= <x@good.test>", "", "display_name"),
    ("Good <x@good.test>", "Reply-To: x@other.test\n", "reply_to"),
    ("x@examp1e.test", "", "look_alike"),
    ("x@exarnple.test", "", "look_alike"),
    ("x@xn--xample-2of.test", "", "look_alike"),
    ("x@exmaple.test", "", "look_alike"),
    ("x@mail.example.tes", "", "look_alike"),
    ("x@example.test.attack.test", "", "look_alike"),
    ("x@paypa1.test", "", "look_alike"),
    ("x@good.test", "Reply-To: x@examp1e.test\n", "look_alike"),
    ("x@good.test", "Reply-To: x@goood.test\n", "look_alike"),
])
def test_what_looks_like_another_is_tagged(mta, site, sink, author, fields, check):
    site.filter('from { protected_names = { "Anna Example" } '
                'protected_domains = { paypal.test } }\n')
    result = send(mta, site, author, fields)
    assert f"from.{check}=" in marks_of(sink, result)


@pytest.mark.parametrize("author, fields", [
    ("Good Anna <x@good.test>", "Reply-To: support@mail.good.test\n"),
    ('"x@good.test" <x@good.test>', ""),
    ("Anna Example <x@paypal.test>", ""),
    ("Anna <x@paypal.test>", ""),
    ("x@unrelated.test", ""),
])
def test_what_does_not(mta, site, sink, author, fields):
    site.filter('from { protected_names = { "Anna Example" } '
                'protected_domains = { paypal.test } }\n')
    assert marks_of(sink, send(mta, site, author, fields)) == ""


def test_our_own_mail_is_not_tagged(mta, site, sink):
    site.filter()
    result = send(mta, site, "x@examp1e.test", "Reply-To: x@other.test\n", client=world.TRUSTED,
                  helo="trusted.example.test")
    assert marks_of(sink, result) == ""


def test_unaligned_on_wish(mta, site):
    settings = "from { unaligned = monitor }\n"
    assert "from.unaligned=fail/monitor" in findings(mta, site, settings, "x@other.test")
    assert "from.unaligned" not in findings(mta, site, settings, "x@mail.good.test")
