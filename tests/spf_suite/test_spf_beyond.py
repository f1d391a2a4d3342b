# SPDX-License-Identifier: BSD-2-Clause
"""What the public suites leave out, live over DNS: sizes, limits, hostile records."""

import pytest
from dns_zonedata import ZoneServer

CLIENT = "192.0.2.7"


def zone(record, **more):
    data = {name.replace("__", "."): entries for name, entries in more.items()}
    data["example.net"] = [{"SPF": record}]
    return data


def check(spf_query, zonedata, client=CLIENT, helo="mail.example.org", sender="user@example.net",
          **options):
    with ZoneServer(zonedata) as server:
        answer = spf_query(server.place, [(client, helo, sender)], **options)[0]
        return answer, list(server.queries)


def result(spf_query, record, client=CLIENT, **more):
    return check(spf_query, zone(record, **more), client)[0].result


@pytest.mark.parametrize("macro, helos, senders", [
    ("%{l}", ["x.example"], ["good", "bad"]),
    ("%{s}", ["x.example"], ["good", "bad"]),
    ("%{l1-}", ["x.example"], ["a-good", "a-bad"]),
    ("%{h}", ["good.x", "bad.x"], ["user"]),
    ("%{L}", ["x.example"], ["good", "bad"]),
])
def test_who_asks_matters(spf_query, macro, helos, senders):
    """Results are kept for who asks the same about a client and a domain, but not such ones."""
    data = zone("v=spf1 exists:%s.list.example -all" % macro)
    for name in ("good", "good@example.net", "good.x"):
        data[name + ".list.example"] = [{"A": "127.0.0.2"}]
    checks = [(CLIENT, helo, sender + "@example.net") for helo in helos for sender in senders]
    with ZoneServer(data) as server:
        answers = spf_query(server.place, checks * 2, rounds=4)
    assert [answer.result for answer in answers] == ["pass", "fail"] * 2


def test_explanations_name_who_asked(spf_query):
    data = zone("v=spf1 -all exp=why.example.net", why__example__net=[{"TXT": "no, %{s}"}])
    checks = [(CLIENT, "x.example", sender + "@example.net") for sender in ("anna", "bob")]
    with ZoneServer(data) as server:
        answers = spf_query(server.place, checks, rounds=4)
    assert [answer.explanation for answer in answers] == [
        "no, anna@example.net", "no, bob@example.net"]


