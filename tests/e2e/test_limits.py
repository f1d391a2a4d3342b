# SPDX-License-Identifier: BSD-2-Clause
"""Limits through real MTAs, in memory and in Redis, and what happens when Redis goes away."""

import json
import re
from pathlib import Path

import pytest

from harness import world
from harness.process import until
from test_ctl import control, ctl

MESSAGES = """\
limit "sender" {{ key = "sender" count = "messages" rate = "{rate} / 1h" action = "tempfail" }}
connection {{ mode = off }}
{store}
"""


@pytest.fixture(params=["memory", "redis"])
def store(request):
    if request.param == "memory":
        return ""
    redis = request.getfixturevalue("redis")
    redis.flush()
    return f'store {{ url = "{redis.url}" }}'


OTHER = {"client": world.OTHER, "helo": "mail.other.test", "sender": "olaf@other.test"}


def test_sender_over_the_limit_and_another_below(mta, site, store):
    daemon = site.fresh_filter(MESSAGES.format(rate=3, store=store))
    mark = daemon.mark()
    assert [site.send(mta).accepted for _ in range(3)] == [True] * 3
    step, reply = site.send(mta).refusal
    assert (step, reply.code, reply.enhanced) == ("rcpt", 451, "4.7.1")
    assert site.send(mta, **OTHER).accepted
    row = daemon.wait_decision(mark, verdict="tempfail")
    assert row["check"].startswith("limit.") and "sender" in row["check"]
    assert row["from"] == "<anna@good.test>"


def test_recipients_are_counted_one_by_one(mta, site, store):
    settings = MESSAGES.format(rate=3, store=store).replace("messages", "recipients")
    site.fresh_filter(settings)
    everyone = ["bob@example.test", "carol@example.test", "dave@example.test"]
    result = site.send(mta, recipients=everyone + ["postmaster@example.test"])
    assert [reply.code for reply in result.rcpts] == [250, 250, 250, 451]
    assert result.accepted
    assert not site.send(mta).accepted


def test_what_was_refused_is_given_back(mta, site, store):
    site.fresh_filter(MESSAGES.format(rate=1, store=store))
    two_from = "From: Second <second@good.test>\n"
    assert site.send(mta, extra=two_from).end.code == 550
    assert not site.send(mta, recipients=["nobody@example.test"]).accepted
    assert site.send(mta).accepted
    assert not site.send(mta).accepted


def test_two_filters_share_one_limit(postfix, site, redis):
    """The limit is the store's, not the daemon's: a new process goes on counting."""
    redis.flush()
    settings = MESSAGES.format(rate=2, store=f'store {{ url = "{redis.url}" }}')
    site.fresh_filter(settings)
    assert site.send(postfix).accepted
    site.fresh_filter(settings)
    assert site.send(postfix).accepted
    assert not site.send(postfix).accepted


def test_redis_stops_and_comes_back(postfix, site, redis):
    redis.flush()
    daemon = site.fresh_filter(MESSAGES.format(rate=2, store=f'store {{ url = "{redis.url}" }}'))
    assert site.send(postfix).accepted
    mark = daemon.mark()
    redis.stop()
    # The local window has been kept warm: one of two is used.
    assert site.send(postfix).accepted
    assert not site.send(postfix).accepted
    assert site.send(postfix, **OTHER).accepted
    daemon.wait_line("(?i)redis|store", mark)
    redis.start()
    # An empty Redis: found again when it counts again.
    until(lambda: site.send(postfix, **OTHER).end and redis.key_count() > 0, "Redis in use again")


RULE = """\
limit "sender" {{
  key = "sender" count = "messages" rate = "4 / 1h" hosts = 2 action = "tempfail" outage = {outage}
}}
connection {{ mode = off }}
store {{ url = "{url}" }}
"""


@pytest.mark.parametrize("fault", ["gone", "frozen"])
@pytest.mark.parametrize("outage, accepted", [("local", 2), ("accept", 5), ("tempfail", 0)])
def test_the_rule_for_outages(postfix, site, redis, fault, outage, accepted):
    """Each rule while a Redis is gone, and while it stands still; afterwards it counts from where it was."""
    redis.flush()
    daemon = site.fresh_filter(RULE.format(outage=outage, url=redis.url))
    mark = daemon.mark()
    if fault == "gone":
        redis.stop()
    else:
        redis.freeze()
    try:
        results = [site.send(postfix) for _ in range(5)]
        daemon.wait_line(r"store: Redis .* is down", mark)
    finally:
        if fault == "gone":
            redis.start()
        else:
            redis.thaw()
    assert [result.accepted for result in results] == [True] * accepted + [False] * (5 - accepted)
    assert all(result.refusal[1].code == 451 for result in results[accepted:])
    daemon.wait_line(r"store: Redis .* is up again", mark)
    # What one that stood still had received before it was given up may count.
    later = sum(site.send(postfix).accepted for _ in range(5))
    assert later == 4 if fault == "gone" else 1 <= later <= 4
    assert len(daemon.lines(mark, "is down")) == len(daemon.lines(mark, "is up again")) == 1


