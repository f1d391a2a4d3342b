# SPDX-License-Identifier: BSD-2-Clause
"""The filter does its work under the restrictions of the unit that is shipped."""

import grp
import os
import re
import shutil
import signal
import subprocess
import urllib.request

import pytest

from harness import world
from harness.filter import PROGRAM
from harness.process import PATIENCE, until

TREE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
UNIT = f"{TREE}/packaging/systemd/mailreeve.service"
UNDER = f"{TREE}/tests/sandbox/under_unit.py"

LIMIT = """
store { url = "redis://127.0.0.1:6379/0" }
limit "few" { key = "sender" count = messages rate = "2 / 1h" }
metrics = "127.0.0.1:0"
"""


@pytest.fixture
def confined(site, redis):
    """As the unit runs it: the folder's group passes to the socket, for no right to change it is left."""
    folder = site.filter_folder
    before = os.stat(folder)
    os.chown(folder, -1, grp.getgrnam("postfix").gr_gid)
    os.chmod(folder, 0o2755)
    # Where a user who is not root can go, wherever the sources are.
    program = shutil.copy(PROGRAM, f"{folder}/program")
    running = site.fresh_filter(
        LIMIT, under=["/usr/bin/python3", UNDER, UNIT, "nobody", folder], program=program)
    yield running
    site.stop_filter()
    os.chown(folder, -1, before.st_gid)
    os.chmod(folder, before.st_mode & 0o7777)


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return dict(line.strip().split(":", 1) for line in lines if ":" in line)


def test_the_restrictions_are_there(confined):
    state = {k: v.strip() for k, v in status_of(confined.child.pid).items()}
    assert state["Seccomp"] == "2"
    assert state["NoNewPrivs"] == "1"
    assert int(state["CapBnd"], 16) == int(state["CapEff"], 16) == 0
    assert "0" not in state["Uid"].split()


def test_mail_passes_is_refused_and_limited(confined, site, mta):
    sender = f"anna.{site.token()}@good.test"
    for _ in range(2):
        assert site.send(mta, sender=sender).end.code == 250
    assert site.send(mta, sender=sender).rcpt.code == 451
    assert site.send(mta, recipients=("x@elsewhere.test",)).rcpt.code == 550
    nowhere = site.send(mta, client=world.GOOD, sender="a@does-not-exist.test")
    assert nowhere.rcpt.code == 550


def test_metrics(confined):
    port = re.search(r"port (\d+)$", confined.wait_line("metrics at ")).group(1)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    assert 'mailreeve_store_up{kind="redis"} 1' in text
    assert "\nprocess_resident_memory_bytes " in text


def test_reload_and_control(confined, site, postfix):
    mark = confined.mark()
    confined.reload(signal.SIGUSR1)
    confined.wait_line(r"configuration .* reloaded", mark)
    shown = subprocess.run(
        [f"{PROGRAM}ctl", "-s", f"{site.milter_path}.control", "status"], check=True,
        capture_output=True, text=True).stdout
    assert re.search(r"redis", shown)
    assert site.send(postfix).end.code == 250
    until(lambda: confined.child.running(), "the filter still running")
