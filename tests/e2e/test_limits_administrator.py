# SPDX-License-Identifier: BSD-2-Clause
"""What an administrator asks and changes of limits while the filter runs, in memory and in Redis."""

import json
import tempfile
from pathlib import Path

from harness import world
from harness.process import until
from harness.site import letter
from test_ctl import control, ctl
from test_limits import MESSAGES, OTHER, store  # noqa: F401 (a fixture)

ANNA = "anna@good.test"


def run(site, *words):
    status, output, errors = ctl(*control(site), "limits", *words)
    return status, output, errors


def ask(site, *words):
    status, output, _ = run(site, words[0], "--json", *words[1:])
    return status, json.loads(output)


def accepted(site, mta, count, **envelope):
    return [site.send(mta, **envelope).accepted for _ in range(count)]


def test_raise_and_what_ends_it(postfix, site, store):  # noqa: F811
    site.fresh_filter(MESSAGES.format(rate=2, store=store))
    assert accepted(site, postfix, 3) == [True, True, False]
    status, said, _ = run(site, "raise", "Anna@good.test", "4 / 1h", "until", "tomorrow")
    assert status == 0 and said.startswith("limit sender: Anna@good.test may have 4 / 1h until 20")
    assert accepted(site, postfix, 3) == [True, True, False]
    assert accepted(site, postfix, 3, **OTHER) == [True, True, False]
    row = ask(site, "show", ANNA)[1]["limits"][0]
    assert (row["used"], row["most"], row["remaining"]) == (4, 4, 0) and row["raised_until"]
    rows = ask(site, "raises")[1]["raises"]
    assert [(row["limit"], row["key"], row["rate"]) for row in rows] == [("sender", ANNA, "4 / 1h")]
    assert "raised until" in run(site, "show", ANNA)[1]
    # Words apart, and an end that comes soon.
    assert run(site, "raise", ANNA, "5", "/", "1h", "for", "3s")[0] == 0
    assert accepted(site, postfix, 2) == [True, False]
    assert run(site, "raise", ANNA, "unlimited", "for", "1s")[0] == 0
    assert accepted(site, postfix, 1) == [True]
    until(lambda: ask(site, "raises")[1]["raises"] == [], "the raise's end")
    assert accepted(site, postfix, 1) == [False]
    # Of a domain; and taken back.
    assert run(site, "raise", "good.test", "50 / 1h", "for", "1h")[0] == 0
    assert accepted(site, postfix, 1) == [True]
    assert run(site, "unraise", "GOOD.test") == (
        0, "limit sender: GOOD.test has no raise any more\n", "")
    assert accepted(site, postfix, 1) == [False]
    assert run(site, "unraise", "good.test")[0] == 65


def test_reset_and_top(postfix, site, store):  # noqa: F811
    settings = MESSAGES.format(rate=5, store=store) + (
        'limit "bytes" { key = "sender_domain" count = "bytes" rate = "10MB / 1d" }\n')
    site.fresh_filter(settings)
    assert accepted(site, postfix, 3) == [True] * 3
    assert accepted(site, postfix, 1, **OTHER) == [True]
    rows = ask(site, "top", "sender")[1]["limits"]
    assert [(row["key"], row["used"]) for row in rows] == [(ANNA, 3), ("olaf@other.test", 1)]
    assert [row["limit"] for row in ask(site, "top")[1]["limits"]][:2] == ["sender"] * 2
    assert len(ask(site, "top")[1]["limits"]) == 4
    assert len(ask(site, "top", "-n", "1")[1]["limits"]) == 1
    assert run(site, "top")[1].splitlines()[1].split()[:4] == ["sender", ANNA, "sender", "3"]
    assert ask(site, "reset", ANNA)[1]["reset"] == [
        {"limit": "sender", "key": ANNA, "by": "sender", "proven": True, "forgotten": 3}]
    assert ask(site, "show", ANNA)[1]["limits"][0]["used"] == 0
    assert accepted(site, postfix, 6) == [True] * 5 + [False]
    assert run(site, "reset", "192.0.2.1")[0] == 65
    assert run(site, "top", "nosuch")[1] == 'no limit "nosuch" runs\n'


