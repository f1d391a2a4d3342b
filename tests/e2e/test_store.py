# SPDX-License-Identifier: BSD-2-Clause
"""Redis as it is run in production, behind a real MTA: sentinels, a cluster, and what is written wrongly."""

import json
import os
import shutil
from pathlib import Path

import pytest

from harness.filter import run_filter
from harness.process import free_port, until
from harness.redis import Redis, Sentinel, node_of_a_cluster
from test_ctl import control, ctl

EX_CONFIG = 78
LIMIT = """\
limit "sender" {{ key = "sender" count = "messages" rate = "{rate} / 1h" action = "tempfail" outage = "tempfail" }}
connection {{ mode = off }}
store {{ {store} timeout = 1s connect_timeout = 1s }}
"""


def ask(site, *arguments):
    status, output, errors = ctl(*control(site), *arguments)
    assert status == 0, errors
    return output


def state_of(site):
    return json.loads(ask(site, "status", "--json"))["store"]


def check(path):
    status, output, errors = run_filter("-n", "-c", str(path))
    return status, output + errors


@pytest.fixture
def sentinels(tmp_path):
    """A primary, its replica and three sentinels."""
    ports = [free_port() for _ in range(5)]
    primary = Redis(tmp_path / "primary", "127.0.0.1", ports[0])
    replica = Redis(
        tmp_path / "replica", "127.0.0.1", ports[1], ["--replicaof", "127.0.0.1", ports[0]]
    )
    watchers = [
        Sentinel(tmp_path / f"sentinel{i}", "127.0.0.1", ports[2 + i], ports[0], quorum=2)
        for i in range(3)
    ]
    servers = [primary, replica] + watchers
    for server in servers:
        server.start()
    until(lambda: b"master_link_status:up" in replica.command("INFO", "replication"), "a replica")
    for watcher in watchers:
        until(watcher.knows_all, "sentinels that know each other")
    yield primary, replica, watchers
    for server in servers:
        server.stop()


def test_failover_by_sentinels(postfix, site, sentinels):
    primary, replica, watchers = sentinels
    hosts = ",".join(f"127.0.0.1:{watcher.port}" for watcher in watchers)
    daemon = site.fresh_filter(LIMIT.format(rate=5, store=f'url = "sentinel://{hosts}/mail"'))
    assert [site.send(postfix).accepted for _ in range(3)] == [True] * 3
    state = state_of(site)
    assert (state["mode"], state["up"]) == ("sentinel", True)
    assert state["primary"] == f"127.0.0.1:{primary.port}"
    mark = daemon.mark()
    primary.kill()
    # While nobody is the primary the limit's rule for outages holds; never a 5yz.
    refused = site.send(postfix)
    assert refused.accepted or refused.refusal[1].code == 451, refused
    until(lambda: state_of(site)["primary"] == f"127.0.0.1:{replica.port}", "the new primary")
    until(lambda: state_of(site)["up"], "the store to be up")
    results = [site.send(postfix) for _ in range(4)]
    accepted = 3 + refused.accepted + sum(result.accepted for result in results)
    assert accepted == 5
    assert all(result.accepted or result.refusal[1].code == 451 for result in results)
    lines = daemon.lines(mark, "store: Redis")
    assert len([line for line in lines if "is down" in line]) <= 1
    assert len([line for line in lines if "is up again" in line]) <= 1
    assert state_of(site)["failovers"] == 1
    assert f"127.0.0.1:{replica.port}" in ask(site, "status")


def test_replicas_that_confirm(postfix, site, tmp_path):
    """All that a single Redis can be told: a password, and a replica that must have what was counted."""
    secret = Path(site.filter_folder) / "redis-password"
    secret.write_text("sesame\n")
    secret.chmod(0o600)
    shutil.chown(secret, "nobody")
    locked = ["--requirepass", "sesame", "--masterauth", "sesame"]
    primary = Redis(tmp_path / "primary", "127.0.0.1", free_port(), locked)
    replica = Redis(
        tmp_path / "replica", "127.0.0.1", free_port(),
        locked + ["--replicaof", "127.0.0.1", primary.port],
    )
    primary.start()
    replica.start()
    store = (
        f'url = "{primary.url}/3" password_file = "{secret}" wait_replicas = 1 wait_timeout = 500ms '
    )
    daemon = site.fresh_filter(LIMIT.format(rate=3, store=store))
    until(lambda: state_of(site)["up"], "the replica to confirm")
    assert [site.send(postfix).accepted for _ in range(2)] == [True] * 2
    mark = daemon.mark()
    replica.stop()

    def is_said_to_be_down():
        assert not site.send(postfix).accepted
        return daemon.lines(mark, "is down")

    until(is_said_to_be_down, "nobody who confirms")
    assert "wait_replicas" in daemon.lines(mark, "is down")[0]
    replica.start()
    until(lambda: state_of(site)["up"], "the replica to confirm again")
    assert sum(site.send(postfix).accepted for _ in range(3)) <= 1
    site.stop_filter()
    primary.stop()
    replica.stop()


