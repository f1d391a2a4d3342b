/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose hooks are called, and what their findings are worth: trials, exemptions, and explain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/lib/chain_case.h"
#include "clock.h"
#include "log.h"

static struct chain_case world;

static const char bob[] = "<bob@example.org>", friend[] = "<friend@example.org>",
		  postmaster[] = "<postmaster@example.org>";

/* Trials. -------------------------------------------------------------------------------------- */

static void try_out(struct trial trial)
{
	chain_case_start(&world, "a b");
	world.conf->policies[CHAIN_A].trial = trial;
	chain_case_act(&world, CHAIN_A, STAGE_RCPT, ACTION_REJECT);
	chain_case_open(&world);
}

static void test_trial(void **state)
{
	const int64_t over = 1, later = (int64_t)clock_wall_ms() + 3600000;
	const struct {
		struct trial trial;
		enum verdict want;
	} rows[] = {
		{{MODE_ENFORCE, 100, 0}, VERDICT_REJECT},
		{{MODE_ENFORCE, 0, 0}, VERDICT_CONTINUE},
		{{MODE_ENFORCE, 0, later}, VERDICT_CONTINUE},
		{{MODE_ENFORCE, 0, over}, VERDICT_REJECT},
		{{MODE_MONITOR, 100, 0}, VERDICT_CONTINUE},
		{{MODE_MONITOR, 100, later}, VERDICT_CONTINUE},
		{{MODE_MONITOR, 100, over}, VERDICT_REJECT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		try_out(rows[i].trial);
		if (chain_case_rcpt(&world, bob).verdict != rows[i].want)
			fail_msg("row %zu", i);
		assert_int_equal(
			strstr(world.judged, "b:rcpt") != NULL, rows[i].want == VERDICT_CONTINUE);
		chain_case_end(&world);
	}
}

/* Some of the client's networks, always the same ones. */
static void test_share_of_clients(void **state)
{
	const struct trial trial = {MODE_ENFORCE, 30, 0};
	unsigned refused = 0;

	(void)state;
	for (unsigned net = 0; net < 100; net++) {
		bool holds_back;

		try_out(trial);
		chain_session(world.chain)->client.bytes[1] = (unsigned char)net;
		holds_back = trial_holds_back(&trial, "a", &chain_session(world.chain)->client);
		for (int i = 0; i < 2; i++)
			assert_int_equal(chain_case_rcpt(&world, bob).verdict,
				holds_back ? VERDICT_CONTINUE : VERDICT_REJECT);
		refused += holds_back ? 0 : 1;
		chain_case_end(&world);
	}
	assert_in_range(refused, 10, 60);
}

/* A session that is open at the end of a trial is not let off until it closes. */
static void test_end_of_a_trial_in_a_session(void **state)
{
	(void)state;
	for (int mode = MODE_ENFORCE; mode <= MODE_MONITOR; mode++) {
		try_out((struct trial){mode, 0, (int64_t)clock_wall_ms() + 3600000});
		assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_CONTINUE);
		world.conf->policies[CHAIN_A].trial.until_ms = (int64_t)clock_wall_ms();
		assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_REJECT);
		chain_case_end(&world);
	}
}

/* The same of a single check. */
static void test_end_of_the_trial_of_a_check(void **state)
{
	struct trial *trial;

	(void)state;
	try_out((struct trial){MODE_ENFORCE, 100, 0});
	trial = &world.conf->policies[CHAIN_A].check_trials[STAGE_RCPT];
	*trial = (struct trial){MODE_MONITOR, 100, (int64_t)clock_wall_ms() + 3600000};
	assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_CONTINUE);
	trial->until_ms = (int64_t)clock_wall_ms();
	assert_int_equal(chain_case_rcpt(&world, bob).verdict, VERDICT_REJECT);
	chain_case_end(&world);
}

/* Exemptions. ---------------------------------------------------------------------------------- */

