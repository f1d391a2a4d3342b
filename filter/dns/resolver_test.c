/* SPDX-License-Identifier: BSD-2-Clause */
/* The resolver against a server that misbehaves as the first label of the name says. */
#include "resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/lib/dns_server.h"
#include "clock.h"
#include "text.h"

enum { TIMEOUT_MS = 500 };

struct row {
	const char *name;
	enum dns_type type;
	const char *want;
};

static const struct row rows[] = {
	/* as it should be */
	{"fine.t", DNS_A, "fine.t A 192.0.2.1"},
	{"FINE2.T.", DNS_A, "fine2.t A 192.0.2.1"},
	{"fine.t", DNS_AAAA, "fine.t AAAA 2001:db8::1"},
	{"fine.t", DNS_MX, "fine.t MX 10 mx.fine.t"},
	{"fine.t", DNS_PTR, "fine.t PTR host.fine.t"},
	{"fine.t", DNS_TXT, "fine.t TXT \"good\""},
	{"flipcase.t", DNS_A, "flipcase.t A 192.0.2.1"},
	{"nxdomain.t", DNS_A, "nxdomain.t A: NXDOMAIN"},
	{"nodata.t", DNS_A, "nodata.t A: no such record"},
	{"nosoa.t", DNS_A, "nosoa.t A: no such record"},
	{"other.t", DNS_A, "other.t A: no such record"},
	{"dup.t", DNS_A, "dup.t A 192.0.2.1"},
	{"mapped.t", DNS_AAAA, "mapped.t AAAA 192.0.2.9"},
	{"nullmx.t", DNS_MX, "nullmx.t MX 0 ."},
	{"odd.t", DNS_PTR, "odd.t PTR a\\x5c046b\\x5c000c\\x5c032d.test"},
	{"nultext.t", DNS_TXT, "nultext.t TXT \"a\\x00b\\xff\\x22\""},
	/* names that cannot be asked for */
	{"", DNS_A, ". A: not a name that can be asked for"},
	{".", DNS_A, ". A: not a name that can be asked for"},
	{"a..t", DNS_A, "a..t A: not a name that can be asked for"},
	/* D1 to D5: silent or unwilling */
	{"drop.t", DNS_A, "drop.t A: time-out"},
	{"lose.t", DNS_A, "lose.t A 192.0.2.1"},
	{"delay200.t", DNS_A, "delay200.t A 192.0.2.1"},
	{"servfail.t", DNS_A, "servfail.t A: SERVFAIL"},
	{"refused.t", DNS_A, "refused.t A: SERVFAIL"},
	{"formerr.t", DNS_A, "formerr.t A: SERVFAIL"},
	{"notimp.t", DNS_A, "notimp.t A: SERVFAIL"},
	{"referral.t", DNS_A, "referral.t A: SERVFAIL"},
	/* D6, D7: truncation */
	{"tc.t", DNS_A, "tc.t A 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4 and 76 more"},
	{"tcclose.t", DNS_A, "tcclose.t A: SERVFAIL"},
	{"tcdrop.t", DNS_A, "tcdrop.t A: time-out"},
	{"tctc.t", DNS_A, "tctc.t A: SERVFAIL"},
	/* D8 to D10: somebody else's answer comes first */
	{"badid.t", DNS_A, "badid.t A 192.0.2.1"},
	{"badsource.t", DNS_A, "badsource.t A 192.0.2.1"},
	{"badquestion.t", DNS_A, "badquestion.t A 192.0.2.1"},
	{"badtype.t", DNS_A, "badtype.t A 192.0.2.1"},
	{"badclass.t", DNS_A, "badclass.t A 192.0.2.1"},
	{"badquery.t", DNS_A, "badquery.t A 192.0.2.1"},
	{"garbage.t", DNS_A, "garbage.t A 192.0.2.1"},
	{"empty.t", DNS_A, "empty.t A 192.0.2.1"},
	{"headeronly.t", DNS_A, "headeronly.t A 192.0.2.1"},
	{"oversize.t", DNS_A, "oversize.t A 192.0.2.1"},
	/* D11, D12: aliases */
	{"chain1.t", DNS_A, "chain1.t A 192.0.2.1"},
	{"chain12.t", DNS_A, "chain12.t A 192.0.2.1"},
	{"chain13.t", DNS_A, "chain13.t A: SERVFAIL"},
	{"chain20.t", DNS_A, "chain20.t A: SERVFAIL"},
	{"reversed12.t", DNS_A, "reversed12.t A 192.0.2.1"},
	{"step12.t", DNS_A, "step12.t A 192.0.2.1"},
	{"step13.t", DNS_A, "step13.t A: SERVFAIL"},
	{"cnameloop.t", DNS_A, "cnameloop.t A: SERVFAIL"},
	{"steploop.t", DNS_A, "steploop.t A: SERVFAIL"},
	{"dangling.t", DNS_A, "dangling.t A: NXDOMAIN"},
	{"missing.t", DNS_A, "missing.t A: no such record"},
	/* D17, D18, D20: large answers */
	{"a80.t", DNS_A, "a80.t A 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4 and 76 more"},
	{"mx500.t", DNS_MX,
		"mx500.t MX 1 m499.test, 2 m498.test, 3 m497.test, 4 m496.test and 252 more"},
	{"ptr1000.t", DNS_PTR, "ptr1000.t PTR p0.test, p1.test, p2.test, p3.test and 252 more"},
	/* D26: broken packets */
	{"loop.t", DNS_A, "loop.t A: SERVFAIL"},
	{"forward.t", DNS_A, "forward.t A: SERVFAIL"},
	{"chained.t", DNS_A, "chained.t A: SERVFAIL"},
	{"cut.t", DNS_A, "cut.t A: SERVFAIL"},
	{"cutname.t", DNS_A, "cutname.t A: SERVFAIL"},
	{"rdlong.t", DNS_A, "rdlong.t A: SERVFAIL"},
	{"rdshort.t", DNS_A, "rdshort.t A: SERVFAIL"},
	{"count.t", DNS_A, "count.t A: SERVFAIL"},
	{"longname.t", DNS_PTR, "longname.t PTR: SERVFAIL"},
	{"badstring.t", DNS_TXT, "badstring.t TXT: SERVFAIL"},
	/* D28: no EDNS0 */
	{"noedns.t", DNS_A, "noedns.t A 192.0.2.1"},
	{"noednsheader.t", DNS_A, "noednsheader.t A 192.0.2.1"},
	{"badvers.t", DNS_A, "badvers.t A 192.0.2.1"},
};

