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


BODY_CHECKS = (
    "line_length", "bare_cr", "bare_lf", "nul", "undeclared_8bit", "undecodable_base64",
    "smtp_dialogue", "header_in_body",
)
NO_HEADERS = "".join(
    f"{policy} {{ mode = off }}\n" for policy in (
        "message", "from_form", "body", "from", "dmarc", "authres", "mark"))
BYTES = 'limit "size" { key = "sender" count = "bytes" rate = "1MB / 1h" }\n'


def test_body_is_not_sent_when_nobody_reads_it(site):
    assert "NOBODY" not in steps(site, "")
    assert "NOBODY" in steps(site, "body { mode = off }\n")
    # Off as a whole, or each check by itself, is the same.
    one_by_one = " ".join(f"{check} = off" for check in BODY_CHECKS)
    assert "NOBODY" in steps(site, f"body {{ {one_by_one} }}\n")
    assert "NOBODY" not in steps(site, f"body {{ {one_by_one.replace('nul = off', '')} }}\n")


def test_body_is_sent_for_who_counts_it(site):
    assert "NOBODY" not in steps(site, "body { mode = off }\n" + BYTES)


def test_header_section_is_not_sent_when_nobody_reads_it(site):
    assert "NOHDRS" not in steps(site, "")
    wanted = steps(site, NO_HEADERS)
    assert {"NOHDRS", "NOBODY"} <= wanted
    assert "NOHDRS" not in steps(site, NO_HEADERS.replace("mark { mode = off }\n", ""))
    assert not {"NOHDRS", "NOBODY"} & steps(site, NO_HEADERS + BYTES)


def test_leading_blanks_are_seen_as_they_were_sent(site):
    assert "HDR_LEADSPC" in steps(site, "")
    assert "HDR_LEADSPC" not in steps(site, "", steps=0xFFFFF)


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
        mta.as_far_as_rcpt()  # the first answer is the one to RCPT
