/* SPDX-License-Identifier: BSD-2-Clause */
/* What limits can count beside messages and recipients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../tests/fake/limit_case.c"

static void end_connection(struct policy_case *policy_case)
{
	end_message(policy_case, OUTCOME_DROPPED);
	policy_limit.end[SCOPE_CONNECTION](&policy_case->call, OUTCOME_DROPPED);
	memset(policy_case->call.state[SCOPE_CONNECTION], 0,
		policy_limit.state_size[SCOPE_CONNECTION]);
}

static void stop(struct policy_case *policy_case)
{
	end_connection(policy_case);
	mem_free(*(char **)policy_case->options);
	policy_case_end(policy_case);
}

/* One RCPT as the chain asks it, where another policy has ELSEWHERE to say. */
static enum verdict rcpt(
	struct policy_case *policy_case, const char *mailer, enum verdict elsewhere)
{
	struct call *call = &policy_case->call;

	policy_case_rcpt(policy_case, "<bob@example.org>");
	strcpy(policy_case->recipient.mta_mailer, mailer);
	call->stage = STAGE_RCPT;
	policy_limit.before_recipient(call);
	call->verdict = verdict_of_action(policy_case_action(policy_case));
	if (call->verdict < VERDICT_TEMPFAIL) {
		call->verdict = elsewhere;
		if (elsewhere < VERDICT_TEMPFAIL) {
			policy_case_run(policy_case, STAGE_RCPT);
			call->verdict = verdict_of_action(policy_case_action(policy_case));
		}
	}
	policy_limit.recipient_answered(call);
	return call->verdict;
}

static enum verdict good(struct policy_case *policy_case)
{
	return rcpt(policy_case, "", VERDICT_CONTINUE);
}

static void test_connections(void **state)
{
	static const struct row rows[] = {
		{"key", "client_ip"}, {"count", "connections"}, {"rate", "2 / 1h"}, {0}};
	struct policy_case one;

	(void)state;
	start(&one, rows);
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 3; j++) {
			assert_int_equal(good(&one), VERDICT_CONTINUE);
			end_message(&one, j == 1 ? OUTCOME_ACCEPTED : OUTCOME_DROPPED);
		}
		assert_int_equal(flaky_store_sum(services.store), i + 1);
		end_connection(&one);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(good(&one), VERDICT_TEMPFAIL);
	assert_non_null(strstr(policy_case_finding(&one, "rate")->reply, "2 connections per hour"));
	/* A connection that took place is not given back. */
	end_connection(&one);
	assert_int_equal(flaky_store_sum(services.store), 2);
	stop(&one);
}

static void test_strict_connections(void **state)
{
	static const struct row rows[] = {{"key", "client_ip"}, {"count", "connections"},
		{"rate", "2 / 1h"}, {"strict", "yes"}, {0}};
	struct policy_case one;

	(void)state;
	start(&one, rows);
	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 4; j++)
			assert_int_equal(good(&one), i < 2 ? VERDICT_CONTINUE : VERDICT_TEMPFAIL);
		end_connection(&one);
	}
	assert_int_equal(flaky_store_sum(services.store), 5);
	stop(&one);
}

static void feed(struct policy_case *policy_case, size_t body)
{
	static const unsigned char bytes[1000];
	struct call *call = &policy_case->call;

	call->field_name = "Subject";
	call->field_body = "hello";
	policy_limit.judge[STAGE_HEADER](call);
	call->chunk = bytes;
	for (; body > 0; body -= call->chunk_length) {
		call->chunk_length = body < sizeof(bytes) ? body : sizeof(bytes);
		policy_limit.judge[STAGE_BODY](call);
	}
	policy_case_run(policy_case, STAGE_EOM);
}

