# SPDX-License-Identifier: BSD-2-Clause
"""Servers shared by all end-to-end tests. Run them by tests/e2e/run.sh, in a namespace."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from harness import world  # noqa: E402
from harness.dkim import Signer  # noqa: E402
from harness.filter import PROGRAM  # noqa: E402
from harness.nameserver import NameServer  # noqa: E402
from harness.postfix import Postfix  # noqa: E402
from harness.redis import Redis  # noqa: E402
from harness.sendmail import Sendmail  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.site import Site  # noqa: E402
from harness.syslog import Syslog  # noqa: E402
from harness.tls import Authority  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.environ.get("MAILREEVE_TOOLS") or os.path.join(HERE, "..", "..", "build", "tools")


def pytest_configure():
    if not os.environ.get("MAILREEVE_NAMESPACE"):
        pytest.exit("the end-to-end tests run in a namespace: use tests/e2e/run.sh", 64)
    if not os.access(PROGRAM, os.X_OK):
        pytest.exit(f"{PROGRAM} is not there: build it first", 64)


@pytest.fixture(scope="session")
def folder():
    return os.environ["MAILREEVE_NAMESPACE"]


@pytest.fixture(scope="session", autouse=True)
def syslog():
    server = Syslog("/dev/log")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def signer(folder):
    return Signer(f"{folder}/signer", "legit.test")


@pytest.fixture(scope="session")
def nameserver(folder, signer):
    server = NameServer(f"{folder}/nsd", "192.0.2.53", 53, world.zones(signer.record()))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(folder):
    server = Redis(f"{folder}/redis", "127.0.0.1", 6379)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sink():
    server = Sink()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def tls(folder):
    authority = Authority(f"{folder}/tls")
    authority.issue(world.HOSTNAME)
    authority.issue("client.good.test")
    authority.issue_self_signed("self.good.test")
    return authority


@pytest.fixture(scope="session")
def site(folder, nameserver, sink):
    del nameserver, sink
    site = Site(f"{folder}/site")
    yield site
    site.stop_filter()


@pytest.fixture(scope="session")
def postfix(folder, site, sink, tls):
    services = {("192.0.2.25", 25): [], ("2001:db8::25", 25): []}
    # Here the MTA itself knows its recipients and relays for nobody.
    services["192.0.2.25", 2525] = [
        "smtpd_relay_restrictions=reject_unauth_destination",
        f"relay_recipient_maps=inline:{{bob@{world.DOMAIN}=ok,postmaster@{world.DOMAIN}=ok}}",
    ]
    services["192.0.2.25", 2526] = ["smtpd_milters=inet:127.0.0.1:8891"]
    services["127.0.0.1", 26] = ["smtpd_milters="]
    # A mail store for call-aheads.
    services["127.0.0.1", 2529] = [
        "smtpd_milters=", f"relay_recipient_maps=inline:{{bob@{world.DOMAIN}=ok}}"]
    services["2001:db8::25", 2529] = services["127.0.0.1", 2529]
    # The same with STARTTLS, and one that takes nothing without it.
    for port, level in ((2530, "may"), (2531, "encrypt")):
        services["192.0.2.25", port] = services["127.0.0.1", 2529] + [
            f"smtpd_tls_security_level={level}",
            f"smtpd_tls_cert_file={tls.certificate(world.HOSTNAME)}",
            f"smtpd_tls_key_file={tls.key(world.HOSTNAME)}",
        ]
    # Line ends that are none stay in the message.
    services["192.0.2.25", 2540] = ["smtpd_forbid_bare_newline=normalize"]
    services["127.0.0.1", 2527] = []  # takes XCLIENT
    services["192.0.2.25", 2528] = [
        "smtpd_tls_security_level=may", "smtpd_tls_ask_ccert=yes",
        f"smtpd_tls_CAfile={tls.authority}",
        f"smtpd_tls_cert_file={tls.certificate(world.HOSTNAME)}",
        f"smtpd_tls_key_file={tls.key(world.HOSTNAME)}",
    ]
    # Takes no large message.
    services["192.0.2.25", 2540] = ["message_size_limit=40000"]
    # Lets in one certificate only, by its fingerprint.
    services["192.0.2.25", 2532] = services["192.0.2.25", 2528] + [
        "smtpd_tls_security_level=encrypt",
        "smtpd_tls_fingerprint_digest=sha256", "milter_macro_daemon_name=certified",
        "relay_clientcerts=inline:{{" + tls.fingerprint("client.good.test") + "=ok}}",
        "smtpd_client_restrictions=permit_tls_clientcerts,reject",
    ]
    milter = f"unix:{site.milter_path}"
    services[Postfix.behind_dkim] = [f"smtpd_milters=inet:127.0.0.1:8892,{milter}"]
    server = Postfix(
        f"{folder}/postfix", services, milter, sink.port, world.HOSTNAME, world.DOMAIN,
        local_milter=milter,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sendmail(folder, site, sink, tls):
    services = [("192.0.2.26", 25), ("2001:db8::26", 25), Sendmail.behind_dkim]
    server = Sendmail(
        os.path.abspath(f"{TOOLS}/sendmail"), f"{folder}/sendmail", services,
        f"unix:{site.milter_path}", sink.port, world.HOSTNAME, tls,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["postfix", "sendmail"])
def mta(request):
    return request.getfixturevalue(request.param)


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the filter and Postfix said last."""
    outcome = yield
    report = outcome.get_result()
    if call.when != "call" or not report.failed:
        return
    values = item.funcargs
    site = values.get("site")
    if site is not None and site.running is not None:
        report.sections.append(("filter log (end)", site.running.log_text()[-4000:]))
    for name in ("postfix", "mta"):
        if getattr(values.get(name), "name", "") == "postfix":
            report.sections.append(("Postfix log (end)", values[name].log_text()[-2000:]))
            break
    if getattr(values.get("mta"), "name", "") == "sendmail":
        report.sections.append(("Sendmail log (end)", "\n".join(values["syslog"].lines()[-20:])))
