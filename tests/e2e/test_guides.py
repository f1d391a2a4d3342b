# SPDX-License-Identifier: BSD-2-Clause
"""Every example in the guides is what it says it is: the programs that it is for read it."""

import glob
import os
import re
import subprocess

import pytest

from harness import manual
from harness.filter import PROGRAM, run_filter
from harness.process import Child, tcp_listens, until
from harness.redis import REDIS, Redis

KINDS = {"mailreeve.conf", "main.cf", "master.cf", "sendmail.mc", "redis.conf", "overrides", "shell",
         "step", "write", "by-hand", "unit", "unit-sendmail"}
TOOLS = os.environ.get("MAILREEVE_TOOLS") or os.path.join(
    os.path.dirname(__file__), "..", "..", "build", "tools")
SENDMAIL = os.path.join(TOOLS, "sendmail", "usr", "share", "sendmail", "cf")
# Files that examples of mailreeve.conf name, where they have to exist.
FILES = {"limits": "anna@example.org 500 / 1h\n", "recipients": "bob@example.org\n"}


# postconf looks up the name of this host, and would wait for it.
pytestmark = pytest.mark.usefixtures("nameserver")


def of(*kinds):
    found = [example for kind in kinds for example in manual.examples(kind)]
    assert found
    return pytest.mark.parametrize("example", found, ids=repr)


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_all_examples_are_of_a_kind_that_is_checked():
    assert {example.kind for example in manual.examples()} <= KINDS


@pytest.fixture
def at_home(tmp_path):
    """Makes the files an example names, below a folder that stands for /etc/mailreeve."""
    def rewrite(text):
        for path in re.findall(r"/etc/mailreeve/([a-z.-]+)", text):
            kind = "overrides" if path.startswith("limits") else None
            content = FILES.get(path, "anna 500 / 1h\n" if kind else "192.0.2.0/24\n")
            (tmp_path / path).write_text(content, encoding="utf-8")
            (tmp_path / path).chmod(0o640)
        return text.replace("/etc/mailreeve/", f"{tmp_path}/")
    return rewrite


def check_configuration(text, tmp_path):
    path = tmp_path / "example.conf"
    path.write_text(text, encoding="utf-8")
    return run_filter("-n", "-m", "none", "-c", str(path))


@of("mailreeve.conf")
def test_configuration(example, at_home, tmp_path):
    text = example.text
    if "hostname" not in text:
        text = 'hostname = "mx.example.org"\n' + text
    status, output, errors = check_configuration(at_home(text), tmp_path)
    if example.options == "tls" and "hiredis" in errors:
        assert status == 78 and errors.count("\n") <= 2, errors  # Debian 12 says what is missing
        return
    assert status == 0 and output.endswith(": good\n"), errors
    told = [line for line in errors.splitlines() if "warning" in line]
    assert not [line for line in told if not expected_warning(line)], errors


def expected_warning(line):
    """Where an example leaves out what it is not about."""
    return "local_domains" in line


@of("overrides")
def test_overrides(example, tmp_path):
    (tmp_path / "limits").write_text(example.text, encoding="utf-8")
    status, _, errors = check_configuration(
        f'limit "x" {{ key = "auth_user | client_ip" rate = "1 / 1h" overrides = "{tmp_path}/limits" }}\n',
        tmp_path)
    assert status == 0, errors
    broken = example.text + "anna often\n"
    (tmp_path / "limits").write_text(broken, encoding="utf-8")
    status, _, errors = check_configuration(
        f'limit "x" {{ key = "auth_user | client_ip" rate = "1 / 1h" overrides = "{tmp_path}/limits" }}\n',
        tmp_path)
    assert status == 78, "a test that cannot fail"


def postconf(tmp_path, main, master):
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = mx.example.org\n" + main, encoding="utf-8")
    (tmp_path / "master.cf").write_text(master, encoding="utf-8")
    options = ("-n", "-P") if master else ("-n",)
    told = [run("postconf", "-c", str(tmp_path), option) for option in options]
    assert all(done.returncode == 0 for done in told), told
    return "".join(done.stderr for done in told), "".join(done.stdout for done in told)


