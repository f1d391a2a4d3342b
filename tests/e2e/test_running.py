# SPDX-License-Identifier: BSD-2-Clause
"""Seeing what runs: metrics and health over HTTP, what is shipped for Prometheus and Grafana, status, and
the live view in a terminal."""

import fcntl
import http.client
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios

import pytest

from harness import world
from harness.filter import run_filter
from harness.process import PATIENCE, until

from test_ctl import CTL, control, ctl

PACKAGING = os.path.join(os.path.dirname(__file__), "../../packaging")
RULES = f"{PACKAGING}/prometheus/mailreeve.rules.yml"
DASHBOARD = f"{PACKAGING}/grafana/mailreeve.json"
METRICS = 'metrics = "127.0.0.1:0"\n'


def port_of(daemon):
    return int(re.search(r"port (\d+)$", daemon.wait_line("metrics at ")).group(1))


def get(port, path="/metrics", method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def values(text):
    """{"name{labels}": value}, and the names that have a help text."""
    found, names = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            names.add(line.split()[2])
        elif not line.startswith("#"):
            key, value = line.rsplit(" ", 1)
            found[key] = float(value)
    return found, names


def promtool(*arguments, text=None):
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# Metrics.


def test_metrics_count_what_happens(mta, site):
    daemon = site.fresh_filter(METRICS + 'limit "few" { key = client_ip rate = "1 / 1h" }\n')
    port = port_of(daemon)
    status, headers, text = get(port)
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert promtool("check", "metrics", text=text) == ""
    own_name = ('mailreeve_findings_total{policy="helo",check="own_name",result="fail",'
                'action="reject",mode="enforce"}')
    before, _ = values(text)
    assert before[own_name] == 0
    assert site.send(mta).accepted
    assert not site.send(mta).accepted
    assert not site.send(mta, client=world.OTHER, helo="mx.example.test").accepted
    after, _ = values(get(port)[2])
    assert after[own_name] == 1
    assert after['mailreeve_limit_charges_total{limit="few",outcome="taken"}'] == 1
    assert after['mailreeve_limit_charges_total{limit="few",outcome="over"}'] == 1
    assert after['mailreeve_answers_total{stage="rcpt",verdict="reject"}'] == 1
    assert after['mailreeve_answers_total{stage="rcpt",verdict="tempfail"}'] == 1
    assert after["mailreeve_messages_accepted_total"] == 1
    assert after['mailreeve_answer_seconds_count{stage="rcpt"}'] == 3
    assert after["mailreeve_dns_questions_total"] > 0
    # Nothing that a client writes stands in a label.
    assert "anna" not in str(after) and "192.0.2" not in str(after)
    site.stop_filter()


def test_the_series_are_bounded(site, mta):
    """However many clients come, there are as many series as before."""
    daemon = site.fresh_filter(METRICS + 'limit "few" { key = client_ip rate = "1 / 1h" }\n')
    port = port_of(daemon)
    site.send(mta)
    site.send(mta)
    count = len(values(get(port)[2])[0])
    for number in range(5):
        site.send(mta, client=world.OTHER, helo="mail.other.test", sender=f"olaf{number}@other.test")
    assert len(values(get(port)[2])[0]) == count
    site.stop_filter()


def test_health(site, redis):
    daemon = site.fresh_filter(METRICS)
    port = port_of(daemon)
    assert get(port, "/healthz")[::2] == (200, "good\n")
    site.stop_filter()


@pytest.mark.parametrize("outage, status, word", [
    ("local", 200, "degraded"), ("accept", 200, "degraded"), ("tempfail", 503, "failing")])
def test_health_without_the_store(site, outage, status, word):
    """A store that is down takes no mail away, unless a limit says so."""
    daemon = site.fresh_filter(
        METRICS + 'store { url = "redis://127.0.0.1:1" }\n'
        f'limit "few" {{ key = client_ip rate = "1 / 1h" outage = {outage} }}\n')
    port = port_of(daemon)
    answer = until(lambda: (lambda a: a if "good" not in a[2] else None)(get(port, "/healthz")),
                   "the store noticed to be down")
    assert answer[0] == status and answer[2].startswith(f"{word}\nthe store does not answer")
    assert values(get(port)[2])[0]['mailreeve_store_up{kind="redis"}'] == 0
    site.stop_filter()


def test_health_after_a_broken_reload(site):
    daemon = site.fresh_filter(METRICS)
    port = port_of(daemon)
    daemon.configure("broken {\n")
    assert ctl(*control(site), "reload")[0] == 78
    status, _, text = get(port, "/healthz")
    assert status == 200 and text.startswith("degraded\nthe last reload failed")
    assert values(get(port)[2])[0]["mailreeve_config_last_reload_successful"] == 0
    assert "failed" in ctl(*control(site), "status")[1]
    daemon.configure(site.base() + METRICS)
    assert ctl(*control(site), "reload", "--json")[1] == '{"reloaded":true,"error":""}\n'
    assert get(port, "/healthz")[2] == "good\n"
    site.stop_filter()


def test_health_while_stopping(site, postfix):
    """Who asks is told before the process goes; what is under way is finished."""
    daemon = site.fresh_filter(METRICS + "drain = 30s\n")
    port = port_of(daemon)
    dialogue = postfix.connect(source=world.GOOD)
    dialogue.command("EHLO mail.good.test")
    assert dialogue.command("MAIL FROM:<anna@good.test>").ok
    assert dialogue.command("RCPT TO:<bob@example.test>").ok
    daemon.child.send_signal(signal.SIGTERM)
    until(lambda: get(port, "/healthz")[0] == 503, "the daemon saying that it stops")
    assert "stopping" in get(port, "/healthz")[2]
    dialogue.command("RSET")
    dialogue.quit()
    assert daemon.child.wait_end() == 0
    site.stop_filter()


def test_a_port_that_is_taken(site, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        file = tmp_path / "taken.conf"
        file.write_text(site.base().replace("milter.sock", "other.sock")
                        + f'metrics = "127.0.0.1:{taken.getsockname()[1]}"\n')
        status, _, errors = run_filter("-f", "-c", str(file))
    assert status == 69 and "metrics: cannot listen on 127.0.0.1 port" in errors
    file.write_text(site.base() + 'metrics = "localhost"\n')
    status, _, errors = run_filter("-n", "-c", str(file))
    assert status == 78 and "write 9749, 127.0.0.1:9749 or [::1]:9749" in errors


def test_http_is_bounded(site):
    daemon = site.fresh_filter(METRICS)
    port = port_of(daemon)
    assert get(port, "/secret")[0] == 404
    assert get(port, "/metrics/../metrics")[0] == 404
    status, headers, _ = get(port, method="POST", body="x" * 100000)
    assert status == 405 and headers["Allow"] == "GET, HEAD"
    status, headers, text = get(port, method="HEAD")
    assert status == 200 and text == "" and int(headers["Content-Length"]) > 1000
    # Requests that are too long, broken or never finished harm nobody.
    for request in (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"\x00" * 5000,
                    b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 50000 + b"\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as raw:
            try:
                raw.sendall(request)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
            except OSError:  # it has hung up already, which is its right
                pass
    idle = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(40)]
    for connection in idle:
        connection.close()
    assert until(lambda: get(port)[0] == 200, "an answer after the flood")
    assert daemon.child.running()
    site.stop_filter()


def test_metrics_are_for_this_host_only_unless_said(site, tmp_path):
    daemon = site.fresh_filter("metrics = 0\n")
    port = port_of(daemon)
    assert get(port)[0] == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((world.GOOD, port), PATIENCE)
    site.stop_filter()
    daemon = site.fresh_filter('metrics = "0.0.0.0:0"\n')
    assert daemon.lines(0, "metrics is not on loopback")
    site.stop_filter()


# What is shipped.


def every_name(site):
    """Names of all metrics there are, with the parts of histograms."""
    daemon = site.fresh_filter(METRICS + 'limit "a" { percent = 10 }\n')
    found, names = values(get(port_of(daemon))[2])
    site.stop_filter()
    return names | {re.sub(r"\{.*", "", key) for key in found}


def names_in(expression):
    return set(re.findall(r"\b(?:mailreeve|process)_[a-z_]+\b", expression))


def test_the_manual_names_every_metric(site):
    with open(f"{PACKAGING}/man/mailreeve.8", encoding="utf-8") as file:
        named = names_in(" ".join(line for line in file if line.startswith(".It Va")))
    daemon = site.fresh_filter(METRICS)
    _, names = values(get(port_of(daemon))[2])
    site.stop_filter()
    assert named == names


def test_alert_rules(site):
    output = promtool("check", "rules", RULES)
    assert "SUCCESS" in output
    with open(RULES, encoding="utf-8") as file:
        text = file.read()
    used = names_in(" ".join(line for line in text.splitlines() if not line.strip().startswith("#")))
    assert used and not used - every_name(site)


# What a series must do for an alert, and what must not raise it.
ALERTS = [
    ("MailreeveDown", 'up{job="mailreeve"}', "1 0 0 0 0", "1 0 1 0 1"),
    ("MailreeveFailing", "mailreeve_health", "0 2 2 2 2", "1 1 1 1 1"),
    ("MailreeveDegraded", "mailreeve_health", "1x15", "0x15"),
    ("MailreeveStoreDown", 'mailreeve_store_up{kind="redis"}', "1 0 0 0", "1 1 1 1"),
    ("MailreeveConfigurationBroken", "mailreeve_config_last_reload_successful", "1 0 0", "1 1 1"),
    ("MailreeveTooBusy", "mailreeve_too_busy_total", "0+9x15", "7x15"),
    ("MailreeveLimitReached", 'mailreeve_limit_charges_total{limit="a",outcome="over"}', "0+60x60",
     "0+1x60"),
    ("MailreeveCallaheadDown", 'mailreeve_callahead_up{target="smtp:x"}', "0x10", "0 1 0 1 0 1 0"),
    ("MailreeveJournalLosesRecords", 'mailreeve_journal_records_total{outcome="lost"}', "0+1x30",
     "3x30"),
    ("MailreeveTrialEnds", 'mailreeve_trial_end_timestamp_seconds{name="spf"}', "86400x5", "999999x5"),
    ("MailreeveTrialEnded", 'mailreeve_trial_end_timestamp_seconds{name="spf"}', "1x5", "+Infx5"),
]


def expand(values):
    """The end of the time that the values fill, in minutes."""
    if "x" in values:
        return int(values.split("x")[1])
    return len(values.split()) - 1


def test_alerts_are_raised_when_they_should(site):
    cases = []
    for name, series, raised, quiet in ALERTS:
        for values, wanted in ((raised, True), (quiet, False)):
            if values.startswith("+Inf"):
                values = " ".join(["+Inf"] * (expand(values) + 1))
            cases.append({
                "interval": "1m",
                "input_series": [{"series": series, "values": values}],
                "promql_expr_test": [{
                    "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                    "eval_time": f"{expand(values)}m",
                    "exp_samples": [{"labels": "{}", "value": 1 if wanted else 0}],
                }],
            })
    path = f"{site.folder}/alerts.test.yml"
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"rule_files": [os.path.abspath(RULES)], "evaluation_interval": "1m",
                   "tests": cases}, out)
    promtool("test", "rules", path)


