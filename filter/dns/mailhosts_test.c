/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "mailhosts.h"

struct row {
	const char *what;
	struct fake_answer dns[10]; /* of example.net */
	bool nonexistent, none, temporary, bogus, null_mx;
	const char *has, *has_not; /* addresses of a mail host */
	const char *format; /* a part of it */
};

#define NET "example.net"

static const struct row rows[] = {
	{.what = "MX with addresses of both families",
		.dns = {{NET, DNS_MX, "10:mx1.example.net 20:mx2.example.net", 0},
			{"mx1.example.net", DNS_A, "192.0.2.1", 0},
			{"mx1.example.net", DNS_AAAA, "2001:db8::1", 0},
			{"mx2.example.net", DNS_A, "192.0.2.2", 0}},
		.has = "2001:db8::1",
		.has_not = "192.0.2.3",
		.format = "example.net MX 10 mx1.example.net (192.0.2.1, 2001:db8::1), 20 "
			  "mx2.example.net (192.0.2.2)"},
	{.what = "implicit MX",
		.dns = {{NET, DNS_A, "192.0.2.1", 0}},
		.has = "192.0.2.1",
		.format = "example.net MX: "},
	{.what = "implicit MX, IPv6 only",
		.dns = {{NET, DNS_AAAA, "2001:db8::1", 0}},
		.has = "2001:db8::1"},
	{.what = "with MX the own address takes no mail",
		.dns = {{NET, DNS_MX, "10:mx1.example.net", 0}, {NET, DNS_A, "192.0.2.9", 0},
			{"mx1.example.net", DNS_A, "192.0.2.1", 0}},
		.has = "192.0.2.1",
		.has_not = "192.0.2.9"},
	{.what = "nothing at all", .dns = {{NULL, 0, NULL, 0}}, .nonexistent = true, .none = true},
	{.what = "exists, takes no mail", .dns = {{NET, DNS_TXT, "v=spf1 -all", 0}}, .none = true},
	{.what = "null MX",
		.dns = {{NET, DNS_MX, "0:.", 0}, {NET, DNS_A, "192.0.2.1", 0}},
		.null_mx = true,
		.has_not = "192.0.2.1",
		.format = "null MX"},
	{.what = "a null MX beside another is ignored (RFC 7505 section 3)",
		.dns = {{NET, DNS_MX, "0:. 10:mx1.example.net", 0},
			{"mx1.example.net", DNS_A, "192.0.2.1", 0}},
		.has = "192.0.2.1"},
	{.what = "MX names nobody",
		.dns = {{NET, DNS_MX, "10:mx1.example.net", 0}, {NET, DNS_A, "192.0.2.9", 0}},
		.none = true,
		.has_not = "192.0.2.9",
		.format = "mx1.example.net (no address: NXDOMAIN)"},
	{.what = "MX names an address",
		.dns = {{NET, DNS_MX, "10:192.0.2.1", 0}},
		.none = true,
		.has_not = "192.0.2.1"},
	{.what = "MX servers broken",
		.dns = {{NET, DNS_MX, NULL, DNS_SERVFAIL}},
		.temporary = true},
	{.what = "MX times out, own address known",
		.dns = {{NET, DNS_MX, NULL, DNS_TIMEOUT}, {NET, DNS_A, "10.0.0.1", 0}},
		.temporary = true},
	{.what = "no MX, A times out",
		.dns = {{NET, DNS_MX, NULL, DNS_NODATA}, {NET, DNS_A, NULL, DNS_TIMEOUT}},
		.temporary = true},
	{.what = "MX gone, A times out",
		.dns = {{NET, DNS_MX, NULL, DNS_NXDOMAIN}, {NET, DNS_A, NULL, DNS_TIMEOUT}},
		.temporary = true},
	{.what = "one host not known now",
		.dns = {{NET, DNS_MX, "10:mx1.example.net 20:mx2.example.net", 0},
			{"mx1.example.net", DNS_A, "10.0.0.1", 0},
			{"mx2.example.net", DNS_A, NULL, DNS_SERVFAIL}},
		.temporary = true,
		.has = "10.0.0.1"},
	{.what = "own address not known now matters not beside an MX",
		.dns = {{NET, DNS_MX, "10:mx1.example.net", 0}, {NET, DNS_A, NULL, DNS_TIMEOUT},
			{"mx1.example.net", DNS_A, "192.0.2.1", 0}},
		.has = "192.0.2.1"},
	{.what = "only private and loopback hosts",
		.dns = {{NET, DNS_MX, "10:mx1.example.net 20:mx2.example.net", 0},
			{"mx1.example.net", DNS_A, "10.0.0.1 127.0.0.1", 0},
			{"mx2.example.net", DNS_AAAA, "fe80::1 ::1 fc00::1", 0}},
		.bogus = true},
	{.what = "implicit MX in reserved space",
		.dns = {{NET, DNS_A, "0.0.0.0", 0}},
		.bogus = true},
	{.what = "multicast",
		.dns = {{NET, DNS_MX, "10:mx1.example.net", 0},
			{"mx1.example.net", DNS_A, "224.0.0.5", 0}},
		.bogus = true},
	{.what = "one public host is enough",
		.dns = {{NET, DNS_MX, "10:mx1.example.net 20:mx2.example.net", 0},
			{"mx1.example.net", DNS_A, "10.0.0.1", 0},
			{"mx2.example.net", DNS_A, "192.0.2.1", 0}},
		.has = "192.0.2.1"},
};

