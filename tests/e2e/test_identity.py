# SPDX-License-Identifier: BSD-2-Clause
"""Is this client who it says: reverse DNS, HELO, sender, SPF, and the rule that joins them."""

import os

import pytest

from harness import world
from harness.site import letter

STRICT = os.path.join(os.path.dirname(__file__), "..", "..", "conf", "strict.conf")

# Registered for nothing it says, yet with a name of its own: two weak signs.
UNREGISTERED = {
    "client": world.STRAY, "helo": "mail.plain.test", "sender": "pat@plain.test",
}


def refused(mta, site, check, code, enhanced, settings="", **mail):
    """Sends MAIL, which must be refused for CHECK at RCPT; the reply and the log's row."""
    daemon = site.filter(settings)
    mark = daemon.mark()
    result = site.send(mta, **mail)
    step, reply = result.refusal
    assert step == "rcpt", result
    assert (reply.code, reply.enhanced) == (code, enhanced), result
    row = daemon.wait_decision(mark, check=check)
    assert row["verdict"] == ("reject" if code >= 500 else "tempfail")
    assert row["reply"] == reply.given
    return reply, row


def accepted(mta, site, settings="", **mail):
    """Sends MAIL, which must be taken; the findings in the log."""
    daemon = site.filter(settings)
    mark = daemon.mark()
    result = site.send(mta, **mail)
    assert result.accepted, result
    row = daemon.wait_decision(mark, stage="eom")
    assert row["verdict"] == "accept"
    return row.get("findings", "")


def test_good_message(mta, site, sink):
    daemon = site.filter()
    mark = daemon.mark()
    result = site.send(mta)
    assert result.accepted, result
    row = daemon.wait_decision(mark, stage="eom")
    assert row["client"] == world.GOOD and row["name"] == "mail.good.test"
    assert row["from"] == "<anna@good.test>" and row["helo"] == "mail.good.test"
    fields = sink.wait_for(result.token).fields("Authentication-Results")
    assert len(fields) == 1
    assert fields[0].startswith("mx.example.test;")
    assert "iprev=pass" in fields[0]
    assert "smtp.mailfrom=" in fields[0] and "smtp.helo=mail.good.test" in fields[0]
    assert fields[0].count("spf=pass") == 2


def test_good_message_over_ipv6(mta, site, sink):
    site.filter()
    result = site.send(mta, client=world.GOOD6)
    assert result.accepted, result
    fields = sink.wait_for(result.token).fields("Authentication-Results")
    assert "iprev=pass" in fields[0] and fields[0].count("spf=pass") == 2


# HELO.


@pytest.mark.parametrize("name", ["mx.example.test", "MX.Example.Test", "[192.0.2.25]"])
def test_our_own_name_in_helo(mta, site, name):
    refused(mta, site, "helo.own_name", 550, "5.7.1", helo=name)


def test_name_below_our_domain_in_helo(mta, site):
    refused(mta, site, "helo.own_name", 550, "5.7.1", helo="example.test")


@pytest.mark.parametrize("name", ["mail_.-good", "bad..name.test", "[192.0.2.300]"])
def test_invalid_helo(postfix, site, name):
    """Through Postfix only: Sendmail refuses such names itself, at EHLO."""
    refused(postfix, site, "helo.invalid", 501, "5.5.2", helo=name)


@pytest.mark.parametrize(
    "check, name",
    [
        ("unqualified", "friend"), ("bare_ip", "192.0.2.10"),
        ("literal_mismatch", "[198.51.100.7]"), ("unresolvable", "nosuch.test"),
        ("mismatch", "mail.other.test"),
    ],
)
def test_weak_signs_in_helo_are_noted(mta, site, check, name):
    assert f"helo.{check}=fail/suspect" in accepted(mta, site, helo=name)


def test_literal_of_the_client_is_no_sign(mta, site):
    assert "helo." not in accepted(mta, site, helo="[192.0.2.10]")


# Reverse DNS.


