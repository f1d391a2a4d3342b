# SPDX-License-Identifier: BSD-2-Clause
"""What a profile of AppArmor allows, read with its abstractions as they are installed, and what a trace of
strace shows to have been done."""

import functools
import os
import re

ETC = "/etc/apparmor.d"
RULE = re.compile(r"^(?:audit |owner |file )*(?P<path>[/@{\"]\S*)\s+(?P<rights>[a-zA-Z]+),")


def lines_of(path, seen):
    """All lines with those of included files; folders are included as a whole."""
    if path in seen or not os.path.exists(path):
        return
    seen.add(path)
    if os.path.isdir(path):
        for name in sorted(os.listdir(path)):
            yield from lines_of(f"{path}/{name}", seen)
        return
    with open(path, encoding="utf-8") as text:
        for line in map(str.strip, text):
            included = re.match(r"#?include (?:if exists )?<(.*)>", line)
            if included:
                yield from lines_of(f"{ETC}/{included.group(1)}", seen)
            else:
                yield line


def expression_of(glob):
    out, depth = "", 0
    pieces = re.findall(r"\\.|\[[^]]*\]|\*\*|.", glob)
    for piece in pieces:
        if piece == "**":
            out += ".*"
        elif piece == "*":
            out += "[^/]*"
        elif piece == "?":
            out += "[^/]"
        elif piece == "{":
            out, depth = out + "(?:", depth + 1
        elif piece == "}":
            out, depth = out + ")", depth - 1
        elif piece == "," and depth:
            out += "|"
        elif piece.startswith("["):
            out += piece
        else:
            out += re.escape(piece.removeprefix("\\"))
    return out


class Profile:
    def __init__(self, path):
        self.variables, self.rules = {}, []
        lines = list(lines_of(path, set()))
        for line in lines:
            found = re.match(r"(@\{\w+\})\s*\+?=\s*(.*)", line)
            if found:
                self.variables.setdefault(found.group(1), []).extend(found.group(2).split())
        for line in lines:
            found = RULE.match(line)
            if found:
                glob = self.expand(found.group("path").strip('"'))
                self.rules.append((re.compile(expression_of(glob)), found.group("rights")))
        assert len(self.rules) > 50, f"{path}: few rules; are the abstractions installed?"

    def expand(self, text):
        def values(match):
            words = [word.strip('"') for word in self.variables.get(match.group(1), ["[0-9]*"])]
            if match.group(2):
                words = [word.rstrip("/") for word in words]
            return "{" + ",".join(words) + "}" + match.group(2)
        for _ in range(9):
            text = re.sub(r"(@\{\w+\})(/?)", values, text)
        return text

    @functools.lru_cache(maxsize=None)
    def allows(self, path, right):
        return any(right in rights and rule.fullmatch(path) for rule, rights in self.rules)


CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")


def whole(lines):
    """Calls that were interrupted in the trace by those of others, in one piece."""
    begun = {}
    for line in lines:
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[pid] = line.removesuffix("<unfinished ...>")
        elif re.match(r"\d+ +<\.\.\. \w+ resumed>", line):
            yield begun.pop(pid, pid) + line.split("resumed>", 1)[1]
        else:
            yield line


def done_by(trace, program, home):
    """What the daemon PROGRAM and its descendants did: (path, right). HOME: where they are when they name a
    path without saying from where."""
    with open(trace, encoding="utf-8", errors="replace") as text:
        lines = list(whole(text.read().splitlines()))
    parents, ours, found = {}, None, []
    for line in lines:
        born = re.match(r"^(\d+) +(?:clone3?|v?fork)\(.*\) += (\d+)$", line)
        if born:
            parents[born.group(2)] = born.group(1)
    for line in lines:
        call = CALL.match(line)
        if not call or int(call.group(4)) < 0:
            continue
        pid, name, words = call.group(1), call.group(2), call.group(3)
        paths = re.findall(r'"((?:[^"\\]|\\.)*)"', words)
        if name == "execve" and paths[0] == program:
            ours = pid
            continue
        while ours and pid != ours and pid in parents:
            pid = parents[pid]
        if not ours or pid != ours or not paths:
            continue
        found += [(os.path.normpath(os.path.join(home, path)).replace("/proc/self/", "/proc/4711/"), right)
                  for path, right in effects(name, words, paths)]
    assert found, "nothing was traced"
    return sorted(set(found))


def effects(name, words, paths):
    if name in ("openat", "open"):
        if "O_PATH" not in words:
            if "O_RDWR" in words or "O_RDONLY" in words:
                yield paths[0], "r"
            if "O_RDWR" in words or "O_WRONLY" in words:
                yield paths[0], "w"
    elif name == "execve":
        yield paths[0], "x"
    elif name in ("mkdir", "unlink", "unlinkat", "chmod") or "sun_path=\"" in words:
        yield paths[0], "w"
    elif name in ("rename", "link"):
        yield from ((path, "w") for path in paths)
