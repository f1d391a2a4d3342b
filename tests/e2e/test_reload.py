# SPDX-License-Identifier: BSD-2-Clause
"""Reloads under load: none gets into another's way, no session fails or is judged by lists that are neither
the old nor the new ones, and what limits have counted stays. MAILREEVE_RELOADS says how many (make soak:
1000)."""

import json
import os
import signal
import threading

import pytest

from harness import world
from harness.milter_client import MilterClient
from harness.process import until

from test_ctl import control, ctl

RELOADS = int(os.environ.get("MAILREEVE_RELOADS", "60"))
EXTRA = 300  # further entries of the list, so that reading takes time

SETTINGS = """\
deny = {{ "{folder}/deny" }}
limit "kept" {{ key = client_ip count = messages rate = "1000000 / 1h" }}
limit "spent" {{ key = sender count = messages rate = "1000000 / 7d" overrides = "{folder}/spent" }}
connection {{ mode = off }}
"""


class Session(MilterClient):
    """One message as an MTA hands it over."""

    _port = 1024

    def __init__(self, path, client, name, helo):
        super().__init__(path)
        Session._port = Session._port % 60000 + 1
        self.wanted = self.negotiate()
        self.connect_info(name=name, address=client, port=Session._port)
        self._answer("NR_CONN")
        self.helo(helo)
        self._answer("NR_HELO")

    def _answer(self, no_reply):
        if no_reply in self.wanted:
            return
        letter, data = self.receive()
        assert letter == "c", (letter, data)

    def offer(self, sender, recipient):
        """The code of the refusal, or 250 for a recipient that is accepted."""
        self.mail(f"<{sender}>")
        self._answer("NR_MAIL")
        self.rcpt(f"<{recipient}>")
        letter, data = self.receive()
        return 250 if letter == "c" else int(data[:3])

    def message(self, sender, recipient):
        """The same for the whole message."""
        code = self.offer(sender, recipient)
        if code != 250:
            return code
        for name, value in (("From", "Anna <anna@good.test>"), ("Subject", "x"),
                            ("Date", "Sun, 22 Nov 2026 04:00:00 +0000"),
                            ("Message-ID", "<x@good.test>")):
            if "NOHDRS" not in self.wanted:
                self.send("L", f"{name}\0{value}\0".encode())
                self._answer("NR_HDR")
        if "NOEOH" not in self.wanted:
            self.send("N")
            self._answer("NR_EOH")
        if "NOBODY" not in self.wanted:
            self.send("B", b"Hello.\r\n")
            self._answer("NR_BODY")
        self.send("E")
        while True:
            letter, data = self.receive()
            if letter in "ac":
                return 250
            if letter in "ry":
                return int(data[:3]) if letter == "y" else 550


class Traffic:
    """Sessions side by side, each with an outcome that no reload changes."""

    def __init__(self, site, kinds):
        self.site = site
        self.stopped = threading.Event()
        self.wrong, self.counts = [], [0] * len(kinds)
        self.threads = [threading.Thread(target=self._run, args=(number, *kind))
                        for number, kind in enumerate(kinds)]
        for thread in self.threads:
            thread.start()

    def _run(self, number, client, name, helo, sender, recipient, code):
        while not self.stopped.is_set():
            try:
                with Session(self.site.milter_path, client, name, helo) as session:
                    for _ in range(3):
                        found = session.message(sender, recipient)
                        if found != code:
                            self.wrong.append((helo, recipient, found))
                        self.counts[number] += 1
            except (OSError, EOFError, AssertionError) as error:
                self.wrong.append((helo, recipient, repr(error)))

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def judge(site, recipient, client=world.GOOD, name="mail.good.test", sender="anna@good.test"):
    with Session(site.milter_path, client, name, name) as session:
        return session.offer(sender, recipient)


def reload_count(site):
    return json.loads(ctl(*control(site), "status", "--json")[1])["reloads"]


def write(path, text):
    with open(f"{path}.new", "w", encoding="utf-8") as out:
        out.write(text)
    os.replace(f"{path}.new", path)


