# SPDX-License-Identifier: BSD-2-Clause
"""mailreevectl explain: what the daemon makes of a supposed session."""

import json
import os
import pty
import re
import subprocess
import threading

import pytest

from harness import world
from harness.filter import PROGRAM
from harness.process import PATIENCE, until
from harness.site import letter

CTL = PROGRAM + "ctl"

LIMITS = """
limit "per-client" { key = "client_net" count = "messages" rate = "2 / 1h" }
limit "different" { key = "client_net" count = "unique_recipients" rate = "3 / 1h" }
limit "per-user" { key = "auth_user" count = "recipients" rate = "10 / 1h" }
"""

GOOD = ("--client", world.GOOD, "--helo", "mail.good.test", "--from", "anna@good.test",
        "--rcpt", "bob@example.test")
STRAY = ("--client", world.STRAY, "--helo", "mail.plain.test", "--from", "pat@plain.test",
         "--rcpt", "bob@example.test")


def run(*arguments, stdin=None, environment=None):
    done = subprocess.run(
        [CTL, *arguments], input=stdin, capture_output=True, text=True, timeout=PATIENCE,
        check=False, env={**os.environ, **(environment or {})},
    )
    return done.returncode, done.stdout, done.stderr


def explain(site, *arguments, **options):
    status, output, errors = run(
        "-s", f"{site.milter_path}.control", "explain", *arguments, **options)
    assert (status, errors) == (0, ""), errors
    return output


def explained(site, *arguments, **options):
    return json.loads(explain(site, *arguments, "--json", **options))


def checks(found):
    return {c["check"]: c for stage in found["stages"] for c in stage["checks"]}


def step(found, stage):
    return next(s for s in found["stages"] if s["stage"] == stage)


def test_good_session(site):
    site.filter(LIMITS)
    found = explained(site, *GOOD)
    assert found["result"] == {"verdict": "accept", "stage": "rcpt"}
    assert [s["stage"] for s in found["stages"]] == ["connect", "helo", "mail", "rcpt"]
    said = checks(found)
    assert said["rdns.missing"]["result"] == "pass"
    assert "mail.good.test" in said["rdns.unconfirmed"]["evidence"]
    limit = said["limit.rate(per-client)"]
    assert (limit["used"], limit["most"], limit["remaining"]) == (0, 2, 2)
    assert limit["window_seconds"] == 3600
    answers = {(a["name"], a["type"]): a for a in found["dns"]}
    mx = answers["good.test", "MX"]
    assert "mail.good.test" in mx["answer"] and 0 < mx["ttl"] <= 60
    assert answers["10.2.0.192.in-addr.arpa", "PTR"]["asked_by"] == "iprev"
    silent = {s["check"]: s["why"] for s in found["silent"]}
    assert silent["spf.softfail"] and "limit.rate" not in silent
    assert silent["message.from_missing"] == "not asked: no message was given"
    assert f"known by file:{site.users_file}" in said["recipient.unknown"]["evidence"]
    assert "has 0 open" in said["connection.concurrency"]["evidence"]
    # Every check is somewhere.
    assert not set(silent) & set(said)


@pytest.mark.parametrize(
    "mail, check",
    [
        ({"client": world.STRAY, "helo": "mx.example.test", "sender": "x@plain.test"},
         "helo.own_name"),
        ({"sender": "eve@nosuch.test"}, "sender.nonexistent"),
        ({"sender": "eve@nomail.test"}, "sender.null_mx"),
        ({"recipients": ["nobody@example.test"]}, "recipient.unknown"),
        ({"recipients": ["bob@elsewhere.test"]}, "recipient.relay"),
        ({"client": world.STRAY, "helo": "web.shop.test", "sender": "anna@good.test"},
         "spf.fail"),
    ],
)
def test_it_says_what_happens(mta, site, mail, check):
    """The same reply as a real client sees through the MTA, but for the reference."""
    daemon = site.filter()
    mark = daemon.mark()
    found = explained(
        site, "--client", mail.get("client", world.GOOD),
        "--helo", mail.get("helo", "mail.good.test"),
        "--from", mail.get("sender", "anna@good.test"),
        *[x for r in mail.get("recipients", ["bob@example.test"]) for x in ("--rcpt", r)])
    assert not daemon.decisions(mark), "an explained session is not logged"
    assert found["result"]["decided_by"] == check
    reply = step(found, "rcpt")["reply"]
    result = site.send(mta, **mail)
    _, real = result.refusal
    assert re.sub(r" \(ref [^)]*\)", "", real.given) == (
        f"{reply['code']} {reply['enhanced']} {reply['text']}")
    said = checks(found)[check]
    assert said["result"] == "fail" and said["set_in"] == "default"