def test_what_a_key_is_is_said(postfix, site, store):  # noqa: F811
    """A user and a sender of the same name have counts of their own."""
    site.fresh_filter(
        'limit "who" { key = "auth_user | sender" count = "recipients" rate = "90 / 1h" }\n'
        f"connection {{ mode = off }}\n{store}")
    assert as_user(postfix, ANNA, 2) == 2
    assert accepted(site, postfix, 1) == [True]
    rows = ask(site, "show", ANNA)[1]["limits"]
    assert [(row["by"], row["proven"], row["used"]) for row in rows] == [
        ("auth_user", True, 2), ("sender", True, 1)]
    lines = [line.split() for line in run(site, "show", ANNA)[1].splitlines()]
    assert lines[0][:4] == ["LIMIT", "KEY", "BY", "USED"]
    assert [line[1:4] for line in lines[1:]] == [[ANNA, "auth_user", "2"], [ANNA, "sender", "1"]]
    rows = ask(site, "show", f"{ANNA}+192.0.2.7")[1]["limits"]
    assert ("sender", False) in [(row["by"], row["proven"]) for row in rows]
    assert {row["by"] for row in ask(site, "top")[1]["limits"]} == {"auth_user", "sender"}
    assert run(site, "reset", ANNA)[1].splitlines() == [
        f"limit who: {ANNA} (auth_user) starts anew; 2 recipients forgotten",
        f"limit who: {ANNA} (sender) starts anew; 1 recipient forgotten"]


def test_which_limit_is_meant(postfix, site, store):  # noqa: F811
    settings = MESSAGES.format(rate=5, store=store) + (
        'limit "day" { key = "sender" count = "messages" rate = "50 / 1d" }\n'
        'limit "people" { key = "sender" count = "unique_recipients" rate = "5 / 1h" }\n')
    site.fresh_filter(settings)
    assert run(site, "raise", ANNA, "100 / 1d", "until", "tomorrow")[1].startswith("limit day:")
    status, said, _ = run(site, "raise", ANNA, "100 / 1h", "until", "tomorrow")
    assert status == 65 and said.splitlines() == [
        "several limits count by such a key; say which one with --limit NAME:",
        "  sender (5 messages / 1h)", "  people (5 unique recipients / 1h)"]
    assert run(site, "raise", "--limit", "day", ANNA, "5MB / 1d", "until", "tomorrow")[:2] == (
        65, "limit day: the rate's count is a size, but this limit counts messages; "
            "write a plain number, like 200 / 1h, or count = bytes\n")
    said = run(site, "raise", "--limit", "people", ANNA, "100 / 1h", "until", "tomorrow")[1]
    assert said.startswith("limit people:")
    assert [row["most"] for row in ask(site, "show", ANNA)[1]["limits"]] == [5, 100, 100]
    assert [row["most"] for row in ask(site, "show", "--limit", "day", ANNA)[1]["limits"]] == [100]


BAD = [
    (["raise", ANNA], "a key, a rate, and an end"),
    (["raise", ANNA, "5 / 1h"], "an end is missing"),
    (["raise", ANNA, "many", "until", "tomorrow"], 'the rate "many" cannot be read'),
    (["raise", ANNA, "5 / 1", "until", "tomorrow"], "the rate's window has no unit"),
    (["raise", ANNA, "5 / 2y", "until", "tomorrow"], "the rate's window is no duration"),
    (["raise", ANNA, "-5 / 1h", "until", "tomorrow"], "no whole number from 0 on"),
    (["raise", ANNA, "5 / 1h", "until", "yesterday"], '"yesterday" is no time'),
    (["raise", ANNA, "5 / 1h", "until", "2020-01-01"], "has passed already"),
    (["raise", ANNA, "5 / 1h", "for", "ever"], '"ever" is no duration'),
    (["predict", ANNA, "0"], "no number above 0"),
    (["predict", ANNA], "a key and a cost"),
    (["show"], "show takes one key"),
    (["show", ""], "show takes one key"),
    (["show", "a", "b"], "show takes one key"),
    (["show", "a\tb"], "no tab"),
    (["rise", ANNA], "did you mean raise?"),
    ([], "say what is wanted"),
    (["top", "-n", "0"], "a number from 1 to 1000"),
    (["top", "-n"], "a number is missing"),
    (["show", "--limit"], "a name is missing"),
    (["raises", ANNA], "raises takes no key"),
    (["show", "x" * 900], "too long"),
]


