# SPDX-License-Identifier: BSD-2-Clause
"""Completion, as a shell on a terminal does it. What mailreevectl says of its commands and options must be
found there, and nothing else."""

import os
import pty
import re
import select
import subprocess
import time

import pytest

from harness.process import PATIENCE

from test_ctl import CTL

PACKAGING = os.path.join(os.path.dirname(__file__), "../../packaging/completion")
READY = "ready@> "


def said(*arguments):
    done = subprocess.run([CTL, *arguments], capture_output=True, text=True, check=False,
                          timeout=PATIENCE)
    return done.stdout + done.stderr


def options_in(text):
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+|-[cn](?= [A-Z]))", text))


def commands():
    return re.findall(r"^  ([a-z]+)", said("-h"), re.MULTILINE)


def parts_of(command):
    """The word after the command, where it is one of several."""
    return sorted(set(re.findall(rf"mailreevectl {command} ([a-z]+)\b", said(command, "--help"))))


def usage_of(command, part):
    """What stands in the usage: lines of that part, and what holds for all parts."""
    text = said(command, "--help")
    own = "".join(re.findall(rf"mailreevectl {command} {part}\b.*\n(?: {{11}}.*\n)*", text))
    general = re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)
    return options_in(own) | set(general)


class Shell:
    """An interactive shell on a terminal."""

    def __init__(self, argv, environment):
        child, self.master = pty.fork()
        if child == 0:
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "dumb", "COLUMNS": "300", **environment})
        self.child = child

    def read_until(self, done):
        text, give_up = "", time.monotonic() + PATIENCE
        while not done(text):
            if time.monotonic() > give_up:
                raise AssertionError(f"waited in vain; the shell says:\n{text}")
            if select.select([self.master], [], [], 0.05)[0]:
                text += os.read(self.master, 65536).decode(errors="replace")
        return text

    def run(self, line):
        os.write(self.master, line.encode() + b"\n")
        return self.read_until(lambda text: READY in text.split("\n", 1)[-1])

    def complete(self, line, wanted=()):
        """The words on the terminal after LINE and some tabs, those of the line among them. A shell
        lists nothing while keys are waiting for it: the tabs come one after another, until all that is
        wanted stands there or the shell has nothing to add."""
        text, words, tabs = "", set(), 0
        os.write(self.master, line.encode())
        while not set(wanted) <= words or tabs == 0:
            ready = select.select([self.master], [], [], 0.08)[0]
            if ready:
                text += os.read(self.master, 65536).decode(errors="replace")
            elif tabs < 60:
                os.write(self.master, b"\t")
                tabs += 1
            else:
                break
            plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|\r|\x07", "", text)
            words = {word for word in re.findall(r"[\w/.-]+", plain) if word.strip("-")}
        os.write(self.master, b"\x15\n")  # takes the line back
        self.read_until(lambda seen: READY in seen)
        return words

    def close(self):
        os.close(self.master)
        os.waitpid(self.child, 0)


@pytest.fixture(scope="module", params=["bash", "zsh"])
def shell(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    os.symlink(CTL, folder / "mailreevectl")
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "PS1": READY, "HOME": str(folder)}
    if request.param == "bash":
        started = Shell(["bash", "--norc", "--noprofile", "-i"], environment)
        started.read_until(lambda text: READY in text)
        for line in ("bind 'set show-all-if-ambiguous on'", "bind 'set page-completions off'",
                     "bind 'set completion-query-items 0'", "bind 'set enable-bracketed-paste off'",
                     f"source {PACKAGING}/mailreevectl.bash"):
            started.run(line)
    else:
        started = Shell(["zsh", "-f", "-i"], environment)
        started.read_until(lambda text: READY in text)
        for line in ("unsetopt zle_bracketed_paste beep list_beep prompt_cr prompt_sp; LISTMAX=0",
                     f"fpath=({PACKAGING} $fpath)", "autoload -Uz compinit && compinit -u -D",
                     "zstyle ':completion:*' verbose no", "setopt bash_auto_list no_auto_menu"):
            started.run(line)
    started.name = request.param
    yield started
    started.close()


def test_commands(shell):
    wanted = set(commands())
    assert {"status", "top", "explain", "limits"} <= wanted
    assert wanted <= shell.complete("mailreevectl ", wanted)


def test_a_word_is_completed(shell):
    assert "status" in shell.complete("mailreevectl stat", {"status"})
    assert "reload" in shell.complete("mailreevectl -s /tmp/socket rel", {"reload"})


@pytest.mark.parametrize("command", commands())
def test_options(shell, command):
    parts = parts_of(command)
    parts = [part for part in parts if part not in ("say", "says")]
    if command in ("limits", "lookup"):
        assert len(parts) > 4
        assert set(parts) <= shell.complete(f"mailreevectl {command} ", parts)
        for part in parts:
            wanted = usage_of(command, part)
            offered = {word for word in shell.complete(f"mailreevectl {command} {part} -", wanted)
                       if word.startswith("-")}
            assert wanted <= offered, (command, part)
            assert offered - {"--help"} <= wanted | {"--help"}, (command, part)
        return
    wanted = options_in(said(command, "--help")) if command not in ("status", "reload") else {"--json"}
    offered = {word for word in shell.complete(f"mailreevectl {command} -", wanted - {"--help"})
               if word.startswith("-")}
    assert wanted - {"--help"} <= offered
    assert offered - {"--help"} <= wanted


def test_files(shell, tmp_path):
    (tmp_path / "unmistakable.eml").write_text("x")
    offered = shell.complete(f"mailreevectl explain --message {tmp_path}/unmis", {f"{tmp_path}/unmistakable.eml"})
    assert any("unmistakable.eml" in word for word in offered)
