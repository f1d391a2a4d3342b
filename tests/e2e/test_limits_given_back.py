# SPDX-License-Identifier: BSD-2-Clause
"""What was not sent counts nothing: random sessions with an end at every point, through real MTAs and by
the milter protocol, against a count of what the client was told. MAILREEVE_SOAK makes them many."""

import json
import os
import random
import re
import threading

import pytest

from harness import world
from harness.milter_client import MilterClient
from harness.process import until
from harness.smtp_client import Dropped
from test_ctl import control, ctl
from test_limits import store  # noqa: F401 (a fixture)

SOAK = os.environ.get("MAILREEVE_SOAK")
SESSIONS = 10000 if SOAK else 150
THREADS = 4
ANNA = "anna@good.test"

SETTINGS = """
limit "messages" {{ key = "sender" count = "messages" rate = "100000 / 1d" }}
limit "recipients" {{ key = "sender" count = "recipients" rate = "100000 / 1d" }}
limit "people" {{ key = "sender" count = "unique_recipients" rate = "1000 / 1d" }}
limit "each" {{ key = "recipient" count = "recipients" rate = "100000 / 1d" overrides = "{file}" }}
limit "size" {{ key = "sender" count = "bytes" rate = "100GB / 1d" }}
limit "watched" {{ key = "sender" count = "recipients" rate = "20 / 1d" mode = monitor }}
connection {{ mode = off }}
{store}
"""
DAVE_MAY = 40
KNOWN = ["bob@example.test", "BOB@Example.test", "carol@example.test", "dave@example.test"]
REFUSED = ["nobody@example.test", "someone@elsewhere.test", "a@b@example.test"]


class Count:
    """What the client was told is accepted."""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = self.recipients = self.bytes = self.refused = self.dropped = 0
        self.each = {}

    def message(self, recipients, size=0):
        with self.lock:
            self.messages += 1
            self.recipients += len(recipients)
            self.bytes += size
            for name in recipients:
                self.each[name.lower()] = self.each.get(name.lower(), 0) + 1

    def wanted(self):
        return {
            "messages": self.messages, "recipients": self.recipients, "people": len(self.each),
            **{f"each {name}": count for name, count in self.each.items()},
        }


def used(site, names):
    """By limit, of the sender; and of each recipient."""
    found = {}
    for key in [ANNA, *names]:
        output = ctl(*control(site), "limits", "show", "--json", key)[1]
        for row in json.loads(output)["limits"]:
            if row["limit"] == "each" and row["used"] and key != ANNA:
                found[f"each {key}"] = row["used"]
            elif row["limit"] != "each" and key == ANNA:
                found[row["limit"]] = row["used"]
    return found


def compare(site, count, with_bytes=False):
    """Equal in the end: an MTA may tell of an end only with the next command, or at the close."""
    names = sorted({name.lower() for name in KNOWN})
    wanted = count.wanted()

    def equal():
        found = used(site, names)
        watched, size = found.pop("watched"), found.pop("size")
        # A message that goes to nobody any more is none; the watched limit counts no more than it may.
        return found if found == wanted and watched <= 20 and (
            not with_bytes or size == count.bytes) else None

    try:
        until(equal, "equal counts")
    except AssertionError:
        raise AssertionError(f"{used(site, names)} is not {wanted} {count.bytes}") from None


def message_of(random_source):
    """(text, what is wrong with it)."""
    text = f"From: {ANNA}\nTo: bob@example.test\nSubject: x\nDate: Sun, 22 Nov 2026 04:00:00 +0000\n"
    wrong = random_source.choice(["", "", "", "two From", "header check", "large"])
    if wrong == "two From":
        text += "From: other@good.test\n"
    if wrong == "header check":
        text += "X-Refuse: yes\n"
    body = "line\n" * random_source.randint(0, 50)
    return text + f"Message-ID: <{random_source.getrandbits(64):x}@good.test>\n\n" + body, wrong