def test_dashboard(site):
    with open(DASHBOARD, encoding="utf-8") as file:
        dashboard = json.load(file)
    assert dashboard["title"] and dashboard["panels"]
    expressions, places = [], []
    for panel in dashboard["panels"]:
        places.append(tuple(panel["gridPos"][key] for key in "xywh"))
        assert panel["title"] and panel["targets"]
        expressions += [target["expr"] for target in panel["targets"]]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for number, (x, y, w, h) in enumerate(places):
        assert x + w <= 24
        for ox, oy, ow, oh in places[:number]:
            assert x >= ox + ow or ox >= x + w or y >= oy + oh or oy >= y + h, "panels overlap"
    known = every_name(site)
    for expression in expressions:
        used = names_in(expression)
        assert used and not used - known, expression
    # Prometheus can read them.
    rules = "groups:\n- name: all\n  rules:\n" + "".join(
        f"  - record: panel:number:{number}\n    expr: {json.dumps(expression)}\n"
        for number, expression in enumerate(
            e.replace("$__rate_interval", "5m") for e in expressions))
    path = f"{site.folder}/dashboard.rules.yml"
    with open(path, "w", encoding="utf-8") as out:
        out.write(rules)
    assert "SUCCESS" in promtool("check", "rules", path)


# The live view.


