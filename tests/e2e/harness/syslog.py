# SPDX-License-Identifier: BSD-2-Clause
"""A syslog server on the namespace's own /dev/log."""

import os
import socket
import threading


class Syslog:
    def __init__(self, path):
        self.path = path
        self._lines = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            self._lines.append(data.decode("utf-8", "replace").rstrip("\0\n"))

    def lines(self, containing=""):
        """Lines as received, "<priority>time tag: text"."""
        return [line for line in list(self._lines) if containing in line]

    def stop(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        os.unlink(self.path)
