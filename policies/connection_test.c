/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/lib/policy_case.h"
#include "clock.h"

extern const struct policy policy_connection;

enum { SESSIONS = 8 };

/* The table is one for the process, so each test has a client network of its own. */
static void open_session(
	struct policy_case *policy_case, const char *client, const char *setting, const char *value)
{
	policy_case_start(policy_case, &policy_connection);
	if (setting != NULL)
		policy_case_set(policy_case, setting, value);
	policy_case_connect(policy_case, client);
	policy_case_run(policy_case, STAGE_CONNECT);
}

static void close_session(struct policy_case *policy_case)
{
	policy_connection.end[SCOPE_CONNECTION](&policy_case->call, OUTCOME_DROPPED);
	/* The end is idempotent. */
	policy_connection.end[SCOPE_CONNECTION](&policy_case->call, OUTCOME_DROPPED);
	policy_case_end(policy_case);
}

static void test_concurrency(void **state)
{
	struct policy_case cases[SESSIONS], another;

	(void)state;
	for (int i = 0; i < SESSIONS; i++) {
		open_session(&cases[i], "192.0.2.1", "max_connections", "5");
		assert_int_equal(
			policy_case_action(&cases[i]), i < 5 ? ACTION_OFF : ACTION_TEMPFAIL);
	}
	assert_non_null(strstr(policy_case_finding(&cases[7], "concurrency")->evidence,
		"192.0.2.1/32 has 7 open, at most 5"));
	open_session(&another, "192.0.2.2", "max_connections", "5");
	assert_int_equal(policy_case_action(&another), ACTION_OFF);
	close_session(&another);
	for (int i = 0; i < SESSIONS; i++)
		close_session(&cases[i]);
	for (int i = 0; i < 5; i++) {
		open_session(&cases[i], "192.0.2.1", "max_connections", "5");
		assert_int_equal(policy_case_action(&cases[i]), ACTION_OFF);
	}
	for (int i = 0; i < 5; i++)
		close_session(&cases[i]);
}

static void test_network_of_ipv6(void **state)
{
	struct policy_case first, second, third;

	(void)state;
	open_session(&first, "2001:db8:1::1", "max_connections", "1");
	open_session(&second, "2001:db8:1::2", "max_connections", "1");
	assert_int_equal(policy_case_action(&second), ACTION_TEMPFAIL);
	open_session(&third, "2001:db8:2::1", "max_connections", "1");
	assert_int_equal(policy_case_action(&third), ACTION_OFF);
	close_session(&first);
	close_session(&second);
	close_session(&third);
}

static void test_rate(void **state)
{
	struct policy_case policy_case;

	(void)state;
	for (int i = 0; i < 6; i++) {
		open_session(&policy_case, "192.0.2.3", "max_rate", "4 / 6d");
		assert_int_equal(
			policy_case_action(&policy_case), i < 4 ? ACTION_OFF : ACTION_TEMPFAIL);
		close_session(&policy_case);
	}
	open_session(&policy_case, "192.0.2.3", "max_rate", "4 / 6d");
	assert_non_null(strstr(policy_case_finding(&policy_case, "rate")->evidence,
		"192.0.2.3/32 opened 4 within 6d, at most 4"));
	close_session(&policy_case);
	open_session(&policy_case, "192.0.2.3", "rate", "off");
	assert_int_equal(policy_case_action(&policy_case), ACTION_OFF);
	close_session(&policy_case);
}

static void test_messages(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "192.0.2.4", "max_messages", "2");
	for (int i = 1; i <= 3; i++) {
		policy_case_mail(&policy_case, "<a@example.net>");
		policy_case_rcpt(&policy_case, "<b@example.org>");
		policy_case_run(&policy_case, STAGE_RCPT);
		assert_int_equal(
			policy_case_action(&policy_case), i < 3 ? ACTION_OFF : ACTION_TEMPFAIL);
	}
	close_session(&policy_case);
	open_session(&policy_case, "192.0.2.4", "max_messages", "0");
	policy_case.session.messages = 5000;
	policy_case_rcpt(&policy_case, "<b@example.org>");
	policy_case_run(&policy_case, STAGE_RCPT);
	assert_int_equal(policy_case_action(&policy_case), ACTION_OFF);
	close_session(&policy_case);
}

static void pass_a_few_ms(void)
{
	uint64_t start_ms = clock_monotonic_ms();

	while (clock_monotonic_ms() < start_ms + 3)
		;
}