class Terminal:
    """A program that thinks it is on a terminal of that size."""

    def __init__(self, argv, columns, lines, environment=None):
        self.master, slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.child = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm", **(environment or {})},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.seen = b""

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        if select.select([self.master], [], [], 0.02)[0]:
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                pass
        return self.seen

    def wait(self, pattern, since=0):
        until(lambda: re.search(pattern, self.read()[since:]), f"{pattern} on the terminal")
        return len(self.seen)

    def type(self, keys):
        os.write(self.master, keys)

    def end(self):
        status = until(lambda: (self.read(), self.child.poll())[1] is not None and
                       (self.child.returncode,), "the end of the program")[0]
        while select.select([self.master], [], [], 0.05)[0]:
            if len(self.seen) == len(self.read()):
                break
        return status

    def is_restored(self):
        return (self.seen.endswith(b"\x1b[?25h\x1b[?1049l")
                and termios.tcgetattr(self.slave) == self.before)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        os.close(self.master)
        os.close(self.slave)


def process_state(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


@pytest.fixture
def terminal(site):
    site.filter()
    opened = []

    def start(columns=80, lines=24, environment=None):
        opened.append(Terminal([CTL, *control(site), "top", "--interval", "0.2"], columns, lines,
                               environment))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def frames(seen):
    """The screens, as lists of lines without colours."""
    plain = re.sub(rb"\x1b\[(K|J|\?\d+[hl]|\d*m|2J)", b"", seen)
    return [re.split("\r+\n", frame.decode()) for frame in plain.split(b"\x1b[H")[2:]]


def test_top_until_q(terminal):
    top = terminal()
    at = top.wait(rb"mailreeve [0-9.]+, up ")
    assert top.seen.startswith(b"\x1b[?1049h\x1b[?25l")
    top.wait(rb"answers +tempfail +reject", at)  # refreshed
    top.type(b"q")
    assert top.end() == 0 and top.is_restored()
    for frame in frames(top.seen)[:-1]:
        assert len(frame) <= 24 and max(map(len, frame)) <= 80


def test_top_follows_the_size(terminal):
    top = terminal(160, 40)
    at = top.wait(rb"mailreeve [0-9.]+, up ")
    top.resize(40, 10)
    at = top.wait(rb"\x1b\[H.*mailreeve [0-9.]+, up ", at)
    at = top.wait(rb"\x1b\[H.*mailreeve [0-9.]+, up ", at)
    top.type(b"q")
    assert top.end() == 0 and top.is_restored()
    last = frames(top.seen)[-1]
    assert len(last) <= 10 and max(map(len, last)) <= 40
    assert max(map(len, frames(top.seen)[0])) > 40


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV])
def test_top_gives_the_terminal_back(terminal, number):
    top = terminal()
    top.wait(rb"mailreeve [0-9.]+, up ")
    top.child.send_signal(number)
    assert top.end() == -number and top.is_restored()


