# SPDX-License-Identifier: BSD-2-Clause
"""mailreevectl lookup: what the daemon would find out, without a daemon."""

import json
import os
import subprocess

import pytest

from harness import world
from harness.filter import BUILD

TOOL = os.path.abspath(os.path.join(BUILD, "mailreevectl"))
EX_OK, EX_USAGE, EX_TEMPFAIL = 0, 64, 75

pytestmark = pytest.mark.usefixtures("nameserver")


def lookup(*arguments):
    run = subprocess.run(
        [TOOL, "lookup", *arguments], capture_output=True, encoding="utf-8", timeout=120,
        check=False,
    )
    return run.returncode, run.stdout, run.stderr


def spf(client, helo, *more):
    return ("spf", "--client", client, "--helo", helo, *more)


ROWS = [
    (spf(world.GOOD, "mail.good.test"), "pass", "mail.good.test"),
    (spf(world.GOOD6, "mail.good.test"), "pass", "mail.good.test"),
    (spf(world.GOOD, "x.test", "--from", "anna@good.test"), "pass", "good.test"),
    (spf(world.GOOD, "x.test", "--from", "<anna@good.test>"), "pass", "good.test"),
    (spf(world.GOOD, "mail.good.test", "--from", "<>"), "pass", "mail.good.test"),
    (spf(world.STRAY, "x.test", "--from", "anna@good.test"), "fail", "-all"),
    (spf(world.STRAY, "x.test", "--from", "anna@soft.test"), "softfail", ""),
    (spf(world.GOOD, "x.test", "--from", "anna@plain.test"), "none", ""),
    (spf(world.GOOD, "x.test", "--from", "anna@broken.test"), "permerror", ""),
    (spf(world.GOOD, "[192.0.2.10]"), "none", "no domain name"),
    # No reverse-paths, but RFC 7208 4.3 knows what to answer.
    (spf(world.GOOD, "x.test", "--from", "@good.test"), "pass", "good.test"),
    (spf(world.STRAY, "x.test", "--from", "anna smith@good.test"), "fail", "-all"),
    (spf(world.GOOD, "x.test", "--from", "<anna@good..test>"), "none", "no fully qualified"),
    (("iprev", "--client", world.GOOD), "pass", "mail.good.test"),
    (("iprev", "--client", world.GOOD6), "pass", "mail.good.test"),
    (("iprev", "--client", world.UNCONFIRMED), "fail", "192.0.2.67"),
    (("iprev", "--client", world.NAMELESS), "permerror", ""),
    (("helo", "--client", world.GOOD, "--helo", "mail.good.test"), "pass", ""),
    (("helo", "--client", world.STRAY, "--helo", "mail.good.test"), "fail", "mismatch fail"),
    (("helo", "--client", world.GOOD, "--helo", "nosuch.test"), "fail", "unresolvable fail"),
    (("registered", "--client", world.GOOD, "--domain", "good.test"), "pass", "SPF of good.test"),
    (("registered", "--client", world.PLAIN_HOST, "--domain", "plain.test"), "pass", "MX of"),
    (("registered", "--client", world.STRAY, "--domain", "shop.test"), "pass", "confirmed name"),
    (("registered", "--client", world.STRAY, "--domain", "plain.test"), "fail", "not registered"),
    (("mx", "good.test"), "mx", "mail.good.test"),
    (("mx", "--domain", "good.test"), "mx", "mail.good.test"),
    (("mx", "MAIL.plain.test."), "implicit", "192.0.2.30"),
    (("mx", "nomail.test"), "null_mx", ""),
    (("mx", "nohost.test"), "none", ""),
    (("mx", "nosuch.test"), "nonexistent", ""),
    (("mx", "bogus.test"), "bogus_mx", "127.0.0.1"),
    (("dmarc", "legit.test"), "reject", "_dmarc.legit.test TXT: v=DMARC1; p=reject"),
    (("dmarc", "sub.Quarantine.test"), "reject", "_dmarc.quarantine.test"),
    (("dmarc", "own.quarantine.test"), "none", "p=none"),
    (("dmarc", "good.test"), "absent", "NXDOMAIN"),
    (("dmarc", "twice.test"), "unusable", "2 DMARC records"),
]