COUNTS = """\
limit "count" {{ key = "client_ip" count = "{count}" rate = "{rate} / 1h" {more} }}
connection {{ mode = off }}
{store}
"""


def test_connections_that_ask_for_a_recipient(mta, site, store):
    site.fresh_filter(COUNTS.format(count="connections", rate=2, more="", store=store))
    assert [site.send(mta).accepted for _ in range(2)] == [True] * 2
    step, reply = site.send(mta).refusal
    assert (step, reply.code) == ("rcpt", 451)
    assert "2 connections per hour reached, try again in" in reply.text
    assert site.send(mta, **OTHER).accepted


def test_bytes_at_the_end_of_the_message(mta, site, store):
    more = 'reply = "No more than {limit} in {window}"'
    site.fresh_filter(COUNTS.format(count="bytes", rate="20kB", more=more, store=store))
    padding = "X-Padding: " + "0123456789" * 6 + "\n"
    assert site.send(mta, extra=padding * 100).accepted
    step, reply = site.send(mta, extra=padding * 200).refusal
    assert (step, reply.code) == ("end", 451)
    assert "No more than 20KB in 1 hour" in reply.text
    assert site.send(mta).accepted


def test_a_declared_size_is_told_before_the_body(mta, site, store):
    """SIZE= of MAIL, looked at with the first recipient; what is counted is the message that comes."""
    site.fresh_filter(COUNTS.format(count="bytes", rate="20kB", more="", store=store)
                      + 'limit "second" { key = "sender" count = "recipients" rate = "90 / 1h" }\n')
    everyone = ["bob@example.test", "carol@example.test"]
    result = site.send(mta, recipients=everyone, parameters=" SIZE=20481")
    assert [reply.code for reply in result.rcpts] == [451, 451]
    assert "more at once than 20KB per hour" in result.rcpts[0].text
    assert site.send(mta, parameters=" SIZE=20480").accepted
    step, reply = site.send(mta, parameters=" SIZE=20480").refusal
    assert (step, reply.code) == ("rcpt", 451)
    assert "20KB per hour reached, try again in" in reply.text
    # Neither a size that is none nor one that is too small is a way past the limit.
    padding = "X-Padding: " + "0123456789" * 6 + "\n"
    result = site.send(mta, extra=padding * 400, parameters=" SIZE=1")
    assert result.refusal[0] == "end" and result.refusal[1].code == 451
    assert site.send(mta, parameters=" SIZE=0").accepted
    rows = {row["limit"]: row["used"] for row in limits(site, "show", "anna@good.test")[1]}
    assert rows["second"] == 2


def test_one_call_although_a_size_is_declared(postfix, site, redis):
    """It rides with the other limits of the recipient; the end of the message asks for itself."""
    site.fresh_filter(
        'limit "bytes" { key = "sender" count = "bytes" rate = "1MB / 1h" }\n'
        'limit "few" { key = "sender" count = "recipients" rate = "90 / 1h" }\n'
        f'connection {{ mode = off }} store {{ url = "{redis.url}" }}')
    calls = []
    for parameters in ("", " SIZE=2000"):
        assert site.send(postfix).accepted
        start = script_calls(redis)
        assert site.send(
            postfix, recipients=["bob@example.test", "carol@example.test"], parameters=parameters).accepted
        calls.append(script_calls(redis) - start)
    assert calls[0] == calls[1]


def test_who_probes_for_recipients_gets_no_answer_any_more(mta, site, store):
    site.fresh_filter(COUNTS.format(count="refused_recipients", rate=3, more="", store=store))
    probes = [f"nobody{i}@example.test" for i in range(6)]
    assert site.send(mta).accepted
    result = site.send(mta, recipients=probes[:3] + ["bob@example.test"] + probes[3:])
    assert [reply.code for reply in result.rcpts] == [550, 550, 550] + [451] * 4
    assert site.send(mta, **OTHER).accepted


def test_nobody_is_told_to_come_back_for_what_never_fits(mta, site):
    """A rate of 0, and a message that is larger than all that may be sent."""
    site.fresh_filter(
        'limit "none" { key = "sender" count = "messages" rate = "0 / 1h" action = "reject" }\n'
        "connection { mode = off }\n")
    said = site.send(mta).refusal[1]
    assert said.code == 550 and "rate limit: no messages are allowed (ref" in said.text, said
    site.fresh_filter(
        'limit "few" { key = "sender" count = "bytes" rate = "100 / 1h" action = "tempfail" }\n'
        "connection { mode = off }\n")
    said = site.send(mta).refusal[1]
    assert said.code == 451 and "try again" not in said.text
    assert "more at once than 100 bytes per hour, which is all that is allowed" in said.text