def as_user(postfix, user, count):
    """Recipients of one message of USER's that are accepted: by XCLIENT, which Sendmail does not have."""
    with postfix.connect(service=("127.0.0.1", 2527)) as dialogue:
        dialogue.command("EHLO before.test")
        login = "".join(c if c.isalnum() else "".join(f"+{octet:02X}" for octet in c.encode()) for c in user)
        dialogue.command(f"XCLIENT ADDR={world.GOOD} NAME=mail.good.test LOGIN={login}")
        dialogue.command("EHLO mail.good.test")
        dialogue.command(f"MAIL FROM:<{ANNA}>")
        taken = sum(dialogue.command("RCPT TO:<bob@example.test>").ok for _ in range(count))
        dialogue.command("DATA")
        assert dialogue.content(letter("odd")).ok
        dialogue.quit()
    return taken


USERS = ["12345", "o'brien", "DOM\\user", "jane doe", "a+b", 'x"y', "jürg", "10.0.0.1", "a/b", "anna@good.test"]


def test_users_of_any_name(postfix, site, store):  # noqa: F811
    """Raised, shown and listed by the name that they log in with, and as lists show it."""
    site.fresh_filter(
        'limit "user" { key = "auth_user" count = "recipients" rate = "2 / 1h" }\n'
        'limit "joined" { key = "auth_user + client_ip" count = "recipients" rate = "90 / 1h" }\n'
        f"connection {{ mode = off }}\n{store}")
    for user in USERS:
        assert as_user(postfix, user, 4) == 2
        key = f'"{user}"' if user in ("10.0.0.1", "a/b") else user
        assert run(site, "raise", "--limit", "user", key, "5 / 1h", "for", "1h")[0] == 0, user
        assert as_user(postfix, user, 4) == 3, user
        row, = ask(site, "show", "--limit", "user", user)[1]["limits"]
        assert (row["used"], row["most"]) == (5, 5)
        again = ask(site, "show", "--limit", "user", row["key"])[1]["limits"][-1]
        assert (again["key"], again["used"]) == (row["key"], 5)
        row, = ask(site, "show", "--limit", "joined", f"{user}+{world.GOOD}")[1]["limits"]
        assert row["used"] == 5
    rows = ask(site, "top", "user")[1]["limits"]
    assert len(rows) == len(USERS) and {row["most"] for row in rows} == {5}
    for user in USERS:
        key = f'"{user}"' if user in ("10.0.0.1", "a/b") else user
        assert run(site, "unraise", key)[0] == 0, user
    assert ask(site, "raises")[1]["raises"] == []


