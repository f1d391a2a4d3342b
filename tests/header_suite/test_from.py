# SPDX-License-Identifier: BSD-2-Clause
"""How our parser reads From: well-formed fields of real mail as they are meant, and generated ones
beside Python's email package. Where we see nothing ambiguous, both name the same author."""

import collections
import email.utils
import os
import pathlib
import random
import re
import subprocess
import sys
from email import _header_value_parser as grammar

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import from_fields  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("BUILD", "build")
COUNT = int(os.environ.get("FROM_FIELDS", "12000"))
SEED = int(os.environ.get("FROM_SEED", "7"))

Reading = collections.namedtuple("Reading", "ambiguous sloppy count local_part domain name address")


@pytest.fixture(scope="session")
def header_query():
    program = f"{BUILD}/header_suite/header_query"
    subprocess.run(["make", "-s", f"BUILD={BUILD}", "header-query"], cwd=REPOSITORY, check=True,
                   timeout=900, stdin=subprocess.DEVNULL)
    program = str((REPOSITORY / program).resolve())
    names = subprocess.run([program, "names"], check=True, capture_output=True, text=True,
                           timeout=60).stdout.splitlines()

    def defects(word):
        return {name for number, name in enumerate(names) if int(word, 16) >> number & 1}

    def ask(bodies):
        done = subprocess.run([program], input=b"".join(body + b"\0" for body in bodies),
                              check=True, capture_output=True, timeout=300)
        readings = []
        for line in done.stdout.decode().splitlines():
            words = line.split(" ")
            texts = [bytes.fromhex(w) if w != "-" else b"" for w in words[3:]]
            readings.append(Reading(defects(words[0]), defects(words[1]), int(words[2]), *texts))
        assert len(readings) == len(bodies)
        return readings

    return ask


def dequoted(local_part):
    if local_part.startswith('"'):
        return re.sub(r"\\(.)", r"\1", local_part[1:-1])
    return local_part


# What these shapes have by their nature.
EXPECTED = {
    "folded_first": {"nothing on the field's first line"},
    "raw_octets": {"invisible or direction-changing characters in the name"},
    "raw_octets_bare": {"invisible or direction-changing characters in the name"},
}


def test_real_mail(header_query):
    """None is ambiguous, so none is refused; none but the expected ones is even sloppy; each is read as
    the author that it names."""
    made = list(from_fields.fields(COUNT))
    readings = header_query([body for _, body, _, _ in made])
    wrong = []
    for (shape, body, local_part, domain), reading in zip(made, readings):
        allowed = EXPECTED.get(shape, set())
        named = (dequoted(local_part).encode(),
                 b"" if domain.startswith("[") else domain.lower().encode())
        if (reading.ambiguous or reading.sloppy - allowed or reading.count != 1
                or (reading.local_part, reading.domain) != named):
            wrong.append((shape, body, reading))
    shapes = collections.Counter(shape for shape, _, _ in wrong)
    assert not wrong, f"{len(wrong)} of {len(made)}: {shapes}; {wrong[:5]}"
    assert len(made) >= 10000 or COUNT < 10000


# Generated fields. -----------------------------------------------------------------------------------

PIECES = [
    "<", ">", '"', "(", ")", "\\", ",", ":", ";", "@", " ", ".", "a", "Anna", "b.test", "a@b.test",
    "c@d.test", "<a@b.test>", "<c@d.test>", '"x"', "(x)", "\r\n ", "\t", "=?utf-8?q?a?=",
    "=?utf-8?q?a=40b=2Etest?=", "Doe, John", "x:", "a.b", "[192.0.2.1]", "@e.test:", "\\,", "''",
]


def mutated(generator):
    if generator.random() < 0.5:
        return "".join(generator.choice(PIECES) for _ in range(generator.randint(1, 8)))
    _, body, _, _ = next(from_fields.fields(1, generator.random()))
    text = body.decode("utf-8", "replace")
    for _ in range(generator.randint(1, 3)):
        at = generator.randint(0, len(text))
        cut = generator.randint(0, 3)
        text = text[:at] + generator.choice(PIECES + [""]) + text[at + cut:]
    return text


def unfolded(text):
    return re.sub(r"\r?\n(?=[ \t])", "", text).strip()


def domain_of(text):
    """Up to what no domain has."""
    return re.sub(r"[^\w.\[\]:-].*", "", text.strip("<> ").lower(), flags=re.DOTALL).rstrip(".")


def by_grammar(text):
    """(local-part, domain) of each address that email.headerregistry finds."""
    try:
        found, _ = grammar.get_address_list(text)
        return [(m.local_part or "", domain_of(m.domain)) for m in found.all_mailboxes if m.domain]
    except Exception:  # pylint: disable=broad-except  # it has bugs of its own on hostile input
        return []


def by_utils(text):
    """The same of email.utils, which older programs use."""
    found = []
    for _, address in email.utils.getaddresses([text]):
        local_part, at, domain = address.rpartition("@")
        if at and domain:
            found.append((dequoted(local_part), domain_of(domain)))
    return found


def others(reading, addresses):
    """Those that are not the one that we have read; where it is sloppy, that are of another domain."""
    local_part, _, raw_domain = re.sub(
        r"[\r\n]", "", reading.address.decode("utf-8", "replace")).rpartition("@")
    domains = {reading.domain.decode() or domain_of(raw_domain), domain_of(raw_domain)}
    return [
        found for found in addresses
        if ("." in found[1] and found[1] not in domains) or (
            not reading.sloppy and "=?" not in local_part and found[0] != dequoted(local_part))
    ]


def test_beside_python(header_query):
    """Where we see nothing ambiguous and one address, Python finds no other one."""
    generator = random.Random(SEED)
    texts = [mutated(generator) for _ in range(3 * COUNT)]
    readings = header_query([text.encode() for text in texts])
    clear, agreed, wrong = 0, 0, []
    for text, reading in zip(texts, readings):
        if reading.ambiguous or reading.count != 1:
            continue
        clear += 1
        for parser in (by_grammar, by_utils):
            found = parser(unfolded(text))
            if others(reading, found):
                wrong.append((parser.__name__, text, reading, found))
            agreed += bool(found)
    assert clear > len(texts) // 20 and agreed > clear
    assert not wrong, wrong[:5]


# What that parser takes as it comes.
NOT_LOOKED_AT = {
    "an encoded word within the address", "an encoded word in place of an address",
    "another address in brackets in the encoded name",
    "another address as the name, without quotes",  # beside something sloppy
    "a comment within the address", "a line of blanks within the field", "a group",
}


def test_clear_to_python(header_query):
    """What Python reads as one address without a defect is nothing that we would refuse, but for what it
    does not look at."""
    generator = random.Random(SEED + 1)
    texts = [mutated(generator) for _ in range(3 * COUNT)]
    readings = header_query([text.encode() for text in texts])
    clear, wrong = 0, []
    for text, reading in zip(texts, readings):
        try:
            found, rest = grammar.get_address_list(unfolded(text))
        except Exception:  # pylint: disable=broad-except
            continue
        if rest or found.all_defects or len(found.all_mailboxes) != 1:
            continue
        clear += 1
        if b">" in reading.address:
            continue  # an address that ends within the quotes of another's local-part
        if reading.ambiguous - NOT_LOOKED_AT and "[" not in text:
            wrong.append((text, reading))
    assert clear > len(texts) // 50
    assert not wrong, wrong[:5]