def test_under_load(site):
    folder = site.filter_folder
    users = open(site.users_file, encoding="utf-8").read()
    write(f"{folder}/deny", "203.0.113.200\n")
    write(f"{folder}/spent", "olaf@other.test 1 / 7d\n")
    daemon = site.fresh_filter(SETTINGS.format(folder=folder))
    # What is spent stays spent.
    with Session(site.milter_path, world.OTHER, "mail.other.test", "mail.other.test") as session:
        assert session.message("olaf@other.test", "bob@example.test") == 250
    traffic = Traffic(site, [
        (world.GOOD, "mail.good.test", "mail.good.test", "anna@good.test", "nobody@example.test", 550),
        (world.GOOD, "mail.good.test", "mx.example.test", "anna@good.test", "bob@example.test", 550),
        (world.OTHER, "mail.other.test", "mail.other.test", "olaf@other.test", "carol@example.test",
         451),
        (world.TRUSTED, "trusted.example.test", "trusted.example.test", "", "dave@example.test", 250),
    ])
    try:
        for number in range(1, RELOADS + 1):
            odd = number % 2
            noise = "".join(f"203.0.113.{n % 256}/32\n" for n in range(EXTRA)
                            if n % 256 not in (200,)) if number % 3 else ""
            noise = "\n".join(sorted(set(noise.split()))) + "\n"
            write(f"{folder}/deny", noise + ("198.51.100.7\n" if odd else ""))
            write(site.users_file, users + ("" if odd else "flip@example.test\n"))
            if number % 3 == 0:
                assert ctl(*control(site), "reload")[:2] == (0, "reloaded\n")
            else:
                daemon.reload(signal.SIGHUP if number % 3 == 1 else signal.SIGUSR1)
            until(lambda wanted=number: reload_count(site) >= wanted, f"reload {number}")
            # From now on the new lists hold, for both files.
            stray = judge(site, "bob@example.test", world.STRAY, "web.shop.test", "a@web.shop.test")
            assert stray == (550 if odd else 250), number
            assert judge(site, "flip@example.test") == (550 if odd else 250), number
    finally:
        traffic.stop()
    assert traffic.wrong == []
    assert min(traffic.counts) > RELOADS
    # Nothing was forgotten, nothing counted twice: every message that was accepted, and no other.
    shown = json.loads(ctl(*control(site), "limits", "show", "--json", world.TRUSTED)[1])
    kept = next(limit for limit in shown["limits"] if limit["limit"] == "kept")
    assert kept["used"] == traffic.counts[3]
    assert reload_count(site) == RELOADS
    print(f"\n{RELOADS} reloads, {sum(traffic.counts)} messages judged meanwhile, none wrongly")
    write(site.users_file, users)
    site.stop_filter()


def test_by_all_ways_at_once(site):
    """SIGHUP, SIGUSR1 and the control socket, while mail goes on."""
    daemon = site.fresh_filter("connection { mode = off }\n")
    mark = daemon.mark()
    results, done = [], threading.Event()

    def by_control():
        while not done.is_set():
            results.append(ctl(*control(site), "reload")[:2])

    def by_signal():
        while not done.wait(0.005):
            daemon.reload(signal.SIGHUP)
            daemon.reload(signal.SIGUSR1)

    threads = [threading.Thread(target=work) for work in (by_control, by_signal, by_control)]
    for thread in threads:
        thread.start()
    codes = {judge(site, "bob@example.test") for _ in range(100)}
    done.set()
    for thread in threads:
        thread.join()
    assert codes == {250}
    assert results and set(results) == {(0, "reloaded\n")}
    assert len(daemon.lines(mark, " reloaded")) > len(results)
    site.stop_filter()


@pytest.mark.parametrize("broken", ["hostname = \n", "include(\"nowhere.conf\")\n", "deny = { \"/nowhere\" }\n"])
def test_what_is_broken_changes_nothing(site, broken):
    daemon = site.fresh_filter('deny = { "198.51.100.7" }\n')
    for _ in range(3):
        daemon.configure(site.base() + broken)
        assert ctl(*control(site), "reload")[0] == 78
        assert judge(site, "bob@example.test") == 250
        assert judge(site, "bob@example.test", world.STRAY, "web.shop.test", "a@web.shop.test") == 550
    daemon.configure(site.base())
    assert ctl(*control(site), "reload")[0] == 0
    assert judge(site, "bob@example.test", world.STRAY, "web.shop.test", "a@web.shop.test") == 250
    site.stop_filter()


def test_a_source_that_becomes_empty(site):
    """It is loaded, since it may be meant, but said where an administrator looks."""
    daemon = site.fresh_filter()
    mark = daemon.mark()
    before = open(site.users_file, encoding="utf-8").read()
    try:
        write(site.users_file, "# nobody yet\n")
        daemon.reload()
        daemon.wait_line(r'configuration: .*mailreeve\.conf:9: "example\.test file:.*" holds nobody, so every '
                         "recipient there is unknown; fill it, or leave the source out", mark)
    finally:
        write(site.users_file, before)
    mark = daemon.mark()
    daemon.reload()
    daemon.wait_line("configuration.*(loaded|read)", mark)
    assert not daemon.lines(mark, "holds nobody")
