/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../tests/fake/fake_inquiry.c"
#include "../tests/fake/fake_spf.c"
#include "../tests/fake/flaky_store.c"
#include "../tests/lib/policy_case.h"

extern const struct policy policy_limit;

static struct services services;

static int begin(void **state)
{
	(void)state;
	services.store = flaky_store_open();
	services.local = flaky_store_open();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	flaky_store_close(&services.store);
	flaky_store_close(&services.local);
	return 0;
}

/* A session of anna@example.com, whom SPF proves, under one limit. SETTINGS: "name=value", split at
 * "; ". */
static void open_session(struct policy_case *policy_case, const char *settings)
{
	char *copy = mem_text(settings);
	char *rest = copy;

	fake_dns_clear();
	fake_spf_clear();
	fake_spf("example.com", SPF_PASS);
	policy_case_start(policy_case, &policy_limit);
	policy_case->services = services;
	*(char **)policy_case->options = mem_text("test");
	policy_case_set(policy_case, "spread", "0");
	for (char *one = strsep(&rest, ";"); one != NULL; one = strsep(&rest, ";")) {
		char *value = strchr(one, '=');

		*value = '\0';
		policy_case_set(policy_case, one + strspn(one, " "), value + 1);
	}
	mem_free(copy);
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.com");
	policy_case_mail(policy_case, "<anna@example.com>");
}

static void end_transaction(struct policy_case *policy_case, enum outcome outcome)
{
	policy_limit.end[SCOPE_TRANSACTION](&policy_case->call, outcome);
	policy_limit.end[SCOPE_TRANSACTION](&policy_case->call, outcome);
}

static void close_session(struct policy_case *policy_case, enum outcome outcome)
{
	end_transaction(policy_case, outcome);
	mem_free(*(char **)policy_case->options);
	policy_case_end(policy_case);
}

/* The next message of the same session. */
static void next_message(struct policy_case *policy_case, enum outcome outcome)
{
	end_transaction(policy_case, outcome);
	policy_case_mail(policy_case, "<anna@example.com>");
}

/* Every other policy lets it through, or one refuses it after all. */
static enum action rcpt_answered(
	struct policy_case *policy_case, const char *forward_path, enum verdict elsewhere)
{
	enum action action;

	policy_case_rcpt(policy_case, forward_path);
	policy_case_run(policy_case, STAGE_RCPT);
	action = policy_case_action(policy_case);
	policy_case->call.verdict = verdict_of_action(action);
	if (verdict_overrides(policy_case->call.verdict, elsewhere))
		policy_case->call.verdict = elsewhere;
	policy_limit.recipient_answered(&policy_case->call);
	return action;
}

static enum action rcpt(struct policy_case *policy_case, const char *forward_path)
{
	return rcpt_answered(policy_case, forward_path, VERDICT_CONTINUE);
}

static void test_recipients(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "key=sender; count=recipients; rate=3 / 1h");
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
	assert_int_equal(rcpt(&policy_case, "<b@example.org>"), ACTION_OFF);
	next_message(&policy_case, OUTCOME_ACCEPTED);
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
	/* Only the recipients beyond the limit are refused, again and again. */
	assert_int_equal(rcpt(&policy_case, "<b@example.org>"), ACTION_TEMPFAIL);
	assert_int_equal(rcpt(&policy_case, "<c@example.org>"), ACTION_TEMPFAIL);
	next_message(&policy_case, OUTCOME_ACCEPTED);
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_TEMPFAIL);
	assert_int_equal(flaky_store_sum(services.store), 3);
	flaky_store_pass(61 * 60000 + 1000);
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
	close_session(&policy_case, OUTCOME_DROPPED);
	assert_int_equal(flaky_store_sum(services.store), 0);
}

static void test_messages(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "key=sender; count=messages; rate=2 / 1h");
	for (int i = 0; i < 50; i++)
		assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
	assert_int_equal(flaky_store_sum(services.store), 1);
	next_message(&policy_case, OUTCOME_ACCEPTED);
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
	next_message(&policy_case, OUTCOME_ACCEPTED);
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_TEMPFAIL);
	close_session(&policy_case, OUTCOME_DROPPED);
	assert_int_equal(flaky_store_sum(services.store), 2);
}

