# SPDX-License-Identifier: BSD-2-Clause
"""A private Redis, kept in memory only."""

import os
import shutil
import signal
import socket

from .process import Child, free_port, tcp_listens

REDIS = shutil.which("redis-server", path="/usr/bin:/usr/sbin")


class Redis:
    def __init__(self, folder, address, port, options=()):
        self.folder, self.address, self.port = str(folder), address, port
        self.options = [str(option) for option in options]
        self.url = f"redis://{address}:{port}"
        os.makedirs(self.folder, exist_ok=True)
        self.child = None

    def start(self):
        self.child = Child(
            [REDIS, "--port", self.port, "--bind", self.address, "--dir", self.folder,
             "--save", "", "--appendonly", "no", "--daemonize", "no", *self.options],
            f"{self.folder}/redis.log",
        )
        self.child.wait_ready(lambda: tcp_listens(self.address, self.port), "Redis listening")

    def stop(self):
        if self.child:
            self.child.stop()
            self.child = None

    def kill(self):
        self.child.kill()
        self.child = None

    def freeze(self):
        """Commands then find no answer at all."""
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

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


class Sentinel(Redis):
    """Watches the primary "mail" at PRIMARY_PORT."""

    def __init__(self, folder, address, port, primary_port, quorum):
        super().__init__(folder, address, port)
        with open(f"{self.folder}/sentinel.conf", "w", encoding="ascii") as file:
            file.write(
                f"port {port}\nbind {address}\ndir {self.folder}\n"
                f"sentinel monitor mail {address} {primary_port} {quorum}\n"
                "sentinel down-after-milliseconds mail 500\n"
                "sentinel failover-timeout mail 2000\n"
            )

    def start(self):
        self.child = Child(
            [REDIS, f"{self.folder}/sentinel.conf", "--sentinel"], f"{self.folder}/redis.log"
        )
        self.child.wait_ready(lambda: tcp_listens(self.address, self.port), "Sentinel listening")

    def knows_all(self):
        fields = self.command("SENTINEL", "MASTER", "mail").split(b"\r\n")
        values = dict(zip(fields[2::4], fields[4::4]))
        return values[b"num-slaves"] == b"1" and values[b"num-other-sentinels"] == b"2"


class ClusterNode(Redis):
    """One of COUNT primaries that know each other from the start."""

    def __init__(self, folder, address, index, count, port, bus_port):
        super().__init__(
            folder, address, port,
            ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
             "--cluster-node-timeout", "1000", "--cluster-port", bus_port],
        )
        self.bus_port, self.name = bus_port, f"{index + 1:040x}"
        self.slots = f"{index * 16384 // count}-{(index + 1) * 16384 // count - 1}"

    def know(self, nodes):
        with open(f"{self.folder}/nodes.conf", "w", encoding="ascii") as file:
            for epoch, node in enumerate(nodes, 1):
                flags = "myself,master" if node is self else "master"
                file.write(
                    f"{node.name} {node.address}:{node.port}@{node.bus_port} {flags} - 0 0 "
                    f"{epoch} connected {node.slots}\n"
                )
            file.write(f"vars currentEpoch {len(nodes)} lastVoteEpoch 0\n")


def node_of_a_cluster(folder, address, index, count):
    return ClusterNode(folder, address, index, count, free_port(), free_port())
