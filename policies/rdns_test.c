/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_rdns;

#define REVERSE "7.2.0.192.in-addr.arpa"

/* Shorter than the words of verdict.h, for the tables. */
enum { NONE = RESULT_NONE, PASS = RESULT_PASS, FAIL = RESULT_FAIL, TEMPERROR = RESULT_TEMPERROR };

struct row {
	const char *what;
	const char *client; /* 192.0.2.7 when NULL */
	const char *setting, *value;
	struct fake_answer dns[6];
	int missing, unconfirmed, generic;
	const char *evidence; /* a part of that of the failed check, or of missing */
};

static const struct row rows[] = {
	{.what = "good",
		.dns = {{REVERSE, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, "192.0.2.7", 0}},
		.missing = PASS,
		.unconfirmed = PASS,
		.generic = PASS},
	{.what = "no PTR",
		.dns = {{NULL, 0, NULL, 0}},
		.missing = FAIL,
		.unconfirmed = NONE,
		.generic = NONE,
		.evidence = "192.0.2.7 has no PTR"},
	{.what = "unconfirmed",
		.dns = {{REVERSE, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, "192.0.2.9", 0}},
		.missing = PASS,
		.unconfirmed = FAIL,
		.generic = NONE,
		.evidence = "192.0.2.7 has PTR mail.example.net, whose address is 192.0.2.9"},
	{.what = "an unconfirmed name is not looked at for words",
		.dns = {{REVERSE, DNS_PTR, "192-0-2-7.dsl.example.net", 0}},
		.missing = PASS,
		.unconfirmed = FAIL,
		.generic = NONE},
	{.what = "PTR that is no name",
		.dns = {{REVERSE, DNS_PTR, "a..b", 0}},
		.missing = PASS,
		.unconfirmed = FAIL,
		.generic = NONE},
	{.what = "generic",
		.dns = {{REVERSE, DNS_PTR, "192-0-2-7.example.net", 0},
			{"192-0-2-7.example.net", DNS_A, "192.0.2.7", 0}},
		.missing = PASS,
		.unconfirmed = PASS,
		.generic = FAIL,
		.evidence = "192-0-2-7.example.net spells 192.0.2.7 in decimal"},
	{.what = "a second confirmed name of its own excuses a generic one",
		.dns = {{REVERSE, DNS_PTR, "192-0-2-7.example.net mail.example.org", 0},
			{"192-0-2-7.example.net", DNS_A, "192.0.2.7", 0},
			{"mail.example.org", DNS_A, "192.0.2.7", 0}},
		.missing = PASS,
		.unconfirmed = PASS,
		.generic = PASS},
	{.what = "an unconfirmed second name does not",
		.dns = {{REVERSE, DNS_PTR, "192-0-2-7.example.net mail.example.org", 0},
			{"192-0-2-7.example.net", DNS_A, "192.0.2.7", 0}},
		.missing = PASS,
		.unconfirmed = PASS,
		.generic = FAIL},
	{.what = "exception by domain",
		.setting = "exceptions",
		.value = ".example.net",
		.dns = {{REVERSE, DNS_PTR, "192-0-2-7.example.net", 0},
			{"192-0-2-7.example.net", DNS_A, "192.0.2.7", 0}},
		.missing = PASS,
		.unconfirmed = PASS,
		.generic = PASS},
	{.what = "exception by network",
		.setting = "exceptions",
		.value = "192.0.2.0/24",
		.dns = {{REVERSE, DNS_PTR, "192-0-2-7.example.net", 0},
			{"192-0-2-7.example.net", DNS_A, "192.0.2.7", 0}},
		.missing = PASS,
		.unconfirmed = PASS,
		.generic = PASS},
	{.what = "a word of the administrator's",
		.setting = "pool_words",
		.value = "kiosk",
		.dns = {{REVERSE, DNS_PTR, "kiosk12.example.net", 0},
			{"kiosk12.example.net", DNS_A, "192.0.2.7", 0}},
		.missing = PASS,
		.unconfirmed = PASS,
		.generic = FAIL,
		.evidence = "has the word kiosk"},
	{.what = "private client",
		.client = "10.1.2.3",
		.missing = NONE,
		.unconfirmed = NONE,
		.generic = NONE},
	{.what = "private client, wanted",
		.client = "10.1.2.3",
		.setting = "private_clients",
		.value = "yes",
		.missing = FAIL,
		.unconfirmed = NONE,
		.generic = NONE},
	{.what = "local socket",
		.client = "",
		.missing = NONE,
		.unconfirmed = NONE,
		.generic = NONE},
	{.what = "generic, and a second name in trouble that may excuse it",
		.dns = {{REVERSE, DNS_PTR, "192-0-2-7.example.net mail.example.org", 0},
			{"192-0-2-7.example.net", DNS_A, "192.0.2.7", 0},
			{"mail.example.org", DNS_A, NULL, DNS_SERVFAIL}},
		.missing = PASS,
		.unconfirmed = PASS,
		.generic = TEMPERROR},
	{.what = "PTR SERVFAIL",
		.dns = {{REVERSE, DNS_PTR, NULL, DNS_SERVFAIL}},
		.missing = TEMPERROR,
		.unconfirmed = TEMPERROR,
		.generic = TEMPERROR},
	{.what = "address times out",
		.dns = {{REVERSE, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, NULL, DNS_TIMEOUT}},
		.missing = PASS,
		.unconfirmed = TEMPERROR,
		.generic = TEMPERROR},
};