/* RSET, a second MAIL, a refusal at the end of the message: nothing is used up. */
static void test_given_back(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "key=sender; count=recipients; rate=2 / 1h");
	for (int i = 0; i < 100; i++) {
		assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
		assert_int_equal(rcpt(&policy_case, "<b@example.org>"), ACTION_OFF);
		assert_int_equal(rcpt(&policy_case, "<c@example.org>"), ACTION_TEMPFAIL);
		next_message(&policy_case, OUTCOME_DROPPED);
		assert_int_equal(flaky_store_sum(services.store), 0);
		assert_int_equal(flaky_store_sum(services.local), 0);
	}
	close_session(&policy_case, OUTCOME_DROPPED);
}

/* A recipient that another policy refuses after all is given back, and its message with it. */
static void test_recipient_refused(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "key=sender; count=messages; rate=1 / 1h");
	assert_int_equal(
		rcpt_answered(&policy_case, "<a@example.org>", VERDICT_REJECT), ACTION_OFF);
	assert_int_equal(flaky_store_sum(services.store), 0);
	/* One that was not even charged gives nothing back. */
	policy_limit.recipient_answered(&policy_case.call);
	assert_int_equal(flaky_store_sum(services.store), 0);
	assert_int_equal(rcpt(&policy_case, "<b@example.org>"), ACTION_OFF);
	assert_int_equal(flaky_store_sum(services.store), 1);
	assert_int_equal(
		rcpt_answered(&policy_case, "<c@example.org>", VERDICT_TEMPFAIL), ACTION_OFF);
	assert_int_equal(flaky_store_sum(services.store), 1);
	policy_limit.recipient_answered(&policy_case.call);
	assert_int_equal(flaky_store_sum(services.store), 1);
	close_session(&policy_case, OUTCOME_ACCEPTED);
	assert_int_equal(flaky_store_sum(services.store), 1);
}

/* One sender at its limit takes nothing from another, nor a forger from whom he names. */
static void test_fair(void **state)
{
	struct policy_case anna, forger, bob;

	(void)state;
	open_session(&forger, "key=sender; count=recipients; rate=1 / 1h");
	fake_spf_clear();
	policy_case_connect(&forger, "203.0.113.66");
	assert_int_equal(rcpt(&forger, "<a@example.org>"), ACTION_OFF);
	assert_int_equal(rcpt(&forger, "<a@example.org>"), ACTION_TEMPFAIL);
	close_session(&forger, OUTCOME_ACCEPTED);
	open_session(&anna, "key=sender; count=recipients; rate=1 / 1h");
	assert_int_equal(rcpt(&anna, "<a@example.org>"), ACTION_OFF);
	assert_int_equal(rcpt(&anna, "<a@example.org>"), ACTION_TEMPFAIL);
	close_session(&anna, OUTCOME_ACCEPTED);
	open_session(&bob, "key=sender; count=recipients; rate=1 / 1h");
	policy_case_mail(&bob, "<bob@example.com>");
	assert_int_equal(rcpt(&bob, "<a@example.org>"), ACTION_OFF);
	close_session(&bob, OUTCOME_ACCEPTED);
}

