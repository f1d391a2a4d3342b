# SPDX-License-Identifier: BSD-2-Clause
"""The MTA's end of the milter protocol, for what no real MTA shows or does."""

import socket
import struct

STEPS = {
    "NOCONNECT": 0x1, "NOHELO": 0x2, "NOMAIL": 0x4, "NORCPT": 0x8, "NOBODY": 0x10,
    "NOHDRS": 0x20, "NOEOH": 0x40, "NR_HDR": 0x80, "NOUNKNOWN": 0x100, "NODATA": 0x200,
    "SKIP": 0x400, "RCPT_REJ": 0x800, "NR_CONN": 0x1000, "NR_HELO": 0x2000, "NR_MAIL": 0x4000,
    "NR_RCPT": 0x8000, "NR_DATA": 0x10000, "NR_UNKN": 0x20000, "NR_EOH": 0x40000,
    "NR_BODY": 0x80000, "HDR_LEADSPC": 0x100000,
}
ALL_STEPS = 0x1FFFFF
ALL_ACTIONS = 0x1FF


class MilterClient:
    def __init__(self, path):
        """PATH: of a unix socket, or address and port."""
        if isinstance(path, tuple):
            self.socket = socket.create_connection(path, 30)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(30)
            self.socket.connect(path)
        self.steps = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, command, data=b""):
        self.socket.sendall(struct.pack("!I", len(data) + 1) + command.encode() + data)

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError("the filter closed the connection")
            data += more
        return data

    def receive(self):
        """(letter, data) of the next answer."""
        size = struct.unpack("!I", self._exactly(4))[0]
        packet = self._exactly(size)
        return packet[:1].decode(), packet[1:]

    def negotiate(self, version=6, actions=ALL_ACTIONS, steps=ALL_STEPS):
        """Names of the steps that the filter asked for."""
        self.send("O", struct.pack("!III", version, actions, steps))
        letter, data = self.receive()
        if letter != "O":
            raise AssertionError(f"answer {letter} to the negotiation")
        self.steps = struct.unpack("!III", data[:12])[2]
        return {name for name, bit in STEPS.items() if self.steps & bit}

    def connect_info(self, name="mail.good.test", address="192.0.2.10", port=40000):
        family = b"6" if ":" in address else b"4"
        data = name.encode() + b"\0" + family + struct.pack("!H", port) + address.encode() + b"\0"
        self.send("C", data)

    def helo(self, name="mail.good.test"):
        self.send("H", name.encode() + b"\0")

    def mail(self, path="<anna@good.test>"):
        self.send("M", path.encode() + b"\0")

    def rcpt(self, path="<bob@example.test>"):
        self.send("R", path.encode() + b"\0")

    def as_far_as_rcpt(self):
        """A session up to its first answer, of a filter that has none to connect, HELO and MAIL."""
        self.negotiate()
        self.connect_info()
        self.helo()
        self.mail()
        self.rcpt()
        assert self.receive()[0] == "c"

    def abort(self):
        self.send("A")

    def header(self, name, body):
        """BODY as octets, with its leading blank."""
        self.send("L", name.encode() + b"\0" + body + b"\0")

    def end_of_message(self):
        self.send("E")