def test_place_in_the_configuration(site):
    daemon = site.filter("rdns {\n  missing = reject\n}\n")
    found = explained(site, "--client", world.NAMELESS, *STRAY[2:])
    said = checks(found)["rdns.missing"]
    line = daemon.configuration.split("\n").index("  missing = reject") + 1
    assert said["set_in"] == f"{daemon.file}:{line}"
    assert (found["result"]["verdict"], found["result"]["decided_by"]) == ("reject", "rdns.missing")
    # What comes behind the decision is shown, and said to be behind it.
    assert any(c.get("beyond") for c in checks(found).values())
    assert not said.get("beyond")


def test_lists_and_their_lines(site, tmp_path):
    allow = site.folder + "/allow"
    with open(allow, "w", encoding="utf-8") as out:
        out.write("# ours\n\n198.51.100.0/24\n")
    site.filter(f'allow = {{ "{allow}" }}\n')
    found = explained(site, *STRAY)
    connect = step(found, "connect")
    assert connect["exempt"] == "allowed"
    assert f"{allow}:3" in connect["exempt_by"]
    skipped = [s["check"] for s in found["silent"] if s["why"] == "skipped: allowed"]
    assert "helo.mismatch" in skipped

    site.filter(f'deny = {{ "{allow}" }}\n')
    found = explained(site, *STRAY)
    assert found["result"]["decided_by"] == "lists.denied"
    assert f"{allow}:3" in checks(found)["lists.denied"]["evidence"]


def test_nothing_is_charged(mta, site):
    site.fresh_filter(LIMITS)
    assert site.send(mta).accepted
    for _ in range(5):
        found = explained(site, *GOOD)
        limit = checks(found)["limit.rate(per-client)"]
        assert (limit["result"], limit["used"], limit["remaining"]) == ("pass", 1, 1)
        assert checks(found)["limit.rate(different)"]["used"] == 1
    assert site.send(mta).accepted
    found = explained(site, *GOOD)
    limit = checks(found)["limit.rate(per-client)"]
    assert (limit["result"], limit["used"], limit["remaining"]) == ("fail", 2, 0)
    assert found["result"]["decided_by"] == "limit.rate(per-client)"
    assert not site.send(mta).accepted
    status, output, _ = run("-s", f"{site.milter_path}.control", "status", "--json")
    assert status == 0
    assert json.loads(output)["sessions"] == 3


def test_recipients_after_others(mta, site):
    """Each recipient is judged after those before it, as in the session itself; nothing is counted."""
    site.fresh_filter(
        'limit "few" { key = "client_net" count = "recipients" rate = "3 / 1h" }\n'
        'limit "once" { key = "client_net" count = "messages" rate = "2 / 1h" }\n')
    assert site.send(mta).accepted
    more = [x for name in ("carol", "dave", "bob") for x in ("--rcpt", f"{name}@example.test")]
    for _ in range(2):
        found = explained(site, *GOOD, *more)
        rcpts = [s for s in found["stages"] if s["stage"] == "rcpt"]
        assert [s["verdict"] for s in rcpts] == ["accept", "accept", "tempfail", "tempfail"]
        few = [c for s in rcpts for c in s["checks"] if c["check"] == "limit.rate(few)"]
        assert [(c["result"], c["used"]) for c in few] == [
            ("pass", 1), ("pass", 2), ("fail", 3), ("fail", 3)]
    result = site.send(mta, recipients=[
        "bob@example.test", "carol@example.test", "dave@example.test", "bob@example.test"])
    assert [reply.code for reply in result.rcpts] == [250, 250, 451, 451]


def test_a_recipient_that_is_counted_already(mta, site):
    """It passes where the limit of unique recipients is reached, and the limit is shown all the same."""
    site.fresh_filter('limit "few" { key = "client_net" count = "unique_recipients" rate = "1 / 1h" }\n')
    assert site.send(mta).accepted
    limit = checks(explained(site, *GOOD))["limit.rate(few)"]
    assert (limit["result"], limit["used"], limit["remaining"]) == ("pass", 1, 0)
    other = [*GOOD[:-1], "carol@example.test"]
    assert checks(explained(site, *other))["limit.rate(few)"]["result"] == "fail"