/* A1 to A3, A6: the same sender in other words, a first message with all recipients at once. */
static void test_spellings(void **state)
{
	static const char *const spellings[] = {"<Anna@Example.com>", "<\"anna\"@example.com>",
		"<\"an\\na\"@EXAMPLE.COM>", "<anna+x@example.com>", "<anna+y@example.com>",
		"<prvs=1234567890=anna@example.com>"};
	struct policy_case policy_case;
	int accepted = 0;

	(void)state;
	open_session(&policy_case, "key=sender; count=recipients; rate=5 / 1h; extension=+");
	for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
		policy_case_mail(&policy_case, spellings[i]);
		for (int j = 0; j < 3; j++)
			accepted += rcpt(&policy_case, "<a@example.org>") == ACTION_OFF;
		end_transaction(&policy_case, OUTCOME_ACCEPTED);
	}
	assert_int_equal(accepted, 5);
	close_session(&policy_case, OUTCOME_DROPPED);
	accepted = 0;
	open_session(&policy_case, "key=client_ip; count=recipients; rate=5 / 1h");
	policy_case_mail(&policy_case, "<>");
	for (int j = 0; j < 1000; j++)
		accepted += rcpt(&policy_case, "<a@example.org>") == ACTION_OFF;
	assert_int_equal(accepted, 5);
	close_session(&policy_case, OUTCOME_ACCEPTED);
}

static void test_replies(void **state)
{
	struct policy_case policy_case;
	const struct finding *finding;

	(void)state;
	open_session(&policy_case, "key=sender; count=recipients; rate=1 / 1h");
	rcpt(&policy_case, "<a@example.org>");
	next_message(&policy_case, OUTCOME_ACCEPTED);
	flaky_store_pass(48 * 60000);
	rcpt(&policy_case, "<a@example.org>");
	finding = policy_case_finding(&policy_case, "rate");
	assert_non_null(finding);
	assert_true(
		strncmp(finding->reply, "1 recipient per hour reached, try again in 1", 44) == 0);
	assert_non_null(strstr(finding->reply, " minutes"));
	assert_string_equal(finding->title, "test");
	assert_non_null(strstr(finding->evidence,
		"limit test: anna@example.com has used 1 of 1 recipient per hour"));
	close_session(&policy_case, OUTCOME_DROPPED);
}

static void test_waits(void **state)
{
	static const struct {
		const char *settings, *want;
		bool dry_run;
	} rows[] = {
		{"rate=1 / 7d", "1 recipient per week reached, try again in 8 days", false},
		{"rate=2 / 3h; count=messages",
			"2 messages per 3 hours reached, try again in 4 hours", false},
		{"rate=1 / 1h; reply=Only {limit} per {window}, sorry: {wait}",
			"Only 1 recipient per hour, sorry: 61 minutes", false},
		{"rate=1 / 2h", "1 recipient per 2 hours reached, try again in 3 hours", false},
		{"rate=1 / 1h", "1 recipient per hour reached, try again in 61 minutes", false},
		{"rate=1 / 2m", "1 recipient per 2 minutes reached, try again in 3 minutes", false},
		{"rate=1 / 1m", "1 recipient per minute reached, try again in 61 seconds", false},
		{"rate=1 / 1m; count=messages",
			"1 message per minute reached, try again in 61 seconds", true},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;

		begin(state);
		open_session(&policy_case, rows[i].settings);
		for (int j = 0; j < 3; j++) {
			if (rcpt(&policy_case, "<a@example.org>") >= ACTION_TEMPFAIL)
				break;
			next_message(&policy_case, OUTCOME_ACCEPTED);
			policy_case.session.dry_run = rows[i].dry_run;
		}
		assert_string_equal(policy_case_finding(&policy_case, "rate")->reply, rows[i].want);
		close_session(&policy_case, OUTCOME_DROPPED);
		finish(state);
	}
}