static void test_exempt(void **state)
{
	static const struct {
		const char *auth_user, *recipient;
		bool skipped;
	} rows[] = {
		{"", bob, false},
		{"anna", bob, true},
		{"", friend, true},
		{"", postmaster, true},
		{"anna", postmaster, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		bool skipped = rows[i].skipped;

		chain_case_start(&world, "guard b");
		chain_case_connect(&world);
		chain_case_helo(&world);
		chain_case_mail(&world, rows[i].auth_user);
		assert_int_equal(
			chain_case_rcpt(&world, rows[i].recipient).verdict, VERDICT_CONTINUE);
		assert_string_equal(world.judged,
			skipped ? "b:connect b:helo b:mail b:rcpt "
				: "guard:connect b:connect guard:helo b:helo guard:mail b:mail "
				  "guard:rcpt b:rcpt ");
		chain_case_clear(&world);
		chain_case_eom(&world);
		assert_string_equal(world.judged,
			skipped ? "b:header b:body b:eom "
				: "guard:header b:header guard:body b:body guard:eom b:eom ");
		assert_string_equal(world.announced, skipped ? "b:eom " : "guard:eom b:eom ");
		assert_int_equal(chain_session(world.chain)->transaction.header == NULL, skipped);
		/* For another recipient the same client may not be. */
		chain_case_clear(&world);
		chain_case_mail(&world, "");
		chain_case_rcpt(&world, bob);
		assert_string_equal(world.judged,
			skipped ? "guard:connect guard:helo guard:mail b:mail guard:rcpt b:rcpt "
				: "guard:mail b:mail guard:rcpt b:rcpt ");
		chain_case_end(&world);
	}
}

/* Explain. ------------------------------------------------------------------------------------- */

static const struct finding *finding_of(enum scope scope, int policy)
{
	const struct findings *findings = &chain_session(world.chain)->findings[scope];

	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i]->policy == chain_case_policies[policy])
			return findings->items[i];
	return NULL;
}

/* What the answer does not hang on any more is looked at too, changes nothing, and says so. */
static void test_beyond_the_answer(void **state)
{
	struct decision decision;

	(void)state;
	chain_case_start(&world, "charge a b");
	chain_session(world.chain)->keep_all = true;
	chain_case_act(&world, CHAIN_A, STAGE_MAIL, ACTION_TEMPFAIL);
	chain_case_act(&world, CHAIN_B, STAGE_MAIL, ACTION_REJECT);
	chain_case_act(&world, CHAIN_A, STAGE_RCPT, ACTION_REJECT);
	chain_case_act(&world, CHAIN_CHARGE, STAGE_RCPT, ACTION_REJECT);
	chain_case_open(&world);
	chain_case_clear(&world);
	decision = chain_case_rcpt(&world, bob);
	assert_int_equal(decision.verdict, VERDICT_REJECT);
	assert_ptr_equal(decision.decisive, finding_of(SCOPE_TRANSACTION, CHAIN_B));
	assert_false(decision.decisive->beyond);
	assert_false(finding_of(SCOPE_TRANSACTION, CHAIN_A)->beyond);
	assert_true(finding_of(SCOPE_RECIPIENT, CHAIN_A)->beyond);
	assert_true(finding_of(SCOPE_RECIPIENT, CHAIN_CHARGE)->beyond);
	assert_non_null(strstr(world.judged, "a:mail b:mail "));
	assert_non_null(strstr(world.judged, "a:rcpt b:rcpt charge:rcpt "));
	chain_case_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trial),
		cmocka_unit_test(test_share_of_clients),
		cmocka_unit_test(test_end_of_a_trial_in_a_session),
		cmocka_unit_test(test_end_of_the_trial_of_a_check),
		cmocka_unit_test(test_exempt),
		cmocka_unit_test(test_beyond_the_answer),
	};

	log_open(LOG_TO_STDERR, LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
