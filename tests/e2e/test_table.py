# SPDX-License-Identifier: BSD-2-Clause
"""Verdict x stage x MTA: what the client is told, what is delivered, what the log says."""

import re

import pytest

from harness import world
from harness.process import until
from harness.site import letter

DENIED = "refused by the deny list of this site"

# Who trips the check at each stage.
CASES = {
    "connect": {"client": "198.51.100.8"},
    "helo": {"helo": "mail.enemy.test"},
    "mail": {"sender": "eve@villain.test"},
    "rcpt": {"recipients": ["dave@example.test"]},
    "header": {"extra": "From: Second <second@good.test>\n"},
    "body": {"message": lambda token: letter(token, body="x" * 5000 + "\n")},
}
CHECKS = {
    "connect": "lists.denied", "helo": "lists.denied", "mail": "lists.denied",
    "rcpt": "lists.denied", "header": "message.from_repeated", "body": "body.line_length",
}

SETTINGS = """\
deny = {{ "198.51.100.8", "mail.enemy.test", "villain.test", "dave@example.test" }}
reply_at = {reply_at}
lists {{ denied = {action} }}
message {{ from_repeated = {action} }}
body {{ line_length = {action} }}
rdns {{ mode = off }}
helo {{ mode = off }}
sender {{ mode = off }}
spf {{ mode = off }}
impostor {{ mode = off }}
"""

STAGES = list(CASES)
ENVELOPE = ("connect", "helo", "mail", "rcpt")


def seen_at(mta, stage, reply_at):
    """(step at which the client learns it, whether it sees our words)."""
    if stage in ("header", "body"):
        return "end", True
    if stage == "rcpt" or reply_at == "rcpt":
        return "rcpt", True
    # After a refused connect Sendmail answers in its own words (no milter can change that).
    return "mail", not (stage == "connect" and mta.name == "sendmail")


def judged_at(stage, reply_at):
    if stage in ("header", "body"):
        return "eom"
    return "rcpt" if reply_at == "rcpt" else stage


def run(mta, site, stage, action, reply_at):
    """The filter, where its log began, and what the client saw."""
    daemon = site.filter(SETTINGS.format(action=action, reply_at=reply_at))
    mark = daemon.mark()
    return daemon, mark, site.send(mta, **CASES[stage])


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("reply_at", ["rcpt", "stage"])
@pytest.mark.parametrize("action", ["reject", "tempfail"])
def test_refusal(mta, site, sink, action, reply_at, stage):
    daemon, mark, result = run(mta, site, stage, action, reply_at)
    step, own_words = seen_at(mta, stage, reply_at)
    reply = getattr(result, step)
    assert reply is not None, result
    assert reply.code // 100 == (5 if action == "reject" else 4)
    assert not result.accepted and not sink.find(result.token)

    row = daemon.wait_decision(mark, check=CHECKS[stage])
    assert row["stage"] == judged_at(stage, reply_at)
    assert (row["verdict"], row["action"]) == (action, action)
    assert row["client"] == CASES[stage].get("client", world.GOOD)
    if own_words:
        assert reply.enhanced[0] == ("5" if action == "reject" else "4")
        reference = re.search(r"\(ref ([0-9A-Z]{4}-[0-9A-Z]{4})\)$", reply.text)
        assert reference and reference.group(1) == row["ref"]
        assert row["reply"] == reply.given
    if stage in ENVELOPE:
        assert row["reply"].startswith(
            f"550 5.7.1 {DENIED}" if action == "reject" else f"451 4.7.1 {DENIED}"
        )
    # Nothing is refused before its time.
    if reply_at == "rcpt" or stage not in ("connect", "helo"):
        for earlier, said in result.steps():
            if earlier == step:
                break
            assert said.ok, result


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("action", ["off", "monitor", "suspect"])
def test_accepted(mta, site, sink, action, stage):
    daemon, mark, result = run(mta, site, stage, action, "rcpt")
    assert result.accepted, result
    delivery = sink.wait_for(result.token)
    assert delivery.recipients == CASES[stage].get("recipients", ["bob@example.test"])
    row = daemon.wait_decision(mark, stage="eom")
    assert row["verdict"] == "accept"
    noted = f"{CHECKS[stage]}=fail/{action}" in row.get("findings", "")
    # A recipient's own findings end with the recipient; all others are in the last line.
    assert noted == (action != "off" and stage != "rcpt")


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "rcpt"])
def test_tagged(mta, site, sink, stage):
    _, _, result = run(mta, site, stage, "tag", "rcpt")
    assert result.accepted, result
    text = " ".join(sink.wait_for(result.token).fields("X-Mailreeve"))
    assert CHECKS[stage] in text


@pytest.mark.parametrize("stage", STAGES)
def test_quarantined(mta, site, sink, stage):
    daemon, mark, result = run(mta, site, stage, "quarantine", "rcpt")
    assert result.accepted, result
    mta.wait_held(result.token)
    row = daemon.wait_decision(mark, stage="eom")
    assert row["verdict"] == "quarantine"
    if stage != "rcpt" and mta.name == "sendmail":  # Postfix keeps no reason
        evidence = row["findings"].split(f"{CHECKS[stage]}=fail/quarantine: ")[1]
        mta.wait_reason(result.token, evidence.split(";")[0][:40])
    assert not sink.find(result.token)


def test_other_recipients_are_delivered(mta, site, sink):
    site.filter(SETTINGS.format(action="reject", reply_at="rcpt"))
    result = site.send(mta, recipients=["bob@example.test", "dave@example.test",
                                        "nobody@example.test", "carol@example.test"])
    codes = [(reply.code, reply.enhanced) for reply in result.rcpts]
    assert codes[1:3] == [(550, "5.7.1"), (550, "5.1.1")]
    assert [code for code, _ in codes] == [250, 550, 550, 250]
    delivered = sorted(r for d in _deliveries(sink, result.token, 2) for r in d.recipients)
    assert delivered == ["bob@example.test", "carol@example.test"]


def _deliveries(sink, token, recipients):
    until(lambda: sum(len(d.recipients) for d in sink.find(token)) >= recipients, "deliveries")
    return sink.find(token)


def test_filter_runs_with_an_ipv6_client(mta, site, sink):
    daemon = site.filter(SETTINGS.format(action="reject", reply_at="rcpt"))
    mark = daemon.mark()
    result = site.send(mta, client=world.GOOD6)
    assert result.accepted, result
    assert daemon.wait_decision(mark, stage="eom")["client"] == world.GOOD6
    assert sink.wait_for(result.token)
