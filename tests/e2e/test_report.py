# SPDX-License-Identifier: BSD-2-Clause
"""The journal of decisions, and mailreevectl report over it."""

import json
import os
import re
import subprocess

import pytest

from harness import world
from harness.filter import PROGRAM
from harness.process import PATIENCE, until
from test_why import journal

CTL = PROGRAM + "ctl"

PLAIN = {"client": world.PLAIN_HOST, "helo": "mail.plain.test", "sender": "pat@plain.test"}

WATCHED = """
rdns { missing = monitor unconfirmed = monitor generic = monitor }
recipient { mode = monitor }
limit "per-client" { key = "client_net" count = "messages" rate = "1 / 1h" mode = monitor }
"""


def report(*arguments, environment=None):
    done = subprocess.run(
        [CTL, "report", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, check=False, env={**os.environ, **(environment or {})},
    )
    return done.returncode, done.stdout, done.stderr


def reported(file, *arguments):
    status, output, errors = report("--journal", file, "--json", *arguments)
    assert (status, errors) == (0, ""), errors
    return json.loads(output)


def records(file):
    try:
        with open(file, encoding="ascii") as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError:
        return []


def wait_records(file, count):
    until(lambda: len(records(file)) >= count, f"{count} records")
    return records(file)


def by(table, key):
    return {row[key]: row for row in table}


def test_records(mta, site):
    file, settings = journal(site)
    daemon = site.fresh_filter(settings)
    mark = daemon.mark()
    site.send(mta)
    site.send(mta, sender="eve@nosuch.test")
    site.send(mta, recipients=["bob@example.test", "nobody@example.test"])
    written = wait_records(file, 4)
    rows = daemon.decisions(mark)
    assert len(written) == len(rows) == 4
    for record, row in zip(written, rows):
        for key in ("session", "client", "helo", "from", "rcpt", "stage", "verdict", "check", "ref"):
            assert record.get(key) == row.get(key)
        assert record["host"] == world.HOSTNAME
        assert record["time"].endswith("Z")
    assert [r["verdict"] for r in written] == ["accept", "reject", "reject", "accept"]
    assert written[0]["domain"] == "good.test" and written[0]["recipients"] == 1
    assert os.stat(file).st_mode & 0o777 == 0o640


def test_monitored(mta, site):
    """Who would have been refused, and how much of it is otherwise welcome."""
    file, settings = journal(site)
    site.fresh_filter(settings + WATCHED)
    site.send(mta, **PLAIN)
    # The second message of a client is over its limit.
    site.send(mta, **PLAIN)
    site.send(mta, recipients=["bob@example.test", "nobody@example.test"])
    site.send(mta, **{**PLAIN, "client": world.NAMELESS})
    site.send(mta, sender="eve@nosuch.test")
    until(lambda: reported(file)["accepted"] >= 4 and reported(file)["rejected"] >= 1, "records")
    found = reported(file)
    checks = by(found["checks"], "check")
    assert checks["sender.nonexistent"]["rejected"] == 1
    limit = checks["limit.rate(per-client)"]
    assert (limit["rejected"], limit["would"], limit["accepted"]) == (0, 1, 1)
    assert checks["recipient.unknown"]["would"] == 1
    nameless = checks["rdns.missing"]
    # plain.test's first message was accepted without a word.
    assert (nameless["would"], nameless["accepted"], nameless["known"]) == (1, 1, 1)
    assert nameless["authenticated"] == 0
    assert by(found["limits"], "limit")["per-client"]["would"] == 1
    domains = by(found["domains"], "domain")
    assert domains["nosuch.test"]["rejected"] == 1 and domains["plain.test"]["would"] == 2
    assert len(found["days"]) == 1 and found["days"][0]["rejected"] == 1

    status, output, errors = report("--journal", file)
    assert (status, errors) == (0, "")
    assert "Only monitored:" in output and "rdns.missing" in output
    assert all(len(line) < 80 for line in output.splitlines())


def test_who_leaves_is_counted(mta, site):
    """In monitor mode a client that goes before the end of its message is on record, once."""
    file, settings = journal(site)
    daemon = site.fresh_filter(settings + "rdns { missing = monitor }\n")
    mark = daemon.mark()
    dialogue = mta.connect(source=world.NAMELESS)
    for line in ("EHLO mail.plain.test", "MAIL FROM:<pat@plain.test>", "RCPT TO:<bob@example.test>",
                 "RCPT TO:<dave@example.test>"):
        dialogue.command(line)
    dialogue.quit()
    dialogue.close()
    record = wait_records(file, 1)[0]
    assert (record["verdict"], record["would"]) == ("abandoned", "reject")
    assert record["would_check"] == "rdns.missing" and record["recipients"] == 2
    site.send(mta)
    assert [r["verdict"] for r in wait_records(file, 2)] == ["abandoned", "accept"]
    assert len(daemon.decisions(mark, verdict="abandoned")) == 1
    found = by(reported(file)["checks"], "check")["rdns.missing"]
    assert (found["would"], found["accepted"]) == (1, 0)


def test_times(site, tmp_path):
    file = tmp_path / "journal"
    start = {"host": "mx", "session": "S", "client": "192.0.2.7", "stage": "rcpt",
             "verdict": "reject", "check": "spf.fail", "action": "reject", "findings": []}
    days = ["2026-03-0%d" % d for d in range(1, 6)]
    file.write_text("".join(
        json.dumps({"time": f"{day}T12:00:00.000Z", **start, "domain": f"d{day}"},
                   separators=(",", ":")) + "\n" for day in days), encoding="ascii")
    assert reported(str(file))["records"] == 0  # long ago
    found = reported(str(file), "--since", "2026-03-02", "--until", "2026-03-03")
    assert [row["day"] for row in found["days"]] == days[1:3]
    found = reported(str(file), "--since", "2026-03-02 13:00", "--until", "2026-03-04 11:59")
    assert found["records"] == 1
    assert reported(str(file), "--since", "36500d")["records"] == 5
    found = reported(str(file), "--since", "2026-01-01", "--top", "2")
    assert len(found["domains"]) == 2 and found["domains_more"] == 3


def test_damaged_lines(tmp_path):
    """A torn last line, and others that are no records, are left out, and that is said."""
    file = tmp_path / "journal"
    good = ('{"time":"2026-03-01T12:00:00.000Z","stage":"rcpt","verdict":"reject",'
            '"check":"spf.fail","domain":"a.test","findings":[]}\n')
    file.write_text(good + "what\n" + "[]\n" + "{}\n" + "x" * 200000 + "\n" + good + good[:60],
                    encoding="ascii")
    (tmp_path / "journal.1").write_text(good, encoding="ascii")
    status, output, errors = report("--journal", str(file), "--since", "2026-01-01", "--json")
    assert status == 0
    assert json.loads(output)["rejected"] == 3
    assert "5 damaged lines were left out, the last one among them" in errors


def test_rotation(mta, site):
    """Bounded on the disk, and nothing is lost by it."""
    file, settings = journal(site)
    daemon = site.fresh_filter(settings + "journal_size = 64KB\njournal_files = 20\n")
    mark = daemon.mark()
    for _ in range(100):
        site.send(mta, sender="eve@nosuch.test", recipients=["bob@example.test"] * 3)
        if os.path.exists(f"{file}.1"):
            break
    assert os.path.exists(f"{file}.1")
    logged = {row["ref"] for row in daemon.decisions(mark)}
    until(lambda: reported(file)["rejected"] == len(logged), "all records")
    names = os.listdir(os.path.dirname(file))
    for name in names:
        assert os.path.getsize(f"{os.path.dirname(file)}/{name}") <= 65536
    assert {r["ref"] for n in names for r in records(f"{os.path.dirname(file)}/{n}")} == logged


def test_old_files_go(postfix, site):
    file, settings = journal(site)
    site.fresh_filter(settings + "journal_size = 64KB\njournal_files = 2\n")
    for _ in range(60):
        site.send(postfix, sender="eve@nosuch.test", recipients=["bob@example.test"] * 3)
    until(lambda: sorted(os.listdir(os.path.dirname(file))) == ["journal", "journal.1"], "two files")
    assert 0 < reported(file)["rejected"] < 180


def test_it_can_be_moved_away(mta, site):
    file, settings = journal(site)
    site.fresh_filter(settings)
    site.send(mta)
    wait_records(file, 1)
    os.rename(file, f"{file}.old")
    site.send(mta)
    wait_records(file, 1)


@pytest.mark.parametrize("place", ["/dev/full", "/proc/nothing/journal"])
def test_where_it_cannot_be(site, place):
    status = None
    try:
        site.fresh_filter(f'journal = "{place}"\n')
    except AssertionError as error:
        status = str(error)
    assert status is not None
    site.running = None


@pytest.mark.parametrize("kind, said", [("link", "it is a symbolic link"), ("pipe", "it is no file")])
def test_what_it_cannot_be(tmp_path, kind, said):
    place = str(tmp_path / "journal")
    if kind == "link":
        os.symlink("/nonexistent", place)
    else:
        os.mkfifo(place)
    settings = tmp_path / "filter.conf"
    settings.write_text(f'journal = "{place}"\nsocket = "local:{tmp_path}/socket"\n'
                        f'control_socket = "{tmp_path}/control"\n')
    done = subprocess.run([PROGRAM, "-f", "-c", str(settings)], stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == os.EX_CANTCREAT and said in done.stderr


def test_full_disk(mta, site):
    """Mail goes on, and the loss is told."""
    folder = f"{site.filter_folder}/small"
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs", folder], check=True)
    try:
        daemon = site.fresh_filter(f'journal = "{folder}/journal"\njournal_size = 1MB\n')
        mark = daemon.mark()
        for _ in range(40):
            site.send(mta, sender="eve@nosuch.test", recipients=["bob@example.test"] * 3)
        assert site.send(mta).accepted
        daemon.wait_line("journal: cannot write .*No space", mark)
        assert len(daemon.lines(mark, "journal: ")) == 1
        said = subprocess.run([CTL, "-s", f"{site.milter_path}.control", "status"],
                              capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
        assert re.search(r"^journal +\d+ records written, [1-9]\d* lost$", said, re.MULTILINE)
        for line in open(f"{folder}/journal", encoding="ascii"):
            json.loads(line)
    finally:
        site.stop_filter()
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize(
    "arguments, status, said",
    [
        (("--since", "yesterday"), 64, "yesterday"),
        (("--until", "2026-13-01"), 64, "2026-13-01"),
        (("--since", "2026-02-30"), 64, "2026-02-30"),
        (("--until", "2027-02-29 12:00"), 64, "2027-02-29"),
        (("--since", "2026-11-20 24:00"), 64, "24:00"),
        (("--top", "0"), 64, "--top"),
        (("surplus",), 64, "surplus"),
        (("--journal", "/nonexistent"), 66, "/nonexistent"),
        (("-c", os.devnull), 78, "names no journal"),
    ],
)
def test_usage(arguments, status, said):
    done, output, errors = report(*arguments)
    assert (done, output) == (status, "")
    assert said in errors
