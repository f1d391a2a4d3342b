/* SPDX-License-Identifier: BSD-2-Clause */
#include "look_alike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *domain, *protected_domain;
	enum look_alike want;
} rows[] = {
	{"example.org", "example.org", LOOK_ALIKE_NONE},
	{"mail.example.org", "example.org", LOOK_ALIKE_NONE},
	{"example.org", "mail.example.org", LOOK_ALIKE_NONE},
	{"other.net", "example.org", LOOK_ALIKE_NONE},
	{"example.net", "example.org", LOOK_ALIKE_NONE},
	/* The same to a reader. */
	{"examp1e.org", "example.org", LOOK_ALIKE_CONFUSABLE},
	{"exarnple.org", "example.org", LOOK_ALIKE_CONFUSABLE},
	{"mail.examp1e.org", "example.org", LOOK_ALIKE_CONFUSABLE},
	{"xn--xample-2of.org", "example.org", LOOK_ALIKE_CONFUSABLE}, /* Cyrillic */
	{"xn--exmple-cua.org", "example.org", LOOK_ALIKE_CONFUSABLE}, /* a with diaeresis */
	{"www.xn--xample-2of.org", "mail.example.org", LOOK_ALIKE_CONFUSABLE},
	{"web.de", "vveb.de", LOOK_ALIKE_CONFUSABLE},
	/* One edit. */
	{"exampl.org", "example.org", LOOK_ALIKE_ONE_EDIT},
	{"examplee.org", "example.org", LOOK_ALIKE_ONE_EDIT},
	{"exomple.org", "example.org", LOOK_ALIKE_ONE_EDIT},
	{"exmaple.org", "example.org", LOOK_ALIKE_ONE_EDIT},
	{"examples.org", "example.org", LOOK_ALIKE_ONE_EDIT},
	{"ex-ample.org", "example.org", LOOK_ALIKE_ONE_EDIT},
	{"xample.org", "example.org", LOOK_ALIKE_ONE_EDIT},
	{"example.co", "example.com", LOOK_ALIKE_ONE_EDIT},
	{"example.cm", "example.com", LOOK_ALIKE_ONE_EDIT},
	{"xn--xample-2of.or", "example.org", LOOK_ALIKE_ONE_EDIT},
	{"news.exampel.org", "mail.example.org", LOOK_ALIKE_ONE_EDIT},
	{"exmpal.org", "example.org", LOOK_ALIKE_NONE}, /* two */
	{"wed.de", "web.de", LOOK_ALIKE_NONE}, /* too short */
	{"web.dk", "web.de", LOOK_ALIKE_NONE},
	/* The whole name in front of another one. */
	{"example.org.attacker.test", "example.org", LOOK_ALIKE_PREFIX},
	{"examp1e.org.attacker.test", "example.org", LOOK_ALIKE_PREFIX},
	{"example.organic.test", "example.org", LOOK_ALIKE_NONE},
	{"org.attacker.test", "org", LOOK_ALIKE_NONE},
	{"xn--", "example.org", LOOK_ALIKE_NONE},
	{"", "example.org", LOOK_ALIKE_NONE},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (look_alike_of(rows[i].domain, rows[i].protected_domain) != rows[i].want)
			fail_msg("%s and %s: %s", rows[i].domain, rows[i].protected_domain,
				look_alike_text(
					look_alike_of(rows[i].domain, rows[i].protected_domain)));
}

static void test_set(void **state)
{
	struct look_alikes *set = look_alikes_create();
	const char *found;

	(void)state;
	assert_int_equal(look_alikes_find(NULL, "example.org", &found), LOOK_ALIKE_NONE);
	assert_int_equal(look_alikes_find(set, "example.org", &found), LOOK_ALIKE_NONE);
	assert_true(look_alikes_add(set, "example.org"));
	assert_true(look_alikes_add(set, "examples.org"));
	assert_true(look_alikes_add(set, "bank.example"));
	assert_int_equal(look_alikes_find(set, "unrelated.net", &found), LOOK_ALIKE_NONE);
	assert_string_equal(found, "");
	/* One that is protected itself looks like nobody. */
	assert_int_equal(look_alikes_find(set, "examples.org", &found), LOOK_ALIKE_NONE);
	assert_int_equal(look_alikes_find(set, "a.example.org", &found), LOOK_ALIKE_NONE);
	/* The closest one is named. */
	assert_int_equal(look_alikes_find(set, "examp1es.org", &found), LOOK_ALIKE_CONFUSABLE);
	assert_string_equal(found, "examples.org");
	assert_int_equal(look_alikes_find(set, "bnak.example", &found), LOOK_ALIKE_ONE_EDIT);
	assert_string_equal(found, "bank.example");
	look_alikes_free(&set);
	assert_null(set);
	look_alikes_free(&set);
}

static void test_full(void **state)
{
	struct look_alikes *set = look_alikes_create();
	const char *found;

	(void)state;
	for (int i = 0; i < LOOK_ALIKES_MAX; i++) {
		char domain[40];

		snprintf(domain, sizeof(domain), "domain%d.example", i);
		assert_true(look_alikes_add(set, domain));
	}
	assert_false(look_alikes_add(set, "one.example"));
	assert_int_equal(look_alikes_find(set, "dornaln77.example", &found), LOOK_ALIKE_CONFUSABLE);
	assert_string_equal(found, "domain77.example");
	look_alikes_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
