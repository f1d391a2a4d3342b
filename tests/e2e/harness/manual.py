# SPDX-License-Identifier: BSD-2-Clause
"""The examples in our manual pages: each literal display says in a comment before it what it is."""

import glob
import os
import re

FOLDER = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "..", "packaging", "man"))
ESCAPES = {r"\e": "\\", r"\(dq": '"', r"\(aq": "'", r"\-": "-", r"\&": ""}


class Example:
    """KIND is the word behind "check:", OPTIONS what follows it, TEXT what the reader sees."""

    def __init__(self, page, line, label, text):
        self.page, self.line, self.text = page, line, text
        self.kind, _, self.options = label.partition(" ")

    def __repr__(self):
        return f"{self.page}:{self.line}"


def unescape(line):
    assert not line.startswith("."), f"a macro within an example: {line}"
    return re.sub(r"\\(?:e|\(dq|\(aq|-|&)", lambda match: ESCAPES[match.group()], line)


def examples_of(path):
    page, found, label, begun = os.path.basename(path), [], None, None
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(map(str.rstrip, lines), 1):
            if line.startswith('.\\" check: '):
                label = line.removeprefix('.\\" check: ')
            elif line.startswith(".Bd -literal"):
                begun, text = number, []
            elif line == ".Ed" and begun:
                assert label, f"{page}:{begun}: an example without a line .\\\" check: before it"
                found.append(Example(page, begun, label, "\n".join(text) + "\n"))
                label = begun = None
            elif begun:
                text.append(unescape(line))
    return found


def guides():
    return sorted(glob.glob(f"{FOLDER}/*.7"))


def samples():
    """The lines for the MTAs that are installed as files."""
    folder = os.path.join(FOLDER, "..", "mta")
    for name, label in (("postfix-main.cf", "main.cf"), ("sendmail.mc", "sendmail.mc")):
        with open(f"{folder}/{name}", encoding="utf-8") as text:
            yield Example(name, 1, label, text.read())


def examples(kind=None):
    return [example for example in (*samples(), *(x for path in guides() for x in examples_of(path)))
            if kind in (None, example.kind)]
