#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server on the zone data of the public SPF test suites.

    dns_zonedata.py FILE.yml [--document N] [--address 127.0.0.1] [--port 0]

serves "zonedata" of the N-th document of the file, prints "port NUMBER" when it is ready, and ends at
end of file on its standard input. Tests use the class:

    with ZoneServer(zonedata) as server:
        server.place        # "127.0.0.1:PORT", UDP and TCP
        server.queries      # [(name, type), ...] so far

Zone data: a name, and a list of its records, {TYPE: value}. SPF records stand for TXT records unless
the name has a TXT of its own ({TXT: NONE} means none at all); the string TIMEOUT makes the server
silent about types that the name does not have; {TYPE: TIMEOUT} about that type. What a CNAME leads to
is in the same answer, a loop of them is SERVFAIL. Any other name is NXDOMAIN, and names that begin
with "error." are SERVFAIL.
"""

import argparse
import socket
import struct
import sys
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset

IN = dns.rdataclass.IN
TTL = 300
CHAIN_MAX = 10


class Silence(Exception):
    """No answer is to be sent."""


def name_of(text):
    """A name whose labels may hold anything but a dot."""
    labels = [label.encode("utf-8") for label in str(text).split(".") if label]
    return dns.name.Name(labels + [b""])


def key_of(name):
    return b".".join(name.labels).lower().rstrip(b".")


def txt_rdata(value):
    strings = [value] if isinstance(value, (str, bytes)) else list(value)
    pieces = []
    for string in strings:
        octets = string if isinstance(string, bytes) else string.encode("utf-8")
        pieces += [octets[i:i + 255] for i in range(0, len(octets), 255)] or [b""]
    return dns.rdtypes.ANY.TXT.TXT(IN, dns.rdatatype.TXT, pieces or [b""])


def rdata_of(rdtype, value):
    if rdtype in ("TXT", "SPF"):
        return txt_rdata(value)
    if rdtype == "MX":
        preference, host = value
        return dns.rdata.from_text(IN, "MX", "%d %s" % (preference, name_of(host).to_text()))
    if rdtype in ("PTR", "CNAME"):
        return dns.rdata.from_text(IN, rdtype, name_of(value).to_text())
    return dns.rdata.from_text(IN, rdtype, str(value))


class Node:
    """What one name has."""

    def __init__(self, entries):
        self.records = {}  # type: [rdata]
        self.silent = set()  # types, or "" for all that it does not have
        records = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
        own_txt = any(rdtype == "TXT" for rdtype, _ in records)
        for rdtype, value in records:
            if value == "TIMEOUT":
                self.silent.add(rdtype)
            elif value != "NONE":
                self.add(rdtype, value)
                if rdtype == "SPF" and not own_txt:
                    self.add("TXT", value)
        if "TIMEOUT" in entries:
            self.silent.add("")

    def add(self, rdtype, value):
        self.records.setdefault(rdtype, []).append(rdata_of(rdtype, value))


class Zone:
    def __init__(self, zonedata):
        self.nodes = {key_of(name_of(name)): Node(entries or [])
                      for name, entries in (zonedata or {}).items()}

    def answer(self, query):
        question = query.question[0]
        response = dns.message.make_response(query, recursion_available=True)
        rdtype = dns.rdatatype.to_text(question.rdtype)
        name = question.name
        for _ in range(CHAIN_MAX):
            node = self.nodes.get(key_of(name))
            if node is None:
                error = key_of(name).startswith(b"error.")
                response.set_rcode(dns.rcode.SERVFAIL if error else dns.rcode.NXDOMAIN)
                return response
            if rdtype in node.records:
                response.answer.append(dns.rrset.from_rdata_list(name, TTL, node.records[rdtype]))
                return response
            if "CNAME" not in node.records:
                if rdtype in node.silent or "" in node.silent:
                    raise Silence
                return response
            response.answer.append(dns.rrset.from_rdata_list(name, TTL, node.records["CNAME"]))
            name = node.records["CNAME"][0].target
        response.answer = []
        response.set_rcode(dns.rcode.SERVFAIL)
        return response


def truncated(query):
    response = dns.message.make_response(query, recursion_available=True)
    response.flags |= dns.flags.TC
    return response.to_wire()


class ZoneServer:
    def __init__(self, zonedata, address="127.0.0.1", port=0):
        self.zone = Zone(zonedata)
        self.queries = []
        self.ended = False
        self.tcp, self.udp = self.bind(address, port)
        self.port = self.tcp.getsockname()[1]
        self.place = "%s:%d" % (address, self.port)

    @staticmethod
    def bind(address, port):
        """The same free port for both."""
        for _ in range(100):
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind((address, port))
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind((address, tcp.getsockname()[1]))
            except OSError:
                tcp.close()
                udp.close()
                continue
            tcp.listen(100)
            return tcp, udp
        raise OSError("no free port")

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run_udp, daemon=True),
                        threading.Thread(target=self.run_tcp, daemon=True)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        wake = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        wake.sendto(b"", self.udp.getsockname())
        wake.close()
        try:
            socket.create_connection(self.tcp.getsockname(), 1).close()
        except OSError:
            pass
        for thread in self.threads:
            thread.join(5)
        self.udp.close()
        self.tcp.close()

    def reply(self, packet):
        query = dns.message.from_wire(packet)
        question = query.question[0]
        self.queries.append((key_of(question.name).decode("latin-1"),
                             dns.rdatatype.to_text(question.rdtype)))
        return query, self.zone.answer(query).to_wire(max_size=65535)

    def run_udp(self):
        while not self.ended:
            packet, sender = self.udp.recvfrom(65535)
            try:
                query, wire = self.reply(packet)
            except (Silence, dns.exception.DNSException, IndexError):
                continue
            limit = query.payload if query.edns >= 0 else 512
            self.udp.sendto(wire if len(wire) <= limit else truncated(query), sender)

    def run_tcp(self):
        while not self.ended:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            while True:
                length = stream.read(2)
                if len(length) < 2:
                    return
                try:
                    _, wire = self.reply(stream.read(struct.unpack("!H", length)[0]))
                except (Silence, dns.exception.DNSException, IndexError):
                    continue
                connection.sendall(struct.pack("!H", len(wire)) + wire)


def main():
    import yaml

    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--document", type=int, default=0)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    with open(options.file, "rb") as stream:
        documents = list(yaml.safe_load_all(stream))
    zonedata = documents[options.document]["zonedata"]
    with ZoneServer(zonedata, options.address, options.port) as server:
        print("port", server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
