# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix that asks the filter about all mail and hands it on to the sink."""

import os
import pwd
import subprocess

from .process import Child, PATIENCE, tcp_listens, until
from .smtp_client import Dialogue

MASTER = "/usr/lib/postfix/sbin/master"

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = {hostname}
mydomain = {domain}
myorigin = {domain}
mydestination =
inet_interfaces = {addresses}
inet_protocols = {protocols}
mynetworks = 0.0.0.0/0, [::]/0
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
relay_domains = {domain}
relay_recipient_maps =
local_header_rewrite_clients =
default_transport = smtp:[127.0.0.1]:{sink}
relay_transport = smtp:[127.0.0.1]:{sink}
local_recipient_maps =
alias_maps =
alias_database =
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_milters = {milter}
non_smtpd_milters = {local_milter}
milter_default_action = tempfail
milter_protocol = 6
milter_connect_timeout = 10s
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_junk_command_limit = 1000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
header_checks = regexp:{{{{ /^X-Refuse:/ REJECT refused by a header check }}}}
biff = no
"""

MASTER_CF = """\
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """`services` maps (address, port) to a list of "parameter=value" for that port."""

    name = "postfix"
    behind_dkim = ("192.0.2.25", 2533)  # asks what listens on 127.0.0.1:8892 before the filter

    def __init__(self, folder, services, milter, sink_port, hostname, domain, local_milter=""):
        self.folder, self.services = str(folder), services
        self.address, self.port = next(iter(services))
        etc = f"{self.folder}/etc"
        for path in (etc, f"{self.folder}/spool", f"{self.folder}/data"):
            os.makedirs(path, exist_ok=True)
        os.chown(f"{self.folder}/data", pwd.getpwnam("postfix").pw_uid, -1)
        addresses = ["127.0.0.1"] + [a if ":" not in a else f"[{a}]" for a, _ in services]
        with open(f"{etc}/main.cf", "w", encoding="utf-8") as out:
            out.write(MAIN_CF.format(
                folder=self.folder, hostname=hostname, domain=domain, sink=sink_port,
                addresses=", ".join(dict.fromkeys(addresses)), milter=milter,
                local_milter=local_milter,
                protocols="all" if os.path.exists("/proc/net/if_inet6") else "ipv4",
            ))
        with open(f"{etc}/master.cf", "w", encoding="utf-8") as out:
            out.write(MASTER_CF)
            for (address, port), options in services.items():
                host = f"[{address}]" if ":" in address else address
                out.write(f"{host}:{port} inet n - n - - smtpd\n")
                out.writelines(f"    -o {option}\n" for option in options)
        self.child = None

    def start(self):
        etc = f"{self.folder}/etc"
        checked = subprocess.run(
            ["/usr/sbin/postfix", "-c", etc, "check"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE * 4,
            check=False,
        )
        if checked.returncode:
            raise AssertionError("postfix check: " + checked.stdout + checked.stderr)
        self.child = Child(
            [MASTER, "-d"], f"{self.folder}/master.log", {**os.environ, "MAIL_CONFIG": etc}
        )
        for address, port in self.services:
            self.child.wait_ready(
                lambda a=address, p=port: tcp_listens(a, p), f"Postfix listening on port {port}"
            )

    def stop(self):
        if self.child:
            self.child.stop()
            self.child = None

    def connect(self, source=None, service=None, proxy=None):
        """A dialogue whose greeting was read."""
        address, port = service or (self.address, self.port)
        if source and ":" in source and ":" not in address:
            address, port = next(s for s in self.services if ":" in s[0])
        dialogue = Dialogue(address, port, source=source, proxy=proxy)
        dialogue.greet()
        return dialogue

    def submit(self, sender, recipients, message):
        """Local submission, as sendmail(1) does it."""
        subprocess.run(
            ["/usr/sbin/sendmail", "-i", "-f", sender, *recipients],
            input=message.encode(), check=True, capture_output=True, timeout=PATIENCE,
            env={**os.environ, "MAIL_CONFIG": f"{self.folder}/etc"},
        )

    def log_text(self):
        with open(f"{self.folder}/mail.log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def _content(self, queue_id):
        shown = subprocess.run(
            ["/usr/sbin/postcat", "-c", f"{self.folder}/etc", "-hb", "-q", queue_id],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False,
        )
        return shown.stdout

    def wait_held(self, token):
        """Content of the message with TOKEN in the hold queue."""
        folder = f"{self.folder}/spool/hold"

        def find():
            for queue_id in os.listdir(folder):
                content = self._content(queue_id)
                if token.encode() in content:
                    return content
            return None

        return until(find, f"{token} in the hold queue")