def test_addresses_of_any_form(mta, site, store):  # noqa: F811
    """Overrides, raises and questions find quoted addresses and such with a "+"; a joined key, too."""
    file = Path(site.filter_folder) / "odd"
    file.write_text('"john doe"@good.test 3 / 1h\n')
    site.fresh_filter(
        f'limit "one" {{ key = "sender" count = "messages" rate = "1 / 1h" overrides = "{file}" }}\n'
        'limit "joined" { key = "sender + client_ip" count = "messages" rate = "90 / 1h" }\n'
        "sender { mode = off }\n"
        f"connection {{ mode = off }}\n{store}")
    for sender, most in (('"john doe"@good.test', 3), ("anna+list@good.test", 1), ('"a+b c"@good.test', 1)):
        assert accepted(site, mta, most + 1, sender=sender) == [True] * most + [False], sender
        row, = ask(site, "show", "--limit", "one", sender)[1]["limits"]
        assert (row["used"], row["most"]) == (most, most)
        again, = ask(site, "show", "--limit", "one", row["key"])[1]["limits"]
        assert (again["key"], again["used"]) == (row["key"], most)
        row = ask(site, "show", "--limit", "joined", f"{sender}+{world.GOOD}")[1]["limits"][0]
        assert row["used"] == most
        assert run(site, "raise", "--limit", "one", sender, "unlimited", "for", "1h")[0] == 0
        assert accepted(site, mta, 1, sender=sender) == [True]
        assert ask(site, "reset", "--limit", "joined", row["key"])[1]["reset"][0]["forgotten"] == most + 1


def test_more_limits_than_a_call_takes(postfix, site, store):  # noqa: F811
    """Of forty, one in the second call refuses: nothing of the first is taken; the last can be raised."""
    counts = ["messages", "recipients", "unique_recipients"]
    site.fresh_filter("".join(
        f'limit "l{i:02}" {{ key = "sender" count = "{counts[i % 3]}" rate = "{1 if i == 18 else 100} / '
        f'{"1d" if i == 39 else "1h"}" {"mode = monitor" if i % 7 == 3 else ""} }}\n'
        for i in range(40)) + f"connection {{ mode = off }}\n{store}")
    assert accepted(site, postfix, 3) == [True, False, False]
    rows = ask(site, "show", ANNA)[1]["limits"]
    assert [row["used"] for row in rows] == [1] * 40
    said = run(site, "raise", ANNA, "5 / 1d", "for", "1h")[1]
    assert said.startswith("limit l39:"), said


def test_strict_messages(mta, site, store):  # noqa: F811
    """An attempt is a message, whatever is refused of it: its first recipient by another limit, all by this."""
    file = Path(site.filter_folder) / "others"
    file.write_text("bob@example.test unlimited\ndave@example.test unlimited\n")
    site.fresh_filter(
        'limit "tried" { key = "sender" count = "messages" rate = "2 / 1h" strict = yes }\n'
        'limit "carol" { key = "recipient" count = "recipients" rate = "1 / 1h" '
        f'overrides = "{file}" }}\nconnection {{ mode = off }}\n{store}')
    everyone = ["carol@example.test", "carol@example.test", "bob@example.test", "dave@example.test"]
    for i, codes in enumerate(([250, 451, 250, 250], [451, 451, 250, 250], [451] * 4, [451] * 4)):
        assert [reply.code for reply in site.send(mta, recipients=everyone).rcpts] == codes
        assert ask(site, "show", "--limit", "tried", ANNA)[1]["limits"][0]["used"] == i + 1


def test_top_after_another_window(postfix, site, store):  # noqa: F811
    """What was counted in a window that is no longer asked about is not shown as if it were."""
    site.fresh_filter(MESSAGES.format(rate=2, store=store))
    assert accepted(site, postfix, 2) == [True] * 2
    assert run(site, "raise", ANNA, "3 / 2h", "for", "1h")[0] == 0
    assert accepted(site, postfix, 1) == [True]
    row, = ask(site, "top")[1]["limits"]
    assert (row["used"], row["most"], row["window_seconds"]) == (1, 3, 7200)


def test_bad_words(postfix, site):
    site.fresh_filter(MESSAGES.format(rate=2, store=""))
    for words, complaint in BAD:
        status, output, errors = run(site, *words)
        assert status == 64 and complaint in errors.splitlines()[0], words
        assert output == "" and "usage: mailreevectl limits show" in errors
    assert run(site, "--help")[0] == 0
    status, output, _ = run(site, "raise", "192.0.2.0/99", "5 / 1h", "for", "1h")
    assert status == 65 and output