static void test_bytes(void **state)
{
	static const struct row rows[] = {
		{"key", "sender"}, {"count", "bytes"}, {"rate", "10kB / 1h"}, {0}};
	struct policy_case one;

	(void)state;
	start(&one, rows);
	assert_int_equal(good(&one), VERDICT_CONTINUE);
	feed(&one, 4984);
	assert_int_equal(policy_case_action(&one), ACTION_OFF);
	assert_int_equal(flaky_store_sum(services.store), 5000);
	/* The MTA has refused it: nothing is used up. */
	end_message(&one, OUTCOME_DROPPED);
	assert_int_equal(flaky_store_sum(services.store), 0);
	for (int i = 0; i < 2; i++) {
		feed(&one, 4984);
		assert_int_equal(policy_case_action(&one), ACTION_OFF);
		end_message(&one, OUTCOME_ACCEPTED);
	}
	feed(&one, 4984);
	assert_int_equal(policy_case_action(&one), ACTION_TEMPFAIL);
	assert_non_null(strstr(policy_case_finding(&one, "rate")->reply, "10KB per hour reached"));
	end_message(&one, OUTCOME_DROPPED);
	/* A smaller one still fits, to the byte. */
	feed(&one, 240 - 16);
	assert_int_equal(policy_case_action(&one), ACTION_OFF);
	end_message(&one, OUTCOME_ACCEPTED);
	assert_int_equal(flaky_store_sum(services.store), 10240);
	stop(&one);
}

/* What MAIL declares is looked at and not taken: the message itself is what counts. */
static void test_declared_sizes(void **state)
{
	static const struct {
		int64_t declared;
		int used; /* before, but for the header */
		enum verdict first;
	} rows[] = {
		{-1, 9000, VERDICT_CONTINUE},
		{0, 9000, VERDICT_CONTINUE},
		{5000, 4000, VERDICT_CONTINUE},
		{5241, 4984, VERDICT_TEMPFAIL},
		{5240, 4984, VERDICT_CONTINUE},
		{999999999999999, 100, VERDICT_TEMPFAIL},
	};
	static const struct row settings[][5] = {
		{{"key", "sender"}, {"count", "bytes"}, {"rate", "10kB / 1h"}, {0}},
		{{"key", "sender"}, {"count", "bytes"}, {"rate", "10kB / 1h"}, {"strict", "yes"},
			{0}},
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(rows); i++) {
		const struct row monitor[] = {{"key", "sender"}, {"count", "bytes"},
			{"rate", "10kB / 1h"}, {"mode", "monitor"}, {0}};
		size_t at = i / 2;
		struct policy_case one;
		int64_t before;

		start(&one, settings[i % 2]);
		assert_int_equal(good(&one), VERDICT_CONTINUE);
		feed(&one, (size_t)rows[at].used);
		end_message(&one, OUTCOME_ACCEPTED);
		before = flaky_store_sum(services.store);
		assert_int_equal(before, rows[at].used + 16);
		for (int j = 0; j < 2; j++) {
			one.session.transaction.declared_size = rows[at].declared;
			assert_int_equal(good(&one), rows[at].first);
		}
		if (rows[at].first == VERDICT_TEMPFAIL)
			assert_non_null(
				strstr(policy_case_finding(&one, "rate")->reply, "10KB per hour"));
		assert_int_equal(flaky_store_sum(services.store), before);
		end_message(&one, OUTCOME_DROPPED);
		assert_int_equal(flaky_store_sum(services.store), before);
		stop(&one);
		/* One that only looks on says nothing before the end. */
		start(&one, monitor);
		one.session.transaction.declared_size = INT64_C(1) << 40;
		assert_int_equal(good(&one), VERDICT_CONTINUE);
		assert_null(policy_case_finding(&one, "rate"));
		stop(&one);
		finish(state);
		begin(state);
	}
}

/* A8: what is asked for and dropped again is no free directory. */
static void test_refused_recipients(void **state)
{
	static const struct row rows[] = {
		{"key", "client_ip"}, {"count", "refused_recipients"}, {"rate", "3 / 1h"}, {0}};
	struct policy_case one;

	(void)state;
	start(&one, rows);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(good(&one), VERDICT_CONTINUE);
		assert_int_equal(rcpt(&one, "", VERDICT_TEMPFAIL), VERDICT_TEMPFAIL);
	}
	assert_int_equal(flaky_store_sum(services.store), 0);
	assert_int_equal(rcpt(&one, "", VERDICT_REJECT), VERDICT_REJECT);
	end_message(&one, OUTCOME_DROPPED);
	assert_int_equal(rcpt(&one, "error", VERDICT_CONTINUE), VERDICT_CONTINUE);
	end_message(&one, OUTCOME_ACCEPTED);
	assert_int_equal(rcpt(&one, "", VERDICT_REJECT), VERDICT_REJECT);
	assert_int_equal(flaky_store_sum(services.store), 3);
	end_connection(&one);
	/* From now on no answer tells who exists. */
	assert_int_equal(rcpt(&one, "", VERDICT_REJECT), VERDICT_TEMPFAIL);
	assert_int_equal(good(&one), VERDICT_TEMPFAIL);
	assert_int_equal(flaky_store_sum(services.store), 3);
	stop(&one);
}

