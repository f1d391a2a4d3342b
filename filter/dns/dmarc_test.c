/* SPDX-License-Identifier: BSD-2-Clause */
#include "dmarc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"

struct row {
	const char *domain;
	struct fake_answer dns[4];
	enum dmarc_discovery discovery;
	enum dmarc_policy policy;
	const char *record_domain, *evidence;
};

#define OWN "_dmarc.a.example.org"
#define ORGANIZATION "_dmarc.example.org"

static const struct row rows[] = {
	{"example.org", {{0}}, DMARC_ABSENT, DMARC_NONE, "", "_dmarc.example.org TXT: NXDOMAIN"},
	{"example.org", {{ORGANIZATION, DNS_TXT, NULL, 0}}, DMARC_ABSENT, DMARC_NONE, "",
		"_dmarc.example.org TXT: no such record"},
	{"example.org", {{ORGANIZATION, DNS_TXT, "v=spf1 -all", 0}}, DMARC_ABSENT, DMARC_NONE, "",
		"no DMARC record"},
	{"example.org", {{ORGANIZATION, DNS_TXT, "v=DMARC1; p=reject", 0}}, DMARC_FOUND,
		DMARC_REJECT, "example.org", "_dmarc.example.org TXT: v=DMARC1; p=reject"},
	{"example.org", {{ORGANIZATION, DNS_TXT, "v=DMARC1; p=none; sp=reject", 0}}, DMARC_FOUND,
		DMARC_NONE, "example.org", ""},
	{"example.org", {{ORGANIZATION, DNS_TXT, "v=DMARC1; p=all", 0}}, DMARC_UNUSABLE, DMARC_NONE,
		"example.org", "(p= is no policy)"},
	{"example.org", {{ORGANIZATION, DNS_TXT, NULL, DNS_SERVFAIL}}, DMARC_UNKNOWN, DMARC_NONE,
		"", "SERVFAIL"},
	{"example.org", {{ORGANIZATION, DNS_TXT, NULL, DNS_TIMEOUT}}, DMARC_UNKNOWN, DMARC_NONE, "",
		"time-out"},
	/* Below the organizational domain. */
	{"a.example.org",
		{{OWN, DNS_TXT, "v=DMARC1; p=quarantine", 0},
			{ORGANIZATION, DNS_TXT, "v=DMARC1; p=reject", 0}},
		DMARC_FOUND, DMARC_QUARANTINE, "a.example.org", ""},
	{"a.example.org", {{ORGANIZATION, DNS_TXT, "v=DMARC1; p=reject", 0}}, DMARC_FOUND,
		DMARC_REJECT, "example.org", ""},
	{"b.a.example.org", {{ORGANIZATION, DNS_TXT, "v=DMARC1; p=reject; sp=none", 0}},
		DMARC_FOUND, DMARC_NONE, "example.org", ""},
	{"b.a.example.org", {{OWN, DNS_TXT, "v=DMARC1; p=reject", 0}}, DMARC_ABSENT, DMARC_NONE, "",
		"_dmarc.example.org"},
	{"a.example.org",
		{{OWN, DNS_TXT, NULL, DNS_SERVFAIL},
			{ORGANIZATION, DNS_TXT, "v=DMARC1; p=reject", 0}},
		DMARC_UNKNOWN, DMARC_NONE, "", OWN},
	{"a.example.org", {{ORGANIZATION, DNS_TXT, NULL, DNS_TIMEOUT}}, DMARC_UNKNOWN, DMARC_NONE,
		"", ORGANIZATION},
	{"a.example.org",
		{{OWN, DNS_TXT, "v=DMARC1; p=all", 0},
			{ORGANIZATION, DNS_TXT, "v=DMARC1; p=reject", 0}},
		DMARC_UNUSABLE, DMARC_NONE, "a.example.org", ""},
	/* A public suffix has no organization above it. */
	{"co.uk", {{"_dmarc.co.uk", DNS_TXT, "v=DMARC1; p=reject; sp=none", 0}}, DMARC_FOUND,
		DMARC_REJECT, "co.uk", ""},
	{"a.co.uk", {{"_dmarc.co.uk", DNS_TXT, "v=DMARC1; p=reject", 0}}, DMARC_ABSENT, DMARC_NONE,
		"", ""},
};

static const struct dmarc *ask_about(struct inquiry **inquiry, const char *domain)
{
	*inquiry = dmarc_inquire(NULL, domain, 1000);
	return inquiry_result(*inquiry);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		const struct dmarc *dmarc;
		struct inquiry *inquiry;

		fake_dns_clear();
		fake_dns_rows(row->dns);
		dmarc = ask_about(&inquiry, row->domain);
		assert_non_null(dmarc);
		if (dmarc->discovery != row->discovery || dmarc->policy != row->policy ||
			strcmp(dmarc->record_domain, row->record_domain) != 0 ||
			strstr(dmarc->evidence, row->evidence) == NULL)
			fail_msg("row %zu: %d %d %s \"%s\"", i, dmarc->discovery, dmarc->policy,
				dmarc->record_domain, dmarc->evidence);
		inquiry_free(&inquiry);
	}
}

/* Both names are asked about at once: one step, not two. */
static void test_cost(void **state)
{
	struct inquiry_cost cost;
	struct inquiry *inquiry;

	(void)state;
	fake_dns_clear();
	assert_non_null(ask_about(&inquiry, "a.example.org"));
	inquiry_cost(inquiry, &cost);
	assert_int_equal(cost.questions, 2);
	assert_int_equal(cost.steps, 1);
	inquiry_free(&inquiry);
	assert_non_null(ask_about(&inquiry, "example.org"));
	inquiry_cost(inquiry, &cost);
	assert_int_equal(cost.questions, 1);
	inquiry_free(&inquiry);
}

static void test_odd_names(void **state)
{
	char longest[DOMAIN_SIZE + 100];
	struct inquiry *inquiry;

	(void)state;
	fake_dns_clear();
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 50; i < sizeof(longest); i += 50)
		longest[i] = '.';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(ask_about(&inquiry, longest)->discovery, DMARC_ABSENT);
	inquiry_free(&inquiry);
	longest[253] = '\0';
	assert_int_equal(ask_about(&inquiry, longest)->discovery, DMARC_ABSENT);
	inquiry_free(&inquiry);
	assert_int_equal(ask_about(&inquiry, "")->discovery, DMARC_ABSENT);
	inquiry_free(&inquiry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_odd_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
