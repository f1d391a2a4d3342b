# SPDX-License-Identifier: BSD-2-Clause
"""A raw SMTP client that records every reply and refuses nothing its caller wants to try."""

import re
import socket

TIMEOUT = 30.0


class Reply:
    """An SMTP reply: all its lines without code and line ends."""

    def __init__(self, code, lines):
        self.code = code
        self.lines = lines

    @property
    def text(self):
        return " ".join(self.lines)

    @property
    def enhanced(self):
        match = re.match(r"([245]\.\d{1,3}\.\d{1,3})(\s|$)", self.lines[0]) if self.lines else None
        return match.group(1) if match else None

    @property
    def given(self):
        """Code and text as the filter gave it: Sendmail puts the recipient before a refusal."""
        return f"{self.code} " + re.sub(r"^(\S+ )<.*?>\.\.\. ", r"\1", self.text)

    @property
    def ok(self):
        return 200 <= self.code < 400

    def __repr__(self):
        return f"<{self.code} {self.text}>"

    def __str__(self):
        return f"{self.code} {self.text}"


class Dropped(Exception):
    """The server closed the connection instead of answering."""


class Dialogue:
    """One connection. `transcript` is a list of ("C" or "S", text)."""

    def __init__(self, address, port, source=None, proxy=None):
        self.transcript = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((address, port))
        self._buffer = b""
        if proxy:
            kind = "TCP6" if ":" in proxy else "TCP4"
            to = "2001:db8::25" if ":" in proxy else "192.0.2.25"
            self.socket.sendall(f"PROXY {kind} {proxy} {to} 40000 25\r\n".encode())
        self.greeting = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def greet(self):
        """Waits for the greeting."""
        self.greeting = self.reply()
        return self.greeting

    def _line(self):
        while b"\n" not in self._buffer:
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                raise Dropped(self._buffer.decode("utf-8", "replace"))
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self):
        lines = []
        while True:
            line = self._line()
            self.transcript.append(("S", line))
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), lines)

    def send(self, text):
        """Sends without waiting for an answer."""
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        self.transcript.append(("C", data.decode("utf-8", "replace").rstrip("\r\n")))
        self.socket.sendall(data)

    def command(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def pipeline(self, *lines):
        self.send("".join(line + "\r\n" for line in lines))
        return [self.reply() for _ in lines]

    def content(self, message):
        """The message after 354, dot-stuffed and ended."""
        text = re.sub(r"(?m)^\.", "..", message.replace("\r\n", "\n"))
        if not text.endswith("\n"):
            text += "\n"
        self.transcript.append(("C", message.rstrip() + "\n."))
        data = text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")
        self.socket.sendall(data + b".\r\n")
        return self.reply()

    def message(self, sender, recipients, message, parameters=""):
        """A whole transaction; stops at the first refusal that leaves nothing to go on with."""
        result = Transaction()
        result.mail = self.command(f"MAIL FROM:<{sender}>{parameters}")
        if not result.mail.ok:
            return result
        for recipient in recipients:
            result.rcpts.append(self.command(f"RCPT TO:<{recipient}>"))
        if not any(reply.ok for reply in result.rcpts):
            return result
        result.data = self.command("DATA")
        if result.data.code == 354:
            result.end = self.content(message)
        return result

    def starttls(self, context):
        reply = self.command("STARTTLS")
        if reply.ok:
            self.socket = context.wrap_socket(self.socket)
        return reply

    def quit(self):
        try:
            reply = self.command("QUIT")
        except (Dropped, OSError):
            reply = None
        self.close()
        return reply


class Transaction:
    """Replies to one message; None for what was never asked."""

    def __init__(self):
        self.greeting = self.helo = self.mail = self.data = self.end = None
        self.rcpts = []

    @property
    def rcpt(self):
        return self.rcpts[0] if self.rcpts else None

    @property
    def accepted(self):
        return self.end is not None and self.end.ok

    def steps(self):
        yield "greeting", self.greeting
        yield "helo", self.helo
        yield "mail", self.mail
        for reply in self.rcpts:
            yield "rcpt", reply
        yield "data", self.data
        yield "end", self.end

    @property
    def refusal(self):
        """(step, reply) of the first refusal; (None, None) when there was none."""
        for step, reply in self.steps():
            if reply is not None and not reply.ok:
                return step, reply
        return None, None

    def __repr__(self):
        return " ".join(f"{step}={reply}" for step, reply in self.steps() if reply is not None)
