/* SPDX-License-Identifier: BSD-2-Clause */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_names_and_scopes(void **state)
{
	static const struct {
		const char *name;
		enum scope scope;
	} want[STAGE_COUNT] = {
		[STAGE_CONNECT] = {"connect", SCOPE_CONNECTION},
		[STAGE_COMMAND] = {"command", SCOPE_CONNECTION},
		[STAGE_HELO] = {"helo", SCOPE_GREETING},
		[STAGE_MAIL] = {"mail", SCOPE_TRANSACTION},
		[STAGE_RCPT] = {"rcpt", SCOPE_RECIPIENT},
		[STAGE_HEADER] = {"header", SCOPE_TRANSACTION},
		[STAGE_BODY] = {"body", SCOPE_TRANSACTION},
		[STAGE_EOM] = {"eom", SCOPE_TRANSACTION},
	};

	(void)state;
	for (int i = 0; i < STAGE_COUNT; i++) {
		assert_string_equal(stage_name((enum stage)i), want[i].name);
		assert_int_equal(stage_scope((enum stage)i), want[i].scope);
	}
	assert_string_equal(stage_name(STAGE_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
