/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of scopes: every end exactly once, whatever the order of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/lib/chain_case.h"
#include "log.h"
#include "stats.h"

static struct chain_case world;

static const char bob[] = "<bob@example.org>";

static void test_accepted_message(void **state)
{
	(void)state;
	chain_case_start(&world, "a");
	chain_case_open(&world);
	chain_case_rcpt(&world, bob);
	chain_case_eom(&world);
	assert_string_equal(world.ended, "");
	chain_end_transaction(world.chain, OUTCOME_ACCEPTED);
	assert_string_equal(world.ended, "a:recipient=accepted/2 a:transaction=accepted/8 ");
	/* Close, and abort before it, as an MTA may do. */
	chain_case_clear(&world);
	chain_end_transaction(world.chain, OUTCOME_DROPPED);
	chain_end_transaction(world.chain, OUTCOME_DROPPED);
	assert_string_equal(world.ended, "");
	chain_free(&world.chain);
	assert_string_equal(world.ended, "a:greeting=dropped/10 a:connection=dropped/12 ");
	chain_free(&world.chain);
	chain_case_end(&world);
}

static void test_second_recipient(void **state)
{
	(void)state;
	chain_case_start(&world, "a");
	chain_case_open(&world);
	chain_case_rcpt(&world, bob);
	chain_case_clear(&world);
	chain_case_rcpt(&world, bob);
	assert_string_equal(world.ended, "a:recipient=dropped/2 ");
	chain_case_end(&world);
}

static void test_second_mail_without_abort(void **state)
{
	(void)state;
	chain_case_start(&world, "a");
	chain_case_open(&world);
	chain_case_mail(&world, "");
	assert_string_equal(world.ended, "a:transaction=dropped/1 ");
	assert_int_equal(chain_session(world.chain)->messages, 2);
	chain_case_end(&world);
}

static void test_second_greeting(void **state)
{
	(void)state;
	chain_case_start(&world, "a");
	chain_case_open(&world);
	chain_case_rcpt(&world, bob);
	chain_case_clear(&world);
	chain_case_helo(&world);
	assert_string_equal(
		world.ended, "a:recipient=dropped/2 a:transaction=dropped/4 a:greeting=dropped/6 ");
	assert_false(chain_session(world.chain)->transaction.open);
	chain_case_end(&world);
}

static void test_close_in_each_state(void **state)
{
	static const char *const want[] = {
		"",
		"a:connection=dropped/1 ",
		"a:greeting=dropped/1 a:connection=dropped/2 ",
		"a:transaction=dropped/1 a:greeting=dropped/2 a:connection=dropped/3 ",
		"a:recipient=dropped/2 a:transaction=dropped/4 a:greeting=dropped/6 "
		"a:connection=dropped/8 ",
		"a:recipient=dropped/2 a:transaction=dropped/8 a:greeting=dropped/10 "
		"a:connection=dropped/12 ",
	};

	(void)state;
	for (size_t steps = 0; steps < ARRAY_COUNT(want); steps++) {
		chain_case_start(&world, "a");
		if (steps > 0)
			chain_case_connect(&world);
		if (steps > 1)
			chain_case_helo(&world);
		if (steps > 2)
			chain_case_mail(&world, "");
		if (steps > 3)
			chain_case_rcpt(&world, bob);
		if (steps > 4)
			chain_case_eom(&world);
		chain_free(&world.chain);
		assert_string_equal(world.ended, want[steps]);
		chain_case_end(&world);
	}
}

static void test_no_greeting(void **state)
{
	(void)state;
	chain_case_start(&world, "a");
	chain_case_connect(&world);
	chain_case_mail(&world, "");
	chain_case_rcpt(&world, bob);
	assert_string_equal(world.judged, "a:connect a:mail a:rcpt ");
	chain_case_helo(&world);
	chain_case_mail(&world, "");
	chain_case_clear(&world);
	chain_case_rcpt(&world, bob);
	assert_string_equal(world.judged, "a:helo a:mail a:rcpt ");
	chain_case_end(&world);
}

