/* SPDX-License-Identifier: BSD-2-Clause */
#include "command_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool run(const char *script, int64_t time_limit_ms, char *buffer, size_t size)
{
	const char *const arguments[] = {"/bin/sh", "-c", script, NULL};

	return command_output(arguments, time_limit_ms, buffer, size);
}

static void test_output(void **state)
{
	char buffer[64];

	(void)state;
	assert_true(run(
		"echo one; sleep 0.1; echo two; echo three >&2", 20000, buffer, sizeof(buffer)));
	assert_string_equal(buffer, "one\ntwo\n");
	assert_true(run("cat", 20000, buffer, sizeof(buffer)));
	assert_string_equal(buffer, "");
	assert_true(run("echo $HOME.$LC_ALL", 20000, buffer, sizeof(buffer)));
	assert_string_equal(buffer, ".C\n");
}

static void test_cut(void **state)
{
	char buffer[8];

	(void)state;
	assert_true(run("i=0; while [ $i -lt 5000 ]; do echo 0123456789012345; i=$((i+1)); done",
		20000, buffer, sizeof(buffer)));
	assert_string_equal(buffer, "0123456");
}

static void test_failures(void **state)
{
	static const char *const missing[] = {"/nonexistent/program", NULL};
	char buffer[64];

	(void)state;
	assert_false(command_output(missing, 20000, buffer, sizeof(buffer)));
	assert_string_equal(buffer, "");
	assert_false(run("echo said; exit 3", 20000, buffer, sizeof(buffer)));
	assert_string_equal(buffer, "said\n");
	assert_false(run("kill -9 $$", 20000, buffer, sizeof(buffer)));
}

/* One that does not end is ended; in time, or this test takes very long. */
static void test_time_limit(void **state)
{
	char buffer[64];

	(void)state;
	assert_false(run("echo said; exec sleep 1000", 100, buffer, sizeof(buffer)));
	assert_string_equal(buffer, "said\n");
	assert_false(run("exec >&-; exec sleep 1000", 100, buffer, sizeof(buffer)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_time_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
