/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is told that a limit is reached, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/limit_case.c"
#include "notifier.h"

enum { HOUR_MS = 3600 * 1000 };

/* Stands in for notifier.c: what was sent. */
static char last[512], text[2048];
static unsigned sent;
static int nobody;

bool notifier_check(const char *how, char *why, size_t why_size)
{
	snprintf(why, why_size, "bad");
	return how[0] == '/';
}

const char *notifier_lacks(const char *how)
{
	(void)how;
	return NULL;
}

void notifier_send(struct notifier *notifier, const struct notice *notice)
{
	size_t used = 0;

	assert_ptr_equal(notifier, &nobody);
	sent++;
	for (size_t i = 0; notice->variables[i] != NULL; i++)
		used += (size_t)snprintf(last + used, sizeof(last) - used, "%s\n",
			notice->variables[i] + strlen("MAILREEVE_"));
	assert_string_equal(notice->how, "/bin/alarm --page");
	assert_non_null(strstr(notice->subject, "limit test: "));
	assert_null(strchr(notice->subject, '\n'));
	snprintf(text, sizeof(text), "%s", notice->text);
}

static const struct row alarmed[] = {{"key", "sender"}, {"count", "messages"}, {"rate", "1 / 1h"},
	{"notify", "/bin/alarm --page"}, {0}};

static int begin_alarm(void **state)
{
	sent = 0;
	begin(state);
	services.notifier = (struct notifier *)(void *)&nobody;
	return 0;
}

static void stop(struct policy_case *policy_case)
{
	end_message(policy_case, OUTCOME_DROPPED);
	mem_free(*(char **)policy_case->options);
	policy_case_end(policy_case);
}

static void send_often(struct policy_case *policy_case, const char *sender, int count)
{
	policy_case_mail(policy_case, sender);
	for (int i = 0; i < count; i++) {
		policy_case_rcpt(policy_case, "<bob@example.org>");
		policy_case_run(policy_case, STAGE_RCPT);
		end_message(policy_case, OUTCOME_ACCEPTED);
		policy_case_mail(policy_case, sender);
	}
}

static void test_once_a_window(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, alarmed);
	send_often(&one, "<anna@example.com>", 1);
	assert_int_equal(sent, 0);
	send_often(&one, "<anna@example.com>", 10);
	assert_int_equal(sent, 1);
	assert_non_null(strstr(last,
		"LIMIT=test\nKEY=anna@example.com\nUSED=1\nMOST=1\nWINDOW_SECONDS=3600\n"
		"WAIT_SECONDS="));
	assert_non_null(strstr(last, "CLIENT=192.0.2.7\nMODE=enforce\nHOSTNAME=mx.example.org\n"));
	send_often(&one, "<berta@example.com>", 5);
	assert_int_equal(sent, 2);
	flaky_store_pass(2 * HOUR_MS);
	send_often(&one, "<anna@example.com>", 5);
	assert_int_equal(sent, 3);
	stop(&one);
}

/* Nothing that a client writes gets in as it is. */
static void test_hostile_key(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, alarmed);
	send_often(&one, "<\"a\\\x01\\\n$(id)\xff\"@example.com>", 3);
	assert_int_equal(sent, 1);
	for (const char *c = last; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
	assert_non_null(strstr(last, "\nUSED="));
	stop(&one);
}

/* What is shown to be copied into a shell is one word there, whoever chose it. */
static void test_command_to_copy(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, alarmed);
	send_often(&one, "<anna@example.com>", 3);
	assert_non_null(strstr(text, "\nmailreevectl limits show 'anna@example.com'\n"));
	send_often(&one, "<\"a$(id)`id`'; id #\"@example.com>", 3);
	assert_int_equal(sent, 2);
	assert_non_null(
		strstr(text, "\nmailreevectl limits show 'a$(id)`id`'\\''; id #@example.com'\n"));
	stop(&one);
}

/* Two hosts on one store: one of them tells, unless the store is down. */
static void test_once_over_all_hosts(void **state)
{
	struct store *other = flaky_store_open();
	struct policy_case one, two;

	(void)state;
	start(&one, alarmed);
	start(&two, alarmed);
	two.services.local = other;
	send_often(&one, "<anna@example.com>", 3);
	send_often(&two, "<anna@example.com>", 3);
	assert_int_equal(sent, 1);
	flaky_store_set(services.store, FLAKY_DOWN);
	send_often(&one, "<carol@example.com>", 3);
	send_often(&two, "<carol@example.com>", 3);
	assert_int_equal(sent, 3);
	flaky_store_set(services.store, FLAKY_UP);
	two.services.local = services.local;
	stop(&two);
	stop(&one);
	flaky_store_close(&other);
}

static void test_watched_and_explained(void **state)
{
	struct policy_case one;

	(void)state;
	start(&one, alarmed);
	policy_case_set(&one, "mode", "monitor");
	one.session.dry_run = true;
	send_often(&one, "<anna@example.com>", 3);
	assert_int_equal(sent, 0);
	one.session.dry_run = false;
	send_often(&one, "<anna@example.com>", 3);
	assert_int_equal(sent, 1);
	assert_non_null(strstr(last, "MODE=monitor\n"));
	policy_case_set(&one, "notify", "");
	send_often(&one, "<dora@example.com>", 3);
	assert_int_equal(sent, 1);
	stop(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once_a_window, begin_alarm, finish),
		cmocka_unit_test_setup_teardown(test_hostile_key, begin_alarm, finish),
		cmocka_unit_test_setup_teardown(test_command_to_copy, begin_alarm, finish),
		cmocka_unit_test_setup_teardown(test_once_over_all_hosts, begin_alarm, finish),
		cmocka_unit_test_setup_teardown(test_watched_and_explained, begin_alarm, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
