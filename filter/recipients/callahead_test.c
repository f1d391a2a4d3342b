/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole call-ahead against a server that misbehaves on command. */
#include "callahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "../../tests/lib/fake_mta.h"
#include "../../tests/lib/store_case.h"
#include "callahead_cache.h"
#include "callahead_meter.h"
#include "clock.h"

enum { LONG_MS = 60000, SHORT_MS = 150 };

/* A server, a store, and a call-ahead to it. */
struct stand {
	struct fake_mta server;
	struct store *store;
	struct callahead *callahead;
	struct callahead_question question;
	struct path path;
	char text[100];
	char why[CALLAHEAD_WHY_SIZE];
};

static void connect_stand(struct stand *stand, const char *text, int64_t timeout_ms)
{
	const struct callahead_options options = {.timeout_ms = timeout_ms,
		.known_ms = LONG_MS,
		.unknown_ms = LONG_MS,
		.remember_ms = LONG_MS};
	struct callahead_target target;

	if (text != stand->text)
		snprintf(stand->text, sizeof(stand->text), "%s", text);
	assert_true(callahead_target_parse(text, &target));
	stand->callahead = callahead_create(&target, &options);
}

static void start(struct stand *stand, bool local, int64_t timeout_ms)
{
	char text[100];

	memset(stand, 0, sizeof(*stand));
	fake_mta_start(&stand->server, local);
	stand->store = open_store();
	if (local)
		snprintf(text, sizeof(text), "lmtp:%s", stand->server.path);
	else
		snprintf(text, sizeof(text), "smtp:127.0.0.1:%d", stand->server.port);
	connect_stand(stand, text, timeout_ms);
	stand->question = (struct callahead_question){.store = stand->store,
		.our_name = "mx.example.org",
		.path = &stand->path,
		.deadline_ms = clock_monotonic_ms() + LONG_MS};
}

static void stop(struct stand *stand)
{
	callahead_free(&stand->callahead);
	fake_mta_stop(&stand->server);
	store_close(&stand->store);
}

static enum callahead_answer ask(struct stand *stand, const char *address)
{
	assert_int_equal(path_parse(address, true, &stand->path), PATH_OK);
	return callahead_ask(stand->callahead, &stand->question, stand->why);
}

#define ASSERT_ANSWER(stand, address, want)                                                        \
	do {                                                                                       \
		enum callahead_answer answer_ = ask(stand, address);                               \
		if (answer_ != (want))                                                             \
			fail_msg("line %d: %s: answer %d, not %d (%s)", __LINE__, address,         \
				(int)answer_, (int)(want), (stand)->why);                          \
	} while (0)

static void test_good_server(void **state)
{
	struct stand stand;

	(void)state;
	for (int local = 0; local < 2; local++) {
		start(&stand, local == 1, LONG_MS);
		ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
		ASSERT_ANSWER(&stand, "\"b b\"@example.org", CALLAHEAD_KNOWN);
		ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNKNOWN);
		assert_string_equal(stand.server.last_mail, "MAIL FROM:<>");
		ASSERT_ANSWER(&stand, "m\xc3\xbcller@example.org", CALLAHEAD_KNOWN);
		assert_string_equal(stand.server.last_mail, "MAIL FROM:<> SMTPUTF8");
		/* One connection served them all, in the right protocol. */
		assert_int_equal(stand.server.connections, 1);
		assert_int_equal(stand.server.lhlo, local);
		/* The random recipient was tried once. */
		assert_int_equal(fake_mta_recipients(&stand.server), 5);
		stop(&stand);
	}
}

static void test_answers_are_kept(void **state)
{
	struct stand stand;
	struct callahead_names names;

	(void)state;
	start(&stand, false, LONG_MS);
	stand.question.dry_run = true;
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNKNOWN);
	stand.question.dry_run = false;
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNKNOWN);
	assert_int_equal(fake_mta_recipients(&stand.server), 2);
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNKNOWN);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
	assert_int_equal(fake_mta_recipients(&stand.server), 4);
	/* A value of somebody else's is not believed. */
	callahead_names(&names, stand.text, &stand.path);
	assert_int_equal(store_put(stand.store, names.address, "uu", 2, LONG_MS), STORE_OK);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
	assert_int_equal(fake_mta_recipients(&stand.server), 5);
	/* Another process with the same store does not ask at all. */
	callahead_free(&stand.callahead);
	connect_stand(&stand, stand.text, LONG_MS);
	fake_mta_order(&stand.server, NULL);
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNKNOWN);
	assert_int_equal(fake_mta_connections(&stand.server), 0);
	stop(&stand);
}