def test_authenticated(site):
    site.filter(LIMITS)
    found = explained(site, *STRAY, "--auth", "anna")
    assert found["result"]["verdict"] == "accept"
    assert "authenticated" in step(found, "rcpt")["exempt"]
    assert checks(found)["limit.rate(per-user)"]["most"] == 10


def test_several_recipients(site):
    site.filter()
    found = explained(site, *GOOD, "--rcpt", "nobody@example.test", "--rcpt", "dave@example.test")
    replies = [(s["argument"], s["verdict"]) for s in found["stages"] if s["stage"] == "rcpt"]
    assert replies == [
        ("bob@example.test", "accept"), ("nobody@example.test", "reject"),
        ("dave@example.test", "accept")]


def test_without_recipients(site):
    site.filter()
    found = explained(site, "--client", world.GOOD, "--helo", "mail.good.test",
                      "--from", "eve@nosuch.test")
    assert found["result"]["decided_by"] == "sender.nonexistent"
    found = explained(site, "--client", world.NAMELESS)
    assert checks(found)["rdns.missing"]["result"] == "fail"


def test_message(site, tmp_path):
    site.filter()
    file = tmp_path / "message"
    file.write_text(letter("explained"), encoding="utf-8")
    found = explained(site, *GOOD, "--message", str(file))
    assert found["result"] == {"verdict": "accept", "stage": "eom"}
    assert any(c["name"] == "Authentication-Results" for c in found["changes"])
    found = explained(site, *GOOD, "--message", "-", stdin=letter("x", "From: <eve@good.test>\n"))
    assert "message" in {c.split(".")[0] for c in checks(found)}


def test_reply_at_stage(site):
    site.filter("reply_at = stage\n")
    found = explained(site, "--client", world.GOOD, "--helo", "mx.example.test", *GOOD[4:])
    assert (found["result"]["stage"], found["result"]["verdict"]) == ("helo", "reject")
    assert step(found, "helo")["reply"]["code"] == "550"
    assert step(found, "rcpt")["unreached"]


# Lines of logs.


def test_log_line_of_the_filter(mta, site):
    daemon = site.filter()
    mark = daemon.mark()
    site.send(mta, sender="eve@nosuch.test")
    line = daemon.wait_line("verdict=reject", mark)
    for text in (line, "Nov 22 03:00:00 mx mailreeve[1]: " + line.split(": ", 1)[1]):
        found = explained(site, "--log-line", text)
        assert found["result"]["decided_by"] == "sender.nonexistent"
        assert found["session"]["client"] == world.GOOD
    # The command line goes over it.
    found = explained(site, "--log-line", line, "--from", "anna@good.test")
    assert found["result"]["verdict"] == "accept"
    found = explained(site, "--log-line", "-", stdin=line + "\n")
    assert found["result"]["decided_by"] == "sender.nonexistent"


def test_log_line_of_postfix(postfix, site):
    site.filter()
    before = len(postfix.log_text())
    site.send(postfix, sender="eve@nosuch.test")
    line = until(
        lambda: next((x for x in postfix.log_text()[before:].splitlines(True)
                      if "milter-reject" in x and x.endswith("\n")), None), "Postfix's line").strip()
    found = explained(site, "--log-line", line)
    assert found["session"]["recipients"] == ["bob@example.test"]
    assert found["session"]["helo"] == "mail.good.test"
    assert found["result"]["decided_by"] == "sender.nonexistent"


def test_log_line_in_json(postfix, site):
    daemon = site.filter('log_format = json\n')
    mark = daemon.mark()
    site.send(postfix, sender="eve@nosuch.test")
    line = daemon.wait_line('"verdict":"reject"', mark)
    assert json.loads(line)["from"] == "<eve@nosuch.test>"
    found = explained(site, "--log-line", line)
    assert found["result"]["decided_by"] == "sender.nonexistent"


# Without a daemon.


