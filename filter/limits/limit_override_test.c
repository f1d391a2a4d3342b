/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_override.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct limit_overrides *load(const char *content, char *file, char *why)
{
	struct limit_overrides *overrides;
	FILE *stream;
	int fd;

	strcpy(file, "/tmp/limit_override_test.XXXXXX");
	fd = mkstemp(file);
	assert_true(fd >= 0);
	stream = fdopen(fd, "w");
	assert_true(fputs(content, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
	overrides = limit_overrides_load(file, why, 400);
	unlink(file);
	return overrides;
}

static const char content[] = "# who may send more, and less\n"
			      "anna@Example.com  500 / 1h\n"
			      "\n"
			      "example.com\t 50/1h   # the rest\n"
			      ".example.com 40 / 1h\n"
			      ".deep.example.com 30 / 1h\n"
			      "192.0.2.0/24 unlimited\n"
			      "192.0.2.7 10MB / 1d\n"
			      "2001:db8::/32 7 / 1m\n"
			      "carol Unlimited\n"
			      "\"Jane Doe\" 8 / 1h\n"
			      "\"12345\" 9 / 1h\n"
			      "\"dom\\\\o'\\\"x\" 11 / 1h\n"
			      "\"a b\"@example.org 5 / 1h";

static void test_longest(void **state)
{
	static const struct {
		const char *value;
		int64_t count; /* -1: unlimited, -2: none */
		bool client;
	} rows[] = {
		{"anna@example.com", 500, false},
		{"bob@example.com", 50, false},
		{"example.com", 50, false},
		{"bob@a.example.com", 40, false},
		{"a.example.com", 40, false},
		{"bob@deep.example.com", 30, false},
		{"x.y.deep.example.com", 30, false},
		{"notexample.com", -2, false},
		{"bob@example.org", -2, false},
		{"\"a b\"@example.org", 5, false},
		{"a b@example.org", 5, false},
		{"jane doe", 8, false},
		{"jane", -2, false},
		{"12345", 9, false},
		{"dom\\o'\"x", 11, false},
		{"carol", -1, false},
		{"caro", -2, false},
		{"<>", -2, false},
		{"", -2, false},
		{"@", -2, false},
		{"a b\r\n@", -2, false},
		{"192.0.2.8", -1, true},
		{"192.0.2.7", 10 << 20, true},
		{"192.0.3.7", -2, true},
		{"2001:db8::1", 7, true},
	};
	char file[60], why[400] = "";
	struct limit_overrides *overrides = load(content, file, why);

	(void)state;
	if (overrides == NULL)
		fail_msg("%s", why);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct limit_override *found;
		struct ipaddr client;

		if (rows[i].client) {
			assert_true(ipaddr_parse(rows[i].value, &client));
			found = limit_override_for_client(overrides, &client);
		} else {
			found = limit_override_for(overrides, rows[i].value);
		}
		if ((found == NULL	       ? -2
			    : found->unlimited ? -1
					       : found->rate.count) != rows[i].count)
			fail_msg("%s", rows[i].value);
	}
	limit_overrides_free(&overrides);
	limit_overrides_free(&overrides);
	assert_null(limit_override_for(NULL, "anna@example.com"));
	assert_null(limit_override_for_client(NULL, &(struct ipaddr){.family = IP_NONE}));
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *content, *want;
	} rows[] = {
		{"anna@example.com\n", ":1: a rate is missing"},
		{"# x\n\nanna@example.com 5\n", ":3: the rate cannot be read"},
		{"anna@example.com 5 / 1h\nbob@example.com ulimited\n", ":2: the rate"},
		{"anna@example.com -5 / 1h\n", ":1: the rate"},
		{"anna@example.com 5 / 1h 6\n", ":1: the rate's window is no duration"},
		{"anna@example.com 5 / 1\n", ":1: the rate's window has no unit"},
		{"anna@example.com 5 / 401d\n", ":1: the rate's window is not from 1s to 400d"},
		{"anna@@example.com 5 / 1h\n", ":1: "},
		{"\"\" 5 / 1h\n", ":1: "},
		{"\"a 5 / 1h\n", ":1: a rate is missing"},
		{"\"a b\" 5 / 1h\n\"A b\" 6 / 1h\n", ":2: this key stands in the file before"},
		{"192.0.2.0/33 5 / 1h\n", ":1: "},
		{"a@example.com 5 / 1h\nb@example.com 5 / 1h\nA@example.com 6 / 1h\n",
			":3: this key stands in the file before"},
	};
	char file[60], why[400], want[120], longer[2000];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_null(load(rows[i].content, file, why));
		snprintf(want, sizeof(want), "%s%s", file, rows[i].want);
		if (strncmp(why, want, strlen(want)) != 0)
			fail_msg("%s: %s", rows[i].content, why);
	}
	/* All of them at once. */
	assert_null(load("anna@example.com\nbob@example.com 5 / 1h\nb@b.example 5\n", file, why));
	snprintf(want, sizeof(want), "\n%s:3: the rate cannot be read", file);
	assert_non_null(strstr(why, want));
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_null(load(longer, file, why));
	assert_non_null(strstr(why, ":1: line over"));
	assert_null(limit_overrides_load("/nonexistent/limits", why, sizeof(why)));
	assert_string_equal(why, "/nonexistent/limits: No such file or directory; name a readable "
				 "file, or mend this one");
	assert_null(limit_overrides_load("/tmp", why, sizeof(why)));
	assert_non_null(strstr(why, "/tmp: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_bad_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
