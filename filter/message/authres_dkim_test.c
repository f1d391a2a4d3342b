/* SPDX-License-Identifier: BSD-2-Clause */
#include "authres_dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "text.h"

static const char *const bad[] = {
	"",
	";",
	" ; dkim=pass header.d=good.example",
	"\"a.example\"; dkim=pass header.d=good.example",
	"a.example b.example; dkim=pass header.d=good.example",
	"a.example dkim=pass header.d=good.example",
	"(a.example; dkim=pass header.d=good.example",
	"a.example (open; dkim=pass header.d=good.example",
	"a.example; dkim=pass header.d=\"good.example",
	"a.example; dkim",
	"a.example; dkim=",
	"a.example; =pass",
	"a.example; dkim=pass header.d",
	"a.example; dkim=pass header.d=",
	"a.example; dkim=pass header=good.example",
	"a.example; dkim=pass .d=good.example",
	"a.example; dkim/x=pass header.d=good.example",
	"a.example; dkim=pass good.example",
	"a.example; dkim=pass header.d=good.example none",
	"a.example; none; dkim=pass header.d=x.example",
	"a.example; dkim=pass header.d=good.example; none",
	"a.example; dkim=pass header.d=\"a\x01\"",
	"a.example,b.example; dkim=pass header.d=good.example",
	"a.example; dkim=pass (((((((((((((((((((((deep))))))))))))))))))))) header.d=good.example",
};

static void test_bad(void **state)
{
	struct authres_dkim dkim;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (authres_dkim_read(bad[i], &dkim))
			fail_msg("%s", bad[i]);
		assert_int_equal(dkim.pass_count, 0);
		assert_false(dkim.seen);
	}
}

struct row {
	const char *body, *id;
	bool seen, temporary;
	const char *passes; /* joined by blanks */
};

static const struct row rows[] = {
	{"a.example", "a.example", false, false, ""},
	{"a.example; none", "a.example", false, false, ""},
	{"A.Example 1; none", "a.example", false, false, ""},
	{"a.example;", "a.example", false, false, ""},
	{"a.example; spf=pass smtp.mailfrom=good.example", "a.example", false, false, ""},
	{"a.example; dkim=none (message not signed)", "a.example", true, false, ""},
	{"a.example; dkim=pass header.d=Good.Example", "a.example", true, false, "good.example"},
	{"(x (y)) a.example (z) ;\r\n\tdkim=pass\r\n\t(2048-bit key) header.d=good.example "
	 "header.i=@good.example header.b=\"abc/+=\";",
		"a.example", true, false, "good.example"},
	{"a.example; DKIM=Pass reason=\"fine (really; \\\" yes)\" header.d=good.example; spf=fail",
		"a.example", true, false, "good.example"},
	{"a.example; dkim / 1 = pass header . d = good.example", "a.example", true, false,
		"good.example"},
	{"a.example; dkim=pass header.i=@sub.good.example header.s=s1", "a.example", true, false,
		"sub.good.example"},
	{"a.example; dkim=pass header.i=user@good.example", "a.example", true, false,
		"good.example"},
	{"a.example; dkim=fail header.d=bad.example; dkim=pass header.d=good.example", "a.example",
		true, false, "good.example"},
	{"a.example; dkim=pass header.d=a.example; dkim=pass header.d=b.example; "
	 "dkim=pass header.d=a.example",
		"a.example", true, false, "a.example b.example"},
	{"a.example; dkim=temperror header.d=good.example", "a.example", true, true, ""},
	{"a.example; dkim=pass header.d=b\xc3\xbc"
	 "cher.example",
		"a.example", true, false, "xn--bcher-kva.example"},
	/* The signer is not said, or not in one way. */
	{"a.example; dkim=pass", "a.example", true, false, ""},
	{"a.example; dkim=pass header.d=good.example header.d=bad.example", "a.example", true,
		false, ""},
	{"a.example; dkim=pass header.i=@good.example header.i=@bad.example", "a.example", true,
		false, ""},
	{"a.example; dkim=pass header.d=\"legit.example(.attack.example\"", "a.example", true,
		false, ""},
	{"a.example; dkim=pass header.d=\"legit.example .attack.example\"", "a.example", true,
		false, ""},
	{"a.example; dkim=pass header.d=good..example", "a.example", true, false, ""},
	{"a.example; dkim=pass header.i=good.example", "a.example", true, false, ""},
	{"a.example; dkim=pass smtp.d=good.example", "a.example", true, false, ""},
	{"a.example; x-dkim=pass header.d=good.example", "a.example", false, false, ""},
	{"a.example; dkim=fail (dkim=pass header.d=good.example)", "a.example", true, false, ""},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char joined[600] = "";
		struct authres_dkim dkim;

		if (!authres_dkim_read(rows[i].body, &dkim))
			fail_msg("%s", rows[i].body);
		for (size_t p = 0; p < dkim.pass_count; p++)
			sprintf(joined + strlen(joined), "%s%s", p == 0 ? "" : " ", dkim.passes[p]);
		if (strcmp(joined, rows[i].passes) != 0)
			fail_msg("%s: \"%s\"", rows[i].body, joined);
		assert_string_equal(dkim.authserv_id, rows[i].id);
		assert_int_equal(dkim.seen, rows[i].seen);
		assert_int_equal(dkim.temporary, rows[i].temporary);
		assert_false(dkim.too_many);
	}
}

/* OpenDMARC once kept 16 results and wrote behind them. */
static void test_many_results(void **state)
{
	enum { RESULTS = 10000, ROOM = 60 };
	char *body = mem_alloc((size_t)RESULTS * ROOM);
	struct authres_dkim dkim;
	struct text text;

	(void)state;
	text_init(&text, body, (size_t)RESULTS * ROOM);
	text_add(&text, "a.example");
	for (int i = 0; i < RESULTS; i++)
		text_addf(&text, "; dkim=pass header.d=d%d.example", i);
	assert_true(authres_dkim_read(body, &dkim));
	assert_int_equal(dkim.pass_count, AUTHRES_DKIM_PASSES_MAX);
	assert_true(dkim.too_many);
	mem_free(body);
}

static void test_long_values(void **state)
{
	char body[4000], value[3000];
	struct authres_dkim dkim;

	(void)state;
	memset(value, 'a', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	snprintf(body, sizeof(body), "a.example; dkim=pass header.d=%s", value);
	assert_false(authres_dkim_read(body, &dkim));
	snprintf(body, sizeof(body), "%s; dkim=pass header.d=good.example", value);
	assert_false(authres_dkim_read(body, &dkim));
	snprintf(body, sizeof(body), "a.example; %s=pass", value);
	assert_false(authres_dkim_read(body, &dkim));
}

static void test_is_by(void **state)
{
	char first[] = "other.example", second[] = "A.EXAMPLE";
	char *ids[] = {first, second, NULL};
	struct authres_dkim dkim;

	(void)state;
	assert_true(authres_dkim_read("a.Example; none", &dkim));
	assert_true(authres_dkim_is_by(&dkim, ids));
	assert_true(authres_dkim_read("a.example.net; none", &dkim));
	assert_false(authres_dkim_is_by(&dkim, ids));
	assert_false(authres_dkim_is_by(&dkim, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_many_results),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_is_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