/* What the target says to RCPT, and what it means. */
static const char *ordered_rcpt;
static const char *postmaster_reply;

static const char *say_ordered(const char *address)
{
	if (strncmp(address, "postmaster@", 11) == 0 && postmaster_reply != NULL)
		return postmaster_reply;
	return strncmp(address, "no-such-user-", 13) == 0 ? "550 5.1.1 no" : ordered_rcpt;
}

static void test_meaning_of_replies(void **state)
{
	static const struct {
		const char *reply;
		const char *postmaster; /* NULL: as REPLY */
		enum callahead_answer want;
	} rows[] = {
		{"250 Ok", NULL, CALLAHEAD_KNOWN},
		{"250-2.1.5 Ok\r\n250 2.1.5 more", NULL, CALLAHEAD_KNOWN},
		{"250", NULL, CALLAHEAD_KNOWN},
		{"251 will forward", NULL, CALLAHEAD_KNOWN},
		{"550 5.1.1 unknown", NULL, CALLAHEAD_UNKNOWN},
		{"550-5.1.1 The account does\r\n550 5.1.1 not exist", NULL, CALLAHEAD_UNKNOWN},
		{"550 5.1.10 RecipientNotFound", NULL, CALLAHEAD_UNKNOWN},
		{"551 5.1.6 moved", NULL, CALLAHEAD_UNKNOWN},
		{"550 5.2.1 disabled", NULL, CALLAHEAD_UNKNOWN},
		/* A refusal that may be for us. */
		{"550 no", NULL, CALLAHEAD_UNSURE},
		{"550 no", "250 Ok", CALLAHEAD_UNKNOWN},
		{"550 no", "450 later", CALLAHEAD_UNSURE},
		{"550 no", "!close", CALLAHEAD_UNSURE},
		{"553 no", "250 Ok", CALLAHEAD_UNKNOWN},
		{"550 5.4.1 denied", "250 Ok", CALLAHEAD_UNKNOWN},
		{"550 5.4.1 denied", NULL, CALLAHEAD_UNSURE},
		{"550 5.7.1 relaying denied", "250 Ok", CALLAHEAD_UNSURE},
		{"554 5.7.1 blocked", "250 Ok", CALLAHEAD_UNSURE},
		{"550 5.1.8 bad sender", "250 Ok", CALLAHEAD_UNSURE},
		{"552 5.2.2 full", "250 Ok", CALLAHEAD_UNSURE},
		{"503 5.5.1 first MAIL", "250 Ok", CALLAHEAD_UNSURE},
		{"530 5.7.0 Must issue a STARTTLS command first", "250 Ok", CALLAHEAD_UNSURE},
		{"252 cannot verify", NULL, CALLAHEAD_UNSURE},
		{"354 go on", NULL, CALLAHEAD_UNSURE},
		{"421 closing", NULL, CALLAHEAD_UNSURE},
		{"450 4.2.0 greylisted", NULL, CALLAHEAD_UNSURE},
		{"451 later", NULL, CALLAHEAD_UNSURE},
		{"452 4.2.2 full", NULL, CALLAHEAD_UNSURE},
		/* No replies. */
		{"250x", NULL, CALLAHEAD_UNSURE},
		{"2500 Ok", NULL, CALLAHEAD_UNSURE},
		{"25", NULL, CALLAHEAD_UNSURE},
		{"", NULL, CALLAHEAD_UNSURE},
		{"150 Ok", NULL, CALLAHEAD_UNSURE},
		{"650 5.1.1 Ok", NULL, CALLAHEAD_UNSURE},
		{"250-Ok\r\n550 5.1.1 no", NULL, CALLAHEAD_UNSURE},
		{"550-5.1.1 no\r\n250 Ok", NULL, CALLAHEAD_UNSURE},
		{"!close", NULL, CALLAHEAD_UNSURE},
		{"!reset", NULL, CALLAHEAD_UNSURE},
		{"!garbage", NULL, CALLAHEAD_UNSURE},
		{"!flood", NULL, CALLAHEAD_UNSURE},
		{"!long", NULL, CALLAHEAD_UNSURE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct fake_mta_orders orders = {.rcpt = say_ordered};
		struct stand stand;
		enum callahead_answer answer;

		ordered_rcpt = rows[i].reply;
		postmaster_reply = rows[i].postmaster;
		start(&stand, false, LONG_MS);
		fake_mta_order(&stand.server, &orders);
		answer = ask(&stand, "anna@example.org");
		if (answer != rows[i].want)
			fail_msg("\"%s\": answer %d, not %d (%s)", rows[i].reply, (int)answer,
				(int)rows[i].want, stand.why);
		/* What is not sure is not kept. */
		fake_mta_order(&stand.server, &orders);
		(void)ask(&stand, "anna@example.org");
		if (answer != CALLAHEAD_UNSURE && fake_mta_recipients(&stand.server) != 0)
			fail_msg("\"%s\" was asked twice", rows[i].reply);
		assert_null(strstr(stand.why, "SECRET"));
		stop(&stand);
	}
}

/* Every way to misbehave at every step is no answer, and never takes longer than the deadline. */
static void test_misbehaviour(void **state)
{
	static const char *const tricks[] = {"!close", "!reset", "!silent", "!flood", "!long",
		"!garbage", "!drip", "421 4.3.2 closing", "451 later", "554 5.7.1 go away",
		"550 no", "999 what", "hello"};
	static const char *const steps[] = {"banner", "EHLO", "MAIL"};

	(void)state;
	for (size_t t = 0; t < ARRAY_COUNT(tricks); t++) {
		for (size_t s = 0; s < ARRAY_COUNT(steps); s++) {
			struct fake_mta_orders orders = {0};
			struct stand stand;

			/* A server without EHLO is fine as long as it has HELO. */
			if (s == 0)
				orders.banner = tricks[t];
			else if (s == 1)
				orders.ehlo = orders.helo = tricks[t];
			else
				orders.mail = tricks[t];
			start(&stand, false,
				strcmp(tricks[t], "!silent") == 0 || strcmp(tricks[t], "!drip") == 0
					? SHORT_MS
					: LONG_MS);
			fake_mta_order(&stand.server, &orders);
			if (ask(&stand, "anna@example.org") != CALLAHEAD_UNSURE ||
				stand.why[0] == '\0' || strstr(stand.why, "SECRET") != NULL)
				fail_msg("%s at %s: %s", tricks[t], steps[s], stand.why);
			stop(&stand);
		}
	}
}

static void test_late_misbehaviour(void **state)
{
	static const char *const tricks[] = {
		"!close", "!reset", "!garbage", "!twice", "421 bye", "500 what"};

	(void)state;
	for (size_t t = 0; t < ARRAY_COUNT(tricks); t++) {
		const struct fake_mta_orders orders = {.rset = tricks[t]};
		struct stand stand;

		start(&stand, false, LONG_MS);
		fake_mta_order(&stand.server, &orders);
		/* The answer was there before; the connection is not used again. */
		ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNKNOWN);
		ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
		assert_int_equal(fake_mta_connections(&stand.server), 2);
		stop(&stand);
	}
}