/* Sixty-four at once, each before the answer of any other: three answers. */
static void test_refused_in_parallel(void **state)
{
	static const struct row rows[] = {
		{"key", "client_ip"}, {"count", "refused_recipients"}, {"rate", "3 / 1h"}, {0}};
	static struct policy_case many[64];
	int asked = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(many); i++) {
		start(&many[i], rows);
		policy_case_rcpt(&many[i], "<bob@example.org>");
		many[i].call.stage = STAGE_RCPT;
		policy_limit.before_recipient(&many[i].call);
		asked += policy_case_action(&many[i]) == ACTION_OFF;
	}
	assert_int_equal(asked, 3);
	for (size_t i = 0; i < ARRAY_COUNT(many); i++) {
		many[i].call.verdict = VERDICT_CONTINUE;
		policy_limit.recipient_answered(&many[i].call);
		stop(&many[i]);
	}
	assert_int_equal(flaky_store_sum(services.store), 0);
}

/* A4: a new sub-domain for each message is the same organization. */
static void test_organization(void **state)
{
	static const struct row rows[] = {
		{"key", "sender_organization"}, {"count", "messages"}, {"rate", "5 / 1h"}, {0}};
	struct policy_case one;
	int accepted = 0;

	(void)state;
	start(&one, rows);
	for (int i = 0; i < 100; i++) {
		char domain[40], sender[60];

		snprintf(domain, sizeof(domain), "h%d.example.com", i);
		snprintf(sender, sizeof(sender), "<u%d@%s>", i, domain);
		fake_spf_clear();
		fake_spf(domain, SPF_PASS);
		policy_case_mail(&one, sender);
		accepted += good(&one) == VERDICT_CONTINUE;
		end_message(&one, OUTCOME_ACCEPTED);
	}
	assert_int_equal(accepted, 5);
	stop(&one);
}

static void test_monitor(void **state)
{
	static const struct row rows[] = {{"key", "client_ip"}, {"count", "connections"},
		{"rate", "0 / 1h"}, {"mode", "monitor"}, {0}};
	struct policy_case one;

	(void)state;
	start(&one, rows);
	assert_int_equal(good(&one), VERDICT_CONTINUE);
	assert_int_equal(policy_case_finding(&one, "rate")->would, ACTION_TEMPFAIL);
	stop(&one);
}

/* What is written by the client counts for more than the limit only where it is proven. */
static void test_overrides(void **state)
{
	static const struct {
		const char *client, *sender;
		bool proven;
		int accepted; /* of 20 */
	} rows[] = {
		{"192.0.2.7", "<anna@example.com>", true, 20},
		{"192.0.2.7", "<ANNA+x@example.com>", true, 20},
		{"192.0.2.7", "<bob@example.com>", true, 7},
		{"192.0.2.7", "<bob@sub.example.com>", true, 4},
		{"192.0.2.7", "<bob@example.net>", true, 2},
		{"203.0.113.66", "<anna@example.com>", false, 2},
	};
	char file[] = "/tmp/limit_counts_test.XXXXXX";
	const struct row settings[] = {{"key", "sender"}, {"count", "recipients"},
		{"rate", "2 / 1h"}, {"extension", "+"}, {"overrides", file}, {0}};
	static const char content[] = "anna@example.com unlimited\n"
				      "example.com 7 / 1h\n.example.com 4 / 30m\n";
	int fd = mkstemp(file);

	(void)state;
	assert_int_equal(write(fd, content, sizeof(content) - 1), sizeof(content) - 1);
	close(fd);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct policy_case one;
		char domain[40];
		int accepted = 0;

		start(&one, settings);
		fake_spf_clear();
		snprintf(domain, sizeof(domain), "%s", strchr(rows[i].sender, '@') + 1);
		domain[strlen(domain) - 1] = '\0';
		if (rows[i].proven)
			fake_spf(domain, SPF_PASS);
		policy_case_connect(&one, rows[i].client);
		policy_case_helo(&one, "mail.example.com");
		policy_case_mail(&one, rows[i].sender);
		for (int j = 0; j < 20; j++)
			accepted += good(&one) == VERDICT_CONTINUE;
		if (accepted != rows[i].accepted)
			fail_msg("%s: %d", rows[i].sender, accepted);
		stop(&one);
	}
	unlink(file);
}

