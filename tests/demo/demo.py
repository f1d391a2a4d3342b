# SPDX-License-Identifier: BSD-2-Clause
"""The demonstration: private servers, real SMTP conversations, each printed and explained. Ends by
itself, with 0 when every conversation went as it should. KEEP=1 keeps the servers up."""

import os
import re
import shutil
import signal
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
sys.dont_write_bytecode = True

from harness import world  # noqa: E402
from scenes import SCENES  # noqa: E402
from screen import Screen  # noqa: E402
from stage import Stage  # noqa: E402


def letter(token, mail):
    return (
        f"From: <{mail.sender}>\nTo: <{mail.recipient}>\nSubject: Hello {token}\n"
        f"Date: Sun, 22 Nov 2026 04:00:00 +0000\nMessage-ID: <{token}@{mail.helo}>\n"
        "\nHello,\n\nis the gate open?\n"
    )


def show_dialogue(screen, transcript):
    """All lines but the list that follows the first line of EHLO's answer."""
    for position, (who, text) in enumerate(transcript):
        if who == "C":
            lines = text.split("\n")
            if len(lines) > 1:
                text = f"(the message: {len(lines) - 1} lines, then a dot)"
            screen.said_by_client(text)
        elif text[3:4] != "-" and position > 0 and transcript[position - 1][1][3:4] == "-":
            continue
        elif text[3:4] == "-" and transcript[position - 1][0] == "S":
            continue
        else:
            screen.said_by_server(text.replace("-", " ", 1) if text[3:4] == "-" else text)


def problems(mail, result, row, fields):
    """What is not as the scene says."""
    step, reply = result.refusal
    if mail.code == 250:
        if not result.accepted:
            yield f"refused at {step} with {reply}"
    elif reply is None:
        yield "accepted"
    elif reply.code != mail.code or (mail.enhanced and reply.enhanced != mail.enhanced):
        yield f"answered {reply}"
    if mail.noted and mail.noted not in row.get("findings", ""):
        yield f"{mail.noted} is not noted in the log"
    if mail.delivered and mail.delivered not in fields:
        yield f"{mail.delivered} is not in Authentication-Results"


FINDING = re.compile(r"(?:^|; )([a-z_]+\.[a-z_]+(?:\([^)]*\))?=[a-z]+/[a-z]+(?:\([a-z]+\))?): ")
SHOWN = 3


def evidence(row, accepted):
    """The log's findings one by one: the decisive one of a refusal, the first of an acceptance."""
    parts = FINDING.split(row.get("findings", ""))
    items = [f"{name}: {text}" for name, text in zip(parts[1::2], parts[2::2])]
    if not accepted:
        return [item for item in items if item.startswith(row["check"] + "=")]
    if len(items) <= SHOWN:
        return items
    first_of_policy = {item.split(".")[0]: item for item in reversed(items)}
    shown = [item for item in items if item in first_of_policy.values()]
    return shown + [f"and {len(items) - len(shown)} more in the log"]


