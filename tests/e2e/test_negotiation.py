# SPDX-License-Identifier: BSD-2-Clause
"""Steps and replies that no policy needs are negotiated away."""

import pytest

from harness.milter_client import MilterClient

NO_REPLY = {"NR_HELO", "NR_MAIL", "NR_HDR", "NR_BODY"}


def steps(site, settings, **offer):
    site.filter(settings)
    with MilterClient(site.milter_path) as mta:
        return mta.negotiate(**offer)


def test_nothing_waits_before_the_first_rcpt(site):
    wanted = steps(site, "connection { mode = off }\n")
    assert NO_REPLY | {"NR_CONN"} <= wanted
    assert "NR_RCPT" not in wanted


def test_a_policy_that_sheds_load_answers_connections(site):
    wanted = steps(site, "")
    assert "NR_CONN" not in wanted
    assert NO_REPLY <= wanted


def test_answers_at_the_stage(site):
    wanted = steps(site, "reply_at = stage\n")
    assert not {"NR_CONN", "NR_HELO", "NR_MAIL"} & wanted
    assert {"NR_HDR", "NR_BODY"} <= wanted


def test_body_is_not_sent_when_nobody_reads_it(site):
    assert "NOBODY" not in steps(site, "")
    assert "NOBODY" in steps(site, "body { mode = off }\n")


def test_unneeded_steps_are_off(site):
    assert {"NODATA", "NOEOH"} <= steps(site, "")


@pytest.mark.parametrize("off", ["max_junk_commands = 0", "mode = off"])
def test_unknown_commands_are_shown_only_to_who_counts_them(site, off):
    assert not {"NOUNKNOWN", "NR_UNKN"} & steps(site, "")
    assert {"NOUNKNOWN", "NR_UNKN"} <= steps(site, f"connection {{ {off} }}\n")


def test_an_old_mta_is_asked_for_no_more_than_it_has(site):
    assert steps(site, "", version=2, actions=0x3F, steps=0x7F) <= {
        "NOCONNECT", "NOHELO", "NOMAIL", "NORCPT", "NOBODY", "NOHDRS", "NOEOH"
    }


def test_connect_helo_and_mail_get_no_answer(site):
    site.filter("connection { mode = off }\n")
    with MilterClient(site.milter_path) as mta:
        mta.negotiate()
        mta.connect_info()
        mta.helo()
        mta.mail()
        mta.rcpt()
        assert mta.receive()[0] == "c"  # the first answer is the one to RCPT
