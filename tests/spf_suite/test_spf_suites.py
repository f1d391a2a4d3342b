# SPDX-License-Identifier: BSD-2-Clause
"""The public SPF test suites, live over DNS."""

import yaml
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


def run_suite(spf_query, file):
    """[(name, test, answer), ...] of all tests in the file."""
    outcome = []
    for scenario in scenarios(file):
        tests = scenario["tests"]
        checks = [(str(test["host"]), test["helo"], test["mailfrom"]) for test in tests.values()]
        with ZoneServer(scenario["zonedata"]) as server:
            answers = spf_query(server.place, checks)
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


def test_rfc4408(spf_query, suites, score):
    """Where RFC 7208 decided otherwise than RFC 4408, the old suite allows both readings, so there is
    no difference to list: a test that fails here is an error."""
    check_suite(run_suite(spf_query, suites / "rfc4408-tests.yml"), "rfc4408", 191, score)