def test_without_a_daemon(site, tmp_path, nameserver):
    del nameserver
    file = tmp_path / "mailreeve.conf"
    file.write_text(site.base(), encoding="utf-8")
    arguments = ("explain", *STRAY, "--nameserver", "192.0.2.53", "-c", str(file))
    status, output, errors = run("-s", "/nonexistent", *arguments, "--json")
    assert (status, errors) == (0, "")
    alone = json.loads(output)
    site.filter()
    there = explained(site, *STRAY)
    assert alone["result"] == there["result"]
    assert {c: x["result"] for c, x in checks(alone).items()} == {
        c: x["result"] for c, x in checks(there).items()}

    file.write_text("nothing = 1\n", encoding="utf-8")
    status, output, errors = run(*arguments)
    assert status == 78 and "mailreeve.conf:1:" in errors and output == ""
    status, _, errors = run("-s", "/nonexistent", "explain", *GOOD)
    assert status == 69 and "is mailreeve running" in errors


# What a person sees.


def on_a_terminal(columns, *arguments, environment=None):
    """Output of the tool on a terminal of so many columns."""
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(environment or {})}
    env.pop("COLUMNS", None)
    child = subprocess.Popen([CTL, *arguments], stdout=slave, stdin=subprocess.DEVNULL, env=env)
    os.close(slave)
    output = b""
    while True:
        try:
            block = os.read(master, 65536)
        except OSError:
            break
        if not block:
            break
        output += block
    os.close(master)
    assert child.wait(timeout=PATIENCE) == 0
    return output.decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [120, 60, 40])
def test_tree_on_a_terminal(site, columns):
    site.filter()
    output = on_a_terminal(columns, "-s", f"{site.milter_path}.control", "explain", *STRAY)
    codes = set(re.findall("\x1b\\[([0-9;]*)m", output))
    # Readable on dark and light: no yellow, blue, white, black, nor faint.
    assert codes <= {"0", "1", "32", "1;31", "35"} and "32" in codes
    plain = re.sub("\x1b\\[[0-9;]*m", "", output)
    assert "├─" in plain and "└─" in plain
    assert max(len(line) for line in plain.split("\n")) <= columns


def test_plain_where_it_is_asked_for(site):
    site.filter()
    output = explain(site, *STRAY)
    assert "\x1b" not in output and output.isascii()
    assert "RCPT TO bob@example.test" in output
    control = ("-s", f"{site.milter_path}.control", "explain", *STRAY)
    assert "\x1b" not in on_a_terminal(80, *control, environment={"NO_COLOR": "1"})
    assert "\x1b" not in on_a_terminal(80, *control, environment={"TERM": "dumb"})
    assert on_a_terminal(80, *control, environment={"LC_ALL": "C"}).isascii()


# Trouble.


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((), "client is missing"),
        (("--client", "192.0.2.300"), "192.0.2.300"),
        (("--client", "192.0.2.7\x1b"), "\\x1b"),
        (("--client", "192.0.2.7", "--port", "x"), "--port"),
        (("--client", "192.0.2.7", "surplus"), "surplus"),
        (("--client", "192.0.2.7", "-c", "/etc/passwd"), "--nameserver"),
        (("--client", "192.0.2.7", "--nameserver", "nowhere", "-c", os.devnull), "nowhere"),
        (("--log-line", "nothing of that kind"), "neither"),
        (("--log-line", 'session=ABC client="x'), "broken"),
        (("--client", "192.0.2.7") + ("--rcpt", "a@b.test") * 51, "more than 50"),
        (("--unknown",), "unknown"),
    ],
)
def test_usage(arguments, said):
    status, output, errors = run("explain", *arguments)
    assert status == 64
    assert output == ""
    assert said in errors


def test_odd_bytes(site):
    site.filter()
    found = explained(site, "--client", world.GOOD, "--helo", "a\nb\"\\", "--from", "<x\ty@z>",
                      "--rcpt", "<@a,@b:bob@example.test>", "--rcpt", "")
    assert found["session"]["helo"] == "a\\x0ab\\x22\\x5c"
    assert step(found, "rcpt")["verdict"] == "reject"


def test_others_need_not_wait(site):
    """While some ask what takes long, the control socket answers; and too many are told to wait."""
    site.fresh_filter('resolver { nameservers = { "192.0.2.254:53" } }\ntime_limit = 3s\n')
    results = []

    def ask():
        results.append(run("-s", f"{site.milter_path}.control", "explain", *GOOD, "--json")[0])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    status, output, _ = run("-s", f"{site.milter_path}.control", "status")
    assert status == 0 and "mailreeve" in output
    for thread in threads:
        thread.join()
    assert results.count(0) >= 4 and set(results) <= {0, 75}
    site.stop_filter()
