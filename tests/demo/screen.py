# SPDX-License-Identifier: BSD-2-Clause
"""How the demonstration looks: at most 100 columns, coloured only on a terminal."""

import os
import shutil
import sys
import textwrap

COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Screen:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.coloured = out.isatty() and "NO_COLOR" not in os.environ
        columns = shutil.get_terminal_size((100, 24)).columns if out.isatty() else 100
        self.width = max(60, min(100, columns))

    def paint(self, colour, text):
        if not self.coloured or not colour:
            return text
        return f"\033[{COLOURS[colour]}m{text}\033[0m"

    def line(self, text="", colour=None):
        print(self.paint(colour, text), file=self.out, flush=True)

    def wrapped(self, text, first="", rest=None, colour=None):
        """TEXT in lines that begin with FIRST, then REST."""
        lines = textwrap.wrap(
            text, self.width, initial_indent=first, subsequent_indent=rest or first,
            break_long_words=True, break_on_hyphens=False,
        ) or [first]
        for line in lines:
            self.line(line, colour)

    def heading(self, number, title):
        text = f"-- {number}. {title} "
        self.line(text + "-" * (self.width - len(text)), "bold")

    def story(self, text):
        self.wrapped(text, "   ")
        self.line()

    def said_by_client(self, text):
        self.wrapped(text, "   C: ", "      ", "cyan")

    def said_by_server(self, text):
        colour = {"4": "yellow", "5": "red"}.get(text[:1], "green")
        self.wrapped(text, "   S: ", "      ", colour)

    def why(self, label, text):
        self.wrapped(text, f"   {label}: ", "      ", "dim")

    def evidence(self, label, items):
        self.line(f"   {label}:", "dim")
        for item in items:
            self.wrapped(item, "    - ", "      ", "dim")

    def outcome(self, good, text):
        mark, colour = ("as it should be", "green") if good else ("NOT AS IT SHOULD BE", "red")
        self.wrapped(f"{mark}: {text}", "   => ", "      ", colour)