static struct dns_server server;

static struct resolver *start(void)
{
	return dns_server_resolver(server.address, NULL, NULL, NULL, TIMEOUT_MS);
}

static void test_rows(void **state)
{
	struct resolver *resolver = start();
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char got[2000];

		dns_server_look(resolver, rows[i].name, rows[i].type, got, sizeof(got));
		if (strcmp(got, rows[i].want) == 0)
			continue;
		print_error("%s: got \"%s\", want \"%s\"\n", rows[i].name, got, rows[i].want);
		wrong++;
	}
	resolver_stop(&resolver);
	assert_int_equal(wrong, 0);
}

/* The forged answers were seen and counted, not only lost. */
static void test_forged_answers_are_counted(void **state)
{
	static const char *const names[] = {"badid.r.t", "badquestion.r.t", "badtype.r.t",
		"badclass.r.t", "badquery.r.t", "garbage.r.t", "empty.r.t", "headeronly.r.t",
		"oversize.r.t"};
	struct resolver *resolver = start();
	struct resolver_stats stats;
	char got[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		dns_server_look(resolver, names[i], DNS_A, got, sizeof(got));
		resolver_stats(resolver, &stats);
		if (stats.rejected != i + 1)
			fail_msg("%s: %ju rejected", names[i], (uintmax_t)stats.rejected);
		assert_int_equal(dns_server_asked(&server, names[i]).udp, 1);
	}
	assert_true(stats.failures == 0 && stats.timeouts == 0 && stats.in_flight == 0);
	resolver_stop(&resolver);
}

static void test_late_answer_is_nobody_elses(void **state)
{
	struct resolver *resolver = start();
	struct resolver_stats stats = {.rejected = 0};
	uint64_t give_up_ms = clock_monotonic_ms() + 20000;
	char got[200];
	unsigned asked = 0;

	(void)state;
	assert_string_equal(dns_server_look(resolver, "delay1300.late.t", DNS_A, got, sizeof(got)),
		"delay1300.late.t A: time-out");
	/* Two answers are still on their way, while the same sockets carry other questions. */
	while (stats.rejected < 2 && clock_monotonic_ms() < give_up_ms) {
		char name[64], want[200];

		snprintf(name, sizeof(name), "delay20.%u.late.t", asked++);
		snprintf(want, sizeof(want), "%s A 192.0.2.1", name);
		assert_string_equal(dns_server_look(resolver, name, DNS_A, got, sizeof(got)), want);
		resolver_stats(resolver, &stats);
	}
	assert_true(stats.rejected == 2);
	resolver_stop(&resolver);
}