def test_unique_recipients(mta, site, store):  # noqa: F811
    site.fresh_filter(MESSAGES.format(rate=2, store=store).replace("messages", "unique_recipients"))
    everyone = ["bob@example.test", "BOB@example.test", "carol@example.test", "dave@example.test"]
    for _ in range(3):
        result = site.send(mta, recipients=everyone)
        assert [reply.code for reply in result.rcpts] == [250, 250, 250, 451]
        assert result.accepted
    assert "2 unique recipients per hour reached, try again in" in result.rcpts[-1].text
    assert ask(site, "show", ANNA)[1]["limits"][0]["used"] == 2


def test_a_raise_holds_on_all_hosts(postfix, site, redis):
    """One process raises, another, started later, obeys; and the first while Redis is away."""
    redis.flush()
    settings = MESSAGES.format(rate=1, store=f'store {{ url = "{redis.url}" }}')
    site.fresh_filter(settings)
    assert run(site, "raise", ANNA, "3 / 1h", "until", "tomorrow")[0] == 0
    site.fresh_filter(settings)
    assert accepted(site, postfix, 4) == [True] * 3 + [False]
    assert run(site, "reset", ANNA)[0] == 0
    redis.stop()
    assert accepted(site, postfix, 4) == [True] * 3 + [False]
    status, output, _ = run(site, "raise", ANNA, "4 / 1h", "for", "1h")
    assert status == 75 and "the store does not answer" in output
    assert run(site, "show", ANNA)[0] == 75
    assert ask(site, "top")[1]["store_up"] is False
    redis.start()


def test_who_is_told(postfix, site, store):  # noqa: F811
    """A program of the administrator's, once for a key and window; a session never waits for it."""
    folder = Path(tempfile.mkdtemp(dir=site.filter_folder))
    folder.chmod(0o777)
    told = folder / "told"
    program = folder / "tell"
    program.write_text(f'#!/bin/sh\nenv | grep MAILREEVE >> "{told}"\necho "$@" >> "{told}"\nsleep 600\n')
    program.chmod(0o755)
    settings = MESSAGES.format(rate=1, store=store).replace(
        "rate =", f'notify = "{program} \\"two words\\" $HOME" rate =')
    site.fresh_filter(settings)
    assert accepted(site, postfix, 4) == [True] + [False] * 3
    assert accepted(site, postfix, 2, **OTHER) == [True, False]
    until(lambda: told.exists() and told.read_text().count("two words $HOME") == 2, "both notices")
    text = told.read_text()
    assert "MAILREEVE_KEY=anna@good.test\n" in text and "MAILREEVE_USED=1\n" in text
    assert f"MAILREEVE_CLIENT={world.OTHER}\n" in text


def test_a_key_that_somebody_else_wrote(postfix, site, redis):
    """It is named in the log with its limit, once a minute; the others go on by their outage rules."""
    redis.flush()
    daemon = site.fresh_filter(
        'limit "look" { key = "sender" count = "messages" rate = "1 / 1d" mode = monitor }\n'
        'limit "hold" { key = "sender_domain" count = "messages" rate = "9 / 1h" }\n'
        f'connection {{ mode = off }}\nstore {{ url = "{redis.url}" }}\n')
    assert accepted(site, postfix, 1) == [True]
    key, = (word for word in redis.command("KEYS", "mailreeve:w:*:86400000").split(b"\r\n") if b":w:" in word)
    redis.command("SET", key, "somebody else's")
    mark = daemon.mark()
    assert accepted(site, postfix, 3) == [True] * 3
    line = daemon.wait_line("limit look: the store cannot count anna@good.test", mark)
    assert key.decode().removeprefix("mailreeve:") in line
    assert "goes by outage until you remove it: redis-cli DEL" in line
    assert len(daemon.lines(mark, "the store cannot count")) == 1
    assert redis.command("DEL", key) == b":1\r\n"
    assert accepted(site, postfix, 1) == [True]
    assert ask(site, "show", "--limit", "look", ANNA)[1]["limits"][0]["used"] == 1
