/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "iprev.h"

#define REVERSE_V4 "7.2.0.192.in-addr.arpa"
#define REVERSE_V6 "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
#define ELEVEN_NAMES                                                                               \
	"h0.example h1.example h2.example h3.example h4.example h5.example h6.example "            \
	"h7.example h8.example h9.example h10.example"

struct row {
	const char *what;
	const char *client; /* 192.0.2.7 when NULL */
	struct fake_answer dns[8];
	enum result result;
	const char *confirmed;
	size_t names;
	const char *evidence; /* a part of it */
};

static const struct row rows[] = {
	{.what = "confirmed",
		.dns = {{REVERSE_V4, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, "192.0.2.7", 0}},
		.result = RESULT_PASS,
		.confirmed = "mail.example.net",
		.names = 1,
		.evidence = "192.0.2.7 has PTR mail.example.net, whose address is 192.0.2.7"},
	{.what = "one of several addresses is enough",
		.dns = {{REVERSE_V4, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, "192.0.2.6 192.0.2.7", 0}},
		.result = RESULT_PASS,
		.confirmed = "mail.example.net",
		.names = 1},
	{.what = "the second name confirms; the first is not used",
		.dns = {{REVERSE_V4, DNS_PTR, "liar.example mail.example.net", 0},
			{"liar.example", DNS_A, "192.0.2.9", 0},
			{"mail.example.net", DNS_A, "192.0.2.7", 0}},
		.result = RESULT_PASS,
		.confirmed = "mail.example.net",
		.names = 2,
		.evidence = "192.0.2.7 has PTR mail.example.net, whose address is 192.0.2.7"},
	{.what = "resolves elsewhere",
		.dns = {{REVERSE_V4, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, "192.0.2.9 192.0.2.10", 0}},
		.result = RESULT_FAIL,
		.confirmed = "",
		.names = 1,
		.evidence = "192.0.2.7 has PTR mail.example.net, whose addresses are 192.0.2.9, "
			    "192.0.2.10; 192.0.2.7 among them would be right"},
	{.what = "name without address",
		.dns = {{REVERSE_V4, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_AAAA, "2001:db8::7", 0}},
		.result = RESULT_FAIL,
		.confirmed = "",
		.names = 1},
	{.what = "name that does not exist",
		.dns = {{REVERSE_V4, DNS_PTR, "gone.example.net", 0}},
		.result = RESULT_FAIL,
		.confirmed = "",
		.names = 1,
		.evidence = "gone.example.net, which has no A (NXDOMAIN)"},
	{.what = "no reverse zone",
		.dns = {{NULL, 0, NULL, 0}},
		.result = RESULT_PERMERROR,
		.confirmed = "",
		.evidence = "192.0.2.7 has no PTR (" REVERSE_V4 ": NXDOMAIN)"},
	{.what = "reverse name without PTR",
		.dns = {{REVERSE_V4, DNS_PTR, NULL, DNS_NODATA}},
		.result = RESULT_PERMERROR,
		.confirmed = ""},
	{.what = "PTR of nothing that is a name",
		.dns = {{REVERSE_V4, DNS_PTR, "-a..b", 0}},
		.result = RESULT_FAIL,
		.confirmed = "",
		.evidence = "not a domain name"},
	{.what = "PTR servers broken",
		.dns = {{REVERSE_V4, DNS_PTR, NULL, DNS_SERVFAIL}},
		.result = RESULT_TEMPERROR,
		.confirmed = ""},
	{.what = "PTR times out",
		.dns = {{REVERSE_V4, DNS_PTR, NULL, DNS_TIMEOUT}},
		.result = RESULT_TEMPERROR,
		.confirmed = ""},
	{.what = "address of the name not known now",
		.dns = {{REVERSE_V4, DNS_PTR, "a.example b.example", 0},
			{"a.example", DNS_A, "192.0.2.9", 0},
			{"b.example", DNS_A, NULL, DNS_TIMEOUT}},
		.result = RESULT_TEMPERROR,
		.confirmed = "",
		.names = 2},
	{.what = "trouble with one name does not undo another",
		.dns = {{REVERSE_V4, DNS_PTR, "a.example b.example", 0},
			{"a.example", DNS_A, NULL, DNS_SERVFAIL},
			{"b.example", DNS_A, "192.0.2.7", 0}},
		.result = RESULT_PASS,
		.confirmed = "b.example",
		.names = 2},
	{.what = "IPv6 by nibbles",
		.client = "2001:db8::7",
		.dns = {{REVERSE_V6, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_AAAA, "2001:db8::7", 0}},
		.result = RESULT_PASS,
		.confirmed = "mail.example.net",
		.names = 1},
	{.what = "IPv6 is not confirmed by an A record",
		.client = "2001:db8::7",
		.dns = {{REVERSE_V6, DNS_PTR, "mail.example.net", 0},
			{"mail.example.net", DNS_A, "192.0.2.7", 0}},
		.result = RESULT_FAIL,
		.confirmed = "",
		.names = 1},
	{.what = "ten names are looked at, the eleventh is not",
		.dns = {{REVERSE_V4, DNS_PTR, ELEVEN_NAMES, 0},
			{"h10.example", DNS_A, "192.0.2.7", 0}},
		.result = RESULT_FAIL,
		.confirmed = "",
		.names = 10,
		.evidence = "and 7 more names"},
	{.what = "the tenth name confirms",
		.dns = {{REVERSE_V4, DNS_PTR, ELEVEN_NAMES, 0},
			{"h9.example", DNS_A, "192.0.2.7", 0}},
		.result = RESULT_PASS,
		.confirmed = "h9.example",
		.names = 10},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct inquiry *inquiry;
		struct inquiry_cost cost;
		const struct iprev *iprev;
		struct ipaddr client;

		fake_dns_clear();
		fake_dns_rows(row->dns);
		assert_true(ipaddr_parse(row->client == NULL ? "192.0.2.7" : row->client, &client));
		inquiry = iprev_inquire(NULL, &client, 1000);
		iprev = inquiry_result(inquiry);
		if (iprev->result != row->result || iprev->name_count != row->names ||
			strcmp(iprev->confirmed_name, row->confirmed) != 0)
			fail_msg("%s: %s, %zu names, '%s': %s", row->what,
				result_name(iprev->result), iprev->name_count,
				iprev->confirmed_name, iprev->evidence);
		if (row->evidence != NULL && strstr(iprev->evidence, row->evidence) == NULL)
			fail_msg("%s: evidence is: %s", row->what, iprev->evidence);
		inquiry_cost(inquiry, &cost);
		if (cost.steps > 2)
			fail_msg("%s: %u dependent steps", row->what, cost.steps);
		inquiry_free(&inquiry);
	}
	fake_dns_clear();
}

static void test_evidence_fits(void **state)
{
	struct ipaddr client;
	struct inquiry *inquiry;
	const struct iprev *iprev;
	char names[1024] = "";

	(void)state;
	for (int i = 0; i < 3; i++) {
		char label[64];

		memset(label, 'a' + i, 63);
		label[63] = '\0';
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s.%s.%s.%.50s",
			i == 0 ? "" : " ", label, label, label, label);
	}
	fake_dns_clear();
	fake_dns(REVERSE_V4, DNS_PTR, names);
	assert_true(ipaddr_parse("192.0.2.7", &client));
	inquiry = iprev_inquire(NULL, &client, 1000);
	iprev = inquiry_result(inquiry);
	assert_int_equal(iprev->name_count, 3);
	assert_true(strlen(iprev->evidence) < sizeof(iprev->evidence));
	inquiry_free(&inquiry);
	fake_dns_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_evidence_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
