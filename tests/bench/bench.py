# SPDX-License-Identifier: BSD-2-Clause
"""make bench: the filter beside a filter that does nothing, on the same load in the same run.

    bench.py BUILD [--rounds N] [--messages N] [--only NAME ...]

Every figure is a ratio to the no-operation filter of the same round; medians over the rounds. The
load generator, the filters, the name server and Redis share the cores of this machine."""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from harness.nameserver import NameServer  # noqa: E402
from harness.process import Child, unix_listens, until  # noqa: E402
from harness.redis import Redis  # noqa: E402

CLIENTS = 200
SERVERS = "127.0.0.1"
TICK = os.sysconf("SC_CLK_TCK")


def zones():
    """good.test, whose 200 mail hosts are registered in every way, and their reverse zone."""
    start = "$TTL 3600\n@ SOA ns.good.test. root.good.test. 1 3600 600 86400 60\n@ NS ns.good.test.\n"
    good = start + "ns A 127.0.0.1\n@ MX 10 mail0\n@ TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n"
    reverse = start
    for i in range(CLIENTS):
        good += f"mail{i} A 192.0.2.{10 + i}\nmail{i} TXT \"v=spf1 a -all\"\n"
        reverse += f"{10 + i} PTR mail{i}.good.test.\n"
    # Every session of the cold runs has a client, a HELO name and a sender domain of its own.
    wild = start.replace("good.test", "cold.test") + (
        "ns A 127.0.0.1\n* MX 10 mail.cold.test.\n* A 10.1.0.0\nmail A 192.0.2.10\n"
        "* TXT \"v=spf1 ip4:10.1.0.0/16 -all\"\n"
    )
    return {
        "good.test.": good, "cold.test.": wild, "2.0.192.in-addr.arpa.": reverse,
        "1.10.in-addr.arpa.": start + "* PTR mail.cold.test.\n",
    }


CONF = """\
socket = "unix:{socket}"
log_to = stderr
log_level = {level}
pid_file = ""
control_socket = "{socket}.control"
hostname = "mx.example.test"
local_domains = {{ example.test }}
trusted_networks = {{ 203.0.113.1 }}
resolver {{ nameservers = {{ "{dns}" }} }}
store {{ {store} }}
connection {{ concurrency = off  rate = off }}
limit "messages" {{ key = "auth_user | sender"  count = messages  rate = "100000000 / 1h" }}
limit "recipients" {{ key = "auth_user | sender"  count = recipients  rate = "100000000 / 1h" }}
{more}
"""


