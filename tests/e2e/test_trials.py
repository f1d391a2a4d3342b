# SPDX-License-Identifier: BSD-2-Clause
"""mode, percent and until: of a section, a check and a limit, with clients of different networks."""

import json
import re
import time

import pytest

from harness import world
from harness.milter_client import MilterClient

from test_ctl import control, ctl

# Nothing else acts on clients that are in no DNS.
ALONE = "".join(
    f"{name} {{ mode = off }}\n" for name in ("rdns", "spf", "sender", "impostor", "message", "from")
)
NETWORKS = [f"10.{n}.{7 * n % 256}" for n in range(80)]


def try_clients(site, clients):
    """For each client that claims our name: True when it was refused."""
    refused = []
    for number, address in enumerate(clients):
        with MilterClient(site.milter_path) as mta:
            mta.negotiate()
            mta.connect_info(name="[x]", address=address, port=40000 + number)
            if not mta.steps & 0x1000:
                assert mta.receive()[0] == "c"
            mta.helo("mx.example.test")
            mta.mail()
            mta.rcpt()
            letter, data = mta.receive()
            assert letter in "cy", (letter, data)
            assert letter == "c" or data.startswith(b"550"), data
            refused.append(letter == "y")
    return refused


@pytest.mark.parametrize("place", ["check", "section"])
def test_percent_acts_for_the_same_networks_everywhere(site, place):
    def settings(percent):
        if place == "check":
            return ALONE + f'helo {{ own_name = "reject percent={percent}" }}\n'
        return ALONE + f"helo {{ percent = {percent} }}\n"

    daemon = site.fresh_filter(settings(40))
    mark = daemon.mark()
    first = try_clients(site, [f"{net}.1" for net in NETWORKS])
    assert 15 <= sum(first) <= 50, "40 percent of 80"
    # All are logged, with what was done or would have been.
    lines = [line for line in daemon.lines(mark, "helo.own_name=fail/")]
    assert sum("helo.own_name=fail/reject" in line for line in lines) == sum(first)
    assert try_clients(site, [f"{net}.254" for net in NETWORKS]) == first, "the same networks"
    # Another host, or this one after a restart, knows nothing of it and judges alike.
    site.fresh_filter(settings(40))
    assert try_clients(site, [f"{net}.9" for net in NETWORKS]) == first
    # More percent: those of before, and more.
    site.fresh_filter(settings(70))
    more = try_clients(site, [f"{net}.1" for net in NETWORKS])
    assert sum(more) > sum(first)
    assert all(later for earlier, later in zip(first, more) if earlier)
    site.stop_filter()


def test_sections_and_checks_draw_apart(site):
    """Two trials of 50 percent do not hit the same half."""
    site.fresh_filter(ALONE + "helo { percent = 50 }\n")
    section = try_clients(site, [f"{net}.1" for net in NETWORKS])
    site.fresh_filter(ALONE + 'helo { own_name = "reject percent=50" }\n')
    check = try_clients(site, [f"{net}.1" for net in NETWORKS])
    assert section != check
    # Both together: where both let it act.
    site.fresh_filter(ALONE + 'helo { percent = 50 own_name = "reject percent=50" }\n')
    both = try_clients(site, [f"{net}.1" for net in NETWORKS])
    assert both == [a and b for a, b in zip(section, check)]
    site.stop_filter()


def test_monitor_and_its_end(mta, site):
    """The end is noticed without a reload: in what is decided, in the log and in status."""
    # On a slow machine the end may come before the first message has; then it is set later.
    for seconds in (4, 15, 60):
        end = time.time() + seconds
        until = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(end))
        daemon = site.fresh_filter(f'helo {{ own_name = "reject mode=monitor until={until}" }}\n')
        mark = daemon.mark()
        first = site.send(mta, helo="mx.example.test")
        trials = json.loads(ctl(*control(site), "status", "--json")[1])["trials"]
        if time.time() < end - 1:
            break
    assert first.accepted
    daemon.wait_line(r"helo\.own_name=fail/monitor\(reject\)", mark)
    assert daemon.lines(0, "helo.own_name is on trial until")
    assert [(trial["name"], trial["mode"], trial["ended"]) for trial in trials] == [
        ("helo.own_name", "monitor", False)
    ]
    time.sleep(max(0.0, end + 1 - time.time()))
    refused = site.send(mta, helo="mx.example.test")
    assert not refused.accepted and refused.refusal[1].code == 550
    daemon.wait_line(r"helo\.own_name was on trial until", mark)
    output = ctl(*control(site), "status")[1]
    assert re.search(r"helo\.own_name was on trial until .* it is enforced now", output)
    site.stop_filter()


def test_a_limit_on_trial(mta, site):
    """Some clients are limited, the others only counted."""
    site.fresh_filter('limit "few" { key = client_ip count = messages rate = "1 / 1h" percent = 0 }\n')
    for _ in range(3):
        assert site.send(mta, client=world.GOOD).accepted
    status = json.loads(ctl(*control(site), "status", "--json")[1])
    (limit,) = status["limits"]
    assert (limit["limit"], limit["taken"], limit["over"], limit["watched"]) == ("few", 1, 0, 2)
    site.fresh_filter('limit "few" { key = client_ip count = messages rate = "1 / 1h" percent = 100 }\n')
    assert site.send(mta, client=world.GOOD).accepted
    assert not site.send(mta, client=world.GOOD).accepted
    site.stop_filter()
