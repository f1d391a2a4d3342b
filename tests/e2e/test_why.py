# SPDX-License-Identifier: BSD-2-Clause
"""mailreevectl why: the decision behind a reference that a refused client was given."""

import json
import os
import re
import subprocess

import pytest

from harness import world
from harness.filter import PROGRAM
from harness.process import PATIENCE, until
from harness.site import letter

CTL = PROGRAM + "ctl"
REDIS = '\nstore {\n  url = "redis://127.0.0.1:6379/0"\n}\n'


def why(site, *arguments, socket=None):
    done = subprocess.run(
        [CTL, "-s", socket or f"{site.milter_path}.control", "why", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )
    return done.returncode, done.stdout, done.stderr


def refused(mta, site, **mail):
    """Sends what is refused; the reference that the client got."""
    result = site.send(mta, **mail)
    _, reply = result.refusal
    return re.search(r"\(ref ([0-9A-Z]{4}-[0-9A-Z]{4})\)", reply.given).group(1)


def found(site, *arguments):
    """The record, which comes a moment after the answer."""
    def ask():
        status, output, _ = why(site, *arguments, "--json")
        return json.loads(output) if status == 0 else None

    return until(ask, f"why {arguments}")


def keys_of(redis):
    """What is kept in Redis for why."""
    return re.findall(r"mailreeve:\S*why:\S+", redis.command("KEYS", "*why:*").decode())


def journal(site):
    """Settings for a new journal."""
    folder = f"{site.filter_folder}/journal{next(site._count)}"
    os.makedirs(folder)
    os.chown(folder, os.stat(site.filter_folder).st_uid, -1)
    return f"{folder}/journal", f'journal = "{folder}/journal"\n'


def test_refusal(mta, site):
    daemon = site.filter("sender {\n  nonexistent = reject\n}\n")
    reference = refused(mta, site, sender="eve@nosuch.test")
    record = found(site, reference)
    assert record["ref"] == reference
    assert (record["client"], record["name"]) == (world.GOOD, "mail.good.test")
    assert (record["helo"], record["from"]) == ("mail.good.test", "<eve@nosuch.test>")
    assert record["rcpt"] == "<bob@example.test>"
    assert (record["verdict"], record["check"]) == ("reject", "sender.nonexistent")
    line = daemon.configuration.split("\n").index("  nonexistent = reject") + 1
    finding = next(f for f in record["findings"] if f["check"] == "sender.nonexistent")
    assert finding["set_in"] == f"{daemon.file}:{line}"
    assert "NXDOMAIN" in finding["evidence"]
    answers = {(a["name"], a["type"]): a for a in record["dns"]}
    assert answers["nosuch.test", "MX"]["status"] == "NXDOMAIN"
    assert "ttl" in answers["10.2.0.192.in-addr.arpa", "PTR"]

    status, output, errors = why(site, reference)
    assert (status, errors) == (0, "")
    assert output.startswith("reject at rcpt by sender.nonexistent (ref " + reference)
    assert "nosuch.test MX: NXDOMAIN (TTL " in output
    assert "\x1b" not in output
    # As people write it.
    for word in (reference.lower(), reference.replace("-", ""), reference.replace("0", "O")):
        assert found(site, word) == record


def test_queue_id(mta, site):
    daemon = site.filter()
    mark = daemon.mark()
    # The second recipient is refused when the MTA knows its queue id.
    site.send(mta, recipients=["bob@example.test", "nobody@example.test"])
    row = daemon.wait_decision(mark, verdict="reject")
    assert found(site, row["queue"])["rcpt"] == "<nobody@example.test>"


def test_message(postfix, site):
    site.filter("message {\n  from_missing = reject\n}\n")
    text = letter("headless").replace("From: Anna <anna@good.test>\n", "")
    reference = refused(postfix, site, message=text)
    record = found(site, reference)
    assert (record["stage"], record["recipients"]) == ("eom", 1)
    assert found(site, record["queue"])["ref"] == reference


def test_dmarc(postfix, site):
    """The answers of the DNS about the message's author stand there too."""
    site.filter("dmarc {\n  reject = reject\n}\n")
    text = letter("x").replace("anna@good.test", "boss@legit.test")
    record = found(site, refused(postfix, site, message=text))
    assert record["check"] == "dmarc.reject"
    answers = {(a["name"], a["type"]): a for a in record["dns"]}
    assert "p=reject" in answers["_dmarc.legit.test", "TXT"]["answer"]


def test_limit(mta, site):
    site.fresh_filter('limit "one" { key = "client_net" count = "messages" rate = "1 / 1h" }\n')
    assert site.send(mta).accepted
    record = found(site, refused(mta, site))
    assert record["check"] == "limit.rate(one)"
    finding = next(f for f in record["findings"] if f["check"] == "limit.rate(one)")
    assert (finding["used"], finding["most"], finding["remaining"]) == (1, 1, 0)


def test_every_host_answers(mta, site, redis):
    """What one filter has refused another one explains, and so does the next after a restart."""
    redis.flush()
    site.fresh_filter(REDIS)
    reference = refused(mta, site, sender="eve@nosuch.test")
    record = found(site, reference)
    site.fresh_filter(REDIS)
    assert found(site, reference) == record
    assert keys_of(redis)
    for key in keys_of(redis):
        assert 0 < int(redis.command("TTL", key)[1:].strip()) <= 7 * 86400
    site.stop_filter()


def test_bounded(mta, site, redis):
    """No more places than it may have, however many are refused."""
    redis.flush()
    site.fresh_filter(REDIS + "keep_refusals = 3\nkeep_refusals_for = 1h\n")
    references = [refused(mta, site, sender="eve@nosuch.test") for _ in range(8)]
    until(lambda: why(site, references[-1])[0] == 0, "the last one")
    assert len([k for k in keys_of(redis) if "why:q" not in k]) <= 3
    assert [why(site, r)[0] for r in references] == [66] * 5 + [0] * 3
    site.stop_filter()


def test_store_down(mta, site):
    """The session does not wait for it, and this host knows for itself."""
    site.fresh_filter('store {\n  url = "redis://127.0.0.1:1/0"\n}\n')
    assert found(site, refused(mta, site, sender="eve@nosuch.test"))["from"] == "<eve@nosuch.test>"
    assert why(site, "AAAA-AAAA")[0] == 75
    site.stop_filter()


def test_journal_after_a_restart(mta, site):
    """The memory store forgets; the journal does not."""
    file, settings = journal(site)
    site.fresh_filter(settings)
    reference = refused(mta, site, sender="eve@nosuch.test")
    record = found(site, reference)
    site.fresh_filter(settings)
    assert found(site, reference) == record
    status, output, _ = why(site, reference)
    assert status == 0 and "sender.nonexistent" in output
    assert why(site, "AAAA-AAAA")[0] == 66
    configuration = site.running.file
    site.stop_filter()
    # Without a daemon.
    for more in (("-c", configuration), ("--journal", file)):
        status, output, _ = why(site, reference, *more, "--json")
        assert status == 0 and json.loads(output) == record
    status, _, errors = why(site, reference)
    assert status == 69 and "is mailreeve running" in errors


def test_off(mta, site):
    site.fresh_filter("keep_refusals = 0\n")
    assert why(site, refused(mta, site, sender="eve@nosuch.test"))[0] == 66


@pytest.mark.parametrize("arguments", [(), ("",), ("a", "b"), ("--what",), ("x" * 200,)])
def test_usage(site, arguments):
    status, output, errors = why(site, *arguments)
    assert status == 64 and output == "" and "usage" in errors


def test_odd_words(site):
    site.filter()
    for word in ("nothing", "AAAA-AAAA", "a\nb", "\x1b[31m", '"', "0" * 100):
        status, output, errors = why(site, word)
        assert (status, output) == (66, "")
        assert "nothing is known" in errors and "\x1b" not in errors