def test_overrides_and_reload(mta, site, store):
    """Reload is told of by the log; a bad line is named and leaves what was."""
    file = Path(site.filter_folder) / "limits"
    file.write_text("anna@good.test 2 / 1h\n")
    settings = MESSAGES.format(rate=1, store=store).replace("rate =", f'overrides = "{file}" rate =')
    daemon = site.fresh_filter(settings)
    assert [site.send(mta).accepted for _ in range(3)] == [True, True, False]
    assert [site.send(mta, **OTHER).accepted for _ in range(2)] == [True, False]

    def reload(content, line):
        mark = daemon.mark()
        file.write_text(content)
        daemon.reload()
        daemon.wait_line(line, mark)

    reload("good.test 3 / 1h\nother.test unlimitd\n", f"{file}:2: the rate cannot be read")
    assert not site.send(mta).accepted
    reload("good.test 3 / 1h\nother.test unlimited\n", "reloaded")
    assert [site.send(mta).accepted for _ in range(2)] == [True, False]
    assert [site.send(mta, **OTHER).accepted for _ in range(4)] == [True] * 4


def limits(site, *words):
    """Exit status and rows of mailreevectl limits."""
    status, output, errors = ctl(*control(site), "limits", words[0], "--json", *words[1:])
    assert not errors
    return status, json.loads(output)["limits"]


def test_administrator_asks_for_a_key(mta, site, store):
    settings = MESSAGES.format(rate=3, store=store) + (
        'limit "bytes" { key = "sender_domain" count = "bytes" rate = "1MB / 1d" }\n')
    site.fresh_filter(settings)
    assert [site.send(mta).accepted for _ in range(2)] == [True] * 2
    status, rows = limits(site, "show", "Anna@GOOD.test")
    assert status == 0 and [row["limit"] for row in rows] == ["sender"]
    assert (rows[0]["key"], rows[0]["used"], rows[0]["most"]) == ("anna@good.test", 2, 3)
    assert (rows[0]["window_seconds"], rows[0]["wait_seconds"]) == (3600, 0)
    assert 3000 < limits(site, "predict", "anna@good.test", "2")[1][0]["wait_seconds"] <= 3720
    assert limits(site, "predict", "anna@good.test", "4")[1][0]["wait_seconds"] is None
    assert 100 < limits(site, "show", "good.test")[1][0]["used"] < 10000
    assert limits(site, "show", "192.0.2.7") == (65, [])
    # Nothing was charged by asking.
    assert [site.send(mta).accepted for _ in range(2)] == [True, False]
    assert limits(site, "show", "anna@good.test")[1][0]["wait_seconds"] > 3000
    status, output, _ = ctl(*control(site), "limits", "show", "anna@good.test")
    assert status == 0 and output.splitlines()[0].startswith("LIMIT")
    assert "3 messages" in output.splitlines()[1]
    for words in (["show"], ["predict", "a@b.test"], ["predict", "a@b.test", "-1"], ["frob"]):
        assert ctl(*control(site), "limits", *words)[0] == 64


def script_calls(redis):
    """How often a script was called by its hash so far."""
    statistics = redis.command("INFO", "commandstats").decode()
    found = re.search(r"cmdstat_evalsha:calls=(\d+)", statistics)
    return int(found[1]) if found else 0


def test_one_call_for_each_step_whatever_the_number_of_limits(mta, site, redis):
    """Twenty that refuse, and of those that only look on some that are reached: one call, and all is
    said and counted. What is asked before a recipient is judged takes one more, and one to give the
    probe back; and who connects is looked up once."""
    everyone = ["bob@example.test", "carol@example.test", "dave@example.test"]
    limit = 'limit "{}" {{ key = "{}" count = "{}" rate = "{} / 1h" {} }}'.format
    after = [limit(f"r{i}", "sender", count, 9, "")
             for i, count in enumerate(["messages", "recipients"] * 10)]
    after += [limit(f"low{i}", "sender", "recipients", i, "mode = monitor") for i in (1, 2)]
    after += [limit(f"high{i}", "sender", "recipients", 9, "mode = monitor") for i in (1, 2)]
    before = [limit(f"b{i}", "client_ip", count, 9, mode)
              for i, count in enumerate(["connections", "refused_recipients"] * 2)
              for mode in ("", "mode = monitor")]
    # One title each.
    before = [line.replace('"b', f'"b{i}_', 1) for i, line in enumerate(before)]
    for calls, settings in ((3, after), (3 * 3 + 1, after + before)):
        redis.flush()
        daemon = site.fresh_filter("\n".join(
            [*settings, f'connection {{ mode = off }} store {{ url = "{redis.url}" }}']))
        assert site.send(mta, **OTHER).accepted
        mark, start = daemon.mark(), script_calls(redis)
        assert site.send(mta, recipients=everyone).accepted
        assert script_calls(redis) - start == calls
        row = daemon.wait_decision(mark, rcpt="<dave@example.test>")
        assert row["would"] == "tempfail"
        assert "has used 1 of 1" in row["findings"] and "has used 2 of 2" in row["findings"]
        used = {row["limit"]: row["used"] for row in limits(site, "show", "anna@good.test")[1]}
        assert used.pop("low1") == 1 and used.pop("low2") == 2
        assert used == {f"r{i}": 1 if i % 2 == 0 else 3 for i in range(20)} | {"high1": 3, "high2": 3}
