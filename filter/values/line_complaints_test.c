/* SPDX-License-Identifier: BSD-2-Clause */
#include "line_complaints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_each_has_its_place(void **state)
{
	struct line_complaints complaints;
	char buffer[300];

	(void)state;
	line_complaints_init(&complaints, buffer, sizeof(buffer), "deny");
	line_complaints_end(&complaints);
	assert_string_equal(buffer, "");
	line_complaints_note(&complaints, "/a", 3, "no address");
	line_complaints_note(&complaints, "/a", 0, "Permission denied");
	line_complaints_add(&complaints, "odd");
	line_complaints_end(&complaints);
	assert_string_equal(buffer,
		"deny: /a:3: no address\n"
		"deny: /a: Permission denied; name a readable file, or mend this one\n"
		"deny: odd");
	assert_int_equal(complaints.count, 3);
}

static void test_what_has_no_room_is_counted(void **state)
{
	struct line_complaints complaints;
	char buffer[128];

	(void)state;
	line_complaints_init(&complaints, buffer, sizeof(buffer), NULL);
	for (unsigned line = 1; line <= 1000; line++)
		line_complaints_note(&complaints, "/a", line, "is no address of any kind at all");
	line_complaints_end(&complaints);
	assert_string_equal(buffer, "/a:1: is no address of any kind at all\n"
				    "/a:2: is no address of any kind at all (and 998 more)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_has_its_place),
		cmocka_unit_test(test_what_has_no_room_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