/* A reply nobody asked for is never taken for the answer about the next recipient. */
static void test_reply_out_of_turn(void **state)
{
	const struct fake_mta_orders orders = {.mail = "!twice"};
	struct stand stand;

	(void)state;
	start(&stand, false, LONG_MS);
	fake_mta_order(&stand.server, &orders);
	for (int i = 0; i < 3; i++)
		assert_int_not_equal(ask(&stand, "bob@example.org"), CALLAHEAD_KNOWN);
	stop(&stand);
}

static void test_helo_only(void **state)
{
	const struct fake_mta_orders orders = {.ehlo = "502 5.5.2 what?"};
	struct stand stand;

	(void)state;
	start(&stand, false, LONG_MS);
	fake_mta_order(&stand.server, &orders);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
	ASSERT_ANSWER(&stand, "m\xc3\xbcller@example.org", CALLAHEAD_UNSURE);
	stop(&stand);
	start(&stand, true, LONG_MS);
	fake_mta_order(&stand.server, &orders);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_UNSURE);
	stop(&stand);
}

static const char *take_all(const char *address)
{
	(void)address;
	return "250 2.1.5 Ok";
}

static const char *later_at_random(const char *address)
{
	return strncmp(address, "no-such-user-", 13) == 0 ? "450 later" : "250 Ok";
}

static void test_catch_all(void **state)
{
	struct fake_mta_orders orders = {.rcpt = take_all};
	struct stand stand;

	(void)state;
	start(&stand, false, LONG_MS);
	fake_mta_order(&stand.server, &orders);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_CATCH_ALL);
	assert_int_equal(fake_mta_recipients(&stand.server), 2);
	/* For the domain, for as long as answers are kept. */
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_CATCH_ALL);
	assert_int_equal(fake_mta_recipients(&stand.server), 2);
	ASSERT_ANSWER(&stand, "bob@example.net", CALLAHEAD_CATCH_ALL);
	assert_int_equal(fake_mta_recipients(&stand.server), 4);
	stop(&stand);
	/* A random recipient that is put off proves nothing: tried again with the next one. */
	start(&stand, false, LONG_MS);
	orders.rcpt = later_at_random;
	fake_mta_order(&stand.server, &orders);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_KNOWN);
	assert_int_equal(fake_mta_recipients(&stand.server), 4);
	stop(&stand);
}