class Show:
    def __init__(self, screen, stage):
        self.screen, self.stage, self.count = screen, stage, 0

    def converse(self, mail):
        """One message over one connection."""
        self.count += 1
        token = f"demo{self.count}"
        dialogue = self.stage.connect(mail.client, mail.profile)
        helo = dialogue.command(f"EHLO {mail.helo}")
        result = dialogue.message(mail.sender, [mail.recipient], letter(token, mail))
        dialogue.quit()
        result.greeting, result.helo = dialogue.greeting, helo
        return token, dialogue, result

    def play_mail(self, mail):
        daemon = self.stage.filters[mail.profile]
        mark = daemon.mark()
        name = world.NAMES.get(mail.client, "unknown").rstrip(".")
        self.screen.line(f"   {name} [{mail.client}] connects")
        token, dialogue, result = self.converse(mail)
        show_dialogue(self.screen, dialogue.transcript)
        accepted = result.accepted
        row = daemon.wait_decision(mark, **({"stage": "eom"} if accepted else {}))
        fields = ""
        if accepted:
            delivery = self.stage.sink.wait_for(token)
            fields = " ".join(delivery.fields("Authentication-Results"))
            self.screen.why("Delivered with", f"Authentication-Results: {fields}")
        items = evidence(row, accepted)
        if items:
            self.screen.evidence("Noted" if accepted else "Why", items)
        wrong = list(problems(mail, result, row, fields))
        self.screen.outcome(not wrong, "; ".join(wrong) or self.describe(mail, result))
        self.screen.line()
        return not wrong

    @staticmethod
    def describe(mail, result):
        if result.accepted:
            return "accepted" + (" and noted" if mail.noted else " and delivered")
        _, reply = result.refusal
        word = "refused" if reply.code >= 500 else "deferred"
        return f"{word} with {reply.code} {reply.enhanced}"

    def act(self, what):
        verb, name = what.split()
        server = {"dns": self.stage.dns, "redis": self.stage.redis}[name]
        getattr(server, verb)()

    def play(self):
        """Number of scenes that went wrong."""
        failed = 0
        self.screen.wrapped(
            "A private Postfix is mx.example.test, the mail server of example.test. Mailreeve is "
            "its milter, with an authoritative name server (NSD) and a Redis beside it. Clients "
            "of all kinds come to the gate. C: is what a client says, S: what it is answered."
        )
        self.screen.line()
        for number, scene in enumerate(SCENES, 1):
            self.screen.heading(number, scene.title)
            self.screen.story(scene.story)
            if scene.before:
                self.act(scene.before)
            good = [self.play_mail(mail) for mail in scene.mails]
            if scene.after:
                self.act(scene.after)
            failed += not all(good)
        return failed


def keep_up(screen, stage):
    """Says how to talk to the servers, and waits to be interrupted."""
    address, port = stage.services["default for people"]
    _, strict = stage.services["strict for people"]
    swaks = f"swaks --server {address}:{port} --to bob@example.test"
    screen.line()
    screen.line("The servers stay up; Ctrl-C ends them.", "bold")
    screen.line(f"   SMTP   {address} port {port} (default profile), {strict} (strict profile)")
    screen.line(f"   log    {stage.filters['default'].log_path}")
    screen.line(f"   DNS    {stage.dns.address} port {stage.dns.port}; zones: {stage.dns.folder}")
    screen.line(f"   Redis  {stage.redis.url}")
    screen.line("XCLIENT lets you be any client:")
    for what, client, helo, sender in (
        ("a good one", world.GOOD, "mail.good.test", "anna@good.test"),
        ("our own name in HELO", world.STRAY, "mx.example.test", "anna@good.test"),
        ("registered for nothing it says", world.STRAY, "mail.plain.test", "pat@plain.test"),
        ("that, and without a name", world.NAMELESS, "mail.plain.test", "pat@plain.test"),
    ):
        screen.line(f"   # {what}", "dim")
        screen.line(f"   {swaks} \\")
        screen.line(f"       --xclient-addr {client} --helo {helo} --from {sender}")
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        screen.line()


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda given, _: sys.exit(128 + given))
    namespace = os.environ.get("MAILREEVE_NAMESPACE")
    screen = Screen()
    folder = namespace or tempfile.mkdtemp(prefix="mailreeve-demo.")
    os.chmod(folder, 0o755)
    stage = None
    try:
        stage = Stage(folder, bool(namespace))
        stage.start()
        failed = Show(screen, stage).play()
        if failed:
            screen.line(f"{failed} of {len(SCENES)} conversations went wrong", "red")
        else:
            screen.line(f"All {len(SCENES)} conversations went as they should.", "bold")
        if os.environ.get("KEEP", "0") not in ("", "0"):
            keep_up(screen, stage)
        return 1 if failed else 0
    finally:
        # Whoever is impatient must not leave servers behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if stage:
            stage.stop()
        if not namespace:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