static void test_policy_that_is_off(void **state)
{
	(void)state;
	chain_case_start(&world, "");
	chain_case_open(&world);
	assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_CONTINUE);
	assert_int_equal(chain_case_eom(&world).verdict, VERDICT_CONTINUE);
	chain_free(&world.chain);
	assert_string_equal(world.judged, "");
	assert_string_equal(world.announced, "");
	assert_string_equal(world.ended, "");
	chain_case_end(&world);
}

/* A reload must not pull the configuration away under a session. */
static void test_configuration_is_kept(void **state)
{
	(void)state;
	chain_case_start(&world, "a");
	conf_release(&world.conf);
	chain_case_open(&world);
	assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_CONTINUE);
	chain_free(&world.chain);
}

/* Quarantine. ---------------------------------------------------------------------------------- */

static void test_quarantine(void **state)
{
	static const enum stage stages[] = {
		STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_EOM};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(stages); i++) {
		enum stage stage = stages[i / 2];
		const struct transaction *transaction;
		struct stats before, after;
		char reason[40];

		chain_case_start(&world, "a");
		world.conf->site.reply_at = i % 2 == 0 ? REPLY_AT_RCPT : REPLY_AT_STAGE;
		chain_case_act(&world, CHAIN_A, stage, ACTION_QUARANTINE);
		chain_case_open(&world);
		chain_case_rcpt(&world, bob);
		stats_read(&before);
		assert_int_equal(chain_case_eom(&world).verdict, VERDICT_QUARANTINE);
		stats_read(&after);
		assert_int_equal(after.messages_quarantined, before.messages_quarantined + 1);
		assert_int_equal(after.messages_accepted, before.messages_accepted);
		transaction = &chain_session(world.chain)->transaction;
		assert_int_equal(transaction->edit_count, 1);
		assert_int_equal(transaction->edits[0].kind, EDIT_QUARANTINE);
		snprintf(reason, sizeof(reason), "a at %s", stage_name(stage));
		assert_string_equal(transaction->edits[0].name, reason);
		chain_case_end(&world);
	}
}

/* Who is refused takes no reason along, and the next message starts anew. */
static void test_quarantine_is_forgotten(void **state)
{
	(void)state;
	chain_case_start(&world, "a b");
	chain_case_act(&world, CHAIN_A, STAGE_RCPT, ACTION_QUARANTINE);
	chain_case_act(&world, CHAIN_B, STAGE_RCPT, ACTION_REJECT);
	chain_case_open(&world);
	assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_REJECT);
	chain_case_act(&world, CHAIN_A, STAGE_RCPT, ACTION_OFF);
	chain_case_act(&world, CHAIN_B, STAGE_RCPT, ACTION_OFF);
	assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_CONTINUE);
	assert_int_equal(chain_case_eom(&world).verdict, VERDICT_CONTINUE);

	chain_case_act(&world, CHAIN_A, STAGE_RCPT, ACTION_QUARANTINE);
	chain_case_mail(&world, "");
	assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_QUARANTINE);
	chain_case_act(&world, CHAIN_A, STAGE_RCPT, ACTION_OFF);
	assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_CONTINUE);
	assert_int_equal(chain_case_eom(&world).verdict, VERDICT_QUARANTINE);
	chain_case_mail(&world, "");
	chain_case_rcpt(&world, bob);
	assert_int_equal(chain_case_eom(&world).verdict, VERDICT_CONTINUE);
	chain_case_end(&world);
}

/* Too many sessions that wait. ------------------------------------------------------------------ */

/* One in the midst of the other. */
enum { NESTED = 3 };
static struct decision decisions[NESTED];
static int running;

static void run_another_session(struct chain_case *outer)
{
	struct chain_case inner;
	int number = running++;

	chain_case_start(&inner, "a charge");
	inner.conf->site.max_waiting = outer->conf->site.max_waiting;
	if (running < NESTED)
		inner.during_judge = run_another_session;
	chain_case_open(&inner);
	decisions[number] = chain_case_rcpt(&inner, bob);
	assert_string_equal(inner.refused, "");
	chain_case_end(&inner);
}