@pytest.mark.parametrize(
    "check, client",
    [("missing", world.NAMELESS), ("unconfirmed", world.UNCONFIRMED), ("generic", world.GENERIC)],
)
def test_reverse_dns(mta, site, check, client):
    mail = {"client": client, "helo": "mail.plain.test", "sender": "pat@plain.test"}
    findings = accepted(mta, site, "impostor { mode = off }\n", **mail)
    assert f"rdns.{check}=fail/suspect" in findings
    refused(mta, site, f"rdns.{check}", 550, "5.7.25", f"rdns {{ {check} = reject }}\n", **mail)


# Sender.


@pytest.mark.parametrize(
    "check, code, enhanced, sender",
    [
        ("nonexistent", 550, "5.1.8", "eve@nosuch.test"),
        ("null_mx", 550, "5.7.27", "eve@nomail.test"),
        ("bogus_mx", 550, "5.1.8", "eve@bogus.test"),
        ("no_mail_host", 550, "5.1.8", "eve@nohost.test"),
    ],
)
def test_sender_domain(mta, site, check, code, enhanced, sender):
    reply, _ = refused(mta, site, f"sender.{check}", code, enhanced, sender=sender)
    assert sender.split("@")[1] in reply.text


def test_our_own_domain_from_outside(mta, site):
    mail = {"client": world.STRAY, "helo": "web.shop.test", "sender": "boss@example.test"}
    refused(mta, site, "sender.own_domain", 550, "5.7.1", **mail)


def test_null_reverse_path(mta, site):
    assert accepted(mta, site, sender="") == ""


# Registered or not.


def test_unregistered_client_is_noted_by_default(mta, site):
    findings = accepted(mta, site, **UNREGISTERED)
    assert "sender.unregistered=fail/suspect" in findings
    assert "helo.mismatch=fail/suspect" in findings


def test_unregistered_client_is_refused_by_the_strict_profile(mta, site):
    with open(STRICT, encoding="utf-8") as file:
        strict = file.read()
    daemon = site.filter(strict)
    mark = daemon.mark()
    result = site.send(mta, **UNREGISTERED)
    _, reply = result.refusal
    assert reply.code // 100 == 5 and not result.accepted
    row = daemon.wait_decision(mark, verdict="reject")
    assert row["check"] in ("helo.mismatch", "sender.unregistered")
    assert site.send(mta).accepted


def test_three_signs_and_no_proof_make_an_impostor(mta, site):
    mail = {**UNREGISTERED, "client": world.NAMELESS}
    reply, row = refused(mta, site, "impostor.corroborated", 451, "4.7.1", **mail)
    for sign in ("rdns.missing", "helo.mismatch", "sender.unregistered"):
        assert sign in row["findings"]
    assert "rdns" in reply.text


def test_a_proof_outweighs_signs(mta, site):
    findings = accepted(mta, site, client=world.PLAIN_HOST, helo="friend", sender="pat@plain.test")
    assert "helo.unqualified=fail/suspect" in findings and "impostor" not in findings


# SPF.


def test_spf_fail(mta, site):
    mail = {"client": world.STRAY, "helo": "web.shop.test", "sender": "anna@good.test"}
    reply, _ = refused(mta, site, "spf.fail", 550, "5.7.23", **mail)
    assert "good.test" in reply.text


def test_spf_fail_of_the_helo_name(mta, site):
    mail = {"client": world.STRAY, "helo": "mail.good.test", "sender": ""}
    refused(mta, site, "spf.helo_fail", 550, "5.7.23", **mail)


def test_spf_of_a_domain_that_sends_no_mail(mta, site):
    mail = {"client": world.STRAY, "helo": "web.shop.test", "sender": "eve@parked.test"}
    refused(mta, site, "spf.no_mail", 550, "5.7.23", **mail)


def test_spf_softfail_is_a_sign(mta, site):
    mail = {"client": world.STRAY, "helo": "web.shop.test", "sender": "eve@soft.test"}
    assert "spf.softfail=fail/suspect" in accepted(mta, site, **mail)


# Exemptions.