@pytest.fixture
def cluster(tmp_path):
    nodes = [node_of_a_cluster(tmp_path / f"node{i}", "127.0.0.1", i, 3) for i in range(3)]
    for node in nodes:
        node.know(nodes)
        node.start()
    for node in nodes:
        until(lambda: b"cluster_state:ok" in node.command("CLUSTER", "INFO"), "the cluster")
    yield nodes
    for node in nodes:
        node.stop()


def test_limits_in_a_cluster(postfix, site, cluster):
    """Three limits, most likely on three nodes: all or nothing, and seen by mailreevectl."""
    hosts = ",".join(f"127.0.0.1:{node.port}" for node in cluster)
    site.fresh_filter(
        LIMIT.format(rate=4, store=f'url = "cluster://{hosts}"')
        + 'limit "network" { key = "client_net" count = "recipients" rate = "100 / 1h" }\n'
        + 'limit "domain" { key = "sender_domain" count = "messages" rate = "100 / 1h" }\n'
    )
    accepted = [site.send(postfix).accepted for _ in range(6)]
    assert accepted == [True] * 4 + [False] * 2
    state = state_of(site)
    assert (state["mode"], state["servers"], state["servers_up"]) == ("cluster", 3, 3)
    rows = json.loads(ask(site, "limits", "top", "--json"))["limits"]
    used = {row["limit"]: row["used"] for row in rows}
    assert used == {"sender": 4, "network": 4, "domain": 4}, rows
    assert "3 of 3 primaries up" in ask(site, "status")


def test_memory_can_be_said(postfix, site):
    site.fresh_filter(LIMIT.format(rate=1, store="url = memory"))
    assert state_of(site)["mode"] == "memory"
    assert [site.send(postfix).accepted for _ in range(2)] == [True, False]


WRONG = {
    'url = "sentinel://a:26379"': "/mymaster",
    'url = "cluster://a:6379/1"': "database 0 only",
    'url = "redis://a,b"': "sentinel://host,host/primary",
    'url = "redis-sentinel://a/m"': "sentinel://host:26379",
    'url = "http://a"': "redis://, rediss://, unix:, sentinel:// or cluster://",
    'url = "redis://a" wait_replicas = 1 wait_timeout = 1s': "make it shorter",
    'url = "redis://a" sentinel_user = x': "sentinel://host",
    'url = "redis://a" tls_server_name = b': "rediss://",
    "wait_replicas = 1": "redis://host:6379",
    'url = "redis://a:99999"': "the port is no number from 1 to 65535",
    'url = "localhost:6379"': "it should be like redis://host:6379/0",
    'url = "unix:/tmp"': "is a folder",
    'prefix = ""': "prefix is empty",
    "password_file = /etc/hostname": "url names no Redis",
}


@pytest.mark.parametrize("store", list(WRONG))
def test_what_is_wrong_is_named(tmp_path, store):
    path = tmp_path / "mailreeve.conf"
    path.write_text("hostname = mx.example.org\nstore {\n  " + store + "\n}\n")
    status, said = check(path)
    assert status == EX_CONFIG
    assert f"{path}:3: " in said and WRONG[store] in said


def test_tls_is_refused_where_it_is_not_built(tmp_path):
    path = tmp_path / "mailreeve.conf"
    path.write_text('hostname = mx.example.org\nstore {\n url = "rediss://192.0.2.1"\n}\n')
    status, said = check(path)
    if os.system("pkg-config --exists hiredis_ssl") == 0:
        assert status == 0
    else:
        assert status == EX_CONFIG
        assert f"{path}:3: url asks for TLS, but this mailreeve was built without" in said


def test_secrets_that_everybody_reads_are_named(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("sesame\n")
    secret.chmod(0o644)
    path = tmp_path / "mailreeve.conf"
    path.write_text(
        "hostname = mx.example.org\nstore {\n url = redis://192.0.2.1\n"
        f" password_file = {secret}\n}}\n"
    )
    status, said = check(path)
    assert status == 0
    assert f"{path}:4: password_file" in said and "every local user" in said
    assert "sesame" not in said
    secret.chmod(0o640)
    assert "every local user" not in check(path)[1]
