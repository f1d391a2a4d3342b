# SPDX-License-Identifier: BSD-2-Clause
"""The servers of the demonstration. In a namespace clients have their real source addresses, and
ports are the usual ones; elsewhere all is on free ports of 127.0.0.1, and Postfix is told the
client's address by the PROXY protocol, or by XCLIENT on the port for people."""

import os
import pwd

from harness import world
from harness.filter import Filter
from harness.nameserver import NameServer
from harness.postfix import Postfix
from harness.process import free_port
from harness.redis import Redis
from harness.sink import Sink

HERE = os.path.dirname(os.path.abspath(__file__))
STRICT = os.path.join(HERE, "..", "..", "conf", "strict.conf")
PROXIED = "smtpd_upstream_proxy_protocol=haproxy"


class Stage:
    def __init__(self, folder, in_namespace):
        self.folder, self.in_namespace = folder, in_namespace
        self.started = []
        dns = ("192.0.2.53", 53) if in_namespace else ("127.0.0.1", free_port())
        redis_port = 6379 if in_namespace else free_port()
        self.sink = Sink()
        self.dns = NameServer(f"{folder}/dns", *dns, world.zones())
        self.redis = Redis(f"{folder}/redis", "127.0.0.1", redis_port)
        with open(f"{folder}/users", "w", encoding="utf-8") as out:
            out.write("bob@example.test\n")
        self.filters = {
            name: self._filter(name, extra)
            for name, extra in (("default", ""), ("strict", _read(STRICT)))
        }
        self.services = {}
        self.postfix = self._postfix()

    def _filter(self, name, extra):
        folder = f"{self.folder}/{name}"
        os.makedirs(folder)
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        text = _read(f"{HERE}/mailreeve.conf") + extra
        for word, value in (
            ("@FOLDER@", self.folder), ("@SOCKET@", f"{folder}/milter.sock"),
            ("@DNS@", f"{self.dns.address}:{self.dns.port}"), ("@REDIS@", self.redis.url),
        ):
            text = text.replace(word, value)
        return Filter(folder, text)

    def _postfix(self):
        options = {}
        for number, (name, daemon) in enumerate(self.filters.items()):
            milter = f"smtpd_milters=unix:{daemon.folder}/milter.sock"
            if self.in_namespace:
                self.services[name] = ("192.0.2.25", 25 + number)
                options[self.services[name]] = [milter]
                continue
            self.services[name] = ("127.0.0.1", free_port())
            options[self.services[name]] = [milter, PROXIED]
            self.services[f"{name} for people"] = ("127.0.0.1", free_port())
            options[self.services[f"{name} for people"]] = [milter]
        return Postfix(
            f"{self.folder}/postfix", options, "", self.sink.port, world.HOSTNAME, world.DOMAIN
        )

    def start(self):
        for server in (self.dns, self.redis, *self.filters.values(), self.postfix):
            self.started.append(server)
            server.start()

    def stop(self):
        for server in reversed(self.started):
            server.stop()
        self.sink.stop()

    def connect(self, client, profile):
        service = self.services[profile]
        if self.in_namespace:
            return self.postfix.connect(source=client, service=service)
        return self.postfix.connect(service=service, proxy=client)


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()