static void test_text_of_64_kilobytes(void **state)
{
	struct resolver *resolver = start();
	const struct dns_answer *answer = dns_server_ask(resolver, "bigtxt.t", DNS_TXT);
	struct resolver_stats stats;

	(void)state;
	assert_int_equal(answer->status, DNS_OK);
	assert_int_equal(answer->count, 1);
	assert_int_equal(answer->records[0].text_length, 253 * 255);
	assert_int_equal(strspn(answer->records[0].text, "x"), 253 * 255);
	dns_answer_release(&answer);
	answer = dns_server_ask(resolver, "manystrings.t", DNS_TXT);
	assert_int_equal(answer->records[0].text_length, 255);
	dns_answer_release(&answer);
	resolver_stats(resolver, &stats);
	assert_true(stats.queries_tcp == 1 && stats.queries_udp == 2);
	resolver_stop(&resolver);
}

static void test_ttl_aliases_and_authentic(void **state)
{
	static const struct {
		const char *name;
		uint32_t ttl;
		bool authentic;
		unsigned aliases;
	} cases[] = {
		{"ttl5.t", 5, false, 0},
		{"ttlhuge.t", 0, false, 0},
		{"chain3.ttl.t", 298, false, 3},
		{"step3.ttl.t", 300, false, 3},
		{"nxdomain.ttl.t", 60, false, 0},
		{"nodata.ttl.t", 60, false, 0},
		{"nosoa.ttl.t", 0, false, 0},
		{"authentic.t", 300, true, 0},
	};
	struct resolver *resolver = start();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct dns_answer *answer = dns_server_ask(resolver, cases[i].name, DNS_A);

		if (answer->ttl != cases[i].ttl || answer->authentic != cases[i].authentic ||
			answer->aliases != cases[i].aliases)
			fail_msg("%s: TTL %u, authentic %d, %u aliases", cases[i].name, answer->ttl,
				answer->authentic, answer->aliases);
		dns_answer_release(&answer);
	}
	resolver_stop(&resolver);
}

/* What the cache keeps is not asked again; failures too, for a moment; a flush forgets all. */
static void test_answers_are_kept(void **state)
{
	static const char *const names[] = {
		"kept.t", "nxdomain.kept.t", "nodata.kept.t", "servfail.kept.t", "chain2.kept.t"};
	struct resolver *resolver = start();
	struct resolver_stats stats;
	char got[200];

	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_COUNT(names); i++)
		dns_server_look(resolver, names[i % ARRAY_COUNT(names)], DNS_A, got, sizeof(got));
	resolver_stats(resolver, &stats);
	assert_true(stats.queries_udp == ARRAY_COUNT(names));
	assert_true(stats.cache_hits == 2 * ARRAY_COUNT(names));
	assert_true(stats.questions == 3 * ARRAY_COUNT(names));
	assert_true(stats.cache_entries == ARRAY_COUNT(names) && stats.cache_bytes > 0);
	resolver_flush(resolver);
	resolver_stats(resolver, &stats);
	assert_true(stats.cache_entries == 0 && stats.cache_bytes == 0);
	dns_server_look(resolver, "kept.t", DNS_A, got, sizeof(got));
	assert_int_equal(dns_server_asked(&server, "kept.t").udp, 2);
	resolver_stop(&resolver);
}

static void test_edns_is_given_up_only_where_refused(void **state)
{
	struct resolver *resolver = start();
	struct dns_server_count count;
	char got[200];

	(void)state;
	dns_server_look(resolver, "noedns.e.t", DNS_A, got, sizeof(got));
	count = dns_server_asked(&server, "noedns.e.t");
	assert_true(count.udp == 2 && count.edns == 1);
	dns_server_look(resolver, "fine.e.t", DNS_A, got, sizeof(got));
	count = dns_server_asked(&server, "fine.e.t");
	assert_true(count.udp == 1 && count.edns == 1);
	resolver_stop(&resolver);
}

static void test_bad_nameserver_is_named(void **state)
{
	static const char *const wrong[] = {"ns.example.net", "192.0.2.53:0", "192.0.2.53:65536",
		"192.0.2.53:", "[2001:db8::53", "[2001:db8::53]x", "192.0.2.300", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		char name[64], why[200] = "";
		char *names[] = {name, NULL};
		const struct resolver_options options = {.nameservers = names};

		assert_true(text_copy(name, sizeof(name), wrong[i]));
		assert_null(resolver_start(&options, why, sizeof(why)));
		assert_non_null(strstr(why, wrong[i]));
		assert_non_null(strstr(why, "nameserver"));
	}
}

static int start_server(void **state)
{
	(void)state;
	dns_server_start(&server, 0, NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	dns_server_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_forged_answers_are_counted),
		cmocka_unit_test(test_late_answer_is_nobody_elses),
		cmocka_unit_test(test_text_of_64_kilobytes),
		cmocka_unit_test(test_ttl_aliases_and_authentic),
		cmocka_unit_test(test_answers_are_kept),
		cmocka_unit_test(test_edns_is_given_up_only_where_refused),
		cmocka_unit_test(test_bad_nameserver_is_named),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
