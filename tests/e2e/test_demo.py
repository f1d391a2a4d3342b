# SPDX-License-Identifier: BSD-2-Clause
"""make demo KEEP=1, as somebody uses it who reads what it prints."""

import os
import re
import shlex
import signal
import subprocess

import pytest

from harness.process import until

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "demo", "run.sh")
SWAKS = 4  # sample lines


def processes_of(folder):
    """Command lines that name the folder; of Postfix's own the one that started it does."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


class Demo:
    """Started as by a person at a terminal: a group of processes of its own."""

    def __init__(self):
        environment = {k: v for k, v in os.environ.items() if k != "MAILREEVE_NAMESPACE"}
        self.process = subprocess.Popen(
            ["sh", DEMO], env=environment | {"KEEP": "1"}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
            # What runs in the background of a script ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.text = ""
        while self.text.count("--xclient-addr") < SWAKS:
            line = self.process.stdout.readline()
            assert line, f"it ended:\n{self.text}"
            self.text += line
        self.folder = re.search(r"(/\S*mailreeve-demo\.[^/\s]+)", self.text)[1]

    def swaks(self):
        """The printed lines, as a shell reads them."""
        joined = self.text.replace("\\\n", " ")
        return [shlex.split(line) for line in joined.splitlines() if "swaks --server" in line]

    def end(self, how):
        os.killpg(self.process.pid, how)
        self.text += self.process.communicate(timeout=60)[0]
        return self.process.returncode


def said(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


# Ctrl-C reaches all that stand in the foreground; a terminal that is closed says SIGHUP.
@pytest.mark.parametrize("how, code", [(signal.SIGINT, 0), (signal.SIGHUP, 129)])
def test_keep(how, code):
    demo = Demo()
    try:
        assert "conversations went as they should" in demo.text, demo.text
        if how == signal.SIGINT:
            commands = demo.swaks()
            assert len(commands) == SWAKS
            assert "250 2.0.0 Ok: queued" in said(commands[0])
            refused = said(commands[1])
            assert re.search(r"550 5\.7\.1 .*the HELO name is ours", refused), refused
        assert processes_of(demo.folder)
        assert demo.end(how) == code, demo.text
    finally:
        if demo.process.poll() is None:
            demo.end(signal.SIGTERM)
    assert not os.path.exists(demo.folder)
    until(lambda: not processes_of(demo.folder), "nothing of it runs any more")