/* Those of this world wait for no look-up: twice as many may be there. */
static void test_too_many_wait(void **state)
{
	(void)state;
	for (int bound = 1; bound <= 2; bound++) {
		const struct decision *last = &decisions[NESTED - 1];

		chain_case_start(&world, "a");
		world.conf->site.max_waiting = bound;
		world.during_judge = run_another_session;
		chain_case_open(&world);
		running = 1;
		assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_CONTINUE);
		assert_int_equal(running, NESTED);
		assert_int_equal(decisions[1].verdict, VERDICT_CONTINUE);
		if (bound == 2) {
			assert_int_equal(last->verdict, VERDICT_CONTINUE);
		} else {
			assert_int_equal(last->verdict, VERDICT_TEMPFAIL);
			assert_int_equal(last->stage, STAGE_RCPT);
			assert_null(last->decisive);
			assert_string_equal(last->reply.code, "451");
			assert_string_equal(last->reply.enhanced, "4.3.2");
			assert_non_null(strstr(last->reply.text, last->reference));
		}
		/* The place is free again. */
		running = NESTED - 1;
		run_another_session(&world);
		assert_int_equal(last->verdict, VERDICT_CONTINUE);
		chain_case_end(&world);
	}
}

/* Negotiation. --------------------------------------------------------------------------------- */

static void test_negotiation(void **state)
{
	/* Letters of stages: connect, unknown command, helo, mail, rcpt, header, body, eom. */
	static const struct {
		const char *on;
		enum reply_at reply_at;
		const char *wants, *may_answer;
	} rows[] = {
		{"", REPLY_AT_RCPT, "........", "....r..e"},
		{"", REPLY_AT_STAGE, "........", "....r..e"},
		{"now", REPLY_AT_RCPT, "c...r...", "c...r..e"},
		{"now", REPLY_AT_STAGE, "c...r...", "c...r..e"},
		{"charge", REPLY_AT_RCPT, "....r..e", "....r..e"},
		{"a", REPLY_AT_RCPT, "cuhmrHBe", ".u..r..e"},
		{"a", REPLY_AT_STAGE, "cuhmrHBe", "cuhmr..e"},
		{"a now", REPLY_AT_RCPT, "cuhmrHBe", "cu..r..e"},
	};
	static const char letters[] = "cuhmrHBe";

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char wants[STAGE_COUNT + 1] = "", may_answer[STAGE_COUNT + 1] = "";

		chain_case_start(&world, rows[i].on);
		world.conf->site.reply_at = (int)rows[i].reply_at;
		for (int stage = 0; stage < STAGE_COUNT; stage++) {
			wants[stage] =
				chain_wants(world.conf, (enum stage)stage) ? letters[stage] : '.';
			may_answer[stage] = chain_may_answer(world.conf, (enum stage)stage)
						    ? letters[stage]
						    : '.';
		}
		assert_string_equal(wants, rows[i].wants);
		assert_string_equal(may_answer, rows[i].may_answer);
		chain_case_end(&world);
	}
}

/* A command that nobody knows is answered where it stands, and what it led to holds for what follows on
 * that connection, but not for the next one. */
static void test_unknown_command(void **state)
{
	struct decision decision;

	(void)state;
	chain_case_start(&world, "a b");
	chain_case_open(&world);
	decision = chain_command(world.chain, "FOOBAR");
	assert_int_equal(decision.verdict, VERDICT_CONTINUE);
	assert_string_equal(world.judged, "a:command b:command ");
	chain_case_act(&world, CHAIN_B, STAGE_COMMAND, ACTION_TEMPFAIL);
	decision = chain_command(world.chain, "FOOBAR");
	assert_int_equal(decision.verdict, VERDICT_TEMPFAIL);
	assert_int_equal(decision.stage, STAGE_COMMAND);
	assert_int_equal(decision.reply.code[0], '4');
	chain_case_clear(&world);
	decision = chain_case_rcpt(&world, "<bob@example.org>");
	assert_int_equal(decision.verdict, VERDICT_TEMPFAIL);
	assert_null(strstr(world.judged, "command"));
	chain_case_open(&world);
	decision = chain_case_rcpt(&world, "<bob@example.org>");
	assert_int_equal(decision.verdict, VERDICT_CONTINUE);
	chain_case_end(&world);
}

/* Any order of events. -------------------------------------------------------------------------- */

static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % below;
}