class Filter:
    """Ours, or the one that does nothing."""

    def __init__(self, folder, name, argv):
        self.socket = f"{folder}/{name}.sock"
        self.child = Child(argv, f"{folder}/{name}.log")
        self.child.wait_ready(lambda: unix_listens(self.socket), f"{name} listening")

    def cpu_seconds(self):
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident_kb(self):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as status:
            return next(int(x.split()[1]) for x in status if x.startswith("VmRSS"))

    def stop(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait_end()


class Bench:
    def __init__(self, build, folder, options):
        self.build, self.folder, self.options = build, folder, options
        port = 5300 if os.environ.get("MAILREEVE_NAMESPACE") else 0
        self.dns = NameServer(f"{folder}/dns", SERVERS, port or 5399, zones())
        self.redis = Redis(f"{folder}/redis", SERVERS, 6399)
        self.count = 0

    def start(self):
        self.dns.start()
        self.redis.start()

    def stop(self):
        self.redis.stop()
        self.dns.stop()

    def noop(self, steps=0):
        self.count += 1
        name = f"noop{self.count}"
        socket = f"{self.folder}/{name}.sock"
        return Filter(self.folder, name, [f"{self.build}/bench/noop", f"local:{socket}", f"{steps:x}"])

    def ours(self, store="", more="", level="info"):
        self.count += 1
        name = f"ours{self.count}"
        file = f"{self.folder}/{name}.conf"
        with open(file, "w", encoding="utf-8") as out:
            out.write(CONF.format(
                socket=f"{self.folder}/{name}.sock", dns=f"{SERVERS}:{self.dns.port}",
                store=store, more=more, level=level))
        return Filter(self.folder, name, [f"{self.build}/mailreeve", "-f", "-c", file])

    def load(self, filter_, messages=None, connections=50, **extra):
        argv = [f"{self.build}/bench/load", "-s", filter_.socket, "-c", connections,
                "-n", messages or self.options.messages]
        argv += extra.pop("flags", "").split()
        for key, value in extra.items():
            argv += [f"-{key}", value]
        before = filter_.cpu_seconds()
        done = subprocess.run([str(x) for x in argv], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"load failed: {done.stderr}\n{filter_.child.log_text()[-2000:]}")
        row = dict(pair.split("=") for pair in done.stdout.split())
        figures = {k: (int(v, 16) if k == "steps" else float(v)) for k, v in row.items()}
        figures["cpu_us"] = (filter_.cpu_seconds() - before) * 1e6 / max(figures["messages"], 1)
        figures["resident_kb"] = filter_.resident_kb()
        if figures["refused"]:
            raise SystemExit(f"{int(figures['refused'])} refused; the log ends:\n"
                             + filter_.child.log_text()[-2000:])
        return figures

    def measure(self, make, warm=True, **load):
        filter_ = make()
        try:
            if warm:
                self.load(filter_, messages=2000)
            return self.load(filter_, **load)
        finally:
            filter_.stop()

    def lookups(self, domain, flags="", messages=2000):
        """Questions and dependent steps per message: with an empty cache, then with a warm one."""
        filter_ = self.ours()
        rows = []
        try:
            for _ in range(2):
                before = self.status(filter_)
                self.load(filter_, messages=messages, m=1, d=domain, flags=flags)
                after = self.status(filter_)
                rows.append({k: after[k] - before[k] for k in after if not k.endswith("_max")}
                            | {k: after[k] for k in after if k.endswith("_max")})
        finally:
            filter_.stop()
        return rows

    def status(self, filter_):
        text = subprocess.run(
            [f"{self.build}/mailreevectl", "-s", f"{filter_.socket}.control", "status", "--json"],
            capture_output=True, text=True, check=True).stdout
        return json.loads(text)["lookups"]

    def idle(self, make, connections):
        filter_ = make()
        child = subprocess.Popen(
            [f"{self.build}/bench/load", "-s", filter_.socket, "-c", str(connections), "-i"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if child.stdout.readline().strip() != "idle":
                raise SystemExit("the idle connections could not be opened")
            # Until the filter has read what was sent, its memory still grows.
            last = [0, 0]

            def settled():
                last[:] = [filter_.resident_kb(), last[0]]
                return last[0] == last[1]

            until(settled, "memory settled")
            return filter_.resident_kb()
        finally:
            child.stdin.close()
            child.wait()
            filter_.stop()


def median(rows, key):
    return statistics.median(row[key] for row in rows if key in row)


def spread(ratios):
    return f"{statistics.median(ratios):5.2f}   ({min(ratios):.2f} to {max(ratios):.2f})"


def report(title, rows, base_rows, goal):
    ratios = [a["rate"] / b["rate"] for a, b in zip(rows, base_rows)]
    print(f"{title:<58} {spread(ratios)}   goal {goal}")
    def ratio(key):
        both = [(a[key], b[key]) for a, b in zip(rows, base_rows) if key in a and key in b]
        return f" ({statistics.median(a / b for a, b in both):.2f})" if both else ""

    stages = [k[:-7] for k in rows[0] if k.endswith("_p50_us")]
    line = ", ".join(
        f"{s} {median(rows, s + '_p50_us'):.0f}{ratio(s + '_p50_us')} / "
        f"{median(rows, s + '_p99_us'):.0f}{ratio(s + '_p99_us')}" for s in stages)
    print(f"    {median(rows, 'rate'):.0f} messages/s beside {median(base_rows, 'rate'):.0f}; "
          f"CPU {median(rows, 'cpu_us'):.0f} us a message{ratio('cpu_us')}; "
          f"resident {median(rows, 'resident_kb') / 1024:.1f} MB{ratio('resident_kb')}")
    print(f"    us, p50 / p99: {line}")
    return statistics.median(ratios)


def run(bench, options):
    rounds = options.rounds
    redis = f'url = "{bench.redis.url}"'
    envelope = "".join(
        f"{policy} {{ mode = off }}\n" for policy in (
            "message", "from_form", "body", "from", "dmarc", "authres", "mark"))
    no_body = "body { mode = off }\n"
    large = {"b": 32, "messages": options.messages // 4}
    first = bench.measure(bench.ours)
    steps = first["steps"]
    variants = {
        "noop": (lambda: bench.measure(bench.noop)),
        "noop_same": (lambda: bench.measure(lambda: bench.noop(steps))),
        "memory": (lambda: bench.measure(bench.ours)),
        "redis": (lambda: bench.measure(lambda: bench.ours(store=redis))),
        "envelope": (lambda: bench.measure(lambda: bench.ours(more=envelope))),
        "no_body": (lambda: bench.measure(lambda: bench.ours(more=no_body))),
        "large": (lambda: bench.measure(bench.ours, **large)),
        "large_no_body": (lambda: bench.measure(lambda: bench.ours(more=no_body), **large)),
        "noop_500": (lambda: bench.measure(bench.noop, connections=500)),
        "memory_500": (lambda: bench.measure(bench.ours, connections=500)),
        "cold": (lambda: bench.measure(
            bench.ours, warm=False, messages=options.messages // 4, m=1, d="cold.test",
            flags="-u")),
        "noop_single": (lambda: bench.measure(
            bench.noop, messages=options.messages // 4, m=1)),
        "noop_think": (lambda: bench.measure(bench.noop, connections=500, t=20,
                                             messages=options.messages // 2)),
        "memory_think": (lambda: bench.measure(bench.ours, connections=500, t=20,
                                               messages=options.messages // 2)),
    }
    rows = {name: [] for name in variants}
    for number in range(rounds):
        for name, measure in variants.items():
            print(f"\rround {number + 1} of {rounds}: {name:<14}", end="", file=sys.stderr)
            rows[name].append(measure())
    print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    print(f"\nMessages per second as a ratio to the no-operation filter: median of {rounds} rounds "
          "(least to most);\nin parentheses, ratios of the other figures to it\n50 connections, 10 messages each, 8 header fields, 2 kB body, steps "
          f"negotiated {steps:#x}\n")
    report("every policy, memory store, warm / plain no-operation", rows["memory"], rows["noop"],
           "1.5")
    report("every policy, memory store / no-operation, same steps", rows["memory"],
           rows["noop_same"], "0.85")
    report("every policy, Redis store / no-operation, same steps", rows["redis"],
           rows["noop_same"], "0.7")
    report("envelope policies only / plain no-operation", rows["envelope"], rows["noop"], "2.0")
    report("bodies not asked for (body off) / asked for, 2 kB", rows["no_body"], rows["memory"],
           "above 1")
    report("bodies not asked for (body off) / asked for, 64 kB", rows["large_no_body"],
           rows["large"], "above 1")
    report("every policy, nothing cached, 1 message a session / plain", rows["cold"],
           rows["noop_single"], "0.7")
    report("500 connections / plain no-operation with 500", rows["memory_500"], rows["noop_500"],
           "as with 50")
    report("clients that think 20 ms, 500 connections / plain no-op", rows["memory_think"],
           rows["noop_think"], "1.4")
    cold, warm = bench.lookups("cold.test", "-u")
    print("\nDNS per message (every session another client, HELO name and domain):")
    for name, row in (("cold", cold), ("warm", warm)):
        count = row["transactions"]
        print(f"    {name}: {row['questions'] / count:.1f} questions, {row['sent'] / count:.2f} not "
              f"cached, {row['steps'] / count:.2f} dependent steps")
    print(f"    longest chain of dependent steps {cold['steps_max']} (goal: at most 4), of SPF's own "
          f"{cold['spf_steps_max']}\n")
    for connections in (2000, 4000):
        ours, plain = bench.idle(bench.ours, connections), bench.idle(bench.noop, connections)
        print(f"resident memory at {connections} idle connections: {ours / 1024:.1f} MB, no-operation "
              f"{plain / 1024:.1f} MB, ratio {ours / plain:.1f}"
              + ("   goal: at most 64 MB" if connections == 4000 else ""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailreeve-bench.") as folder:
        bench = Bench(os.path.abspath(options.build), folder, options)
        bench.start()
        try:
            run(bench, options)
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
