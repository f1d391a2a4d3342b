/* SPDX-License-Identifier: BSD-2-Clause */
#include "dmarc_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const foreign[] = {
	"",
	";",
	"v",
	"v=",
	"v=DMARC",
	"v=DMARC2; p=reject",
	"v=DMARC10; p=reject",
	"v=dmarc1; p=reject",
	"v=DMARC1x; p=reject",
	"p=reject; v=DMARC1",
	"; v=DMARC1; p=reject",
	"v=DMARC1 p=reject",
	"v=DMARC1, p=reject",
	"vv=DMARC1; p=reject",
	"v=spf1 -all",
	"DMARC1; p=reject",
	"v==DMARC1; p=reject",
	"\"v=DMARC1; p=reject\"",
	"v=DMARC1\x01; p=none",
};

static void test_foreign(void **state)
{
	struct dmarc_record record;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(foreign); i++)
		if (dmarc_record_parse(foreign[i], strlen(foreign[i]), &record) != DMARC_FOREIGN)
			fail_msg("%s", foreign[i]);
}

static const struct {
	const char *text, *fault;
} broken[] = {
	{"v=DMARC1", "there is no p="},
	{"v=DMARC1;", "there is no p="},
	{"v=DMARC1; ; ;;", "there is no p="},
	{"v=DMARC1; sp=reject", "there is no p="},
	{"v=DMARC1; p=", "p= is no policy"},
	{"v=DMARC1; p=rejected", "p= is no policy"},
	{"v=DMARC1; p=re ject", "p= is no policy"},
	{"v=DMARC1; p=none; p=reject", "p= stands twice"},
	{"v=DMARC1; p=reject; sp=all", "sp= is no policy"},
	{"v=DMARC1; p=reject; sp=none; sp=none", "sp= stands twice"},
	{"v=DMARC1; p=; rua=postmaster@example.net", "p= is no policy"},
	{"v=DMARC1; p=; rua=mailto:@example.net", "p= is no policy"},
	{"v=DMARC1; p=; rua=mailto:postmaster@", "p= is no policy"},
};

static void test_broken(void **state)
{
	struct dmarc_record record;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		const char *text = broken[i].text;

		if (dmarc_record_parse(text, strlen(text), &record) != DMARC_BROKEN)
			fail_msg("%s", text);
		assert_string_equal(record.fault, broken[i].fault);
	}
}

struct row {
	const char *text;
	enum dmarc_policy policy, subdomain_policy;
	bool strict_dkim, strict_spf;
	unsigned percent;
	const char *fault;
};

static const struct row rows[] = {
	{"v=DMARC1;p=none", DMARC_NONE, DMARC_NONE, false, false, 100, NULL},
	{"v=DMARC1; p=quarantine", DMARC_QUARANTINE, DMARC_QUARANTINE, false, false, 100, NULL},
	{"v=DMARC1; p=reject;", DMARC_REJECT, DMARC_REJECT, false, false, 100, NULL},
	{" V = DMARC1 ;\tP = Reject ; ; ", DMARC_REJECT, DMARC_REJECT, false, false, 100, NULL},
	{"v=DMARC1; p=reject; sp=none", DMARC_REJECT, DMARC_NONE, false, false, 100, NULL},
	{"v=DMARC1; sp=quarantine; p=none", DMARC_NONE, DMARC_QUARANTINE, false, false, 100, NULL},
	{"v=DMARC1; p=reject; adkim=s; aspf=S", DMARC_REJECT, DMARC_REJECT, true, true, 100, NULL},
	{"v=DMARC1; p=reject; adkim=r; aspf=r; pct=0", DMARC_REJECT, DMARC_REJECT, false, false, 0,
		NULL},
	{"v=DMARC1; p=reject; pct=007", DMARC_REJECT, DMARC_REJECT, false, false, 7, NULL},
	{"v=DMARC1; p=reject; pct=101", DMARC_REJECT, DMARC_REJECT, false, false, 100,
		"pct= is no number from 0 to 100"},
	{"v=DMARC1; p=reject; pct=-1; fo=1; x=y", DMARC_REJECT, DMARC_REJECT, false, false, 100,
		"pct= is no number from 0 to 100"},
	{"v=DMARC1; p=reject; pct=0100", DMARC_REJECT, DMARC_REJECT, false, false, 100,
		"pct= is no number from 0 to 100"},
	{"v=DMARC1; p=reject; adkim=strict", DMARC_REJECT, DMARC_REJECT, false, false, 100,
		"adkim= is neither r nor s"},
	{"v=DMARC1; p=reject; aspf=", DMARC_REJECT, DMARC_REJECT, false, false, 100,
		"aspf= is neither r nor s"},
	{"v=DMARC1; p=reject; junk", DMARC_REJECT, DMARC_REJECT, false, false, 100,
		"a tag without \"=\""},
	{"v=DMARC1; p=junk; rua=mailto:a@example.net", DMARC_NONE, DMARC_NONE, false, false, 100,
		"p= is no policy"},
	{"v=DMARC1; p=reject; sp=junk; rua=mailto:a@example.net", DMARC_NONE, DMARC_NONE, false,
		false, 100, "sp= is no policy"},
	{"v=DMARC1; rua=mailto:a@example.net!10m", DMARC_NONE, DMARC_NONE, false, false, 100,
		"there is no p="},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct dmarc_record record;

		if (dmarc_record_parse(row->text, strlen(row->text), &record) != DMARC_GOOD)
			fail_msg("%s", row->text);
		assert_int_equal(record.policy, row->policy);
		assert_int_equal(record.subdomain_policy, row->subdomain_policy);
		assert_int_equal(record.strict_dkim, row->strict_dkim);
		assert_int_equal(record.strict_spf, row->strict_spf);
		assert_int_equal(record.percent, row->percent);
		if (row->fault == NULL)
			assert_null(record.fault);
		else
			assert_string_equal(record.fault, row->fault);
	}
}

/* A NUL ends nothing, and nothing behind LENGTH is read. */
static void test_length(void **state)
{
	static const char with_nul[] = "v=DMARC1; p=no\0ne; p=reject";
	static const char longer[] = "v=DMARC1; p=none; p=reject";
	struct dmarc_record record;

	(void)state;
	assert_int_equal(dmarc_record_parse(with_nul, sizeof(with_nul) - 1, &record), DMARC_BROKEN);
	assert_int_equal(
		dmarc_record_parse(longer, strlen("v=DMARC1; p=none"), &record), DMARC_GOOD);
	assert_int_equal(dmarc_record_parse(longer, strlen("v=DMARC1"), &record), DMARC_BROKEN);
	assert_int_equal(dmarc_record_parse(longer, strlen("v=DMARC"), &record), DMARC_FOREIGN);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(dmarc_policy_name(DMARC_NONE), "none");
	assert_string_equal(dmarc_policy_name(DMARC_QUARANTINE), "quarantine");
	assert_string_equal(dmarc_policy_name(DMARC_REJECT), "reject");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
