/* SPDX-License-Identifier: BSD-2-Clause */
/* Several limits at once: one call of the store, all or nothing of those that refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/limit_case.c"

enum { LIMITS_MAX = 48 };

struct limits {
	struct policy_case one;
	char *options; /* of all sections */
	size_t count;
};

/* "name=value; name=value" */
static void set_all(char *section, const char *settings)
{
	char *copy = mem_text(settings);
	char *rest = copy;

	for (char *word = strsep(&rest, ";"); word != NULL; word = strsep(&rest, ";")) {
		char *name = word + strspn(word, " ");
		char *value = strchr(name, '=');
		const struct setting *row = policy_limit.settings;
		char why[200] = "";

		*value++ = '\0';
		while (row->name != NULL && strcmp(row->name, name) != 0)
			row++;
		if (row->name == NULL ||
			!setting_parse(row, value, "test", section, why, sizeof(why)))
			fail_msg("%s: %s", name, why);
	}
	mem_free(copy);
}

/* One more section. */
static void add(struct limits *limits, const char *settings)
{
	char *section = limits->options + limits->count * policy_limit.options_size;
	char title[32];

	assert_true(limits->count < LIMITS_MAX);
	for (const struct setting *row = policy_limit.settings; row->name != NULL; row++)
		setting_set_default(row, section);
	set_all(section, settings);
	snprintf(title, sizeof(title), "limit%zu", limits->count++);
	*(char **)section = mem_text(title);
	policy_limit.prepare(section, NULL);
	limits->one.call.option_count = limits->count;
}

static void open_limits(struct limits *limits)
{
	static const struct row rows[] = {{"key", "sender"}, {"rate", "5 / 1h"}, {0}};

	start(&limits->one, rows);
	limits->options = mem_array(LIMITS_MAX, policy_limit.options_size);
	limits->count = 0;
	limits->one.call.options = limits->options;
	limits->one.call.option_count = 0;
}

static void close_limits(struct limits *limits, enum outcome outcome)
{
	end_message(&limits->one, outcome);
	policy_limit.end[SCOPE_CONNECTION](&limits->one.call, outcome);
	for (size_t i = 0; i < limits->count; i++) {
		char *section = limits->options + i * policy_limit.options_size;

		mem_free(*(char **)section);
		settings_clear(policy_limit.settings, section);
	}
	mem_free(limits->options);
	limits->one.call.options = limits->one.options;
	limits->one.call.option_count = 1;
	mem_free(*(char **)limits->one.options);
	policy_case_end(&limits->one);
}

/* RCPT, that all other policies let through. The calls of the store: of the steps before it is known
 * whether the recipient is good, and of those after. */
struct calls {
	unsigned before, after;
};

static struct calls rcpt(struct limits *limits, const char *forward_path, enum action *action_r)
{
	struct policy_case *one = &limits->one;
	unsigned start = flaky_store_trips(services.store), middle, end;

	policy_case_rcpt(one, forward_path);
	policy_limit.before_recipient(&one->call);
	middle = flaky_store_trips(services.store);
	if (policy_case_action(one) < ACTION_TEMPFAIL)
		policy_case_run(one, STAGE_RCPT);
	end = flaky_store_trips(services.store);
	*action_r = policy_case_action(one);
	one->call.verdict = verdict_of_action(*action_r);
	policy_limit.recipient_answered(&one->call);
	return (struct calls){middle - start, end - middle};
}

static int64_t sum(void)
{
	return flaky_store_sum(services.store);
}

