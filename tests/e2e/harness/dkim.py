# SPDX-License-Identifier: BSD-2-Clause
"""DKIM: messages signed by a domain of the test world, and OpenDKIM, which verifies them."""

import base64
import hashlib
import os
import re
import shutil
import subprocess

from .process import Child, tcp_listens

OPENDKIM = shutil.which("opendkim", path="/usr/sbin:/usr/bin")

CONFIGURATION = """\
Mode v
Socket inet:{port}@127.0.0.1
AuthservID {name}
ResolverConfiguration {folder}/resolver.conf
AlwaysAddARHeader yes
Background no
UserID nobody
Syslog no
InternalHosts {folder}/internal
"""

# Unbound, which OpenDKIM asks with, takes test. for a domain that does not exist.
RESOLVER = """\
server:
    local-zone: "test." nodefault
    do-not-query-localhost: no
forward-zone:
    name: "."
    forward-addr: 192.0.2.53
"""


class Signer:
    """relaxed/relaxed, rsa-sha256 (RFC 6376). A signature of DOMAIN by selector "test"."""

    def __init__(self, folder, domain):
        self.domain = domain
        os.makedirs(folder, exist_ok=True)
        self.key = f"{folder}/{domain}.key"
        self._openssl("genrsa", "-out", self.key, "1024")

    @staticmethod
    def _openssl(*arguments, data=None):
        return subprocess.run(
            ["/usr/bin/openssl", *arguments], input=data, capture_output=True, check=True,
            timeout=60,
        ).stdout

    def record(self):
        public = self._openssl("rsa", "-in", self.key, "-pubout", "-outform", "DER")
        text = base64.b64encode(public).decode()
        return f'test._domainkey.{self.domain}. TXT "v=DKIM1; k=rsa; p={text}"\n'

    def _digest_of_body(self, body):
        lines = [re.sub(r"[ \t]+", " ", line).rstrip(" ") for line in body.split("\n")]
        text = "\r\n".join(lines).rstrip("\r\n")
        data = (text + "\r\n" if text else "").encode()
        return base64.b64encode(hashlib.sha256(data).digest()).decode()

    def sign(self, message):
        """MESSAGE with lines that end in LF, below its DKIM-Signature."""
        header, body = message.split("\n\n", 1)
        fields = dict(re.findall(r"(?m)^([\w-]+):[ \t]*(.*)$", header))
        names = [name for name in ("From", "To", "Subject", "Date") if name in fields]
        value = (f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={self.domain}; s=test; "
                 f"h={':'.join(names)}; bh={self._digest_of_body(body)}; b=")
        text = "".join(
            f"{name.lower()}:{re.sub(r'[ ]+', ' ', fields[name]).strip()}\r\n" for name in names)
        signed = self._openssl("dgst", "-sha256", "-sign", self.key,
                               data=f"{text}dkim-signature:{value}".encode())
        return f"DKIM-Signature: {value}{base64.b64encode(signed).decode()}\n{message}"


class OpenDkim:
    def __init__(self, folder, port, name):
        self.folder, self.port = str(folder), port
        os.makedirs(self.folder, exist_ok=True)
        # Nobody is internal: everybody's mail is verified.
        for file, text in (("internal", "203.0.113.254\n"), ("resolver.conf", RESOLVER),
                           ("opendkim.conf", CONFIGURATION.format(
                               port=port, folder=self.folder, name=name))):
            with open(f"{self.folder}/{file}", "w", encoding="utf-8") as out:
                out.write(text)
        self.child = None

    def start(self):
        self.child = Child(
            [OPENDKIM, "-f", "-x", f"{self.folder}/opendkim.conf"], f"{self.folder}/opendkim.log")
        self.child.wait_ready(
            lambda: tcp_listens("127.0.0.1", self.port), "OpenDKIM listening")

    def stop(self):
        if self.child:
            self.child.stop()
            self.child = None
