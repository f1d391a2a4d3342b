# SPDX-License-Identifier: BSD-2-Clause
"""The public SPF test suites, live over DNS."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import yaml
from conftest import BUILD, REPOSITORY, Answer
from dns_zonedata import ZoneServer


def scenarios(file):
    with open(file, "rb") as stream:
        return [document for document in yaml.safe_load_all(stream) if document]


def expected(test):
    results = test["result"]
    return results if isinstance(results, list) else [results]


def explanation_is_right(test, answer):
    wanted = test.get("explanation")
    if wanted is None or answer.result != "fail":
        return True
    return answer.explanation == ("" if wanted == "DEFAULT" else wanted)


def run_suite(spf_query, file, **options):
    """[(name, test, answer), ...] of all tests in the file."""
    outcome = []
    for scenario in scenarios(file):
        tests = scenario["tests"]
        checks = [(str(test["host"]), test["helo"], test["mailfrom"]) for test in tests.values()]
        with ZoneServer(scenario["zonedata"]) as server:
            answers = spf_query(server.place, checks, **options)
        outcome += zip(tests.keys(), tests.values(), answers)
    return outcome


def describe(name, test, answer):
    return "%s: expected %s %r, got %s %r (%s)" % (
        name, " or ".join(expected(test)), test.get("explanation", ""), answer.result,
        answer.explanation, answer.evidence)


def check_suite(outcome, name, count, score):
    wrong = [row for row in outcome
             if row[2].result not in expected(row[1]) or not explanation_is_right(row[1], row[2])]
    score("%s: %d of %d" % (name, len(outcome) - len(wrong), len(outcome)))
    assert not wrong, "\n".join(describe(*row) for row in wrong)
    assert len(outcome) == count


def test_rfc7208(spf_query, suites, score):
    check_suite(run_suite(spf_query, suites / "rfc7208-tests.yml"), "rfc7208", 203, score)


def test_rfc7208_again(spf_query, suites, score):
    """Whoever asks the same as one before gets what is known: never another answer."""
    outcome = run_suite(spf_query, suites / "rfc7208-tests.yml", rounds=3)
    check_suite(outcome, "rfc7208, asked for the third time", 203, score)


def test_rfc4408(spf_query, suites, score):
    """Where RFC 7208 decided otherwise than RFC 4408, the old suite allows both readings, so there is
    no difference to list: a test that fails here is an error."""
    check_suite(run_suite(spf_query, suites / "rfc4408-tests.yml"), "rfc4408", 191, score)


def by_lookup(place, checks):
    """As spf_query answers, but asked with mailreevectl lookup."""
    def ask(check):
        client, helo, mailfrom = check
        done = subprocess.run(
            [(REPOSITORY / BUILD / "mailreevectl").resolve(), "lookup", "spf", "--client", client,
             "--helo", helo, "--from", mailfrom, "--nameserver", place],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        lines = done.stdout.decode("ascii").splitlines() or [""]
        status = {"": 64, "temperror": 75}.get(lines[0], 0)
        assert done.returncode == status, done.stderr.decode("ascii")
        explained = [line[4:] for line in lines[1:] if line.startswith("exp=")]
        return Answer(lines[0], explained[0] if explained else "", "", 0, 0, " ".join(lines[1:]))

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, checks))


def test_rfc7208_by_lookup(suites, score):
    outcome = run_suite(by_lookup, suites / "rfc7208-tests.yml")
    check_suite(outcome, "rfc7208, mailreevectl lookup", 203, score)


def test_lookup_tells_of_an_over_broad_record():
    zone = {"all.example": [{"SPF": "v=spf1 +all"}]}
    with ZoneServer(zone) as server:
        answer = by_lookup(server.place, [("192.0.2.7", "all.example", "")])[0]
    assert answer.result == "pass" and "proves nothing" in answer.evidence
