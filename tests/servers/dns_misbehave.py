#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A DNS server that misbehaves on command: the first label of the name says how.

    dns_misbehave.py [--address 127.0.0.1] [--port 0] [--always BEHAVIOUR]

Prints "port NUMBER" when it is ready, and ends at end of file on its standard input. UDP and TCP
share the port. The labels:

    delay300          answers after 300 ms
    drop, lose        never answers; not the first time
    servfail, refused, formerr, notimp, flap    the code; flap: SERVFAIL the first time only
    nxdomain, nodata, nosoa    negative, with SOA (TTL 300, minimum 60); without
    tc, tcclose, tcdrop, tctc  truncated: whole over TCP, closes, silent, truncated again
    badid, badsource, badquestion, badtype, badclass, badquery, garbage, empty, headeronly, oversize
                      a wrong packet (with a forged address) first, the right one 50 ms later
    loop, forward, chained, cut, cutname, rdlong, rdshort, count, longname, badstring, twoquestions
                      a broken answer
    chain5, reversed5 five CNAMEs in one answer, in order and not
    step5             one CNAME an answer, until step0
    cnameloop, steploop    endless ones
    dangling, missing a CNAME whose target is NXDOMAIN; has no such record
    noedns, noednsheader, badvers    refuse EDNS0: FORMERR, without question, BADVERS
    bigtxt, manystrings, mx500, ptr1000, a80    large answers
    nullmx, odd, mapped, dup, other, referral, lame, authentic, flipcase, nultext
    ttl5, ttlhuge     the TTL of the answer
    echo192-0-2-7     that address