class Session:
    def __init__(self, mta, count, random_source):
        self.mta, self.count, self.random = mta, count, random_source
        service = {"service": ("192.0.2.25", 2540)} if mta.name == "postfix" else {}
        self.dialogue = mta.connect(source=world.GOOD, **service)
        self.large = 50_000 if mta.name == "postfix" else 3_100_000

    def run(self):
        try:
            self.dialogue.command("EHLO mail.good.test")
            for _ in range(self.random.randint(1, 4)):
                if not self.transaction():
                    break
            else:
                self.dialogue.quit()
        except Dropped:
            self.count.dropped += 1
        finally:
            self.dialogue.close()

    def transaction(self):
        """False when the client has gone."""
        command, choice = self.dialogue.command, self.random
        if choice.random() < 0.05:
            command("MAIL FROM:<nobody@nonexistent.test>")
            command("RSET")
        assert command(f"MAIL FROM:<{ANNA}>").ok
        accepted = []
        for _ in range(choice.randint(0, 6)):
            name = choice.choice(KNOWN if choice.random() < 0.75 else REFUSED)
            reply = command(f"RCPT TO:<{name}>")
            assert reply.ok or name in REFUSED or name.startswith("dave"), reply
            accepted += [name] if reply.ok else []
            self.count.refused += not reply.ok
        end = choice.choice(["RSET", "EHLO", "close", "DATA", "DATA", "DATA", "DATA", "half", "MAIL"])
        if end == "MAIL":
            command(f"MAIL FROM:<{ANNA}>")  # refused: nested
            end = "DATA"
        if end == "RSET":
            assert command("RSET").ok
        elif end == "EHLO":
            assert command("EHLO again.good.test").ok
        elif end == "close":
            return False
        elif not accepted:
            command("RSET")
        else:
            return self.content(accepted, end == "half")
        return True

    def content(self, accepted, half):
        text, wrong = message_of(self.random)
        if wrong == "large" and (self.mta.name == "postfix" or self.random.random() < 0.05):
            text += ("y" * 70 + "\n") * (self.large // 70)
        assert self.dialogue.command("DATA").code == 354
        if half:
            self.dialogue.send(text[: self.random.randint(0, len(text))].replace("\n", "\r\n"))
            return False
        reply = self.dialogue.content(text)
        if reply.ok:
            self.count.message(accepted)
        else:
            self.count.refused += 1
        return True


def run_sessions(number, run_one):
    """In THREADS at once; the seeds are fixed, so a failure comes again."""
    failures = []

    def work(seed):
        for i in range(number // THREADS):
            try:
                run_one(random.Random(seed * 1000003 + i))
            except Exception as error:  # noqa: BLE001 (told below)
                failures.append(error)
                return

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def settings(site, chosen):
    file = f"{site.filter_folder}/each"
    with open(file, "w", encoding="utf-8") as out:
        out.write(f"dave@example.test {DAVE_MAY} / 1d\n")
    # On a busy machine Redis may take its time: what is counted here meanwhile is another test's.
    return SETTINGS.format(file=file, store=chosen.replace("}", "timeout = 4s connect_timeout = 4s }"))


def tell(site, what, number, count):
    assert " is down" not in site.running.log_text()
    print(f"\n{what}: {number} sessions, {count.messages} messages accepted to {count.recipients} "
          f"recipients, {count.refused} commands refused; all counters equal")


def test_through_mail_servers(mta, site, redis):
    redis.flush()
    site.fresh_filter(settings(site, f'store {{ url = "{redis.url}" }}'))
    count, number = Count(), SESSIONS // (2 if SOAK else 1)
    run_sessions(number, lambda source: Session(mta, count, source).run())
    assert count.each["dave@example.test"] <= DAVE_MAY
    compare(site, count)
    tell(site, mta.name, number, count)


class Packets:
    """A session of the milter protocol, with an end anywhere."""

    def __init__(self, site, count, random_source):
        self.count, self.random = count, random_source
        self.mta = MilterClient(site.milter_path)
        self.steps = self.mta.negotiate()

    def answer(self, quiet):
        """The final answer to a command; "c" where none comes."""
        if quiet in self.steps:
            return "c"
        while True:
            letter = self.mta.receive()[0]
            if letter in "acrtyd":
                return letter

    def run(self):
        with self.mta:
            self.mta.connect_info(world.GOOD)
            if self.answer("NR_CONN") != "c":
                return
            self.mta.helo()
            self.answer("NR_HELO")
            for _ in range(self.random.randint(1, 4)):
                if not self.transaction():
                    return
            if self.random.random() < 0.5:
                self.mta.send("Q")

    def transaction(self):
        self.mta.mail(f"<{ANNA}>")
        if self.answer("NR_MAIL") != "c":
            return True
        accepted = []
        for _ in range(self.random.randint(0, 6)):
            name = self.random.choice(KNOWN if self.random.random() < 0.75 else REFUSED)
            self.mta.rcpt(f"<{name}>")
            letter = self.answer("NR_RCPT")
            accepted += [name] if letter in "ca" else []
            self.count.refused += letter not in "ca"
        return self.leave() if self.random.random() < 0.3 or not accepted else self.content(accepted)

    def leave(self):
        """An abort, which libmilter may send or not before the next MAIL; or the connection ends."""
        if self.random.random() < 0.3:
            return False
        self.mta.abort()
        return True

    def content(self, accepted):
        size = 0
        fields = [("From", ANNA), ("Subject", "x" * self.random.randint(0, 200)),
                  ("Date", "Sun, 22 Nov 2026 04:00:00 +0000"), ("To", "bob@example.test")]
        fields += [("From", "second@good.test")] if self.random.random() < 0.2 else []
        if "NODATA" not in self.steps:
            self.mta.send("T")
            if self.answer("NR_DATA") != "c":
                return True
        for name, value in fields:
            self.mta.send("L", f"{name}\0 {value}\0".encode() if "HDR_LEADSPC" in self.steps
                          else f"{name}\0{value}\0".encode())
            size += len(name) + len(value) + 4 + ("HDR_LEADSPC" in self.steps)
            if self.answer("NR_HDR") != "c":
                return True
            if self.random.random() < 0.02:
                return self.leave()
        if "NOEOH" not in self.steps:
            self.mta.send("N")
            self.answer("NR_EOH")
        for _ in range(self.random.randint(0, 3)):
            chunk = b"z" * self.random.randint(1, 3000)
            self.mta.send("B", chunk)
            size += len(chunk)
            letter = "c" if "NR_BODY" in self.steps else self.mta.receive()[0]
            if letter == "s":
                raise AssertionError("a filter that counts bytes skips none")
            if letter not in "c":
                return True
            if self.random.random() < 0.05:
                return self.leave()
        self.mta.send("E")
        letter = self.answer("")
        if letter in "ca":
            self.count.message(accepted, size)
        else:
            self.count.refused += 1
        # Refused at its end or not, a message may be followed by an abort.
        if self.random.random() < 0.3:
            self.mta.abort()
        return True


def test_through_the_protocol(site, store):  # noqa: F811
    site.fresh_filter(settings(site, store))
    count, number = Count(), SESSIONS * (1 if SOAK else 2)
    run_sessions(number, lambda source: Packets(site, count, source).run())
    compare(site, count, with_bytes=True)
    tell(site, "milter protocol", number, count)


def test_a_filter_that_is_killed(postfix, site, redis):
    """What it held stays counted, and no more; another process sees that, and goes on."""
    redis.flush()
    chosen = settings(site, f'store {{ url = "{redis.url}" }}')
    daemon = site.fresh_filter(chosen)
    assert site.send(postfix).accepted
    held = []
    for _ in range(3):
        dialogue = postfix.connect(source=world.GOOD)
        dialogue.command("EHLO mail.good.test")
        dialogue.command(f"MAIL FROM:<{ANNA}>")
        assert dialogue.command("RCPT TO:<carol@example.test>").ok
        held.append(dialogue)
    os.kill(daemon.child.process.pid, 9)
    daemon.child.process.wait()
    site.running = None
    for dialogue in held:
        dialogue.close()
    site.fresh_filter(chosen)
    assert site.send(postfix).accepted
    found = used(site, ["carol@example.test", "bob@example.test"])
    assert found["messages"] == 2 + 3 and found["recipients"] == 2 + 3 and found["people"] == 2
    assert found["each carol@example.test"] == 3 and found["each bob@example.test"] == 2


RSET_LIMIT = """
limit "held" { key = "sender" count = "messages" rate = "1 / 1h" }
connection { mode = off }
"""


@pytest.mark.parametrize("end", ["RSET", "EHLO again.good.test", "QUIT"])
def test_when_it_is_given_back(mta, site, end):
    """Postfix tells of RSET and EHLO with the next command, Sendmail at the next MAIL or at the close:
    until then what the transaction took stays held, and the client itself is not hindered by it."""
    site.fresh_filter(RSET_LIMIT)
    dialogue = mta.connect(source=world.GOOD)
    dialogue.command("EHLO mail.good.test")
    for _ in range(3):
        assert dialogue.command(f"MAIL FROM:<{ANNA}>").ok
        assert dialogue.command("RCPT TO:<bob@example.test>").ok
        assert dialogue.command(end).ok
        if end == "QUIT":
            break
    if end != "QUIT":
        dialogue.command("NOOP")
        assert re.match("[01]$", str(used(site, [])["held"]))
        dialogue.quit()
    dialogue.close()
    until(lambda: used(site, [])["held"] == 0, "what was held given back")
    assert site.send(mta).accepted
