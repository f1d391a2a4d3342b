# SPDX-License-Identifier: BSD-2-Clause
"""The DNS gone or silent: mail flows, the failure is noted, nothing is refused for good."""

import pytest

from harness import world
from harness.process import until

QUICK = """\
time_limit = 700ms
resolver { timeout = 200ms attempts = 1 }
"""

MAILS = {
    "good": {},
    "liar": {"client": world.NAMELESS, "helo": "mail.plain.test", "sender": "pat@plain.test"},
    "no domain": {"sender": "eve@nosuch.test"},
    "spf fail": {"client": world.STRAY, "helo": "web.shop.test"},
}


@pytest.fixture(params=["stopped", "silent"])
def broken_dns(request, nameserver):
    if request.param == "stopped":
        nameserver.stop()
        yield
        nameserver.start()
    else:
        nameserver.freeze()
        yield
        nameserver.thaw()


@pytest.mark.parametrize("mail", list(MAILS))
def test_mail_flows_without_dns(mta, site, sink, broken_dns, mail):
    daemon = site.fresh_filter(QUICK)
    mark = daemon.mark()
    result = site.send(mta, **MAILS[mail])
    assert result.accepted, result
    row = daemon.wait_decision(mark, stage="eom")
    assert "=temperror/" in row["findings"]
    field = " ".join(sink.wait_for(result.token).fields("Authentication-Results"))
    assert "iprev=temperror" in field and "spf=temperror" in field


def test_dns_comes_back(postfix, site, nameserver):
    site.fresh_filter(QUICK)
    nameserver.stop()
    assert site.send(postfix, sender="eve@nosuch.test").accepted
    nameserver.start()
    until(
        lambda: not site.send(postfix, sender="eve@nosuch.test").accepted,
        "the sender's domain to be found missing",
    )