static bool find_meter(const char *target, struct callahead_meter_state *state_r)
{
	static struct callahead_meter_state states[CALLAHEAD_METERS_MAX];
	size_t count = callahead_meter_read(states, CALLAHEAD_METERS_MAX);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(states[i].target, target) == 0) {
			*state_r = states[i];
			return true;
		}
	}
	return false;
}

/* What the process has counted of TARGET. */
static struct callahead_meter_state metered(const char *target)
{
	struct callahead_meter_state state = {.target = NULL};

	if (!find_meter(target, &state))
		fail_msg("%s has no meter", target);
	return state;
}

static void test_meter(void **state)
{
	struct callahead_meter_state before, after;
	struct callahead *old;
	struct stand stand;

	(void)state;
	start(&stand, false, LONG_MS);
	before = metered(stand.text);
	assert_true(before.up);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
	fake_mta_stop(&stand.server);
	for (int i = 0; i < 5; i++)
		ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNSURE);
	after = metered(stand.text);
	assert_false(after.up);
	assert_int_equal(
		after.events[CALLAHEAD_EVENT_ASKED] - before.events[CALLAHEAD_EVENT_ASKED], 6);
	assert_int_equal(
		after.events[CALLAHEAD_EVENT_CACHED] - before.events[CALLAHEAD_EVENT_CACHED], 1);
	assert_true(after.events[CALLAHEAD_EVENT_FAILED] > before.events[CALLAHEAD_EVENT_FAILED]);
	/* A new configuration goes on with it, and is there before the old one goes. */
	old = stand.callahead;
	connect_stand(&stand, stand.text, LONG_MS);
	callahead_free(&old);
	assert_int_equal(metered(stand.text).events[CALLAHEAD_EVENT_ASKED],
		after.events[CALLAHEAD_EVENT_ASKED]);
	assert_false(metered(stand.text).up);
	/* What no configuration names is no more shown as down; if it comes back, it is not known to be. */
	callahead_free(&stand.callahead);
	assert_false(find_meter(stand.text, &after));
	connect_stand(&stand, stand.text, LONG_MS);
	assert_true(metered(stand.text).up);
	callahead_free(&stand.callahead);
	store_close(&stand.store);
}

static void test_nobody_there(void **state)
{
	struct stand stand;
	struct callahead_state now;

	(void)state;
	start(&stand, false, LONG_MS);
	fake_mta_stop(&stand.server);
	for (int i = 0; i < 5; i++)
		ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_UNSURE);
	/* Soon nobody waits for it any more. */
	callahead_state(stand.callahead, &now);
	assert_false(now.up);
	assert_true(now.failures < 5);
	assert_int_equal(now.open, 0);
	callahead_free(&stand.callahead);
	/* No such socket. */
	connect_stand(&stand, "lmtp:/nonexistent/lmtp", LONG_MS);
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_UNSURE);
	callahead_free(&stand.callahead);
	store_close(&stand.store);
}

static void test_what_was_refused_before(void **state)
{
	struct stand stand;
	struct callahead_names names;

	(void)state;
	start(&stand, false, LONG_MS);
	stand.question.remember = true;
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNKNOWN);
	callahead_names(&names, stand.text, &stand.path);
	/* The fresh answer runs out, and the target is down. */
	assert_int_equal(store_put(stand.store, names.address, "-", 1, LONG_MS), STORE_OK);
	fake_mta_stop(&stand.server);
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNKNOWN);
	ASSERT_ANSWER(&stand, "carl@example.org", CALLAHEAD_UNSURE);
	stand.question.remember = false;
	ASSERT_ANSWER(&stand, "bob@example.org", CALLAHEAD_UNSURE);
	callahead_free(&stand.callahead);
	store_close(&stand.store);
}