Anything else is answered. TXT "queries.NAME" says how often NAME was asked for (udp, tcp, edns).
"""

import argparse
import asyncio
import os
import re
import socket
import struct
import sys

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, OPT, IN = 1, 2, 5, 6, 12, 15, 16, 28, 41, 1
QR, TC, RD, RA, AD = 0x8000, 0x0200, 0x0100, 0x0080, 0x0020
GOOD, FORGED = bytes([192, 0, 2, 1]), bytes([203, 0, 113, 66])
SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 2, 3, 4, 5
CODES = {"servfail": 2, "refused": 5, "formerr": 1, "notimp": 4}


def wire_name(name):
    labels = [part for part in name.split(".") if part]
    return b"".join(bytes([len(p)]) + p.encode("latin-1") for p in labels) + b"\0"


class Query:
    def __init__(self, packet):
        self.id, flags, count = struct.unpack("!HHH", packet[:6])
        self.flags = flags
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
            at += 1 + packet[at]
        self.wire = packet[12:at + 1]
        self.name = ".".join(labels)
        self.type, self.klass = struct.unpack("!HH", packet[at + 1:at + 5])
        self.edns = packet[10:12] != b"\0\0"
        self.first = labels[0].lower() if labels else ""
        self.rest = ".".join(labels[1:])
        if count != 1:
            raise ValueError("one question, please")


def question(query, wire=None, qtype=None, klass=IN):
    return (wire or query.wire) + struct.pack("!HH", qtype or query.type, klass)


def record(owner, rtype, ttl, data, rdlength=None):
    length = len(data) if rdlength is None else rdlength
    return owner + struct.pack("!HHIH", rtype, IN, ttl, length) + data


def packet(query, answers=(), code=0, flags=QR | RD | RA, authority=(), extra=(), ident=None,
           section=None, counts=None):
    counts = counts or (1, len(answers), len(authority), len(extra))
    head = struct.pack("!HHHHHH", query.id if ident is None else ident, flags | code, *counts)
    body = section if section is not None else question(query)
    return head + body + b"".join(answers) + b"".join(authority) + b"".join(extra)


OWNER = b"\xc0\x0c"


def soa():
    data = wire_name("ns.test") + wire_name("root.test") + struct.pack("!IIIII", 1, 2, 3, 4, 60)
    return record(wire_name("test"), SOA, 300, data)


def data_for(query, address=GOOD):
    return {
        A: [address],
        AAAA: [bytes.fromhex("20010db8000000000000000000000001")],
        MX: [struct.pack("!H", 10) + wire_name("mx." + query.name)],
        PTR: [wire_name("host." + query.name)],
        TXT: [b"\x04good"],
    }.get(query.type, [])


def records(query, owner=OWNER, ttl=300, address=GOOD):
    return [record(owner, query.type, ttl, data) for data in data_for(query, address)]


def good(query, **more):
    return packet(query, records(query, **more))


def wrong_first(query):
    """The forged packet of these labels; the good one follows."""
    forged = records(query, address=FORGED)
    other = wire_name("other.test")
    return {
        "badid": packet(query, forged, ident=query.id ^ 0x0101),
        "badquestion": packet(query, records(query, other, 300, FORGED),
                              section=question(query, other)),
        "badtype": packet(query, forged, section=question(query, qtype=99)),
        "badclass": packet(query, forged, section=question(query, klass=3)),
        "badquery": packet(query, forged, flags=RD),
        "garbage": struct.pack("!H", query.id) + b"\x81\x80" + bytes(range(256)),
        "empty": b"",
        "headeronly": struct.pack("!HHHHHH", query.id, QR, 0, 0, 0, 0),
        "oversize": packet(query, forged) + bytes(5000),
    }.get(query.first)


def broken(query):
    head = len(packet(query))
    address = record(OWNER, A, 300, FORGED)
    here = struct.pack("!H", 0xc000 | head)
    chained = b"".join(struct.pack("!H", 0xc000 | max(12, head + 2 * i - 2)) for i in range(200))
    return {
        "loop": packet(query, [record(here, A, 300, FORGED)]),
        "forward": packet(query, [record(struct.pack("!H", 0xc000 | (head + 20)), A, 300, FORGED)]),
        "chained": packet(query, [record(wire_name("x"), 99, 0, chained), address,
                                  record(struct.pack("!H", 0xc000 | (head + 400)), A, 0, FORGED)]),
        "cut": packet(query, [address])[:-3],
        "cutname": packet(query, [b"\x3fabc"], counts=(1, 1, 0, 0)),
        "rdlong": packet(query, [record(OWNER, query.type, 300, FORGED, 400)]),
        "rdshort": packet(query, [record(OWNER, query.type, 300, FORGED[:3])]),
        "count": packet(query, [address], counts=(1, 65535, 0, 0)),
        "longname": packet(query, [record(OWNER, PTR, 300, wire_name(".".join(["x" * 60] * 5))),
                                   record(OWNER, query.type, 300, FORGED[:3])]),
        "badstring": packet(query, [record(OWNER, TXT, 300, b"\xffabc"),
                                    record(OWNER, query.type, 300, b"\xffabc")]),
        "twoquestions": packet(query, [address], section=question(query),
                               counts=(1, 2, 0, 0)),
    }.get(query.first)


def chain(query, hops, backwards):
    names = [query.name] + [f"c{i}.{query.rest}" for i in range(1, hops + 1)]
    answers = [record(wire_name(names[i]), CNAME, 300 - i, wire_name(names[i + 1]))
               for i in range(hops)]
    answers += records(query, wire_name(names[-1]))
    return packet(query, answers[::-1] if backwards else answers)


def aliases(query):
    match = re.fullmatch(r"(chain|reversed|step)(\d+)", query.first)
    if match and match[1] != "step":
        return chain(query, int(match[2]), match[1] == "reversed")
    if match:
        left = int(match[2])
        if left == 0:
            return good(query)
        target = wire_name(f"step{left - 1}.{query.rest}")
        return packet(query, [record(OWNER, CNAME, 300, target)])
    target = wire_name("target." + query.rest)
    return {
        "cnameloop": packet(query, [record(OWNER, CNAME, 300, target),
                                    record(target, CNAME, 300, query.wire)]),
        "steploop": packet(query, [record(OWNER, CNAME, 300, query.wire)]),
        "dangling": packet(query, [record(OWNER, CNAME, 300, target)], NXDOMAIN,
                           authority=[soa()]),
        "missing": packet(query, [record(OWNER, CNAME, 300, target)], authority=[soa()]),
    }.get(query.first)


def large(query):
    if query.first == "bigtxt":
        data = (b"\xff" + b"x" * 255) * 253
        return [record(OWNER, TXT, 300, data)]
    if query.first == "manystrings":
        return [record(OWNER, TXT, 300, b"\x01y" * 255)]
    if query.first == "mx500":
        return [record(OWNER, MX, 300, struct.pack("!H", 500 - i) + wire_name(f"m{i}.test"))
                for i in range(500)]
    if query.first == "ptr1000":
        return [record(OWNER, PTR, 300, wire_name(f"p{i}.test")) for i in range(1000)]
    if query.first in ("a80", "tc"):
        return [record(OWNER, A, 300, bytes([192, 0, 2, i])) for i in range(1, 81)]
    return None


def special(query):
    first = query.first
    mapped = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 9])
    odd = b"\x07a.b\0c d\x04TEST\0"
    ns = record(wire_name("test"), NS, 300, wire_name("ns.test"))
    match = re.fullmatch(r"ttl(\d+)", first)
    if match:
        return good(query, ttl=int(match[1]))
    match = re.fullmatch(r"echo(\d+)-(\d+)-(\d+)-(\d+)", first)
    if match:
        return packet(query, [record(OWNER, A, 300, bytes(int(part) for part in match.groups()))])
    if first in CODES:
        return packet(query, code=CODES[first])
    flipped = bytes(c ^ 0x20 if chr(c).isalpha() else c for c in query.wire)
    return {
        "nxdomain": packet(query, code=NXDOMAIN, authority=[soa()]),
        "nodata": packet(query, authority=[soa()]),
        "nosoa": packet(query),
        "ttlhuge": good(query, ttl=0x80000001),
        "nullmx": packet(query, [record(OWNER, MX, 300, struct.pack("!H", 0) + b"\0")]),
        "odd": packet(query, [record(OWNER, PTR, 300, odd)]),
        "mapped": packet(query, [record(OWNER, AAAA, 300, mapped)]),
        "dup": packet(query, records(query) * 3),
        "other": packet(query, records(query, wire_name("elsewhere.test"))),
        "referral": packet(query, flags=QR, authority=[ns]),
        "lame": packet(query, flags=QR),
        "authentic": packet(query, records(query), flags=QR | RD | RA | (query.flags & AD)),
        "flipcase": packet(query, records(query, flipped), section=question(query, flipped)),
        "nultext": packet(query, [record(OWNER, TXT, 300, b"\x03a\0b\x02\xff\"")]),
    }.get(first)


def refuses_edns(query):
    if not query.edns:
        return None
    version = b"\0" + struct.pack("!HHIH", OPT, 1232, 0x01000000, 0)
    return {
        "noedns": packet(query, code=1),
        "noednsheader": struct.pack("!HHHHHH", query.id, QR | 1, 0, 0, 0, 0),
        "badvers": packet(query, extra=[version]),
    }.get(query.first)


class Server:
    def __init__(self, always):
        self.always = always
        self.asked = {}
        self.udp = None
        self.raw = None  # asyncio would not send an empty datagram
        self.elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def count(self, query, transport):
        seen = self.asked.setdefault(query.name.lower(), {"udp": 0, "tcp": 0, "edns": 0})
        seen[transport] += 1
        seen["edns"] += query.edns
        return seen["udp"] + seen["tcp"]

    def report(self, query):
        seen = self.asked.get(query.rest.lower(), {"udp": 0, "tcp": 0, "edns": 0})
        text = " ".join(f"{key}={value}" for key, value in seen.items()).encode()
        return packet(query, [record(OWNER, TXT, 0, bytes([len(text)]) + text)])

    def answer(self, query):
        many = large(query)
        if many is not None:
            return packet(query, many)
        return (refuses_edns(query) or broken(query) or aliases(query) or special(query)
                or good(query))

    def read(self, data, transport):
        query = Query(data)
        if self.always and query.first != "queries":
            query.first = self.always
        times = self.count(query, transport)
        return query, times

    def datagram(self, data, client):
        loop = asyncio.get_running_loop()
        query, times = self.read(data, "udp")
        first = query.first
        if first == "queries":
            self.udp.sendto(self.report(query), client)
            return
        if first == "drop" or (first == "lose" and times == 1):
            return
        if first == "flap" and times == 1:
            self.udp.sendto(packet(query, code=SERVFAIL), client)
            return
        delay = re.fullmatch(r"delay(\d+)", first)
        if delay:
            loop.call_later(int(delay[1]) / 1000, self.udp.sendto, good(query), client)
            return
        wrong = wrong_first(query)
        if first == "badsource":
            self.elsewhere.sendto(good(query, address=FORGED), client)
            loop.call_later(0.05, self.udp.sendto, good(query), client)
        elif wrong is not None:
            self.raw.sendto(wrong, client)
            loop.call_later(0.05, self.udp.sendto, good(query), client)
        elif first in ("tcclose", "tcdrop", "tctc"):
            self.udp.sendto(packet(query, flags=QR | RD | RA | TC), client)
        else:
            reply = self.answer(query)
            if len(reply) > (1232 if query.edns else 512):
                reply = packet(query, flags=QR | RD | RA | TC)
            self.udp.sendto(reply, client)

    async def stream(self, reader, writer):
        try:
            size = struct.unpack("!H", await reader.readexactly(2))[0]
            query, _ = self.read(await reader.readexactly(size), "tcp")
            reply = self.answer(query)
            if query.first == "tcdrop":
                await reader.read()
            elif query.first == "tctc":
                reply = packet(query, flags=QR | RD | RA | TC)
            if query.first not in ("tcdrop", "tcclose"):
                framed = struct.pack("!H", len(reply)) + reply
                for at in range(0, len(framed), 9000):
                    writer.write(framed[at:at + 9000])
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server):
        self.server = server

    def connection_made(self, transport):
        self.server.udp = transport

    def datagram_received(self, data, addr):
        try:
            self.server.datagram(data, addr)
        except (ValueError, IndexError, struct.error) as error:
            print("unreadable query:", error, file=sys.stderr)


def bind(address, port):
    """A UDP and a TCP socket with the same port."""
    for _ in range(50):
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            stream.bind((address, port))
            datagrams.bind((address, stream.getsockname()[1]))
            return stream, datagrams
        except OSError:
            stream.close()
            datagrams.close()
            if port != 0:
                raise
    raise OSError("no port is free for both UDP and TCP")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--always", default="")
    arguments = parser.parse_args()
    server = Server(arguments.always)
    stream, datagrams = bind(arguments.address, arguments.port)
    force = 33  # SO_RCVBUFFORCE, for root
    try:
        datagrams.setsockopt(socket.SOL_SOCKET, force, 4 << 20)
    except OSError:
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    server.raw = datagrams.dup()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Datagrams(server), sock=datagrams)
    await asyncio.start_server(server.stream, sock=stream)
    print("port", stream.getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: os.read(0, 100) or ended.set())
    await ended.wait()


asyncio.run(main())
