# SPDX-License-Identifier: BSD-2-Clause
"""A private Dovecot that takes mail by LMTP only, with users of its own."""

import os
import pwd
import subprocess

from .process import Child, PATIENCE, tcp_listens, unix_listens

COMMON = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = lmtp
ssl = yes
service lmtp {{
  unix_listener {socket} {{
    mode = 0666
  }}
  inet_listener lmtp {{
    {listen} = 127.0.0.1
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""

BEFORE_24 = """\
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{folder}/mail/%u
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
"""

SINCE_24 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
mail_driver = maildir
mail_path = {folder}/mail/%{{user}}
userdb passwd-file {{
  passwd_file_path = {folder}/users
}}
passdb passwd-file {{
  passwd_file_path = {folder}/users
}}
"""


class Dovecot:
    def __init__(self, folder, port, users, certificate, key):
        self.folder, self.port = str(folder), port
        self.socket = f"{self.folder}/lmtp"
        os.makedirs(f"{self.folder}/mail", exist_ok=True)
        nobody = pwd.getpwnam("nobody")
        with open(f"{self.folder}/users", "w", encoding="utf-8") as out:
            for user in users:
                out.write(f"{user}:{{PLAIN}}x:{nobody.pw_uid}:{nobody.pw_gid}::"
                          f"{self.folder}/mail/{user}::\n")
        shown = subprocess.run(
            ["/usr/sbin/dovecot", "--version"], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=PATIENCE, check=True)
        version = tuple(int(part) for part in shown.stdout.split()[0].split(".")[:2])
        new = version >= (2, 4)
        text = (SINCE_24 if new else "") + COMMON + ("" if new else BEFORE_24)
        with open(f"{self.folder}/dovecot.conf", "w", encoding="utf-8") as out:
            out.write(text.format(
                folder=self.folder, socket=self.socket, port=port, certificate=certificate,
                key=key, listen="listen" if new else "address"))
        self.child = None

    def start(self):
        self.child = Child(
            ["/usr/sbin/dovecot", "-F", "-c", f"{self.folder}/dovecot.conf"],
            f"{self.folder}/dovecot.out")
        self.child.wait_ready(
            lambda: tcp_listens("127.0.0.1", self.port) and unix_listens(self.socket),
            "Dovecot listening")

    def stop(self):
        if self.child:
            self.child.stop()
            self.child = None