static void test_kept_connection_dies(void **state)
{
	const struct fake_mta_orders orders = {.hang_up_when_idle = true};
	struct stand stand;
	char address[64];

	(void)state;
	start(&stand, false, LONG_MS);
	fake_mta_order(&stand.server, &orders);
	for (int i = 0; i < 10; i++) {
		snprintf(address, sizeof(address), "bob%d@example.org", i);
		ASSERT_ANSWER(&stand, address, CALLAHEAD_UNKNOWN);
	}
	stop(&stand);
	/* Nor does one connection collect so many refusals that the target slows down. */
	start(&stand, false, LONG_MS);
	for (int i = 0; i < 20; i++) {
		snprintf(address, sizeof(address), "bob%d@example.org", i);
		ASSERT_ANSWER(&stand, address, CALLAHEAD_UNKNOWN);
	}
	assert_int_equal(fake_mta_connections(&stand.server), 3);
	stop(&stand);
}

static void test_name_of_target(void **state)
{
	struct stand stand;
	char text[100];

	(void)state;
	start(&stand, false, LONG_MS);
	callahead_free(&stand.callahead);
	snprintf(text, sizeof(text), "smtp:Store.Example.org:%d", stand.server.port);
	connect_stand(&stand, text, LONG_MS);
	fake_dns_clear();
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_UNSURE);
	callahead_free(&stand.callahead);
	connect_stand(&stand, text, LONG_MS);
	fake_dns("store.example.org", DNS_A, "127.0.0.99 127.0.0.1");
	ASSERT_ANSWER(&stand, "anna@example.org", CALLAHEAD_KNOWN);
	fake_dns_clear();
	stop(&stand);
}

/* Many at once. */
enum { THREADS = 16 };

struct asker {
	pthread_t thread;
	struct stand *stand;
	char address[64];
	struct path path;
	enum callahead_answer answer;
};

static void *run_asker(void *given)
{
	struct asker *asker = given;
	struct callahead_question question = asker->stand->question;
	char why[CALLAHEAD_WHY_SIZE];

	question.path = &asker->path;
	asker->answer = callahead_ask(asker->stand->callahead, &question, why);
	return NULL;
}

static void ask_all(struct stand *stand, struct asker *askers, bool equal)
{
	memset(askers, 0, THREADS * sizeof(askers[0]));
	for (int i = 0; i < THREADS; i++) {
		askers[i].stand = stand;
		snprintf(askers[i].address, sizeof(askers[i].address), "bob%d@example.org",
			equal ? 0 : i);
		assert_int_equal(path_parse(askers[i].address, false, &askers[i].path), PATH_OK);
		assert_int_equal(pthread_create(&askers[i].thread, NULL, run_asker, &askers[i]), 0);
	}
}

static void join_all(struct asker *askers, enum callahead_answer want)
{
	for (int i = 0; i < THREADS; i++) {
		pthread_join(askers[i].thread, NULL);
		assert_int_equal(askers[i].answer, want);
	}
}

static void test_equal_questions_are_shared(void **state)
{
	const struct fake_mta_orders hold = {.hold = true};
	struct callahead_state now;
	struct asker askers[THREADS];
	struct stand stand;

	(void)state;
	start(&stand, false, LONG_MS);
	fake_mta_order(&stand.server, &hold);
	ask_all(&stand, askers, true);
	do
		callahead_state(stand.callahead, &now);
	while ((now.shared < THREADS - 1 || fake_mta_connections(&stand.server) == 0) &&
		usleep(1000) == 0);
	assert_int_equal(fake_mta_connections(&stand.server), 1);
	fake_mta_order(&stand.server, NULL);
	join_all(askers, CALLAHEAD_UNKNOWN);
	callahead_state(stand.callahead, &now);
	assert_int_equal(now.asked, 1);
	assert_int_equal(now.open, 1);
	stop(&stand);
}

static void test_many_questions(void **state)
{
	struct callahead_state now;
	struct asker askers[THREADS];
	struct stand stand;

	(void)state;
	start(&stand, false, LONG_MS);
	ask_all(&stand, askers, false);
	join_all(askers, CALLAHEAD_UNKNOWN);
	callahead_state(stand.callahead, &now);
	assert_true(now.open <= 4);
	assert_int_equal(now.open, now.idle);
	assert_true(fake_mta_connections(&stand.server) <= THREADS);
	stop(&stand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_server),
		cmocka_unit_test(test_answers_are_kept),
		cmocka_unit_test(test_meaning_of_replies),
		cmocka_unit_test(test_misbehaviour),
		cmocka_unit_test(test_late_misbehaviour),
		cmocka_unit_test(test_reply_out_of_turn),
		cmocka_unit_test(test_helo_only),
		cmocka_unit_test(test_catch_all),
		cmocka_unit_test(test_meter),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_what_was_refused_before),
		cmocka_unit_test(test_kept_connection_dies),
		cmocka_unit_test(test_name_of_target),
		cmocka_unit_test(test_equal_questions_are_shared),
		cmocka_unit_test(test_many_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
