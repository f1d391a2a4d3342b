# SPDX-License-Identifier: BSD-2-Clause
"""Twelve thousand well-formed From fields, of the shapes that real mail has, through the filter with its
defaults: none is refused."""

import collections
import os
import sys

import pytest

from harness.milter_client import MilterClient

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "header_suite"))

import from_fields  # noqa: E402

COUNT = 12000
PER_SESSION = 500


@pytest.mark.parametrize("smtputf8", [False, True], ids=["ascii", "smtputf8"])
def test_none_is_refused(site, smtputf8):
    daemon = site.fresh_filter("connection { mode = off }\n")
    made = list(from_fields.fields(COUNT if not smtputf8 else 1000, seed=3))
    answers, tagged = collections.Counter(), collections.Counter()
    mark = daemon.mark()
    for start in range(0, len(made), PER_SESSION):
        with MilterClient(site.milter_path) as mta:
            mta.negotiate()
            mta.connect_info()
            mta.helo()
            for number, (shape, body, _, _) in enumerate(made[start:start + PER_SESSION]):
                if smtputf8:
                    mta.send("M", b"<anna@good.test>\0SMTPUTF8\0")
                else:
                    mta.mail()
                mta.rcpt()
                letter, _ = mta.receive()
                assert letter == "c", letter
                mta.header("From", body)
                mta.header("To", b" bob@example.test")
                mta.header("Date", b" Sun, 22 Nov 2026 04:00:00 +0000")
                mta.header("Message-ID", b" <%d@good.test>" % (start + number))
                mta.end_of_message()
                while True:
                    letter, data = mta.receive()
                    if letter == "i" and b"X-Mailreeve" in data:
                        tagged[shape] += 1
                    if letter in "actry":
                        break
                answers[letter] += 1
    assert sum(answers.values()) == len(made)
    assert set(answers) <= {"a", "c"}, (answers, daemon.lines(mark, "verdict=reject")[:3])
    # The form of none is marked, but for octets at random that happen to be invisible in UTF-8.
    forms = [line.replace("from_form.invisible_in_name", "") for line in daemon.lines(mark, "/tag")]
    forms = [line for line in forms if "from_form." in line]
    assert not forms, forms[:3]