/* COUNT limits with keys of their own, of which the one at REFUSING refuses all. */
static void test_many_limits(void **state)
{
	static const struct {
		size_t count, refusing;
		const char *name, *value; /* of the refusing one */
		bool watched; /* the others are in mode monitor */
		enum action want;
		int64_t sum;
	} rows[] = {
		{2, 1, "mode", "enforce", false, ACTION_TEMPFAIL, 0},
		{2, 1, "action", "reject", false, ACTION_REJECT, 0},
		{2, 1, "action", "tag", false, ACTION_TAG, 1},
		{2, 1, "action", "quarantine", false, ACTION_QUARANTINE, 1},
		{2, 1, "mode", "monitor", false, ACTION_MONITOR, 1},
		{2, 1, "mode", "enforce", true, ACTION_TEMPFAIL, 0},
		{2, 0, "mode", "enforce", true, ACTION_TEMPFAIL, 0},
		{40, 0, "mode", "enforce", false, ACTION_TEMPFAIL, 0},
		{40, 39, "mode", "enforce", false, ACTION_TEMPFAIL, 0},
		{40, 20, "mode", "enforce", false, ACTION_TEMPFAIL, 0},
		{40, 20, "mode", "monitor", false, ACTION_MONITOR, 39},
		{40, 40, "mode", "enforce", false, ACTION_OFF, 40},
		{40, 40, "mode", "enforce", true, ACTION_OFF, 40},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct limits limits;
		enum action action;
		struct calls calls;
		char settings[80];

		begin(state);
		open_limits(&limits);
		snprintf(settings, sizeof(settings), "rate=0 / 1h; %s=%s", rows[i].name,
			rows[i].value);
		for (size_t j = 0; j < rows[i].count; j++)
			add(&limits, j == rows[i].refusing ? settings
				     : rows[i].watched	   ? "rate=5 / 1h; mode=monitor"
							   : "rate=5 / 1h");
		calls = rcpt(&limits, "<a@example.org>", &action);
		assert_int_equal(action, rows[i].want);
		assert_int_equal(calls.before, 0);
		assert_int_equal(calls.after, 1);
		close_limits(&limits, OUTCOME_ACCEPTED);
		assert_int_equal(sum(), rows[i].sum);
		finish(state);
	}
}

/* How many findings say that a limit is reached, and would be answered so. */
static size_t count_over(const struct session *session, enum action would)
{
	size_t count = 0;

	for (size_t scope = 0; scope < SCOPE_COUNT; scope++)
		for (size_t i = 0; i < session->findings[scope].count; i++) {
			const struct finding *finding = session->findings[scope].items[i];

			count += finding->result == RESULT_FAIL && finding->would == would;
		}
	return count;
}

/* Twenty limits that refuse, of all counts that a recipient has, some that only look on, and of those
 * some that are reached: they are all answered at once, and each that is reached says so. */
static void test_one_call_for_all(void **state)
{
	static const char *const counts[] = {"messages", "recipients", "unique_recipients"};
	struct limits limits;
	enum action action;
	struct calls calls;
	char settings[80];

	(void)state;
	open_limits(&limits);
	for (size_t i = 0; i < 20; i++) {
		snprintf(settings, sizeof(settings), "rate=5 / 1h; count=%s", counts[i % 3]);
		add(&limits, settings);
	}
	for (size_t i = 0; i < 6; i++) {
		snprintf(settings, sizeof(settings), "rate=%d / 1h; count=%s; mode=monitor",
			i < 3 ? 0 : 5, counts[i % 3]);
		add(&limits, settings);
	}
	add(&limits, "rate=0 / 1h; action=quarantine");
	calls = rcpt(&limits, "<a@example.org>", &action);
	assert_int_equal(calls.after, 1);
	assert_int_equal(action, ACTION_QUARANTINE);
	assert_int_equal(count_over(&limits.one.session, ACTION_TEMPFAIL), 3);
	assert_int_equal(count_over(&limits.one.session, ACTION_QUARANTINE), 1);
	assert_int_equal(sum(), 23);
	calls = rcpt(&limits, "<b@example.org>", &action);
	assert_int_equal(calls.after, 1);
	/* The second recipient is no second message. */
	assert_int_equal(sum(), 23 + 15);
	close_limits(&limits, OUTCOME_DROPPED);
	assert_int_equal(sum(), 0);
}

/* What only looks on and is strict: an attempt beyond it is counted, once. */
static void test_strict_and_watched(void **state)
{
	struct limits limits;
	enum action action;

	(void)state;
	open_limits(&limits);
	add(&limits, "rate=9 / 1h; strict=yes; mode=monitor");
	add(&limits, "rate=2 / 1h; strict=yes; mode=monitor");
	add(&limits, "rate=3 / 1h");
	for (int i = 1; i <= 3; i++) {
		rcpt(&limits, "<a@example.org>", &action);
		assert_int_equal(action, i <= 2 ? ACTION_OFF : ACTION_MONITOR);
		assert_int_equal(sum(), 3 * i);
	}
	/* Refused by the last: both attempts are counted, and nothing of the last. */
	rcpt(&limits, "<a@example.org>", &action);
	assert_int_equal(action, ACTION_TEMPFAIL);
	assert_int_equal(sum(), 11);
	close_limits(&limits, OUTCOME_DROPPED);
	assert_int_equal(sum(), 8);
}