static void test_duration(void **state)
{
	static const struct {
		const char *bound;
		unsigned accepted;
		enum action want;
	} rows[] = {
		{"1ms", 0, ACTION_TEMPFAIL},
		{"1ms", 1, ACTION_OFF}, /* a message under way is not cut off */
		{"1h", 0, ACTION_OFF},
		{"0s", 0, ACTION_OFF},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;

		open_session(&policy_case, "192.0.2.7", "max_duration", rows[i].bound);
		pass_a_few_ms();
		policy_case_mail(&policy_case, "<a@example.net>");
		policy_case_rcpt(&policy_case, "<b@example.org>");
		policy_case.session.transaction.recipients_accepted = rows[i].accepted;
		policy_case_run(&policy_case, STAGE_RCPT);
		assert_int_equal(policy_case_action(&policy_case), rows[i].want);
		if (rows[i].want != ACTION_OFF)
			assert_non_null(
				strstr(policy_case_finding(&policy_case, "duration")->evidence,
					"seconds ago, at most 1ms are allowed"));
		close_session(&policy_case);
	}
}

static void say(struct policy_case *policy_case, const char *command)
{
	policy_case->call.command = command;
	policy_case_run(policy_case, STAGE_COMMAND);
}

static void test_junk_commands(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "192.0.2.8", "max_junk_commands", "2");
	say(&policy_case, "EXPN");
	say(&policy_case, "FOOBAR x y");
	assert_int_equal(policy_case_action(&policy_case), ACTION_OFF);
	say(&policy_case, "GET\t/\x01 HTTP/1.1");
	assert_int_equal(policy_case_action(&policy_case), ACTION_TEMPFAIL);
	assert_non_null(strstr(policy_case_finding(&policy_case, "junk_commands")->evidence,
		"GET\\x09/\\x01 is number 3, at most 2 are"));
	/* However many follow, the session does not grow. */
	for (int i = 0; i < 1000; i++)
		say(&policy_case, "NOISE");
	assert_int_equal(policy_case.session.findings[SCOPE_CONNECTION].count, 1);
	close_session(&policy_case);
}

static void test_wants(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "192.0.2.9", "max_junk_commands", "0");
	assert_false(policy_connection.wants(policy_case.options, 1, STAGE_COMMAND));
	assert_true(policy_connection.wants(policy_case.options, 1, STAGE_RCPT));
	for (int i = 0; i < 1000; i++)
		say(&policy_case, "NOISE");
	assert_int_equal(policy_case_action(&policy_case), ACTION_OFF);
	close_session(&policy_case);
	open_session(&policy_case, "192.0.2.9", NULL, NULL);
	assert_true(policy_connection.wants(policy_case.options, 1, STAGE_COMMAND));
	close_session(&policy_case);
}

static void test_not_counted(void **state)
{
	struct policy_case policy_case;

	(void)state;
	for (int i = 0; i < 3; i++) {
		open_session(&policy_case, "", "max_connections", "1");
		assert_int_equal(policy_case_action(&policy_case), ACTION_OFF);
		close_session(&policy_case);
	}
	/* explain only looks. */
	policy_case_start(&policy_case, &policy_connection);
	policy_case_set(&policy_case, "max_connections", "1");
	policy_case.session.dry_run = true;
	policy_case_connect(&policy_case, "192.0.2.5");
	policy_case_run(&policy_case, STAGE_CONNECT);
	policy_case_run(&policy_case, STAGE_CONNECT);
	assert_int_equal(policy_case_action(&policy_case), ACTION_OFF);
	close_session(&policy_case);
}

/* A policy that reports only still sees the count, and the session counts. */
static void test_monitor(void **state)
{
	struct policy_case first, second;

	(void)state;
	open_session(&first, "192.0.2.6", "max_connections", "1");
	policy_case_start(&second, &policy_connection);
	policy_case_set(&second, "max_connections", "1");
	policy_case_look_on(&second);
	policy_case_connect(&second, "192.0.2.6");
	policy_case_run(&second, STAGE_CONNECT);
	assert_int_equal(policy_case_action(&second), ACTION_MONITOR);
	close_session(&first);
	close_session(&second);
	open_session(&first, "192.0.2.6", "max_connections", "1");
	assert_int_equal(policy_case_action(&first), ACTION_OFF);
	close_session(&first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_concurrency),
		cmocka_unit_test(test_network_of_ipv6),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_junk_commands),
		cmocka_unit_test(test_wants),
		cmocka_unit_test(test_not_counted),
		cmocka_unit_test(test_monitor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
