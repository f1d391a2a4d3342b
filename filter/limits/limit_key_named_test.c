/* SPDX-License-Identifier: BSD-2-Clause */
/* A key by its name is the key that a session is counted under. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "../../tests/fake/fake_spf.c"
#include "../../tests/lib/policy_case.h"
#include "limit_key.h"

extern const struct policy policy_limit;

static const struct limit_key_options options = {
	.title = "test", .extension = "+", .prefix_v4 = 24, .prefix_v6 = 64};

static void test_same(void **state)
{
	static const struct {
		const char *expression, *sender, *client, *user, *name;
		bool unproven;
	} rows[] = {
		{"sender", "<Anna+x@Example.com>", "192.0.2.7", "", "anna@example.com", false},
		{"sender", "<anna@example.com>", "192.0.2.7", "", "ANNA+y@EXAMPLE.com", false},
		{"sender", "<anna@example.net>", "192.0.2.7", "", "anna@example.net+192.0.2.7",
			true},
		{"sender", "<anna@example.net>", "192.0.2.7", "", "anna@example.net + 192.0.2.0/24",
			true},
		{"sender", "<>", "192.0.2.7", "", "<>+192.0.2.9", true},
		{"sender_domain", "<anna@a.example.com>", "192.0.2.7", "", "A.Example.com", false},
		{"sender_organization", "<anna@a.b.example.com>", "192.0.2.7", "", "example.com",
			false},
		{"client_ip", "<>", "192.0.2.7", "", "192.0.2.7", false},
		{"client_net", "<>", "192.0.2.7", "", "192.0.2.99", false},
		{"client_net", "<>", "2001:db8::7", "", "2001:DB8::/64", false},
		{"client_net + sender", "<anna@example.com>", "192.0.2.7", "",
			"192.0.2.0/24+anna@example.com", false},
		{"client_net + sender", "<anna@example.net>", "192.0.2.7", "",
			"192.0.2.0/24+anna@example.net", true},
		{"auth_user", "<>", "192.0.2.7", "Carol", "carol", false},
		{"auth_user + recipient_domain", "<>", "192.0.2.7", "Carol", "carol+example.org",
			false},
		{"auth_user + client_ip", "<>", "192.0.2.7", "a+b", "a+b+192.0.2.7", false},
		{"sender + client_ip", "<\"a+b c\"@example.com>", "192.0.2.7", "",
			"\"a+b c\"@example.com+192.0.2.7", false},
		{"sender", "<\"a b\"@example.com>", "192.0.2.7", "", "a b@example.com", false},
		{"sender", "<\"a b\"@example.net>", "192.0.2.7", "",
			"\"a b\"@example.net+192.0.2.7", true},
		{"recipient", "<>", "192.0.2.7", "", "Bob@example.org", false},
		{"helo", "<>", "192.0.2.7", "", "mail.example.com", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct limit_identity made = {.key = ""}, named = {.key = ""};
		struct limit_proof proof = {{0}, {0}};
		struct policy_case one;
		struct limit_key key;
		char why[200];

		fake_dns_clear();
		fake_spf_clear();
		fake_spf("example.com", SPF_PASS);
		fake_spf("a.example.com", SPF_PASS);
		fake_spf("a.b.example.com", SPF_PASS);
		fake_spf("mail.example.com", SPF_PASS);
		policy_case_start(&one, &policy_limit);
		policy_case_connect(&one, rows[i].client);
		policy_case_helo(&one, "mail.example.com");
		policy_case_mail(&one, rows[i].sender);
		strcpy(one.session.auth_user, rows[i].user);
		policy_case_rcpt(&one, "<bob@example.org>");
		one.session.recipient = &one.recipient;
		assert_true(limit_key_parse(rows[i].expression, &key, why, sizeof(why)));
		assert_true(limit_key_make(
			&key, &options, &one.session, &proof, one.call.deadline_ms, &made));
		if (!limit_key_named(&key, 0, &options, rows[i].name, rows[i].unproven, &named))
			fail_msg("%s: no name", rows[i].name);
		if (strcmp(made.key, named.key) != 0)
			fail_msg("%s is not %s", named.label, made.label);
		/* What the log shows can be asked for. */
		assert_true(
			limit_key_named(&key, 0, &options, made.label, rows[i].unproven, &named));
		assert_string_equal(made.key, named.key);
		policy_case_end(&one);
	}
}

static void test_none(void **state)
{
	static const struct {
		const char *expression, *name;
		bool unproven;
	} rows[] = {
		{"sender", "", false},
		{"sender", "<>", false},
		{"recipient", "bob@example.org+192.0.2.1", true},
		{"sender", "192.0.2.0/24", true},
		{"sender", "a@example..com", false},
		{"auth_user + client_ip", "a+b+c", false},
		{"auth_user + client_ip", "192.0.2.7", false},
		{"sender_domain", "a@example.com", false},
		{"client_ip", "example.com", false},
		{"client_ip", "192.0.2.7", true},
		{"client_net", "/24", false},
		{"client_net",
			"1234567890123456789012345678901234567890123456789012345678901234567",
			false},
		{"client_ip + sender", "192.0.2.7", false},
		{"client_ip + sender", "anna@example.com+192.0.2.7", false},
		{"auth_user", "", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct limit_identity named = {.key = ""};
		struct limit_key key;
		char why[200];

		assert_true(limit_key_parse(rows[i].expression, &key, why, sizeof(why)));
		if (limit_key_named(&key, 0, &options, rows[i].name, rows[i].unproven, &named))
			fail_msg("%s", rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