@pytest.mark.parametrize("count", [26, 64, 65, 100, 230, 1000])
def test_many_networks(spf_query, count):
    """libspf2 drops what comes after 511 compiled bytes: the last term decides here. 230 of them make
    4 kB; from about 60 on the answer comes over TCP."""
    networks = " ".join("ip4:198.51.%d.%d" % (i // 250, i % 250) for i in range(count))
    assert result(spf_query, "v=spf1 %s -all" % networks) == "fail"
    assert result(spf_query, "v=spf1 %s ip4:192.0.2.7 -all" % networks) == "pass"
    networks = " ".join("ip6:2001:db8::%x" % i for i in range(count))
    assert result(spf_query, "v=spf1 %s -all" % networks, "2001:db8:1::1") == "fail"
    assert result(spf_query, "v=spf1 %s ip6:2001:db8:1::1 ?all" % networks, "2001:db8:1::1") == "pass"


@pytest.mark.parametrize("wide", [2, 5, 9, 10])
@pytest.mark.parametrize("deep", [4, 10])
def test_include_trees(spf_query, wide, deep):
    data = {}
    for level in range(deep + 1):
        includes = ["include:n%d.l%d.example" % (i, level + 1) for i in range(wide)]
        for i in range(wide):
            data["n%d.l%d.example" % (i, level)] = [
                {"SPF": " ".join(["v=spf1"] + includes * (level < deep) + ["-all"])}]
    answer, queries = check(spf_query, data, sender="user@n0.l0.example")
    assert answer.result == "permerror"
    assert "more than 10 terms" in answer.evidence
    assert len(queries) <= 12


def test_eleven_terms(spf_query):
    hosts = {"h%d__example" % i: [{"A": "203.0.113.5"}] for i in range(11)}
    terms = " ".join("a:h%d.example" % i for i in range(11))
    answer, queries = check(spf_query, zone("v=spf1 %s ip4:192.0.2.7 -all" % terms, **hosts))
    assert answer.result == "permerror"
    assert len(queries) == 11
    terms = " ".join("a:h%d.example" % i for i in range(10))
    assert result(spf_query, "v=spf1 %s ip4:192.0.2.7 -all" % terms, **hosts) == "pass"


@pytest.mark.parametrize("term", ["a:v%d.example", "mx:v%d.example", "exists:v%d.example",
                                  "a:v%d.example/0"])
def test_void_lookups(spf_query, term):
    def record(count):
        return "v=spf1 %s -all" % " ".join(term % i for i in range(count))

    assert result(spf_query, record(2)) == "fail"
    answer, queries = check(spf_query, zone(record(12)))
    assert answer.result == "permerror"
    assert len(queries) <= 1 + 3  # the third void lookup ends it
    answer, queries = check(spf_query, zone(record(3), v0__example=[{"TXT": "x"}],
                                            v1__example=[{"TXT": "x"}], v2__example=[{"TXT": "x"}]))
    assert answer.result == "permerror"  # NODATA is void as well


def test_digits_beyond_the_labels(spf_query):
    """libspf2 loses the first character here."""
    for digits in (3, 9, 128, 2147483648, 2 ** 64 + 1):
        record = "v=spf1 exists:%%{d%d}.list.example -all" % digits
        assert result(spf_query, record, example__net__list__example=[{"A": "127.0.0.2"}]) == "pass"


def test_names_over_253(spf_query):
    """Whole labels go at the left (RFC 7208 7.3), so that the answer hangs on the last ones only."""
    for count in range(1, 200, 7):
        whole = "example.net." * count + "x.example"
        while len(whole) > 253:
            whole = whole.partition(".")[2]
        record = "v=spf1 a:%sx.example -all" % ("%{d}." * count)
        answer, queries = check(spf_query, zone(record, **{whole.replace(".", "__"): [{"A": CLIENT}]}))
        assert answer.result == "pass", count
        assert queries[-1] == (whole, "A")


def test_redirect_stands_anywhere(spf_query):
    more = {"other__example": [{"SPF": "v=spf1 +all"}]}
    assert result(spf_query, "v=spf1 redirect=other.example -ip4:192.0.2.7", **more) == "fail"
    assert result(spf_query, "v=spf1 redirect=other.example -all", **more) == "fail"
    assert result(spf_query, "v=spf1 redirect=other.example ip4:192.0.2.8", **more) == "pass"


MACROS = ["%{d}", "%{S}", "%{l1r-}", "%%", "%_", "%-", "%{d2147483648}", "%{ir}.", "%{H}", "a", "%",
          "%{", "%{d", "%{d9999999999999", "%{c}", "{}", "\x7f", "\xff"]


@pytest.mark.parametrize("macro", MACROS)
def test_hostile_macros_of_every_length(spf_query, macro):
    """In a mechanism, in modifiers and in an explanation, each from one to 700 octets and more: the
    fault of libspf2 that a single record can use needs an exact length."""
    data, checks = {}, []
    for count in range(1, 700 // len(macro) + 1):
        text = macro * count
        name = "n%d.example" % count
        data[name] = [{"SPF": "v=spf1 exists:%s.example exp=e%d.example x=%s -all" % (
            text, count, text)}]
        data["e%d.example" % count] = [{"TXT": text}]
        data["m%d.example" % count] = [{"SPF": "v=spf1 redirect=%s.example" % text}]
        data["x%d.example" % count] = [{"SPF": "v=spf1 -all exp=e%d.example" % count}]
        checks += [(CLIENT, "mail.example.org", "user-name@" + name) for name in
                   (name, "m%d.example" % count, "x%d.example" % count)]
    answers = []
    with ZoneServer(data) as server:
        for start in range(0, len(checks), 100):
            answers += spf_query(server.place, checks[start:start + 100], timeout_ms=3000)
    for answer in answers:
        assert answer.result in ("fail", "permerror"), answer
        assert len(answer.explanation) < 256
        assert answer.explanation.isprintable()


@pytest.mark.parametrize("record, client, flags", [
    ("v=spf1 +all", CLIENT, "over_broad"),
    ("v=spf1 all", CLIENT, "over_broad"),
    ("v=spf1 ip4:192.0.2.7 +all", CLIENT, "over_broad"),
    ("v=spf1 ip4:0.0.0.0/0 -all", CLIENT, "over_broad"),
    ("v=spf1 ip4:192.0.2.7/7 -all", CLIENT, "over_broad"),
    ("v=spf1 ip4:192.0.2.7/8 -all", CLIENT, "-"),
    ("v=spf1 ip6:2001:db8::/31 -all", "2001:db8::1", "over_broad"),
    ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", "-"),
    ("v=spf1 include:broad.example -all", CLIENT, "over_broad"),
    ("v=spf1 redirect=broad.example", CLIENT, "over_broad"),
    ("v=spf1 a:any.example/0 -all", CLIENT, "over_broad"),
    ("v=spf1 -all", CLIENT, "no_mail"),
    ("v=spf1 ~all", CLIENT, "-"),
])
def test_flags(spf_query, record, client, flags):
    data = zone(record, broad__example=[{"SPF": "v=spf1 +all"}],
                any__example=[{"A": "203.0.113.1"}])
    assert check(spf_query, data, client)[0].flags == flags


@pytest.mark.parametrize("record, silent", [
    ("v=spf1 a:silent.example -all", "silent.example"),
    ("v=spf1 mx:silent.example -all", "silent.example"),
    ("v=spf1 mx:mail.example -all", "mx.mail.example"),
    ("v=spf1 exists:silent.example -all", "silent.example"),
    ("v=spf1 include:silent.example -all", "silent.example"),
    ("v=spf1 redirect=silent.example", "silent.example"),
    ("v=spf1 ptr -all", "7.2.0.192.in-addr.arpa"),
    ("v=spf1 -all", "example.net"),
])
def test_temporary_trouble(spf_query, record, silent):
    """Silence, and SERVFAIL, at each question."""
    data = zone(record, mail__example=[{"MX": [10, "mx.mail.example"]}])
    silence = dict(data)
    silence[silent] = ["TIMEOUT"]
    assert check(spf_query, silence, timeout_ms=100)[0].result == "temperror"
    loop = dict(data)
    loop[silent] = [{"CNAME": silent}]
    assert check(spf_query, loop)[0].result == "temperror"


def test_time_limit(spf_query):
    """The limit of the check ends it although no single question has timed out."""
    data = zone("v=spf1 -all")
    data["example.net"] = ["TIMEOUT"]
    answer, _ = check(spf_query, data, timeout_ms=3600000, time_limit_ms=300)
    assert answer.result == "temperror"


def test_odd_records(spf_query):
    for record, wanted in (("v=spf1 a:nul\0.example -all", "permerror"),
                           ("v=spf1 -all\0", "permerror"),
                           ("v=spf1\0-all", "none"),
                           ("v=spf1 a:m\xfcller.example -all", "permerror"),
                           ("v=spf1 ip6:::ffff:192.0.2.7 -all", "fail"),
                           ("", "none")):
        assert result(spf_query, record) == wanted, repr(record)
    assert result(spf_query, "v=spf1 ip4:192.0.2.7 -all", "::ffff:192.0.2.7") == "pass"


def test_several_records(spf_query):
    data = {"example.net": [{"TXT": "v=spf1 +all"}, {"TXT": "v=spf1 -all"}]}
    assert check(spf_query, data)[0].result == "permerror"
    data["example.net"][1] = {"TXT": "some other text"}
    assert check(spf_query, data)[0].result == "pass"


def test_local_part_cannot_leave_its_label(spf_query):
    """What a client says reaches the DNS as a name, never as a term."""
    record = "v=spf1 exists:%{l}.users.example.net -all"
    for local_part in ("a b", "a/24", "+all", "a:b", "%{d}", "%", "a\"b", "x" * 64, "\u00fc",
                       "a\\.b", "a\\000b"):
        with ZoneServer(zone(record)) as server:
            answer = spf_query(server.place, [(CLIENT, "x", local_part + "@example.net")])[0]
            names = [name for name, _ in server.queries]
        assert answer.result == "fail"
        assert all(name.endswith("example.net") for name in names), names


def test_many_names(spf_query):
    hosts = ["m%d.example" % i for i in range(11)]
    more = {host.replace(".", "__"): [{"A": "203.0.113.1"}] for host in hosts}
    more["m9__example"] = [{"A": CLIENT}]
    data = zone("v=spf1 mx -all", **more)
    data["example.net"] += [{"MX": [i, host]} for i, host in enumerate(hosts[:10])]
    assert check(spf_query, data)[0].result == "pass"
    data["example.net"] += [{"MX": [10, hosts[10]]}]
    assert check(spf_query, data)[0].result == "permerror"


def test_thousand_ptr_names(spf_query):
    data = zone("v=spf1 ptr -all")
    data["7.2.0.192.in-addr.arpa"] = [{"PTR": "n%d.example" % i} for i in range(1000)]
    answer, queries = check(spf_query, data)
    assert answer.result == "fail"
    assert len([1 for _, rdtype in queries if rdtype == "A"]) <= 10