@of("main.cf")
def test_main_cf(example, tmp_path):
    complaints, values = postconf(tmp_path, example.text, "")
    assert complaints == ""
    for name in re.findall(r"(?m)^([a-z_]+) =", example.text):
        assert f"{name} =" in values


@of("master.cf")
def test_master_cf(example, tmp_path):
    complaints, values = postconf(tmp_path, "", example.text)
    assert complaints == ""
    for name in re.findall(r"-o ([a-z_]+)=", example.text):
        assert f"/{name} =" in values


def test_postconf_would_complain(tmp_path):
    complaints, _ = postconf(tmp_path, "smtpd_milter = inet:127.0.0.1:8891\n", "")
    assert "unused parameter" in complaints


@of("sendmail.mc")
def test_sendmail_mc(example, tmp_path):
    source = tmp_path / "sendmail.mc"
    source.write_text(
        "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\n" + example.text +
        "MAILER(`local')dnl\nMAILER(`smtp')dnl\n", encoding="utf-8")
    done = run("m4", f"-D_CF_DIR_={SENDMAIL}/", f"{SENDMAIL}/m4/cf.m4", str(source))
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr
    result = done.stdout
    for name in re.findall(r"MAIL_FILTER\(`([a-z]+)'", example.text):
        assert re.search(rf"(?m)^X{name}, S=", result)
    assert "INPUT_MAIL_FILTER(" not in result
    for word in re.findall(r"Name=([A-Z]+)", example.text):
        assert re.search(rf"(?m)^O DaemonPortOptions=.*Name={word}", result)
    if "INPUT_MAIL_FILTER" in example.text or "confINPUT_MAIL_FILTERS" in example.text:
        assert re.search(r"(?m)^O InputMailFilters=.*mailreeve", result)
    if "FINGERPRINT" in example.text:
        assert re.search(r"(?m)^O CertFingerprintAlgorithm=sha256", result)


def rights_in_a_cluster():
    with open(f"{manual.FOLDER}/mailreeve-hosts.7", encoding="utf-8") as page:
        return re.search(r"(?m)^In a Cluster add\n\.Ql (.*) \.$", page.read()).group(1)


def joined(text):
    return re.sub(r"\\\n *", "", text)


class Configured(Redis):
    """One with a configuration file of its own; "default" keeps all rights, to look on."""

    def __init__(self, folder, address, port, text, options=()):
        super().__init__(folder, address, port)
        self.options = options
        self.file = f"{self.folder}/redis.conf"
        with open(self.file, "w", encoding="utf-8") as out:
            out.write(f"port {port}\nbind {address}\ndir {self.folder}\n{text}")

    def start(self):
        self.child = Child([REDIS, self.file, *self.options], f"{self.folder}/redis.log")
        self.child.wait_ready(lambda: tcp_listens(self.address, self.port), "Redis listening")


@of("redis.conf")
def test_redis_conf(example, tmp_path):
    redis = Configured(tmp_path, "127.0.0.1", 6390, joined(example.text))
    redis.start()
    try:
        assert redis.command("PING") == b"+PONG\r\n"
        for name, value in re.findall(r"(?m)^([a-z-]+) (\S+)$", joined(example.text)):
            value = {"512mb": "536870912"}.get(value, value)
            assert value.encode() in redis.command("CONFIG", "GET", name)
    finally:
        redis.stop()


def in_cluster(redis):
    assert redis.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383") == b"+OK\r\n"
    until(lambda: b"cluster_state:ok" in redis.command("CLUSTER", "INFO"), "a cluster of one")
    return None


def watched(redis):
    sentinel = Configured(f"{redis.folder}/sentinel", "127.0.0.1", 26391,
                          f"sentinel monitor mymaster {redis.address} {redis.port} 1\n", ["--sentinel"])
    sentinel.start()
    return sentinel


