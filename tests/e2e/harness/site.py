# SPDX-License-Identifier: BSD-2-Clause
"""Our site in the test world: the filter with its base configuration, and sending mail."""

import itertools
import os
import pwd

from . import world
from .filter import Filter
from .smtp_client import Dropped, Transaction

_tokens = itertools.count(1)

BASE = """\
socket = "unix:{socket}"
socket_group = "postfix"
control_socket = "{socket}.control"
user = "nobody"
log_to = stderr
hostname = "mx.example.test"
local_domains = {{ "example.test" }}
trusted_networks = {{ "192.0.2.99" }}
recipient {{ sources = {{ "example.test file:{users}" }} }}
"""


def letter(token, extra="", body="Hello,\n\nthis is a test.\n"):
    """A message of good form that can be found again by TOKEN."""
    return (
        f"From: Anna <anna@good.test>\nTo: Bob <bob@example.test>\nSubject: test {token}\n"
        f"Date: Sun, 22 Nov 2026 04:00:00 +0000\nMessage-ID: <{token}@good.test>\n"
        f"{extra}\n{body}"
    )


class Site:
    def __init__(self, folder):
        self.folder = str(folder)
        self.filter_folder = f"{self.folder}/filter"
        os.makedirs(self.filter_folder, exist_ok=True)
        os.chown(self.filter_folder, pwd.getpwnam("nobody").pw_uid, -1)
        self.milter_path = f"{self.filter_folder}/milter.sock"
        self.users_file = f"{self.folder}/users"
        with open(self.users_file, "w", encoding="utf-8") as out:
            out.writelines(f"{name}@example.test\n" for name in ("abuse", "bob", "carol", "dave"))
        self.running = None
        self._count = itertools.count(1)

    def users_without(self, address):
        with open(self.users_file, encoding="utf-8") as file:
            lines = [line for line in file if line.strip() != address]
        with open(self.users_file, "w", encoding="utf-8") as out:
            out.writelines(lines)

    # The filter.

    def base(self):
        return BASE.format(socket=self.milter_path, users=self.users_file)

    def filter(self, settings=""):
        """The filter with the base configuration and SETTINGS; started again when they differ."""
        configuration = self.base() + settings
        usable = self.running and self.running.child and self.running.child.running()
        if usable and self.running.configuration == configuration:
            return self.running
        return self.fresh_filter(settings)

    def fresh_filter(self, settings="", **options):
        """The same, with empty memory."""
        self.stop_filter()
        folder = f"{self.filter_folder}/{next(self._count)}"
        self.running = Filter(folder, self.base() + settings, **options)
        self.running.start()
        return self.running

    def stop_filter(self):
        """Ends the filter, which must have nothing to complain about itself."""
        if self.running and self.running.child:
            running, self.running = self.running, None
            status = running.stop()
            log = running.log_text()
            assert status == 0 and "Sanitizer" not in log, f"exit status {status}:\n{log[-8000:]}"

    # Mail.

    def token(self):
        return f"t{os.getpid()}x{next(_tokens)}"

    def send(
        self, mta, client=world.GOOD, helo="mail.good.test", sender="anna@good.test",
        recipients=("bob@example.test",), message=None, parameters="", greet="EHLO", extra="",
    ):
        """One message as a stubborn client sends it, refusals and all. The result has the replies,
        and the token of the message."""
        token = self.token()
        text = message(token) if callable(message) else message or letter(token, extra)
        dialogue = mta.connect(source=client)
        greeting, helo_reply = dialogue.greeting, None
        try:
            helo_reply = dialogue.command(f"{greet} {helo}")
            result = dialogue.message(sender, recipients, text, parameters)
            dialogue.quit()
        except Dropped:
            result = Transaction()
        finally:
            dialogue.close()
        result.greeting, result.helo, result.token = greeting, helo_reply, token
        result.transcript = dialogue.transcript
        return result
