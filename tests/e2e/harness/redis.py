# SPDX-License-Identifier: BSD-2-Clause
"""A private Redis, kept in memory only."""

import os
import shutil
import socket

from .process import Child, tcp_listens

REDIS = shutil.which("redis-server", path="/usr/bin:/usr/sbin")


class Redis:
    def __init__(self, folder, address, port):
        self.folder, self.address, self.port = str(folder), address, port
        self.url = f"redis://{address}:{port}"
        os.makedirs(self.folder, exist_ok=True)
        self.child = None

    def start(self):
        self.child = Child(
            [REDIS, "--port", self.port, "--bind", self.address, "--dir", self.folder,
             "--save", "", "--appendonly", "no", "--daemonize", "no"],
            f"{self.folder}/redis.log",
        )
        self.child.wait_ready(lambda: tcp_listens(self.address, self.port), "Redis listening")

    def stop(self):
        if self.child:
            self.child.stop()
            self.child = None

    def command(self, *words):
        """One command; the reply as the protocol writes it."""
        request = b"*%d\r\n" % len(words)
        for word in words:
            data = word.encode() if isinstance(word, str) else word
            request += b"$%d\r\n%s\r\n" % (len(data), data)
        with socket.create_connection((self.address, self.port), 10) as connection:
            connection.sendall(request)
            return connection.recv(65536)

    def flush(self):
        assert self.command("FLUSHALL") == b"+OK\r\n"

    def key_count(self):
        return int(self.command("DBSIZE")[1:].strip())