static void test_verify(void **state)
{
	static const struct {
		const char *name, *key, *count, *reply, *want, *rate, *overrides;
	} rows[] = {
		{"key", "recipient", "bytes", "", "by recipient", NULL, NULL},
		{"key", "client_ip + recipient_domain", "connections", "", "by recipient", NULL,
			NULL},
		{"key", "recipient", "refused_recipients", "", NULL, NULL, NULL},
		{"reply", "client_ip", "bytes", "{when}", "{when}", NULL, NULL},
		{"reply", "client_ip", "bytes", "451 no", "begins with a code", NULL, NULL},
		{"rate", "client_ip", "messages", "", "is a size, but this limit counts messages",
			"5MB / 1h", NULL},
		{"rate", "client_ip", "bytes", "", NULL, "5MB / 1h", NULL},
		{"rate", "client_ip", "unique_recipients", "", "more than 10000", "10001 / 1h",
			NULL},
		{"overrides", "client_ip", "recipients", "",
			":2: the rate's count is a size, but this limit counts recipients", NULL,
			"192.0.2.1 5 / 1h\n192.0.2.2 5MB / 1h\n"},
		{"overrides", "client_ip", "bytes", "", NULL, NULL, "192.0.2.2 5MB / 1h\n"},
		{"overrides", "client_ip", "unique_recipients", "", ":1: more than 10000", NULL,
			"192.0.2.2 10001 / 1h\n192.0.2.3 unlimited\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row none = {0};
		struct policy_case one;
		const char *setting = NULL;
		char why[300] = "", file[] = "/tmp/mailreeve-limit-XXXXXX";
		int opened = mkstemp(file);
		const char *lines = rows[i].overrides == NULL ? "" : rows[i].overrides;

		assert_true(opened >= 0);
		assert_int_equal(write(opened, lines, strlen(lines)), (ssize_t)strlen(lines));
		close(opened);
		start(&one, &none);
		for (const struct setting *row = policy_limit.settings; row->name != NULL; row++) {
			const char *value = strcmp(row->name, "key") == 0	  ? rows[i].key
					    : strcmp(row->name, "count") == 0	  ? rows[i].count
					    : strcmp(row->name, "reply") == 0	  ? rows[i].reply
					    : strcmp(row->name, "rate") == 0	  ? rows[i].rate
					    : strcmp(row->name, "overrides") == 0 ? file
										  : NULL;

			if (value != NULL)
				assert_true(setting_parse(
					row, value, "test", one.options, why, sizeof(why)));
		}
		assert_int_equal(
			policy_limit.verify(one.options, &one.site, &setting, why, sizeof(why)),
			rows[i].want == NULL);
		if (rows[i].want != NULL) {
			assert_string_equal(setting, rows[i].name);
			assert_non_null(strstr(why, rows[i].want));
		}
		stop(&one);
		unlink(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_connections, begin, finish),
		cmocka_unit_test_setup_teardown(test_strict_connections, begin, finish),
		cmocka_unit_test_setup_teardown(test_bytes, begin, finish),
		cmocka_unit_test_setup_teardown(test_declared_sizes, begin, finish),
		cmocka_unit_test_setup_teardown(test_refused_recipients, begin, finish),
		cmocka_unit_test_setup_teardown(test_refused_in_parallel, begin, finish),
		cmocka_unit_test_setup_teardown(test_organization, begin, finish),
		cmocka_unit_test_setup_teardown(test_monitor, begin, finish),
		cmocka_unit_test_setup_teardown(test_overrides, begin, finish),
		cmocka_unit_test_setup_teardown(test_verify, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