static void test_actions(void **state)
{
	static const struct {
		const char *settings;
		enum action want, would;
	} rows[] = {
		{"rate=1 / 1h; action=reject", ACTION_REJECT, ACTION_REJECT},
		{"rate=1 / 1h; action=quarantine", ACTION_QUARANTINE, ACTION_QUARANTINE},
		{"rate=1 / 1h; action=tag", ACTION_TAG, ACTION_TAG},
		{"rate=1 / 1h; mode=monitor", ACTION_MONITOR, ACTION_TEMPFAIL},
		{"rate=1 / 1h; mode=off", ACTION_OFF, ACTION_OFF},
		{"rate=1 / 1h; percent=0", ACTION_MONITOR, ACTION_TEMPFAIL},
		{"rate=1 / 1h; percent=0; action=quarantine", ACTION_MONITOR, ACTION_QUARANTINE},
		{"rate=1 / 1h; mode=monitor; until=2999-12-31", ACTION_MONITOR, ACTION_TEMPFAIL},
		{"rate=1 / 1h; mode=monitor; until=2001-12-31", ACTION_TEMPFAIL, ACTION_TEMPFAIL},
		{"rate=1 / 1h; percent=0; until=2001-12-31", ACTION_TEMPFAIL, ACTION_TEMPFAIL},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;
		const struct finding *finding;

		begin(state);
		open_session(&policy_case, rows[i].settings);
		assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
		assert_int_equal(rcpt(&policy_case, "<b@example.org>"), rows[i].want);
		finding = policy_case_finding(&policy_case, "rate");
		assert_int_equal(finding == NULL ? ACTION_OFF : finding->would, rows[i].would);
		close_session(&policy_case, OUTCOME_ACCEPTED);
		assert_int_equal(
			flaky_store_sum(services.store), rows[i].want == ACTION_OFF ? 0 : 1);
		finish(state);
	}
}

static void test_strict(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "key=sender; count=recipients; rate=2 / 1h; strict=yes");
	for (int i = 0; i < 5; i++)
		rcpt(&policy_case, "<a@example.org>");
	next_message(&policy_case, OUTCOME_DROPPED);
	assert_int_equal(flaky_store_sum(services.store), 5);
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_TEMPFAIL);
	close_session(&policy_case, OUTCOME_DROPPED);
}

/* One message is one attempt, whatever its recipients are told. */
static void test_strict_messages(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "key=sender; count=messages; rate=2 / 1h; strict=yes");
	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 4; j++)
			assert_int_equal(rcpt(&policy_case, "<a@example.org>"),
				i < 2 ? ACTION_OFF : ACTION_TEMPFAIL);
		next_message(&policy_case, i < 2 ? OUTCOME_ACCEPTED : OUTCOME_DROPPED);
		assert_int_equal(flaky_store_sum(services.store), i + 1);
	}
	close_session(&policy_case, OUTCOME_DROPPED);
}

static void test_outage(void **state)
{
	static const struct {
		const char *settings;
		int accepted; /* of ten */
	} rows[] = {
		{"key=sender; rate=4 / 1h", 4},
		{"key=sender; rate=4 / 1h; hosts=2", 2},
		{"key=sender; rate=4 / 1h; hosts=100", 1},
		{"key=sender; rate=4 / 1h; outage=accept", 10},
		{"key=sender; rate=4 / 1h; outage=tempfail", 0},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case policy_case;
		int accepted = 0;

		begin(state);
		flaky_store_set(services.store, FLAKY_DOWN);
		open_session(&policy_case, rows[i].settings);
		for (int j = 0; j < 10; j++)
			accepted += rcpt(&policy_case, "<a@example.org>") == ACTION_OFF;
		if (accepted != rows[i].accepted)
			fail_msg("%s: %d", rows[i].settings, accepted);
		close_session(&policy_case, OUTCOME_ACCEPTED);
		finish(state);
	}
}

/* What the store counted before it went is not admitted again. */
static void test_outage_warm(void **state)
{
	struct policy_case policy_case;
	int accepted = 0;

	(void)state;
	open_session(&policy_case, "key=sender; rate=4 / 1h");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
		next_message(&policy_case, OUTCOME_ACCEPTED);
	}
	flaky_store_set(services.store, FLAKY_DOWN);
	for (int i = 0; i < 5; i++) {
		accepted += rcpt(&policy_case, "<a@example.org>") == ACTION_OFF;
		next_message(&policy_case, OUTCOME_ACCEPTED);
	}
	assert_int_equal(accepted, 1);
	flaky_store_set(services.store, FLAKY_UP);
	close_session(&policy_case, OUTCOME_DROPPED);
}

