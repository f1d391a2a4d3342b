/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
	static const struct {
		const char *text, *format;
	} rows[] = {
		{"smtp:192.0.2.1", "smtp:192.0.2.1:25"},
		{"smtp:192.0.2.1:2525", "smtp:192.0.2.1:2525"},
		{"SMTP:Mail.Example.ORG", "smtp:mail.example.org:25"},
		{"smtp:mail.example.org:65535", "smtp:mail.example.org:65535"},
		{"lmtp:localhost", "lmtp:localhost:24"},
		{"lmtp:2001:db8::1", "lmtp:[2001:db8::1]:24"},
		{"lmtp:[2001:DB8::1]", "lmtp:[2001:db8::1]:24"},
		{"lmtp:[2001:db8::1]:26", "lmtp:[2001:db8::1]:26"},
		{"smtp:[192.0.2.1]:26", "smtp:192.0.2.1:26"},
		{"lmtp:/run/dovecot/lmtp", "lmtp:/run/dovecot/lmtp"},
	};
	struct callahead_target target;
	char text[CALLAHEAD_TARGET_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		if (!callahead_target_parse(rows[i].text, &target))
			fail_msg("%s is good", rows[i].text);
		assert_string_equal(callahead_target_format(&target, text), rows[i].format);
		assert_true(callahead_target_parse(text, &target));
	}
}

static void test_bad(void **state)
{
	static const char *const rows[] = {"", "smtp", "smtp:", "smtp:/run/socket",
		"lmtp:", "http:mail.example.org",
		"smtp:mail.example.org:", "smtp:mail.example.org:0", "smtp:mail.example.org:65536",
		"smtp:mail.example.org:25x", "smtp::25", "smtp:mail..example.org",
		"smtp:-x.example.org", "smtp:[2001:db8::1", "smtp:[x]:25", "smtp:[2001:db8::1]x",
		"smtp:a b", "smtp:a_b:25",
		"lmtp:/"
		"a-path-that-is-longer-than-the-address-of-a-socket-in-the-file-system-may-be-"
		"so-that-nobody-could-ever-connect-to-it"};
	struct callahead_target target;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (callahead_target_parse(rows[i], &target))
			fail_msg("%s is bad", rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