static void check_early(const struct decision *decision, bool seen_rcpt)
{
	bool at_rcpt = world.conf->site.reply_at == REPLY_AT_RCPT;
	bool immediate = decision->decisive != NULL &&
			 decision->decisive->policy == chain_case_policies[CHAIN_NOW];

	if (at_rcpt && !immediate)
		assert_int_equal(decision->verdict, VERDICT_CONTINUE);
	if (at_rcpt && !seen_rcpt && world.conf->policies[CHAIN_NOW].trial.mode == MODE_OFF)
		assert_int_equal(world.decided, 0);
}

static void random_action(void)
{
	static const enum action actions[] = {ACTION_OFF, ACTION_OFF, ACTION_OFF, ACTION_OFF,
		ACTION_SUSPECT, ACTION_QUARANTINE, ACTION_TEMPFAIL, ACTION_REJECT};

	chain_case_act(&world, (int)draw(CHAIN_POLICIES), (enum stage)draw(STAGE_COUNT),
		actions[draw(ARRAY_COUNT(actions))]);
}

/* One event, in any order that an MTA or a hostile peer could cause; the door lets none of them
 * through before connect but the close. */
static void random_event(bool *seen_rcpt)
{
	static const char *const recipients[] = {
		"<bob@example.org>", "<friend@example.org>", "<postmaster>", "<<", ""};
	struct decision decision = {.verdict = VERDICT_CONTINUE};

	switch (draw(12)) {
	case 0:
		if (draw(8) == 0)
			decision = chain_case_connect(&world);
		break;
	case 1:
		decision = chain_case_helo(&world);
		break;
	case 2:
	case 3:
		decision = chain_case_mail(&world, draw(4) == 0 ? "anna" : "");
		break;
	case 4:
	case 5:
	case 6:
		*seen_rcpt = true;
		chain_case_rcpt(&world, recipients[draw(ARRAY_COUNT(recipients))]);
		return;
	case 7:
		chain_header(world.chain, "Subject", "a");
		return;
	case 11:
		chain_command(world.chain, "FOOBAR");
		return;
	case 8:
		*seen_rcpt = true;
		chain_eom(world.chain);
		return;
	case 9:
		chain_end_transaction(
			world.chain, draw(2) == 0 ? OUTCOME_ACCEPTED : OUTCOME_DROPPED);
		return;
	default:
		random_action();
		return;
	}
	check_early(&decision, *seen_rcpt);
}

static void test_any_order(void **state)
{
	enum { SESSIONS = 4000, EVENTS_MAX = 40 };
	static const char *const sets[] = {
		"a", "a b guard", "now a charge", "charge charge2 guard a b"};

	(void)state;
	for (unsigned session = 0; session < SESSIONS; session++) {
		bool seen_rcpt = false;
		unsigned events;

		seed = session * UINT64_C(0x9e3779b97f4a7c15) + 1;
		events = draw(EVENTS_MAX);
		chain_case_start(&world, sets[draw(ARRAY_COUNT(sets))]);
		world.quiet = true;
		world.conf->site.reply_at = draw(2) == 0 ? REPLY_AT_RCPT : REPLY_AT_STAGE;
		for (unsigned i = 0; i < events; i++)
			random_event(&seen_rcpt);
		chain_free(&world.chain);
		for (int scope = 0; scope < SCOPE_COUNT; scope++)
			if (world.begun[scope] != world.finished[scope])
				fail_msg("session %u: scope %d began %u times and ended %u times",
					session, scope, world.begun[scope], world.finished[scope]);
		chain_case_end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted_message),
		cmocka_unit_test(test_second_recipient),
		cmocka_unit_test(test_second_mail_without_abort),
		cmocka_unit_test(test_second_greeting),
		cmocka_unit_test(test_close_in_each_state),
		cmocka_unit_test(test_no_greeting),
		cmocka_unit_test(test_policy_that_is_off),
		cmocka_unit_test(test_configuration_is_kept),
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_quarantine_is_forgotten),
		cmocka_unit_test(test_too_many_wait),
		cmocka_unit_test(test_negotiation),
		cmocka_unit_test(test_unknown_command),
		cmocka_unit_test(test_any_order),
	};

	log_open(LOG_TO_STDERR, LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
