/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that cannot be read, files that others include, files of lists. */
#include "conf_input.h"

#include "../../tests/lib/conf_fixture.h"

static void test_unreadable_file(void **state)
{
	struct fixture *fixture = *state;

	assert_null(load(fixture, "absent"));
	assert_string_equal(fixture->said,
		"absent: cannot be read: No such file or directory; name a readable file with "
		"-c\n");
}

/* Errors of included files name those files, after those of the file that includes them. */
static void test_included_files(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "more", "\n\ntime_limit = x\nfake {\n low = 200\n}\n");
	put(fixture, "twice", "hostname = c.d\nlimit a { count = 11 }\n");
	assert_null(load_text(fixture, "include(\"more\")\nhostname = a.b\nlimit a { }\n"
				       "include(\"twice\") reply_at = never\n"));
	assert_string_equal(fixture->said,
		"c:4: reply_at = \"never\" is not allowed; it must be one of: rcpt, stage\n"
		"more:3: time_limit = \"x\" is not a duration; it must be a duration like 500ms, "
		"90s, 5m, 1h or 7d, from 100ms to 60s\n"
		"more:5: low = \"200\" is too large; it must be a whole number, from 1 to 100\n"
		"twice:1: hostname was set before, in c:2; a setting is given once: remove one\n"
		"twice:2: limit \"a\" was given before, in c:3; give it another title, or remove "
		"one\n");
}

/* Files that include one another without an end, but never themselves. */
static void test_deep_includes(void **state)
{
	struct fixture *fixture = *state;

	for (char name = 'd'; name < 'p'; name++) {
		char file[] = {name, '\0'}, text[] = "include(\"?\")\n";

		*strchr(text, '?') = (char)(name + 1);
		put(fixture, file, text);
	}
	assert_null(load(fixture, "d"));
	assert_string_equal(fixture->said,
		"l:1: include(\"m\") cannot be read: includes within includes go too deep; name a "
		"readable file, relative to this one or with its whole path\n");
}

/* The lines of list files. */
static void test_list_files(void **state)
{
	struct fixture *fixture = *state;
	char *entries = path_of(fixture, "entries");
	char *text = mem_format("allow = { 192.0.2.1,\n %s }\n", entries);
	const char *reason;

	put(fixture, "entries", "# ours\n192.0.2.0/24\n300.1.1.1/99\nexample..org\n\n a b\n");
	assert_null(load_text(fixture, text));
	reason = "c:2: allow: entries:3: ";
	assert_memory_equal(fixture->said, reason, strlen(reason));
	assert_non_null(strstr(fixture->said, "\nc:2: allow: entries:4: "));
	assert_non_null(strstr(fixture->said, "\nc:2: allow: entries:6: "));
	mem_free(text);
	mem_free(entries);
}

/* No error ever shows a password. */
static void test_secrets(void **state)
{
	static const char *const urls[] = {"redis://joe:SECRET@host:port", "http://joe:SECRET@x",
		"redis://joe:SECRET@", "redis://:SECRET@[::1", "unix:SECRET", "SECRET",
		"redis://joe:SECRET\tx@host"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
		char *text = mem_format("store { url = \"%s\" }\n", urls[i]);

		assert_null(load_text(fixture, text));
		assert_null(strstr(fixture->said, "SECRET"));
		mem_free(text);
	}
}

/* A file of errors does not fill the log. */
static void test_many_errors(void **state)
{
	struct fixture *fixture = *state;
	char *text = mem_alloc(300 * 10 + 1);
	unsigned lines = 0;

	for (int i = 0; i < 300; i++)
		strcat(text, "ab = 1\n");
	assert_null(load_text(fixture, text));
	for (const char *at = fixture->said; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 201);
	assert_non_null(strstr(fixture->said, "and 100 more errors\n"));
	mem_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unreadable_file),
		cmocka_unit_test(test_included_files),
		cmocka_unit_test(test_deep_includes),
		cmocka_unit_test(test_list_files),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_many_errors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
