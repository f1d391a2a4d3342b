/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender_login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct sender_login *load(const char *bytes, size_t length, char *why, size_t why_size)
{
	char file[] = "/tmp/sender_login_test.XXXXXX";
	int fd = mkstemp(file);
	struct sender_login *map;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
	map = sender_login_load(file, why, why_size);
	unlink(file);
	return map;
}

static void test_who_may(void **state)
{
	static const char text[] = "# map\n"
				   "\n"
				   "shop @shop.example.org @.cafe.example.org # all of them\n"
				   "anna Anna@Example.ORG\tanna.lee@example.net\r\n"
				   "admin *\n"
				   "* news@example.org\n"
				   "b\xc3\xa4rbel b\xc3\xa4rbel@m\xc3\xbcnchen.example\n"
				   "Anna other@example.org";
	static const struct {
		const char *user, *sender;
		bool may;
	} rows[] = {
		{"anna", "<anna@example.org>", true},
		{"anna", "<ANNA@EXAMPLE.ORG>", true},
		{"anna", "<anna.lee@example.net>", true},
		{"anna", "<news@example.org>", true},
		{"anna", "<>", true},
		{"anna", "<anna@example.net>", false},
		{"anna", "<anna+x@example.org>", false},
		{"anna", "<anna@sub.example.org>", false},
		{"anna", "<other@example.org>", false},
		{"anna", "<anna%other.example@example.org>", false},
		{"anna", "<anna@[192.0.2.1]>", false},
		{"Anna", "<other@example.org>", true},
		{"Anna", "<anna@example.org>", false},
		{"ann", "<anna@example.org>", false},
		{"annab", "<anna@example.org>", false},
		{"shop", "<x@shop.example.org>", true},
		{"shop", "<x@a.shop.example.org>", false},
		{"shop", "<x@cafe.example.org>", true},
		{"shop", "<x@a.cafe.example.org>", true},
		{"shop", "<x@notcafe.example.org>", false},
		{"shop", "<x@[192.0.2.1]>", false},
		{"admin", "<whoever@wherever.example>", true},
		{"admin", "<x@[192.0.2.1]>", true},
		{"admin", "<x%y.example@example.org>", false},
		{"b\xc3\xa4rbel", "<b\xc3\xa4rbel@xn--mnchen-3ya.example>", true},
		{"nobody", "<news@example.org>", true},
		{"nobody", "<anna@example.org>", false},
		{"*", "<anna@example.org>", false},
		{"", "<anna@example.org>", false},
	};
	char why[300] = "";
	struct sender_login *map = load(text, sizeof(text) - 1, why, sizeof(why));

	(void)state;
	if (map == NULL)
		fail_msg("%s", why);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct path sender;

		assert_int_equal(path_parse(rows[i].sender, true, &sender), PATH_OK);
		if (sender_login_allows(map, rows[i].user, &sender) != rows[i].may)
			fail_msg("%s as %s", rows[i].user, rows[i].sender);
	}
	sender_login_free(&map);
}

static void test_patterns(void **state)
{
	static const char text[] =
		"anna anna+*@example.org, *-anna@Example.org,@*.below.example.org\n"
		"carl *@example.net c*l@*\n"
		"sales-* sales@example.org\n"
		"*@example.org =\n"
		"*@own.example = shared@own.example\n";
	static const struct {
		const char *user, *sender;
		bool may;
	} rows[] = {
		{"anna", "<anna+x@example.org>", true},
		{"anna", "<ANNA+@example.org>", true},
		{"anna", "<anna@example.org>", false},
		{"anna", "<list-anna@example.org>", true},
		{"anna", "<list-anna-x@example.org>", false},
		{"anna", "<x@a.below.example.org>", true},
		{"anna", "<x@below.example.org>", false},
		{"anna", "<x@notbelow.example.org>", false},
		{"carl", "<x@example.net>", true},
		{"carl", "<x@a.example.net>", false},
		{"carl", "<CarL@wherever.example>", true},
		{"carl", "<cl@wherever.example>", true},
		{"carl", "<clx@wherever.example>", false},
		{"carl", "<carl@[192.0.2.1]>", true},
		{"sales-1", "<sales@example.org>", true},
		{"sales-", "<sales@example.org>", true},
		{"Sales-1", "<sales@example.org>", false},
		{"sales", "<sales@example.org>", false},
		{"bob@example.org", "<Bob@EXAMPLE.org>", true},
		{"bob@example.org", "<bob@example.net>", false},
		{"bob@example.org", "<anna@example.org>", false},
		{"bob@example.org", "<shared@own.example>", false},
		{"bob@own.example", "<shared@own.example>", true},
		{"bob@own.example", "<bob@own.example>", true},
		{"x@own.example@example.org", "<x@own.example>", false},
		{"@example.org", "<bob@example.org>", false},
		{"*@example.org", "<bob@example.org>", false},
		{"bob@example.org", "<bob@[192.0.2.1]>", false},
	};
	char why[300] = "";
	struct sender_login *map = load(text, sizeof(text) - 1, why, sizeof(why));

	(void)state;
	if (map == NULL)
		fail_msg("%s", why);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct path sender;

		assert_int_equal(path_parse(rows[i].sender, true, &sender), PATH_OK);
		if (sender_login_allows(map, rows[i].user, &sender) != rows[i].may)
			fail_msg("%s as %s", rows[i].user, rows[i].sender);
	}
	sender_login_free(&map);
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"anna", ":1: no sender"},
		{"a a@b.example\nanna\t\n", ":2: no sender"},
		{"anna anna", ":1: not a sender"},
		{"anna <anna@example.org>", ":1: not a sender"},
		{"anna @", ":1: not a sender"},
		{"anna @..", ":1: not a sender"},
		{"anna @exa..mple", ":1: not a sender"},
		{"anna a%b.example@example.org", ":1: not a sender"},
		{"anna \"a@b\"@example.org", ":1: not a sender"},
		{"anna a@[192.0.2.1]", ":1: not a sender"},
		{"anna *@exam*ple.org", ":1: not a sender"},
		{"anna =@example.org@", ":1: not a sender"},
		{"anna *@", ":1: not a sender"},
		/* All of them at once. */
		{"a\nb b@b.example\nanna x\n", ":3: not a sender"},
	};
	char why[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_null(load(rows[i].text, strlen(rows[i].text), why, sizeof(why)));
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].text, why);
	}
	assert_null(load("a a@b.example\0x\n", 16, why, sizeof(why)));
	assert_non_null(strstr(why, "NUL"));
	assert_null(sender_login_load("/nonexistent/map", why, sizeof(why)));
	assert_string_equal(why, "/nonexistent/map: No such file or directory; name a readable "
				 "file, or mend this one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_may),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_bad_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