@pytest.mark.parametrize("arguments, result, evidence", ROWS)
def test_result(arguments, result, evidence):
    status, output, errors = lookup(*arguments)
    assert (status, errors) == (EX_OK, "")
    lines = output.splitlines()
    assert lines[0] == result
    assert evidence in output

    status, output, errors = lookup(*arguments, "--json", "--nameserver", "192.0.2.53")
    assert (status, errors) == (EX_OK, "")
    found = json.loads(output)
    assert found["result"] == result
    assert evidence in found["evidence"] + found.get("explanation", "")
    for answer in found["answers"]:
        assert set(answer) == {"name", "type", "status", "ttl", "answer"}
    if arguments[0] == "registered":
        return  # the first proof is enough: the answers that come later may be there or not
    shown = [line for line in lines if line.startswith("  ") and "(TTL " in line]
    assert len(shown) == len(found["answers"])


def test_each_proof_is_shown():
    """Those too that were not needed any more."""
    _, output, _ = lookup("registered", "--client", world.GOOD, "--domain", "good.test",
                          "--nameserver", "192.0.2.53:53")
    assert "\nSPF pass: " in output
    assert "\nMX and address pass: " in output
    assert "\nconfirmed name pass: " in output
    _, output, _ = lookup("registered", "--client", world.STRAY, "--domain", "plain.test",
                          "--nameserver", "192.0.2.53:53")
    assert "\nSPF fail: SPF none: plain.test publishes no SPF record" in output
    assert "\nMX and address fail: plain.test MX " in output
    assert "\nconfirmed name fail: confirmed name web.shop.test: " in output


def test_answers_are_shown():
    _, output, _ = lookup("mx", "good.test", "--json", "--nameserver", "192.0.2.53:53")
    answers = {(a["name"], a["type"]): a for a in json.loads(output)["answers"]}
    assert "mail.good.test" in answers["good.test", "MX"]["answer"]
    assert world.GOOD in answers["mail.good.test", "A"]["answer"]
    assert answers["mail.good.test", "A"]["ttl"] <= 60


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize(
    "arguments",
    [
        spf(world.GOOD, "mail.good.test"),
        ("iprev", "--client", world.GOOD),
        ("helo", "--client", world.GOOD, "--helo", "mail.good.test"),
        ("registered", "--client", world.GOOD, "--domain", "good.test"),
        ("mx", "good.test"),
    ],
)
def test_trouble(arguments, more):
    """Nobody listens there."""
    status, output, _ = lookup(*arguments, *more, "--nameserver", "127.0.0.1:1")
    assert status == EX_TEMPFAIL
    result = json.loads(output)["result"] if more else output.splitlines()[0]
    assert result == "temperror"


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((), "what is to be looked up"),
        (("nothing",), "nothing"),
        (("spf",), "missing"),
        (("spf", "--client", "192.0.2.7"), "missing"),
        (("iprev",), "missing"),
        (("iprev", "--client", "192.0.2.300"), "192.0.2.300"),
        (("iprev", "--client", "192.0.2.7\n"), "\\x0a"),
        (("iprev", "--client", "192.0.2.7", "surplus"), "surplus"),
        (("registered", "--client", "192.0.2.7"), "missing"),
        (("registered", "--client", "192.0.2.7", "--domain", "a..b"), "a..b"),
        (("mx",), "missing"),
        (("mx", ""), "domain"),
        (("mx", "good.test", "surplus"), "surplus"),
        (("mx", "good.test", "--nameserver", "nowhere"), "nowhere"),
        (("mx", "good.test", "--unknown"), "unknown"),
        (spf("192.0.2.7", "a.test", "--from", "anna"), "--from"),
        (spf("192.0.2.7", "a.test", "--from", "anna@"), "--from"),
    ],
)
def test_usage(arguments, said):
    status, output, errors = lookup(*arguments)
    assert status == EX_USAGE
    assert output == ""
    assert said in errors


def test_help():
    status, output, _ = lookup("--help")
    assert status == EX_OK
    assert "mailreevectl lookup spf" in output
