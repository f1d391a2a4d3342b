# SPDX-License-Identifier: BSD-2-Clause
"""Servers as foreground children, and waiting for what they do without guessing how long."""

import os
import signal
import socket
import struct
import subprocess
import time

PATIENCE = 30.0  # seconds; a safety net for a hung test, never an assertion about speed


def until(condition, what, patience=PATIENCE):
    """Polls CONDITION until it gives something true, and returns that."""
    give_up = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"waited {patience:.0f} s in vain for: {what}")
        time.sleep(0.005)


def _hex_address(address):
    if ":" in address:
        packed = socket.inet_pton(socket.AF_INET6, address)
        return "".join(f"{word:08X}" for word in struct.unpack("=4I", packed))
    return f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}"


def tcp_listens(address, port):
    """Looks into /proc instead of connecting, which would be a session for the server."""
    wanted = f"{_hex_address(address)}:{port:04X}"
    with open("/proc/net/tcp6" if ":" in address else "/proc/net/tcp", encoding="ascii") as table:
        return any(
            row[1] == wanted and row[3] == "0A" for row in map(str.split, table) if len(row) > 3
        )


def udp_listens(address, port):
    wanted = f"{_hex_address(address)}:{port:04X}"
    with open("/proc/net/udp6" if ":" in address else "/proc/net/udp", encoding="ascii") as table:
        return any(row[1] == wanted for row in map(str.split, table) if len(row) > 3)


def unix_listens(path):
    with open("/proc/net/unix", encoding="utf-8") as table:
        for row in map(str.split, table):
            if len(row) == 8 and row[7] == path and row[5] == "01" and row[3] == "00010000":
                return True
    return False


def free_port(kind=socket.SOCK_STREAM, address="127.0.0.1"):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Child:
    """A server in the foreground, with its own session, its output in a file."""

    def __init__(self, argv, log_path, environment=None, cwd=None, pass_fds=()):
        self.argv = [str(word) for word in argv]
        self.log_path = str(log_path)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=cwd,
                pass_fds=pass_fds,
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def send_signal(self, number):
        os.kill(self.pid, number)

    def log_text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_ready(self, condition, what):
        def ready_or_dead():
            if not self.running():
                raise AssertionError(
                    f"{self.argv[0]} ended with {self.process.returncode} before {what}:\n"
                    + self.log_text()[-4000:]
                )
            return condition()

        until(ready_or_dead, what)

    def wait_end(self, patience=PATIENCE):
        """Exit status; negative for a signal."""
        return self.process.wait(timeout=patience)

    def stop(self, number=signal.SIGTERM):
        if self.running():
            self.send_signal(number)
            try:
                self.wait_end()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.argv[0]} did not end on signal {number}") from None
        return self.process.returncode

    def kill(self):
        if self.running():
            self.process.kill()
        self.process.wait()
