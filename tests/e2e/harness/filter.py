# SPDX-License-Identifier: BSD-2-Clause
"""The filter under test, its configuration and its log."""

import os
import re
import signal
import subprocess

from .process import Child, PATIENCE, until

BUILD = os.environ.get("MAILREEVE_BUILD") or os.path.join(
    os.path.dirname(__file__), "..", "..", "..", "build"
)
PROGRAM = os.path.abspath(os.path.join(BUILD, "mailreeve"))

_PAIR = re.compile(r'([a-z_0-9]+)=("(?:[^"\\]|\\.)*"|\S*)')


def parse_line(line):
    """The key=value fields of a log line, quotes taken off."""
    fields = {}
    for key, value in _PAIR.findall(line):
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        fields[key] = value
    return fields


class Filter:
    """One configuration, started in the foreground with its log in a file."""

    def __init__(self, folder, configuration, environment=None, options=(), under=(), program=PROGRAM):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.file = f"{self.folder}/mailreeve.conf"
        self.log_path = f"{self.folder}/mailreeve.log"
        self.environment, self.options = environment, list(options)
        self.under = list(under)  # a command that runs it
        self.program = program
        self.child = None
        self.configure(configuration)

    def configure(self, configuration):
        self.configuration = configuration
        with open(f"{self.file}.new", "w", encoding="utf-8") as out:
            out.write(configuration)
        os.chmod(f"{self.file}.new", 0o644)
        os.replace(f"{self.file}.new", self.file)

    def start(self):
        mark = self.mark()
        self.child = Child(
            [*self.under, self.program, "-f", "-c", self.file, *self.options], self.log_path,
            {**os.environ, **self.environment} if self.environment else None,
        )
        # The line comes after the socket has its owner and mode.
        self.child.wait_ready(lambda: self.lines(mark, " serves "), "the filter serving")

    def stop(self):
        """Exit status after SIGTERM."""
        status = self.child.stop() if self.child else None
        self.child = None
        return status

    def reload(self, number=signal.SIGHUP):
        self.child.send_signal(number)

    # The log.

    def log_text(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def mark(self):
        return len(self.log_text())

    def lines(self, since=0, containing=""):
        text = self.log_text()[since:]
        complete = text[: text.rfind("\n") + 1].splitlines()
        return [line for line in complete if containing in line]

    def decisions(self, since=0, **wanted):
        """Decision lines as dicts whose fields have the wanted values."""
        rows = [parse_line(line) for line in self.lines(since) if " verdict=" in line]
        return [r for r in rows if all(r.get(k) == v for k, v in wanted.items())]

    def wait_decision(self, since=0, **wanted):
        """The last decision line with these values."""
        try:
            return until(lambda: self.decisions(since, **wanted), f"a log line with {wanted}")[-1]
        except AssertionError as error:
            raise AssertionError(f"{error}; the log:\n{self.log_text()[since:]}") from None

    def wait_line(self, pattern, since=0):
        """The first line that matches."""
        def find():
            return next((x for x in self.lines(since) if re.search(pattern, x)), None)

        try:
            return until(find, f"a log line like {pattern}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the log:\n{self.log_text()[since:]}") from None


def run_filter(*arguments, environment=None):
    """The program run to its end: exit status, output, error output."""
    done = subprocess.run(
        [PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
        env={**os.environ, **environment} if environment else None,
    )
    return done.returncode, done.stdout, done.stderr