static void start(struct policy_case *c, const struct row *row)
{
	fake_dns_clear();
	fake_dns_rows(row->dns);
	policy_case_start(c, &policy_rdns);
	if (row->setting != NULL)
		policy_case_set(c, row->setting, row->value);
	policy_case_connect(c, row->client == NULL ? "192.0.2.7" : row->client);
}

static void expect(const struct row *row, struct policy_case *c, const char *check, int result)
{
	enum result found = policy_case_result(c, check);

	if ((int)found != result)
		fail_msg("%s: %s is %s: %s", row->what, check, result_name(found),
			policy_case_finding(c, check)->evidence);
	if (result == FAIL && row->evidence != NULL &&
		strstr(policy_case_finding(c, check)->evidence, row->evidence) == NULL)
		fail_msg("%s: evidence of %s: %s", row->what, check,
			policy_case_finding(c, check)->evidence);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case c;

		start(&c, &rows[i]);
		policy_case_run(&c, STAGE_CONNECT);
		expect(&rows[i], &c, "missing", rows[i].missing);
		expect(&rows[i], &c, "unconfirmed", rows[i].unconfirmed);
		expect(&rows[i], &c, "generic", rows[i].generic);
		policy_case_end(&c);
	}
	fake_dns_clear();
}

static void test_off_asks_nothing(void **state)
{
	struct policy_case c;

	(void)state;
	fake_dns_clear();
	policy_case_start(&c, &policy_rdns);
	policy_case_set(&c, "missing", "off");
	policy_case_set(&c, "unconfirmed", "off");
	policy_case_set(&c, "generic", "off");
	policy_case_connect(&c, "192.0.2.7");
	policy_case_run(&c, STAGE_CONNECT);
	assert_int_equal(fake_dns_asked(NULL, DNS_PTR), 0);
	assert_null(policy_case_finding(&c, "missing"));
	policy_case_end(&c);
}

/* With every check set to reject, no trouble of the DNS leads to a fail. */
static void test_trouble_never_refuses(void **state)
{
	static const enum dns_status troubles[] = {DNS_SERVFAIL, DNS_TIMEOUT, DNS_SERVFAIL};

	(void)state;
	for (size_t i = 0; i <= ARRAY_COUNT(troubles); i++) {
		struct policy_case c;

		fake_dns_clear();
		if (i < ARRAY_COUNT(troubles))
			fake_dns_default(troubles[i]);
		if (i == 2)
			fake_dns(REVERSE, DNS_PTR, "192-0-2-7.dsl.example.net");
		fake_inquiry_hangs(i == ARRAY_COUNT(troubles));
		policy_case_start(&c, &policy_rdns);
		policy_case_set(&c, "missing", "reject");
		policy_case_set(&c, "unconfirmed", "reject");
		policy_case_set(&c, "generic", "reject");
		policy_case_connect(&c, "192.0.2.7");
		policy_case_run(&c, STAGE_CONNECT);
		assert_int_equal(policy_case_result(&c, "unconfirmed"), RESULT_TEMPERROR);
		assert_int_equal(policy_case_result(&c, "generic"), RESULT_TEMPERROR);
		assert_int_not_equal(policy_case_result(&c, "missing"), RESULT_FAIL);
		assert_int_equal(policy_case_action(&c), ACTION_MONITOR);
		policy_case_end(&c);
	}
	fake_dns_clear();
}

/* Names seen on the Internet, through the whole policy. ------------------------------------------ */

static const struct {
	const char *address, *name;
	bool generic;
} names[] = {
#include "../tests/data/generic_names.inc"
};

enum { HITS_PERCENT = 95, FALSE_ALARMS_PERCENT = 2 };

static bool is_called_generic(const char *address, const char *name)
{
	struct policy_case c;
	struct ipaddr client;
	char reverse_name[REVERSE_NAME_SIZE];
	enum result result;

	fake_dns_clear();
	assert_true(ipaddr_parse(address, &client));
	fake_dns(ipaddr_reverse_name(&client, reverse_name), DNS_PTR, name);
	fake_dns(name, client.family == IP_V6 ? DNS_AAAA : DNS_A, address);
	policy_case_start(&c, &policy_rdns);
	policy_case_set(&c, "private_clients", "yes");
	policy_case_connect(&c, address);
	policy_case_run(&c, STAGE_CONNECT);
	result = policy_case_result(&c, "generic");
	assert_true(result == RESULT_PASS || result == RESULT_FAIL);
	policy_case_end(&c);
	return result == RESULT_FAIL;
}

static void test_names_of_the_internet(void **state)
{
	size_t generic = 0, hits = 0, own = 0, false_alarms = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		bool called = is_called_generic(names[i].address, names[i].name);

		*(names[i].generic ? &generic : &own) += 1;
		hits += names[i].generic && called;
		false_alarms += !names[i].generic && called;
		if (called != names[i].generic)
			print_message("%s: %s %s\n", called ? "false alarm" : "missed",
				names[i].address, names[i].name);
	}
	print_message("score: generic names: %zu of %zu found; false alarms: %zu of %zu names of "
		      "servers\n",
		hits, generic, false_alarms, own);
	assert_true(ARRAY_COUNT(names) >= 300);
	assert_true(hits * 100 >= generic * HITS_PERCENT);
	assert_true(false_alarms * 100 <= own * FALSE_ALARMS_PERCENT);
	fake_dns_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_off_asks_nothing),
		cmocka_unit_test(test_trouble_never_refuses),
		cmocka_unit_test(test_names_of_the_internet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
