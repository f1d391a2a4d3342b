# SPDX-License-Identifier: BSD-2-Clause
"""Forms of the reverse-path: honest ones that some MTA writes differently, and those that two programs
would read as two addresses."""

import pytest

from test_identity import accepted, refused

HONEST = [
    "anna@good.test",
    "Anna@Good.TEST",
    "anna.lee+news@good.test",
    "o'brien@good.test",
    "prvs=0123456789=anna@good.test",
    "SRS0=Ab1c=XY=other.test=olaf@good.test",
    "list-bounces+anna=other.test@good.test",
    "{a}_b-c/d@good.test",
    "a#b$c&d*e?f^g`h|i~j@good.test",
    '"anna lee"@good.test',
    '"anna.lee"@good.test',
    '"a\\"b"@good.test',
    "12345@good.test",
    "anna@[192.0.2.10]",
    # An alias of good.test: Sendmail puts its target in the place of it.
    "bounce@em.good.test",
]


@pytest.mark.parametrize("sender", HONEST)
def test_honest_sender(mta, site, sender):
    assert "sender.invalid" not in accepted(mta, site, sender=sender)


def test_local_sender_of_a_partner(mta, site):
    """Sendmail leaves out the domain of a local address."""
    for sender in ("joe@example.test", "joe+lists@example.test", "Joe@Example.Test"):
        findings = accepted(
            mta, site, 'sender { partners = { "192.0.2.10" } }\n', sender=sender)
        assert "sender.invalid" not in findings and "sender.own_domain" not in findings


# Postfix takes these as they are.
TWO_READINGS = [
    "(any@good.test",
    "any@good.test(a.other.test",
    "any@good.test'@any.other.test",
    "@good.test,@any.other.test:'any@other.test",
    "@good.test:any@other.test",
    "any@good.test@other.test",
]

# It refuses these itself, or writes the reply's backslash otherwise than we do.
NONSENSE = [
    "any@good.test,any@other.test",
    "any@good.test any@other.test",
    "any@good..test",
    "any@-good.test",
    "any@good.test\\@other.test",
]


@pytest.mark.parametrize("sender", TWO_READINGS)
def test_sender_of_two_readings(postfix, site, sender):
    """Through Postfix only: Sendmail refuses most of them at MAIL."""
    refused(postfix, site, "sender.invalid", 553, "5.1.7", sender=sender)


@pytest.mark.parametrize("sender", TWO_READINGS + NONSENSE)
def test_sender_that_is_no_path_is_never_taken(mta, site, sender):
    site.filter()
    assert not site.send(mta, sender=sender).accepted