LIAR = {"helo": "mx.example.test", "sender": "eve@nosuch.test"}


def test_trusted_client_skips_identity_checks(mta, site):
    assert accepted(mta, site, client=world.TRUSTED, **LIAR) == ""


def test_trusted_client_may_relay(mta, site):
    accepted(mta, site, client=world.TRUSTED, recipients=["out@other.test"])


def test_authenticated_client_skips_identity_checks(postfix, site, sink):
    """By XCLIENT, which Sendmail does not have."""
    daemon = site.filter()
    mark = daemon.mark()
    token = site.token()
    dialogue = postfix.connect(service=("127.0.0.1", 2527))
    dialogue.command("EHLO test")
    dialogue.command("XCLIENT ADDR=198.51.100.9 NAME=[UNAVAILABLE] LOGIN=joe")
    dialogue.command("EHLO mx.example.test")
    assert dialogue.message("eve@nosuch.test", ["out@other.test"], letter(token)).accepted
    dialogue.quit()
    row = daemon.wait_decision(mark, stage="eom")
    assert (row["auth"], row["exempt"]) == ("joe", "authenticated")
    assert any("auth=pass" in f for f in sink.wait_for(token).fields("Authentication-Results"))


@pytest.mark.parametrize(
    "entry, mail",
    [
        ("198.51.100.9", {"client": world.NAMELESS, **LIAR}),
        ("198.51.100.0/24", {"client": world.NAMELESS, **LIAR}),
        ("web.shop.test", {"client": world.STRAY, **LIAR}),
        ("eve@nosuch.test", {"client": world.STRAY, **LIAR}),
    ],
)
def test_allow_list(mta, site, entry, mail):
    allow = f'allow = {{ "{entry}" }}\n'
    accepted(mta, site, allow, **mail)
    # It never opens the relay.
    refused(mta, site, "recipient.relay", 550, "5.7.1", allow,
            **{**mail, "recipients": ["out@other.test"]})


def test_allow_list_ignores_an_unconfirmed_name(mta, site):
    result_settings = 'allow = { "liar.test" }\n'
    daemon = site.filter(result_settings)
    mark = daemon.mark()
    assert not site.send(mta, client=world.UNCONFIRMED, **LIAR).accepted
    assert "exempt" not in daemon.wait_decision(mark, verdict="reject")


def test_lists_from_files(mta, site):
    file = f"{site.folder}/deny"
    with open(file, "w", encoding="utf-8") as out:
        out.write("# enemies\n192.0.2.11  # other.test\n")
    mail = {"client": world.OTHER, "helo": "mail.other.test", "sender": "olaf@other.test"}
    site.stop_filter()
    settings = f'deny = {{ "{file}" }}\n'
    _, row = refused(mta, site, "lists.denied", 550, "5.7.1", settings, **mail)
    assert f"{file}:2" in row["findings"]
    assert site.send(mta).accepted
    # Read again on reload.
    with open(file, "w", encoding="utf-8") as out:
        out.write("")
    mark = site.running.mark()
    site.running.reload()
    site.running.wait_line("reloaded", mark)
    assert site.send(mta, **mail).accepted


def test_forwarder_skips_spf(mta, site):
    mail = {"client": world.FORWARDER, "helo": "relay.forward.test"}
    refused(mta, site, "spf.fail", 550, "5.7.23", **mail)
    accepted(mta, site, 'forwarders = { "192.0.2.80" }\n', **mail)


def test_monitor_mode(mta, site):
    findings = accepted(mta, site, "sender { mode = monitor }\n", sender="eve@nosuch.test")
    assert "sender.nonexistent=fail/monitor(reject)" in findings


def test_postmaster_stays_reachable(mta, site):
    mail = {"helo": "mx.example.test", "sender": "eve@nosuch.test"}
    accepted(mta, site, recipients=["postmaster@example.test"], **mail)
    accepted(mta, site, recipients=["abuse@example.test"], **mail)
    refused(mta, site, "helo.own_name", 550, "5.7.1", recipients=["bob@example.test"], **mail)