def test_top_can_be_stopped_and_continued(terminal):
    top = terminal()
    top.wait(rb"mailreeve [0-9.]+, up ")
    top.child.send_signal(signal.SIGTSTP)
    at = top.wait(rb"\x1b\[\?1049l$")
    until(lambda: process_state(top.child.pid) == "T", "the stop")
    assert termios.tcgetattr(top.slave) == top.before
    top.child.send_signal(signal.SIGCONT)
    top.wait(rb"\x1b\[\?1049h.*mailreeve [0-9.]+, up ", at)
    top.type(b"q")
    assert top.end() == 0 and top.is_restored()


def test_top_outlives_the_daemon(terminal, site):
    top = terminal(300)
    top.wait(rb"mailreeve [0-9.]+, up ")
    site.stop_filter()
    at = top.wait(rb"is mailreeve running\?")
    site.filter()
    top.wait(rb"\x1b\[H(\x1b\[\d*m)*mailreeve [0-9.]+, up ", at)
    top.type(b"q")
    assert top.end() == 0 and top.is_restored()


def test_top_without_colours(terminal):
    top = terminal(environment={"NO_COLOR": "1"})
    top.wait(rb"answers +tempfail")
    top.type(b"q")
    assert top.end() == 0
    assert not re.search(rb"\x1b\[[1-9]\d*m", top.seen)


def test_top_once(site, mta):
    site.fresh_filter()
    assert site.send(mta).accepted
    status, output, errors = ctl(*control(site), "top", "--interval", "0.1")
    assert (status, errors) == (0, "")
    assert "\x1b" not in output and max(map(len, output.splitlines())) <= 80
    status, output, _ = ctl(*control(site), "top", "--json", "--interval", "0.1")
    shown = json.loads(output)
    assert status == 0 and shown["interval_ms"] >= 100 and shown["health"] == "good"
    assert shown["rates_per_1000_s"]["stages"]["rcpt"] == {"answers": 0, "tempfail": 0, "reject": 0}
    assert any("good.test" in entry["name"] for entry in shown["slowest"])
    for wrong in (("top", "--interval", "0"), ("top", "--interval", "x"), ("top", "x")):
        assert ctl(*control(site), *wrong)[0] == 64
    site.stop_filter()
    assert ctl(*control(site), "top")[0] == 69


def test_top_shows_what_is_busy(site, mta):
    site.fresh_filter('limit "few" { key = client_ip rate = "2 / 1h" }\n')
    for _ in range(4):
        site.send(mta)
    shown = json.loads(ctl(*control(site), "top", "--json", "--interval", "0.1")[1])
    (key,) = shown["busiest"]
    assert key == {"limit": "few", "key": world.GOOD, "units": 4, "over": 2}
    site.stop_filter()


# Status.


def test_status_says_what_is_there(site, mta):
    site.fresh_filter('limit "few" { key = client_ip rate = "2 / 1h" }\n')
    assert not site.send(mta, helo="mx.example.test").accepted
    _, text, _ = ctl(*control(site), "status")
    for part in (r"^mailreeve [0-9.]+, up 0 d .*, good$", r"^configuration +/.*mailreeve\.conf, read ",
                 r"^sessions ", r"^store +memory, up", r"^  rcpt +0 +0 +1 ",
                 r"^  helo\.own_name +fail +reject +1 +0$", r"^  few +0 +0 +0 +0$"):
        assert re.search(part, text, re.MULTILINE), (part, text)
    assert max(map(len, text.splitlines())) <= 120
    site.stop_filter()
