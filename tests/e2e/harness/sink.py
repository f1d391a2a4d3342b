# SPDX-License-Identifier: BSD-2-Clause
"""Where accepted mail arrives: a small SMTP server in a thread that keeps what it was given."""

import email
import email.policy
import socketserver
import threading

from .process import PATIENCE


class Delivery:
    """A message as it was delivered."""

    def __init__(self, sender, recipients, content):
        self.sender = sender
        self.recipients = recipients
        self.content = content

    @property
    def message(self):
        return email.message_from_bytes(self.content, policy=email.policy.compat32)

    def fields(self, name):
        """All fields of that name, unfolded, in their order."""
        return [" ".join(str(v).split()) for v in self.message.get_all(name, [])]

    def names(self):
        return self.message.keys()


class _Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def read_content(self):
        lines = []
        while True:
            line = self.rfile.readline()
            if line in (b".\r\n", b""):
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def handle(self):
        sender, recipients = None, []
        self.say("220 sink ESMTP")
        while True:
            line = self.rfile.readline().decode("utf-8", "replace").strip()
            verb = line.upper()
            if verb.startswith("EHLO"):
                self.wfile.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n")
            elif verb.startswith("MAIL FROM:"):
                sender, recipients = line[10:].split(">")[0].strip(" <"), []
                self.say("250 ok")
            elif verb.startswith("RCPT TO:"):
                recipients.append(line[8:].split(">")[0].strip(" <"))
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                self.server.keep(Delivery(sender, recipients, self.read_content()))
                self.say("250 kept")
            elif verb in ("QUIT", ""):
                if verb:
                    self.say("221 bye")
                return
            else:
                self.say("250 ok")


class Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address="127.0.0.1", port=0):
        super().__init__((address, port), _Session)
        self.address, self.port = self.server_address
        self._arrived = threading.Condition()
        self._deliveries = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def keep(self, delivery):
        with self._arrived:
            self._deliveries.append(delivery)
            self._arrived.notify_all()

    def find(self, token):
        token = token.encode() if isinstance(token, str) else token
        return [d for d in self._deliveries if token in d.content]

    def wait_for(self, token):
        """The message whose content holds TOKEN."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: self.find(token), PATIENCE):
                raise AssertionError(f"no message with {token!r} was delivered")
            return self.find(token)[0]

    def stop(self):
        self.shutdown()
        self.server_close()