static const struct mailhosts *ask(struct inquiry **inquiry_r)
{
	*inquiry_r = mailhosts_inquire(NULL, NET, 1000);
	return inquiry_result(*inquiry_r);
}

static bool has(const struct mailhosts *hosts, const char *text)
{
	struct ipaddr address;

	assert_true(ipaddr_parse(text, &address));
	return mailhosts_with_address(hosts, &address) != NULL;
}

static void check_row(const struct row *row, const struct mailhosts *hosts)
{
	char shown[400];

	mailhosts_format(hosts, shown, sizeof(shown));
	if (mailhosts_nonexistent(hosts) != row->nonexistent ||
		mailhosts_none(hosts) != row->none ||
		mailhosts_temporary(hosts) != row->temporary ||
		mailhosts_bogus(hosts) != row->bogus || hosts->null_mx != row->null_mx)
		fail_msg("%s: nonexistent %d none %d temporary %d bogus %d null %d: %s", row->what,
			mailhosts_nonexistent(hosts), mailhosts_none(hosts),
			mailhosts_temporary(hosts), mailhosts_bogus(hosts), hosts->null_mx, shown);
	if (row->has != NULL && !has(hosts, row->has))
		fail_msg("%s: %s is missing: %s", row->what, row->has, shown);
	if (row->has_not != NULL && has(hosts, row->has_not))
		fail_msg("%s: %s is too much: %s", row->what, row->has_not, shown);
	if (row->format != NULL && strstr(shown, row->format) == NULL)
		fail_msg("%s: reads: %s", row->what, shown);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct inquiry *inquiry;
		struct inquiry_cost cost;

		fake_dns_clear();
		fake_dns_rows(rows[i].dns);
		check_row(&rows[i], ask(&inquiry));
		inquiry_cost(inquiry, &cost);
		if (cost.steps > 2)
			fail_msg("%s: %u dependent steps", rows[i].what, cost.steps);
		inquiry_free(&inquiry);
	}
	fake_dns_clear();
}

/* Whatever is not answered, nothing becomes certain. */
static void test_no_answers(void **state)
{
	static const enum dns_status troubles[] = {DNS_SERVFAIL, DNS_TIMEOUT};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(troubles); i++) {
		struct inquiry *inquiry;
		const struct mailhosts *hosts;

		fake_dns_clear();
		fake_dns_default(troubles[i]);
		hosts = ask(&inquiry);
		assert_true(mailhosts_temporary(hosts));
		assert_false(mailhosts_nonexistent(hosts));
		assert_false(mailhosts_none(hosts));
		assert_false(mailhosts_bogus(hosts));
		inquiry_free(&inquiry);
		fake_dns_clear();
		fake_dns(NET, DNS_MX, "10:mx1.example.net");
		fake_dns_default(troubles[i]);
		hosts = ask(&inquiry);
		assert_true(mailhosts_temporary(hosts));
		assert_false(mailhosts_none(hosts));
		inquiry_free(&inquiry);
	}
	fake_dns_clear();
}

static void test_bounds(void **state)
{
	char records[2000] = "", addresses[2000] = "", shown[40];
	struct inquiry *inquiry;
	const struct mailhosts *hosts;

	(void)state;
	for (int i = 0; i < 25; i++)
		snprintf(records + strlen(records), sizeof(records) - strlen(records),
			"%s%d:mx%d.example.net", i == 0 ? "" : " ", i, i);
	for (int i = 0; i < 60; i++)
		snprintf(addresses + strlen(addresses), sizeof(addresses) - strlen(addresses),
			"%s10.0.0.%d", i == 0 ? "" : " ", i + 1);
	fake_dns_clear();
	fake_dns(NET, DNS_MX, records);
	fake_dns("mx19.example.net", DNS_A, addresses);
	fake_dns("mx19.example.net", DNS_AAAA, "2001:db8::1");
	hosts = ask(&inquiry);
	assert_int_equal(hosts->mx_count, 25);
	assert_int_equal(hosts->host_count, 20);
	assert_true(has(hosts, "10.0.0.1"));
	assert_true(has(hosts, "10.0.0.30")); /* as many as one answer over UDP holds */
	assert_true(has(hosts, "2001:db8::1")); /* not pushed out by the other family */
	assert_false(mailhosts_none(hosts)); /* five hosts were not looked at */
	assert_int_equal(fake_dns_asked("mx20.example.net", DNS_A), 0);
	mailhosts_format(hosts, shown, sizeof(shown));
	assert_true(strlen(shown) < sizeof(shown));
	inquiry_free(&inquiry);
	fake_dns_clear();
}

static void test_name_that_cannot_be_asked(void **state)
{
	char name[300];
	struct inquiry *inquiry;
	const struct mailhosts *hosts;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	fake_dns_clear();
	inquiry = mailhosts_inquire(NULL, name, 1000);
	hosts = inquiry_result(inquiry);
	assert_false(mailhosts_nonexistent(hosts));
	assert_true(mailhosts_none(hosts));
	inquiry_free(&inquiry);
	fake_dns_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_answers),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_name_that_cannot_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