/* Connections and refused recipients are asked for together, and ended apart. */
static void test_connection_and_probe(void **state)
{
	struct limits limits;
	enum action action;
	struct calls calls;

	(void)state;
	open_limits(&limits);
	add(&limits, "key=client_ip; rate=3 / 1h; count=connections");
	add(&limits, "key=client_ip; rate=2 / 1h; count=refused_recipients");
	add(&limits, "key=client_ip; rate=1 / 1h; count=refused_recipients; mode=monitor");
	for (int i = 0; i < 2; i++) {
		policy_case_rcpt(&limits.one, "<nobody@example.org>");
		policy_limit.before_recipient(&limits.one.call);
		assert_int_equal(
			policy_case_action(&limits.one), i == 0 ? ACTION_OFF : ACTION_MONITOR);
		limits.one.call.verdict = VERDICT_REJECT;
		policy_limit.recipient_answered(&limits.one.call);
		assert_int_equal(sum(), 3 + i);
	}
	calls = rcpt(&limits, "<a@example.org>", &action);
	assert_int_equal(calls.before, 1);
	assert_int_equal(action, ACTION_TEMPFAIL);
	assert_int_equal(sum(), 4);
	close_limits(&limits, OUTCOME_DROPPED);
	/* The connection took place; and that it asked for two that do not exist. */
	assert_int_equal(sum(), 4);
}

/* One that a client may not even ask for takes nothing of its connection, nor of its recipient. */
static void test_probe_given_back(void **state)
{
	struct limits limits;
	enum action action;
	struct calls calls;

	(void)state;
	open_limits(&limits);
	add(&limits, "key=client_ip; rate=3 / 1h; count=connections");
	add(&limits, "key=client_ip; rate=2 / 1h; count=refused_recipients");
	add(&limits, "key=client_ip; rate=9 / 1h; count=recipients");
	for (int i = 1; i <= 5; i++) {
		calls = rcpt(&limits, "<a@example.org>", &action);
		assert_int_equal(calls.before, 1);
		assert_int_equal(calls.after, 1);
		assert_int_equal(action, ACTION_OFF);
		assert_int_equal(sum(), 1 + i);
	}
	close_limits(&limits, OUTCOME_DROPPED);
	assert_int_equal(sum(), 1);
	assert_int_equal(flaky_store_sum(services.local), 1);
}

/* While the store is down each goes by its own rule; what only looks on refuses nothing. */
static void test_outage(void **state)
{
	struct limits limits;
	enum action action;

	(void)state;
	open_limits(&limits);
	add(&limits, "rate=2 / 1h");
	add(&limits, "rate=5 / 1h; mode=monitor; outage=tempfail");
	add(&limits, "rate=1 / 1h; mode=monitor");
	add(&limits, "rate=0 / 1h; mode=monitor; outage=accept");
	flaky_store_set(services.store, FLAKY_ANSWERS_LOST);
	rcpt(&limits, "<a@example.org>", &action);
	assert_int_equal(action, ACTION_MONITOR);
	assert_int_equal(count_over(&limits.one.session, ACTION_TEMPFAIL), 0);
	assert_int_equal(flaky_store_sum(services.local), 2);
	/* Of what the store may have counted, what is not held is taken back. */
	assert_int_equal(sum(), 2);
	rcpt(&limits, "<b@example.org>", &action);
	assert_int_equal(count_over(&limits.one.session, ACTION_TEMPFAIL), 1);
	rcpt(&limits, "<c@example.org>", &action);
	assert_int_equal(action, ACTION_TEMPFAIL);
	flaky_store_set(services.store, FLAKY_UP);
	close_limits(&limits, OUTCOME_DROPPED);
	assert_int_equal(sum(), 0);
	assert_int_equal(flaky_store_sum(services.local), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_limits),
		cmocka_unit_test_setup_teardown(test_one_call_for_all, begin, finish),
		cmocka_unit_test_setup_teardown(test_strict_and_watched, begin, finish),
		cmocka_unit_test_setup_teardown(test_connection_and_probe, begin, finish),
		cmocka_unit_test_setup_teardown(test_probe_given_back, begin, finish),
		cmocka_unit_test_setup_teardown(test_outage, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
