# SPDX-License-Identifier: BSD-2-Clause
"""What a client reads that is limited: each count, one and several, over windows of all kinds."""

import re

import pytest

WINDOWS = [("1s", "second", "(1 second|2 seconds)"), ("90s", "90 seconds", r"[89]\d seconds"),
           ("1h", "hour", "6[012] minutes"), ("1d", "day", "2[45] hours")]
COUNTS = {
    "connections": ("1 connection", "2 connections", "no connections are allowed"),
    "messages": ("1 message", "2 messages", "no messages are allowed"),
    "recipients": ("1 recipient", "2 recipients", "no recipients are allowed"),
    "unique_recipients": ("1 unique recipient", "2 unique recipients", "no recipients are allowed"),
    "bytes": ("1KB", "2KB", "no messages are allowed"),
    # Sendmail says "4.3.2 Please try again later" of its own to who is refused from the start.
    "refused_recipients": ("1 refused recipient", "2 refused recipients", None),
}
UNKNOWN = [f"nobody{i}@example.test" for i in range(4)]
KNOWN = ["bob@example.test", "carol@example.test", "dave@example.test"]


def refusal(site, mta, count):
    """What the first client that is limited reads; the window of a second may end in between."""
    for _ in range(40):
        result = site.send(mta, recipients=UNKNOWN if count == "refused_recipients" else KNOWN,
                           extra="X-Fill: " + "x" * 500 + "\n")
        for reply in [*result.rcpts, result.end]:
            if reply and "rate limit: " in reply.text:
                return f"{reply.code} {reply.text}"
    raise AssertionError("nobody was limited")


@pytest.mark.parametrize("count", COUNTS)
def test_replies(mta, site, count):
    *amounts, none = COUNTS[count]
    settings = ('limit "x" {{ key = client_ip count = ' + count + ' rate = "{} / {}" spread = 0 }}\n'
                'connection {{ mode = off }}\n')
    for i, (window, per, wait) in enumerate(WINDOWS):
        amount = amounts[i % 2 if count != "bytes" else 0]
        rate = amount if count == "bytes" else amount.split()[0]
        site.fresh_filter(settings.format(rate, window))
        said = refusal(site, mta, count)
        assert re.fullmatch(rf"451 4\.7\.1 rate limit: {amount} per {per} reached, try again in {wait} "
                            r"\(ref [0-9A-Z-]+\)", said), said
    if none:
        site.fresh_filter(settings.format(0, "1h"))
        said = refusal(site, mta, count)
        assert re.fullmatch(rf"451 4\.7\.1 rate limit: {none} \(ref [0-9A-Z-]+\)", said), said
