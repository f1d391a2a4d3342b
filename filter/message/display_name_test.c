/* SPDX-License-Identifier: BSD-2-Clause */
#include "display_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name, *domain; /* NULL: shows no address */
} addresses[] = {
	{"anna@example.org", "example.org"},
	{"Anna <anna@Example.ORG>", "example.org"},
	{"anna@example.org via list", "example.org"},
	{"(anna@example.org).", "example.org"},
	{"anna\xef\xbc\xa0"
	 "example.org",
		"example.org"}, /* full width @ */
	{"a@b.b\xc3\xbc"
	 "cher.example",
		"b.xn--bcher-kva.example"},
	{"at @home, anna@example.org", "example.org"},
	{"a@b anna@example.org", "example.org"},
	{"", NULL},
	{"Anna Lee", NULL},
	{"Anna @ Example", NULL},
	{"@example.org", NULL},
	{"Anna @example.org", NULL},
	{"anna@localhost", NULL},
	{"anna@", NULL},
	{"anna@.", NULL},
};

static void test_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		char domain[DOMAIN_SIZE];
		bool shows = display_name_address(addresses[i].name, domain);

		if (shows != (addresses[i].domain != NULL) ||
			strcmp(domain, shows ? addresses[i].domain : "") != 0)
			fail_msg("%s: %s", addresses[i].name, domain);
	}
}

static char anna[] = "Anna Example", bank[] = "Example Bank", paypal[] = "PayPal",
	    initials[] = "J. Doe";
static char *protected_names[] = {anna, bank, paypal, initials, NULL};

static const struct {
	const char *shown, *match;
} matches[] = {
	{"Anna Example", anna},
	{"anna example", anna},
	{"Example, Anna (CEO)", anna},
	{"Dr. Anna M. Example", anna},
	{"\xd0\x90nna Ex\xd0\xb0mple", anna}, /* Cyrillic */
	{"Anna Examp1e", anna},
	{"Anna\xe2\x80\x8b Example", anna}, /* an invisible blank */
	{"Service of Example Bank", bank},
	{"PayPal", paypal},
	{"\"PayPaI\" Support", paypal},
	{"p\xc3\xa1ypal", paypal},
	{"John Doe", initials},
	{"Anna", NULL},
	{"Anna Examples", NULL},
	{"Johanna Example", NULL},
	{"PayPals", NULL},
	{"", NULL},
	{"...", NULL},
};

static void test_matches(void **state)
{
	struct display_names *names = display_names_create(protected_names);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(matches); i++) {
		const char *match = display_names_match(names, matches[i].shown);

		if (match != matches[i].match)
			fail_msg("%s: %s", matches[i].shown, match == NULL ? "none" : match);
	}
	display_names_free(&names);
	assert_null(names);
	names = display_names_create(NULL);
	assert_null(display_names_match(names, "Anna Example"));
	display_names_free(&names);
	display_names_free(&names);
}

static void test_usable(void **state)
{
	(void)state;
	assert_true(display_name_is_usable("Anna"));
	assert_true(display_name_is_usable("\xe4\xb8\xad\xe6\x96\x87"));
	assert_false(display_name_is_usable(""));
	assert_false(display_name_is_usable(" - "));
	assert_false(display_name_is_usable("A. B."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
