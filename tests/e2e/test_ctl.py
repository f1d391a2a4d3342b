# SPDX-License-Identifier: BSD-2-Clause
"""mailreevectl: against the running daemon, and looking things up without one."""

import json
import os
import pwd
import re
import shutil
import stat
import subprocess

import pytest

from harness import world
from harness.filter import PROGRAM
from harness.process import PATIENCE

CTL = PROGRAM + "ctl"
MANUAL = os.path.join(os.path.dirname(__file__), "../../packaging/man/mailreevectl.8")
NAMESERVER = ("--nameserver", "192.0.2.53:53")


def ctl(*arguments, user=None, program=CTL):
    """Exit status, output, error output."""
    done = subprocess.run(
        [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, check=False, user=user,
    )
    return done.returncode, done.stdout, done.stderr


def lookup(*arguments):
    status, output, errors = ctl("lookup", *arguments, *NAMESERVER)
    assert status in (0, 75), errors
    return status, output.splitlines()


def control(site):
    return ("-s", f"{site.milter_path}.control")


def test_status_counts(mta, site):
    site.fresh_filter()
    assert site.send(mta).accepted
    status, output, _ = ctl(*control(site), "status")
    assert status == 0 and "mailreeve" in output
    status, output, _ = ctl(*control(site), "status", "--json")
    assert status == 0
    with open(MANUAL, encoding="utf-8") as file:
        page = file.read()
    page = page[page.index(".Ss The object of status --json"):page.index(".Sh EXIT STATUS")]
    named = re.findall(r"[a-z_]+", " ".join(re.findall(r"^\.It Cm (.*)$", page, re.MULTILINE)))
    assert sorted(named) == sorted(json.loads(output))


@pytest.mark.parametrize("arguments", [
    ("-h",), ("--help",), ("status", "--help"), ("reload", "--help"), ("top", "--help"), ("top", "-h")])
@pytest.mark.parametrize("before", [(), ("-s", "/nowhere")])
def test_help_needs_no_daemon(before, arguments):
    status, output, errors = ctl(*before, *arguments)
    assert status == 0 and output.startswith("usage: mailreevectl") and errors == ""


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option):
    status, output, errors = ctl(option)
    assert status == 0 and re.fullmatch(r"mailreevectl [0-9.]+\n", output) and errors == ""


def test_reload(site):
    daemon = site.fresh_filter()
    mark = daemon.mark()
    status, output, _ = ctl(*control(site), "reload")
    assert (status, output) == (0, "reloaded\n")
    daemon.wait_line("reloaded", mark)
    daemon.configure("broken {\n")
    status, output, _ = ctl(*control(site), "reload")
    assert status == 78 and ":1: " in output and "configuration of before stays" in output
    site.stop_filter()


def test_only_its_user_may_control(site):
    site.filter()
    found = os.stat(f"{site.milter_path}.control")
    assert stat.S_IMODE(found.st_mode) == 0o600
    # The folder of the build may be closed to others, as /root is.
    program = shutil.copy(CTL, f"{site.folder}/mailreevectl")
    user = pwd.getpwnam("daemon").pw_uid
    status, _, errors = ctl(*control(site), "status", user=user, program=program)
    assert status != 0 and "Permission denied" in errors


def test_no_daemon(site):
    site.stop_filter()
    status, _, errors = ctl(*control(site), "status")
    assert status == 69 and "is mailreeve running?" in errors


@pytest.mark.parametrize("arguments", [("-h",), ("lookup", "mx", "good.test", *NAMESERVER)])
def test_full_disk(nameserver, arguments):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([CTL, *arguments], stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE, check=False)
    assert done.returncode == os.EX_IOERR and "No space left on device" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("lookup",), ("lookup", "spf"),
                                       ("lookup", "iprev", "--client", "no.address")])
def test_usage(arguments):
    status, _, errors = ctl(*arguments)
    assert status == 64 and "usage:" in errors


SPF = [
    (world.GOOD, "mail.good.test", "anna@good.test", "pass"),
    (world.STRAY, "mail.good.test", "anna@good.test", "fail"),
    (world.STRAY, "web.shop.test", "eve@soft.test", "softfail"),
    (world.STRAY, "web.shop.test", "eve@broken.test", "permerror"),
    (world.PLAIN_HOST, "mail.plain.test", "pat@plain.test", "none"),
    (world.GOOD6, "mail.good.test", "anna@good.test", "pass"),
]


@pytest.mark.parametrize("client, helo, sender, expected", SPF)
def test_lookup_spf(nameserver, client, helo, sender, expected):
    del nameserver
    status, lines = lookup("spf", "--client", client, "--helo", helo, "--from", sender)
    assert status == 0 and lines[0].split()[0] == expected


@pytest.mark.parametrize(
    "client, expected",
    [(world.GOOD, "pass"), (world.UNCONFIRMED, "fail"), (world.NAMELESS, "permerror"),
     (world.GOOD6, "pass")],
)
def test_lookup_iprev(nameserver, client, expected):
    del nameserver
    status, lines = lookup("iprev", "--client", client)
    assert status == 0 and lines[0].split()[0] == expected


@pytest.mark.parametrize(
    "client, domain, expected",
    [(world.GOOD, "good.test", "pass"), (world.PLAIN_HOST, "plain.test", "pass"),
     (world.STRAY, "plain.test", "fail"), (world.STRAY, "shop.test", "pass")],
)
def test_lookup_registered(nameserver, client, domain, expected):
    del nameserver
    status, lines = lookup("registered", "--client", client, "--domain", domain)
    assert status == 0 and lines[0].split()[0] == expected


@pytest.mark.parametrize(
    "name, expected",
    [("good.test", "mx"), ("nomail.test", "null_mx"), ("bogus.test", "bogus_mx"),
     ("nosuch.test", "nonexistent"), ("mail.good.test", "implicit"), ("nohost.test", "none")],
)
def test_lookup_mx(nameserver, name, expected):
    del nameserver
    status, lines = lookup("mx", name)
    assert status == 0 and lines[0].split()[0] == expected


def test_lookup_helo(nameserver):
    del nameserver
    _, lines = lookup("helo", "--client", world.GOOD, "--helo", "mail.good.test")
    assert lines[0] == "pass"
    _, lines = lookup("helo", "--client", world.GOOD, "--helo", "mail.other.test")
    assert lines[0] == "fail" and "mismatch" in "\n".join(lines)


def test_lookup_as_json(nameserver):
    del nameserver
    _, lines = lookup(
        "spf", "--client", world.GOOD, "--helo", "mail.good.test", "--from", "a@good.test", "--json"
    )
    answer = json.loads("\n".join(lines))
    assert answer["result"] == "pass" and answer["evidence"] and answer["answers"]


def test_lookup_without_dns(nameserver):
    nameserver.stop()
    try:
        status, lines = lookup("iprev", "--client", world.GOOD)
        assert status == 75 and lines[0].split()[0] == "temperror"
    finally:
        nameserver.start()
