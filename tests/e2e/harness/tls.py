# SPDX-License-Identifier: BSD-2-Clause
"""A certificate authority of our own, for servers and clients of the test world."""

import os
import ssl
import subprocess


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.authority = f"{folder}/authority.pem"
        os.makedirs(folder, exist_ok=True)
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "30", "-subj", "/CN=Test Authority", "-keyout", f"{folder}/authority.key",
            "-out", self.authority,
        )

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(
            ["/usr/bin/openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
            check=True, timeout=60,
        )

    def certificate(self, name):
        return f"{self.folder}/{name}.pem"

    def fingerprint(self, name, digest="sha256"):
        """AB:CD:..."""
        shown = subprocess.run(
            ["/usr/bin/openssl", "x509", "-noout", "-fingerprint", f"-{digest}", "-in",
             self.certificate(name)],
            stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True, timeout=60)
        return shown.stdout.strip().split("=")[1]

    def key(self, name):
        return f"{self.folder}/{name}.key"

    def issue(self, name):
        request = f"{self.folder}/{name}.csr"
        self._openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", self.key(name), "-out", request,
        )
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.authority, "-CAkey",
            f"{self.folder}/authority.key", "-CAcreateserial", "-days", "30",
            "-out", self.certificate(name),
        )
        os.chmod(self.key(name), 0o600)

    def issue_self_signed(self, name):
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "30", "-subj", f"/CN={name}", "-keyout", self.key(name),
            "-out", self.certificate(name))
        os.chmod(self.key(name), 0o600)

    def client_context(self, name=None):
        """For a client that shows the certificate of NAME, or none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.authority)
        if name:
            context.load_cert_chain(self.certificate(name), self.key(name))
        return context
