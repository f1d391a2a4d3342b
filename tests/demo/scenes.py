# SPDX-License-Identifier: BSD-2-Clause
"""The conversations of the demonstration: who connects, what is said, what must come of it."""

from dataclasses import dataclass

from harness import world

GOOD = {"client": world.GOOD, "helo": "mail.good.test"}
OTHER = {"client": world.OTHER, "helo": "mail.other.test", "sender": "olaf@other.test"}
STRAY = {"client": world.STRAY, "helo": "web.shop.test"}
UNREGISTERED = {"client": world.STRAY, "helo": "mail.plain.test", "sender": "pat@plain.test"}


@dataclass
class Mail:
    """One message of a conversation, and what the client must be told about it."""

    client: str
    helo: str
    sender: str
    recipient: str = "bob@example.test"
    code: int = 250  # of the decisive reply
    enhanced: str = ""  # of a refusal
    noted: str = ""  # must stand in the log's findings
    delivered: str = ""  # must stand in Authentication-Results of the delivered message
    profile: str = "default"


@dataclass
class Scene:
    title: str
    story: str
    mails: list
    before: str = ""  # what happens first: "stop dns", "stop redis"
    after: str = ""


SCENES = [
    Scene(
        "A good message",
        "192.0.2.10 is mail.good.test by forward and reverse DNS, it is the MX of good.test, and "
        "SPF names it. Its mail is delivered, with what was found out on top.",
        [Mail(**GOOD, sender="anna@good.test", delivered="spf=pass")],
    ),
    Scene(
        "Our own name in HELO",
        "A client introduces itself as mx.example.test. That is us, so it lies.",
        [Mail(client=world.GOOD, helo="mx.example.test", sender="anna@good.test",
              code=550, enhanced="5.7.1")],
    ),
    Scene(
        "Our own domain as sender, from outside",
        "web.shop.test claims to write as boss@example.test. It has not authenticated, and no "
        "record of example.test names it.",
        [Mail(**STRAY, sender="boss@example.test", code=550, enhanced="5.7.1")],
    ),
    Scene(
        "A client that nothing registers for what it says: the default profile",
        "198.51.100.7 is web.shop.test. It says HELO mail.plain.test and writes as "
        "pat@plain.test, but no MX, address, PTR or SPF record of plain.test names it. That alone "
        "refuses nobody by default (RFC 5321 4.1.4); it is noted.",
        [Mail(**UNREGISTERED, noted="sender.unregistered")],
    ),
    Scene(
        "The same client: the strict profile",
        "conf/strict.conf reads it the hard way: who is not registered for the HELO or FROM "
        "domain is an impostor.",
        [Mail(**UNREGISTERED, code=550, profile="strict")],
    ),
    Scene(
        "A sender domain that does not exist",
        "Nobody could ever answer a message from nosuch.test.",
        [Mail(**GOOD, sender="eve@nosuch.test", code=550)],
    ),
    Scene(
        "A sender domain with a null MX",
        "nomail.test says by its null MX (RFC 7505) that it takes no mail, so it sends none.",
        [Mail(**GOOD, sender="eve@nomail.test", code=550)],
    ),
    Scene(
        "An unknown local recipient",
        "There is no such user here.",
        [Mail(**GOOD, sender="anna@good.test", recipient="nobody@example.test",
              code=550, enhanced="5.1.1")],
    ),
    Scene(
        "Relaying",
        "A stranger wants us to carry its mail to somebody else.",
        [Mail(**GOOD, sender="anna@good.test", recipient="someone@elsewhere.test",
              code=550, enhanced="5.7.1")],
    ),
    Scene(
        "A sender over its limit",
        "Two messages an hour are allowed for each sender here. nick@good.test sends a third, and "
        "is asked to come back later, while olaf@other.test goes on.",
        [
            Mail(**GOOD, sender="nick@good.test"),
            Mail(**GOOD, sender="nick@good.test"),
            Mail(**GOOD, sender="nick@good.test", code=451, enhanced="4.7.1"),
            Mail(**OTHER),
        ],
    ),
    Scene(
        "The DNS server is stopped",
        "Nothing about mail.late.test can be found out now. That is our trouble, not the "
        "sender's: the message is delivered, and the failure noted.",
        [Mail(client=world.LATE, helo="mail.late.test", sender="lena@late.test",
              noted="temperror", delivered="spf=temperror")],
        before="stop dns", after="start dns",
    ),
    Scene(
        "Redis is stopped",
        "The window that all filter hosts share is gone. Each goes on with its own, which was "
        "kept warm: olaf@other.test has one of two messages left, and no more.",
        [
            Mail(**OTHER),
            Mail(**OTHER, code=451, enhanced="4.7.1"),
        ],
        before="stop redis", after="start redis",
    ),
]
