# SPDX-License-Identifier: BSD-2-Clause
"""A private Sendmail, unpacked beside Postfix by tests/deps.sh; needs the namespace's host name."""

import glob
import os
import shutil
import subprocess

from .process import Child, PATIENCE, tcp_listens, until
from .smtp_client import Dialogue

CONFIGURATION = """\
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`QUEUE_DIR', `{folder}/mqueue')dnl
define(`confPID_FILE', `{folder}/sendmail.pid')dnl
define(`STATUS_FILE', `')dnl
define(`HELP_FILE', `')dnl
define(`ALIAS_FILE', `{folder}/etc/aliases')dnl
define(`confCW_FILE', `-o {folder}/etc/local-host-names')dnl
FEATURE(`use_cw_file')dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/etc/service.switch')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_RESOLVER_RETRANS', `1s')dnl
define(`confTO_RESOLVER_RETRY', `1')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit,GroupReadableKeyFile')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confMAX_MESSAGE_SIZE', `3000000')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {sink}')dnl
FEATURE(`nocanonify')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`promiscuous_relay')dnl
{tls}
{daemons}
MAIL_FILTER(`dkim', `S=inet:8892@127.0.0.1, F=T, T=C:5s;S:30s;R:30s;E:1m')dnl
INPUT_MAIL_FILTER(`mailreeve', `S={milter}, F=T, T=C:5s;S:30s;R:30s;E:1m')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_RULESETS
HX-Refuse: $>CheckRefuse
SCheckRefuse
R$*\t\t$#error $@ 5.7.1 $: "550 refused by a header check"
"""


class Sendmail:
    """`services` lists (address, port)."""

    name = "sendmail"
    behind_dkim = ("192.0.2.26", 2533)  # asks what listens on 127.0.0.1:8892 before the filter

    def __init__(self, unpacked, folder, services, milter, sink_port, hostname, tls=None):
        self.folder, self.services = str(folder), list(services)
        self.address, self.port = self.services[0]
        self.binary = f"{unpacked}/usr/libexec/sendmail/sendmail"
        etc = f"{self.folder}/etc"
        os.makedirs(etc, exist_ok=True)
        os.makedirs(f"{self.folder}/mqueue", mode=0o700, exist_ok=True)
        for name, text in (
            ("aliases", ""), ("local-host-names", ""),
            ("service.switch", "hosts files dns\naliases files\n"),
            ("sendmail.mc", self._source(milter, sink_port, hostname, tls)),
        ):
            with open(f"{etc}/{name}", "w", encoding="utf-8") as out:
                out.write(text)
        macros = f"{unpacked}/usr/share/sendmail/cf/"
        with open(f"{etc}/sendmail.cf", "wb") as out:
            subprocess.run(
                [shutil.which("m4"), f"-D_CF_DIR_={macros}", f"{macros}m4/cf.m4",
                 f"{etc}/sendmail.mc"],
                stdin=subprocess.DEVNULL, stdout=out, check=True, timeout=PATIENCE,
            )
        self.child = None

    def _source(self, milter, sink_port, hostname, tls):
        daemons = []
        for number, (address, port) in enumerate(self.services):
            family = "inet6" if ":" in address else "inet"
            filters = ""
            if (address, port) == self.behind_dkim:
                filters = ", InputMailFilters=dkim;mailreeve"
            daemons.append(
                f"DAEMON_OPTIONS(`Family={family}, Name=MTA{number}, Port={port}, "
                f"Addr={address}{filters}')dnl"
            )
        options = {} if tls is None else {
            "confCACERT_PATH": tls.folder, "confCACERT": tls.authority,
            "confSERVER_CERT": tls.certificate("mx.example.test"),
            "confSERVER_KEY": tls.key("mx.example.test"),
            "confCERT_FINGERPRINT_ALGORITHM": "sha256",
        }
        return CONFIGURATION.format(
            tls="\n".join(f"define(`{k}', `{v}')dnl" for k, v in options.items()),
            folder=self.folder, hostname=hostname, milter=milter, sink=sink_port,
            daemons="\n".join(daemons),
        )

    def start(self):
        configuration = f"{self.folder}/etc/sendmail.cf"
        subprocess.run(
            [self.binary, "-C", configuration, "-bi"],
            stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=PATIENCE,
        )
        self.child = Child(
            [self.binary, "-bD", "-C", configuration, "-L", "sm-mta"],
            f"{self.folder}/sendmail.log",
        )
        for address, port in self.services:
            self.child.wait_ready(
                lambda a=address, p=port: tcp_listens(a, p), f"Sendmail listening on {address}"
            )

    def stop(self):
        if self.child:
            self.child.stop()
            self.child = None

    def connect(self, source=None, service=None):
        """A dialogue whose greeting was read."""
        address, port = service or (self.address, self.port)
        if source and ":" in source:
            address, port = next(s for s in self.services if ":" in s[0])
        dialogue = Dialogue(address, port, source=source)
        dialogue.greet()
        return dialogue

    def _held_files(self, token):
        """Control files of quarantined messages whose header section holds TOKEN."""
        for path in glob.glob(f"{self.folder}/mqueue/hf*"):
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    text = file.read()
            except FileNotFoundError:
                continue
            if token in text:
                yield text

    def wait_held(self, token):
        return until(
            lambda: next(self._held_files(token), None), f"{token} in quarantine"
        ).encode()

    def wait_reason(self, token, reason):
        """The quarantine reason in the queue file."""
        return until(
            lambda: any(reason in text for text in self._held_files(token)),
            f"quarantine reason {reason}",
        )
