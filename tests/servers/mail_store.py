# SPDX-License-Identifier: BSD-2-Clause
"""A mail store that call-aheads ask: LMTP on a socket of the file system, or SMTP on loopback. It knows
some addresses, and misbehaves when told to."""

import os
import socket
import socketserver
import threading

SECRET = "backend-7.internal"


class _Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def misbehave(self):
        """True when the connection shall end."""
        how = self.server.store.misbehaviour
        if how == "silent":
            self.server.store.stopping.wait()
        elif how == "garbage":
            self.wfile.write(b"\x16\x03\x01\x00\xff\r\nnonsense\r\n")
        elif how == "flood":
            try:
                while not self.server.store.stopping.is_set():
                    self.wfile.write(b"250-and so on\r\n")
            except OSError:
                return True
        elif how == "later":
            self.say(f"451 4.3.0 {SECRET} is busy")
            return False
        elif how == "relaying denied":
            self.say(f"550 5.7.1 relaying denied by {SECRET}")
            return False
        return True

    def answer(self, line):
        store, verb = self.server.store, line.upper()
        if verb.startswith(("LHLO ", "EHLO ")):
            self.say(f"250-{SECRET}")
            self.say("250 ENHANCEDSTATUSCODES")
        elif verb.startswith("RCPT TO:<"):
            address = line[9:].rsplit(">", 1)[0]
            store.asked.append(address)
            if store.misbehaviour:
                return not self.misbehave()
            if address.lower() in store.known or store.catch_all:
                self.say("250 2.1.5 Ok")
            else:
                self.say(f"550 5.1.1 <{address}> is not at {SECRET}")
        elif verb == "QUIT":
            self.say("221 2.0.0 Bye")
            return False
        else:
            self.say("250 2.0.0 Ok")
        return True

    def handle(self):
        self.server.store.connections.append(self.connection)
        self.say(f"220 {SECRET} ready")
        while True:
            line = self.rfile.readline(2000)
            if not line or not self.answer(line.decode("utf-8", "replace").strip()):
                return


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True


class MailStore:
    def __init__(self, known, path=None):
        self.known, self.path = set(known), path
        self.asked, self.misbehaviour, self.catch_all = [], None, False
        self.stopping = threading.Event()
        self.connections = []
        if path:
            self.server = _Unix(path, _Session)
            os.chmod(path, 0o777)
            self.source = f"lmtp:{path}"
        else:
            self.server = _Tcp(("127.0.0.1", 0), _Session)
            self.source = f"smtp:127.0.0.1:{self.server.server_address[1]}"
        self.server.store = self
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.thread.join()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed by the other end
        self.server.server_close()
        if self.path:
            os.unlink(self.path)
