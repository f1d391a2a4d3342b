/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct limits_table *table, const char *wanted)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	limits_table_write(table, 3, "lrl", out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, wanted);
	assert_int_equal(table->count, 0);
	free(text);
}

static void add(struct limits_table *table, const char *a, const char *b, const char *c)
{
	limits_table_add(table, a);
	limits_table_add(table, b);
	limits_table_add(table, c);
}

static void columns_are_as_wide_as_they_must(void **state)
{
	struct limits_table table = {0};

	(void)state;
	expect(&table, "");
	add(&table, "KEY", "USED", "SEND");
	add(&table, "j\xc3\xbcrg", "12345", "now");
	add(&table, "anna", "", "");
	expect(&table, "KEY    USED  SEND\n"
		       "j\xc3\xbcrg  12345  now\n"
		       "anna         \n");
}

static void one_that_is_long_pushes_its_own_row_only(void **state)
{
	char longest[200], wanted[400];
	struct limits_table table = {0};

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	add(&table, "a", "1", "z");
	add(&table, longest, "22", "z");
	snprintf(wanted, sizeof(wanted), "%-44s   1  z\n%s  22  z\n", "a", longest);
	expect(&table, wanted);
}

static void nothing_moves_the_cursor(void **state)
{
	struct limits_table table = {0};

	(void)state;
	add(&table, "a\x1b[2J", "\r\n", "\x7f\xff");
	expect(&table, "a?[2J  ??  ?\xff\n");
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(columns_are_as_wide_as_they_must),
		cmocka_unit_test(one_that_is_long_pushes_its_own_row_only),
		cmocka_unit_test(nothing_moves_the_cursor),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