static void test_not_counted(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "key=auth_user; rate=0 / 1h");
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
	strcpy(policy_case.session.auth_user, "anna");
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_TEMPFAIL);
	policy_case_rcpt(&policy_case, "<a@example.org>");
	strcpy(policy_case.recipient.mta_mailer, "error");
	policy_case_run(&policy_case, STAGE_RCPT);
	assert_int_equal(policy_case_action(&policy_case), ACTION_OFF);
	/* Local submission is never refused. */
	policy_case_connect(&policy_case, "127.0.0.1");
	strcpy(policy_case.session.mta_client_name, "localhost");
	policy_case.session.client_port = 0;
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
	close_session(&policy_case, OUTCOME_DROPPED);
	assert_int_equal(flaky_store_sum(services.store), 0);
}

static void test_dry_run(void **state)
{
	struct policy_case policy_case;

	(void)state;
	open_session(&policy_case, "key=sender; rate=1 / 1h");
	policy_case.session.dry_run = true;
	/* A recipient is refused after those before it, as it would be. */
	for (int i = 0; i < 5; i++) {
		assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
		assert_int_equal(rcpt(&policy_case, "<b@example.org>"), ACTION_TEMPFAIL);
		next_message(&policy_case, OUTCOME_ACCEPTED);
	}
	assert_int_equal(flaky_store_sum(services.store), 0);
	policy_case.session.dry_run = false;
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_OFF);
	next_message(&policy_case, OUTCOME_ACCEPTED);
	policy_case.session.dry_run = true;
	assert_int_equal(rcpt(&policy_case, "<a@example.org>"), ACTION_TEMPFAIL);
	close_session(&policy_case, OUTCOME_DROPPED);
	assert_int_equal(flaky_store_sum(services.store), 1);
}

static void test_verify(void **state)
{
	struct policy_case policy_case;
	const char *setting = NULL;
	char why[300] = "";

	(void)state;
	open_session(&policy_case, "rate=1 / 1h");
	assert_true(setting_parse(
		&policy_limit.settings[0], "sendr", "test", policy_case.options, why, sizeof(why)));
	assert_false(policy_limit.verify(
		policy_case.options, &policy_case.site, &setting, why, sizeof(why)));
	assert_string_equal(setting, "key");
	assert_non_null(strstr(why, "did you mean \"sender\""));
	close_session(&policy_case, OUTCOME_DROPPED);
}

static void note_warning(void *context, const char *setting, const char *text)
{
	assert_true(strlen(text) > 20);
	strcat(context, setting);
	strcat(context, " ");
}

static void test_advise(void **state)
{
	struct policy_case policy_case;
	char warned[100] = "";

	(void)state;
	open_session(&policy_case, "rate=1 / 1h");
	policy_limit.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "");
	policy_case_set(&policy_case, "action", "reject");
	policy_case_set(&policy_case, "outage", "accept");
	policy_limit.advise(&policy_case.call, &policy_case.site, note_warning, warned);
	assert_string_equal(warned, "action outage ");
	close_session(&policy_case, OUTCOME_DROPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_recipients, begin, finish),
		cmocka_unit_test_setup_teardown(test_messages, begin, finish),
		cmocka_unit_test_setup_teardown(test_given_back, begin, finish),
		cmocka_unit_test_setup_teardown(test_recipient_refused, begin, finish),
		cmocka_unit_test_setup_teardown(test_fair, begin, finish),
		cmocka_unit_test_setup_teardown(test_spellings, begin, finish),
		cmocka_unit_test_setup_teardown(test_replies, begin, finish),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_actions),
		cmocka_unit_test_setup_teardown(test_strict, begin, finish),
		cmocka_unit_test_setup_teardown(test_strict_messages, begin, finish),
		cmocka_unit_test(test_outage),
		cmocka_unit_test_setup_teardown(test_outage_warm, begin, finish),
		cmocka_unit_test_setup_teardown(test_not_counted, begin, finish),
		cmocka_unit_test_setup_teardown(test_dry_run, begin, finish),
		cmocka_unit_test_setup_teardown(test_verify, begin, finish),
		cmocka_unit_test_setup_teardown(test_advise, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