@pytest.mark.parametrize("url, settings, more, prepare", [
    ("redis://mailreeve@127.0.0.1:6391/0", "", "", lambda redis: None),
    ("cluster://mailreeve@127.0.0.1:6391", "cluster-enabled yes\n", "cluster", in_cluster),
    ("sentinel://mailreeve@127.0.0.1:26391/mymaster", "", "", watched),
], ids=("alone", "cluster", "sentinel"))
def test_the_rights_are_those_that_are_needed(
        site, postfix, tmp_path, monkeypatch, url, settings, more, prepare):
    """The filter and its administrator do all they can; Redis noted nothing that was not allowed."""
    example, = [x for x in manual.examples("redis.conf") if x.options == "acl"]
    rule = joined(example.text).rstrip("\n") + " ~recipients:*"
    base = site.base().replace('" } }', '", "example.test redis:recipients:%d" } }')
    assert "redis:" in base
    monkeypatch.setattr(site, "base", lambda: base)
    if more:
        rule += " " + rights_in_a_cluster()
    redis = Configured(tmp_path / "redis", "127.0.0.1", 6391, f"{rule}\n{settings}")
    redis.start()
    beside = None
    try:
        beside = prepare(redis)
        redis.command("SADD", "recipients:example.test", "erin")
        redis.command("ACL", "LOG", "RESET")
        password = tmp_path / "password"
        password.write_text(re.search(r">(\S+)", example.text).group(1) + "\n", encoding="utf-8")
        for folder in (tmp_path, *list(tmp_path.parents)[:3]):
            os.chmod(folder, os.stat(folder).st_mode | 0o011)
        site.fresh_filter(f"""
store {{ url = "{url}" password_file = "{password}" timeout = 1s connect_timeout = 1s }}
limit "few" {{ key = "sender" count = messages rate = "2 / 1h" }}
limit "many" {{ key = "sender" count = unique_recipients rate = "20 / 1h" }}
""")
        until(lambda: re.search(r"(?m)^store .*up", run(
            f"{PROGRAM}ctl", "-s", f"{site.milter_path}.control", "status").stdout), "the store")
        def ctl(*words):
            return run(f"{PROGRAM}ctl", "-s", f"{site.milter_path}.control", *words)
        sender = f"anna.{site.token()}@good.test"
        for _ in range(2):
            assert site.send(postfix, sender=sender).end.code == 250
        assert site.send(postfix, sender=sender).rcpt.code == 451
        assert site.send(postfix, recipients=("erin@example.test",)).end.code == 250
        unknown = site.send(postfix, recipients=("nobody@example.test",)).rcpt
        reference = re.search(r"\(ref ([0-9A-Z-]+)\)", unknown.text).group(1)
        until(lambda: "nobody@example.test" in ctl("why", reference).stdout, "the stored refusal")
        for words in (["limits", "show", sender], ["limits", "top"], ["limits", "predict", sender, "1"],
                      ["limits", "raise", "--limit", "few", sender, "9 / 1h", "for", "1h"],
                      ["limits", "raises"], ["limits", "unraise", "--limit", "few", sender],
                      ["limits", "reset", sender]):
            done = ctl(*words)
            assert done.returncode == 0, (words, redis.command("ACL", "LOG")[:300])
        denied = redis.command("ACL", "LOG")
        assert denied == b"*0\r\n", denied
    finally:
        try:
            site.stop_filter()
        finally:
            for server in (beside, redis):
                if server:
                    server.stop()


@of("shell")
def test_commands_exist(example):
    """Programs of ours know these options; what a page tells to type is no invention."""
    for line in example.text.splitlines():
        word = line.split()[0]
        assert word in ("mailreeve", "mailreevectl", "make", "systemctl"), line


def test_guides_name_each_other_and_are_installed():
    names = {os.path.basename(path) for path in manual.guides()}
    assert {"mailreeve-postfix.7", "mailreeve-sendmail.7", "mailreeve-hosts.7",
            "mailreeve-migration.7"} <= names
    known = {os.path.basename(path) for path in glob.glob(f"{manual.FOLDER}/*.[578]")}
    for path in glob.glob(f"{manual.FOLDER}/*.[578]"):
        with open(path, encoding="utf-8") as page:
            for name, section in re.findall(r"(?m)^\.Xr (mailreeve\S*) ([578])", page.read()):
                assert f"{name}.{section}" in known, f"{path} refers to {name}({section})"
