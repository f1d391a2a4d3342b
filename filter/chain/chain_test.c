/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/lib/chain_case.h"
#include "log.h"
#include "stats.h"

static struct chain_case world;

static const char bob[] = "<bob@example.org>", carol[] = "<carol@example.org>",
		  friend[] = "<friend@example.org>", postmaster[] = "<Postmaster@example.org>";

#define assert_decided(want, policy_index, want_stage, given)                                      \
	check_decision(want, policy_index, want_stage, given, __LINE__)

static void check_decision(
	enum verdict want, int policy, enum stage stage, const struct decision *given, int line)
{
	const struct finding *decisive = given->decisive;
	bool right = given->verdict == want;

	if (want == VERDICT_CONTINUE)
		right = right && decisive == NULL;
	else
		right = right && decisive != NULL &&
			decisive->policy == chain_case_policies[policy] && decisive->stage == stage;
	if (want >= VERDICT_TEMPFAIL)
		right = right && given->reply.code[0] == (want == VERDICT_REJECT ? '5' : '4') &&
			strstr(given->reply.text, given->reference) != NULL;
	else
		right = right && given->reply.code[0] == '\0' && given->reference[0] == '\0';
	if (!right)
		fail_msg("line %d: %s by %s at %s, reply \"%s %s\"", line,
			verdict_name(given->verdict),
			decisive == NULL ? "nobody" : decisive->policy->name,
			decisive == NULL ? "no stage" : stage_name(decisive->stage),
			given->reply.code, given->reply.text);
}

static void assert_accepted(const char *forward_path)
{
	struct decision decision = chain_case_rcpt(&world, forward_path);

	assert_decided(VERDICT_CONTINUE, 0, 0, &decision);
}

static void assert_refused(const char *forward_path, int policy, enum stage stage)
{
	struct decision decision = chain_case_rcpt(&world, forward_path);

	assert_decided(VERDICT_REJECT, policy, stage, &decision);
	assert_int_equal(decision.stage, STAGE_RCPT);
}

/* Merging. ------------------------------------------------------------------------------------- */

#define ALL_OF_IT "a:connect b:connect a:helo b:helo a:mail b:mail a:rcpt b:rcpt "

static const struct merge_row {
	const char *what;
	struct {
		int policy;
		enum stage stage;
		enum action action;
	} acts[3];
	enum verdict want;
	int policy;
	enum stage stage;
	const char *judged;
} merge_rows[] = {
	{.what = "nothing found", .judged = ALL_OF_IT},
	{.what = "a reject ends it",
		.acts = {{CHAIN_A, STAGE_MAIL, ACTION_REJECT},
			{CHAIN_B, STAGE_MAIL, ACTION_REJECT}},
		.want = VERDICT_REJECT,
		.policy = CHAIN_A,
		.stage = STAGE_MAIL,
		.judged = "a:connect b:connect a:helo b:helo a:mail "},
	{.what = "a tempfail is remembered while the rest runs",
		.acts = {{CHAIN_A, STAGE_MAIL, ACTION_TEMPFAIL}},
		.want = VERDICT_TEMPFAIL,
		.policy = CHAIN_A,
		.stage = STAGE_MAIL,
		.judged = ALL_OF_IT},
	{.what = "a reject overrides a tempfail",
		.acts = {{CHAIN_A, STAGE_CONNECT, ACTION_TEMPFAIL},
			{CHAIN_B, STAGE_RCPT, ACTION_REJECT}},
		.want = VERDICT_REJECT,
		.policy = CHAIN_B,
		.stage = STAGE_RCPT,
		.judged = ALL_OF_IT},
	{.what = "the first of equals stands",
		.acts = {{CHAIN_A, STAGE_RCPT, ACTION_TEMPFAIL},
			{CHAIN_B, STAGE_HELO, ACTION_TEMPFAIL}},
		.want = VERDICT_TEMPFAIL,
		.policy = CHAIN_B,
		.stage = STAGE_HELO,
		.judged = ALL_OF_IT},
	{.what = "a tempfail overrides quarantine",
		.acts = {{CHAIN_A, STAGE_HELO, ACTION_QUARANTINE},
			{CHAIN_B, STAGE_HELO, ACTION_TEMPFAIL}},
		.want = VERDICT_TEMPFAIL,
		.policy = CHAIN_B,
		.stage = STAGE_HELO,
		.judged = ALL_OF_IT},
	{.what = "quarantine lets pass for now",
		.acts = {{CHAIN_A, STAGE_HELO, ACTION_QUARANTINE}},
		.want = VERDICT_QUARANTINE,
		.policy = CHAIN_A,
		.stage = STAGE_HELO,
		.judged = ALL_OF_IT},
	{.what = "what only notes does nothing",
		.acts = {{CHAIN_A, STAGE_HELO, ACTION_SUSPECT}, {CHAIN_A, STAGE_MAIL, ACTION_TAG},
			{CHAIN_B, STAGE_RCPT, ACTION_MONITOR}},
		.judged = ALL_OF_IT},
};

static void test_merge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(merge_rows); i++) {
		const struct merge_row *row = &merge_rows[i];
		struct decision decision;

		chain_case_start(&world, "a b");
		for (size_t j = 0; j < ARRAY_COUNT(row->acts); j++)
			if (row->acts[j].action != ACTION_OFF)
				chain_case_act(&world, row->acts[j].policy, row->acts[j].stage,
					row->acts[j].action);
		chain_case_open(&world);
		decision = chain_case_rcpt(&world, bob);
		print_message("%s\n", row->what);
		assert_decided(row->want, row->policy, row->stage, &decision);
		assert_string_equal(world.judged, row->judged);
		chain_case_end(&world);
	}
}

static void test_monitor(void **state)
{
	const struct findings *findings;

	(void)state;
	chain_case_start(&world, "a b");
	world.conf->policies[CHAIN_A].trial.mode = MODE_MONITOR;
	chain_case_act(&world, CHAIN_A, STAGE_MAIL, ACTION_REJECT);
	chain_case_open(&world);
	assert_accepted(bob);
	assert_string_equal(world.judged, ALL_OF_IT);
	findings = &chain_session(world.chain)->findings[SCOPE_TRANSACTION];
	assert_int_equal(findings->count, 1);
	assert_int_equal(findings->items[0]->action, ACTION_MONITOR);
	assert_int_equal(findings->items[0]->would, ACTION_REJECT);
	chain_case_end(&world);
}

/* When it is answered. ------------------------------------------------------------------------- */

static void test_reply_at_rcpt(void **state)
{
	(void)state;
	chain_case_start(&world, "a b");
	chain_case_open(&world);
	assert_string_equal(world.announced, "a:connect b:connect a:helo b:helo a:mail b:mail ");
	assert_string_equal(world.judged, "");
	chain_case_clear(&world);
	assert_accepted(bob);
	assert_string_equal(world.announced, "a:rcpt b:rcpt ");
	assert_string_equal(world.judged, ALL_OF_IT);
	chain_case_clear(&world);
	assert_accepted(carol);
	assert_string_equal(world.judged, "a:rcpt b:rcpt ");

	chain_case_mail(&world, "");
	chain_case_clear(&world);
	assert_accepted(bob);
	assert_string_equal(world.judged, "a:mail b:mail a:rcpt b:rcpt ");

	chain_case_helo(&world);
	chain_case_mail(&world, "");
	chain_case_clear(&world);
	assert_accepted(bob);
	assert_string_equal(world.judged, "a:helo b:helo a:mail b:mail a:rcpt b:rcpt ");
	chain_case_end(&world);
}

static void test_verdict_stays(void **state)
{
	static const enum action actions[] = {ACTION_TEMPFAIL, ACTION_REJECT};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(actions); i++) {
		enum verdict want = verdict_of_action(actions[i]);
		struct decision first, second;
		const struct finding *decisive;

		chain_case_start(&world, "a");
		chain_case_act(&world, CHAIN_A, STAGE_HELO, actions[i]);
		chain_case_open(&world);
		first = chain_case_rcpt(&world, bob);
		assert_decided(want, CHAIN_A, STAGE_HELO, &first);
		decisive = first.decisive;
		second = chain_case_rcpt(&world, carol);
		assert_decided(want, CHAIN_A, STAGE_HELO, &second);
		assert_ptr_equal(second.decisive, decisive);
		assert_string_not_equal(first.reference, second.reference);
		/* The administrator cannot change it in the middle; the next greeting can. */
		chain_case_act(&world, CHAIN_A, STAGE_HELO, ACTION_OFF);
		chain_case_mail(&world, "");
		second = chain_case_rcpt(&world, bob);
		assert_decided(want, CHAIN_A, STAGE_HELO, &second);
		chain_case_helo(&world);
		chain_case_mail(&world, "");
		assert_accepted(bob);
		chain_case_end(&world);
	}
}

static void test_reply_at_stage(void **state)
{
	struct decision decision;

	(void)state;
	chain_case_start(&world, "a b");
	world.conf->site.reply_at = REPLY_AT_STAGE;
	chain_case_act(&world, CHAIN_B, STAGE_HELO, ACTION_TEMPFAIL);
	decision = chain_case_connect(&world);
	assert_decided(VERDICT_CONTINUE, 0, 0, &decision);
	assert_string_equal(world.judged, "a:connect b:connect ");
	decision = chain_case_helo(&world);
	assert_decided(VERDICT_TEMPFAIL, CHAIN_B, STAGE_HELO, &decision);
	assert_int_equal(decision.stage, STAGE_HELO);
	/* A client that goes on all the same. */
	decision = chain_case_mail(&world, "");
	assert_decided(VERDICT_TEMPFAIL, CHAIN_B, STAGE_HELO, &decision);
	assert_int_equal(decision.stage, STAGE_MAIL);
	assert_string_equal(world.judged, "a:connect b:connect a:helo b:helo a:mail b:mail ");
	chain_case_act(&world, CHAIN_B, STAGE_HELO, ACTION_OFF);
	decision = chain_case_helo(&world);
	assert_decided(VERDICT_CONTINUE, 0, 0, &decision);
	chain_case_end(&world);
}

static void test_immediate(void **state)
{
	struct decision decision;

	(void)state;
	chain_case_start(&world, "now a");
	chain_case_act(&world, CHAIN_NOW, STAGE_CONNECT, ACTION_TEMPFAIL);
	decision = chain_case_connect(&world);
	assert_decided(VERDICT_TEMPFAIL, CHAIN_NOW, STAGE_CONNECT, &decision);
	assert_int_equal(decision.stage, STAGE_CONNECT);
	assert_string_equal(world.judged, "now:connect ");
	assert_string_equal(world.announced, "");
	/* An MTA that goes on all the same. */
	chain_case_helo(&world);
	chain_case_mail(&world, "");
	decision = chain_case_rcpt(&world, bob);
	assert_decided(VERDICT_TEMPFAIL, CHAIN_NOW, STAGE_CONNECT, &decision);
	assert_string_equal(world.judged, "now:connect a:connect a:helo a:mail now:rcpt a:rcpt ");
	chain_case_end(&world);
}

/* Who is exempt. ------------------------------------------------------------------------------- */

static void test_exempt_from_some_transaction_on(void **state)
{
	(void)state;
	chain_case_start(&world, "guard");
	chain_case_act(&world, CHAIN_GUARD, STAGE_HELO, ACTION_REJECT);
	chain_case_open(&world);
	assert_refused(bob, CHAIN_GUARD, STAGE_HELO);
	chain_case_clear(&world);
	chain_case_mail(&world, "anna"); /* AUTH came in between */
	assert_accepted(bob);
	assert_string_equal(world.judged, "");
	assert_string_equal(world.announced, "");
	chain_case_mail(&world, "");
	assert_refused(bob, CHAIN_GUARD, STAGE_HELO);
	assert_string_equal(world.judged, "");
	chain_case_end(&world);
}

static void test_exempt_recipient(void **state)
{
	(void)state;
	chain_case_start(&world, "guard a");
	chain_case_act(&world, CHAIN_GUARD, STAGE_MAIL, ACTION_REJECT);
	chain_case_open(&world);
	assert_accepted(friend);
	assert_string_equal(world.judged, "a:connect a:helo a:mail a:rcpt ");
	assert_refused(bob, CHAIN_GUARD, STAGE_MAIL);
	assert_accepted(friend);
	/* The message goes to friends only: it is exempt as they are, and all the rest looks at it
	 * though one recipient was refused. */
	chain_case_clear(&world);
	assert_int_equal(chain_case_eom(&world).verdict, VERDICT_CONTINUE);
	assert_string_equal(world.judged, "a:header a:body a:eom ");
	chain_case_end(&world);
}

/* One exempt recipient, whether first or last, takes nobody else along. */
static void test_exempt_recipient_among_others(void **state)
{
	const char *const orders[][2] = {{bob, friend}, {friend, bob}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
		struct decision decision;

		chain_case_start(&world, "guard a");
		chain_case_act(&world, CHAIN_GUARD, STAGE_EOM, ACTION_REJECT);
		chain_case_open(&world);
		assert_accepted(orders[i][0]);
		assert_accepted(orders[i][1]);
		chain_case_clear(&world);
		decision = chain_case_eom(&world);
		assert_decided(VERDICT_REJECT, CHAIN_GUARD, STAGE_EOM, &decision);
		assert_string_equal(
			world.judged, "a:header guard:header a:body guard:body a:eom guard:eom ");
		chain_case_end(&world);
	}
}

static void test_reserved_mailboxes(void **state)
{
	static const char *const exempt[] = {
		"<postmaster@example.org>", "<POSTMASTER>", "<abuse@example.org>"};
	static const char *const others[] = {"<postmaster@example.net>", "<abuse>",
		"<postmaster2@example.org>", "<postmaster%example.net@example.org>"};

	(void)state;
	chain_case_start(&world, "guard a");
	chain_case_act(&world, CHAIN_GUARD, STAGE_CONNECT, ACTION_REJECT);
	chain_case_open(&world);
	for (size_t i = 0; i < ARRAY_COUNT(exempt); i++)
		assert_accepted(exempt[i]);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		assert_refused(others[i], CHAIN_GUARD, STAGE_CONNECT);
	chain_case_end(&world);
}

/* What was found before and does not count for this recipient must not cut the end of message short:
 * forged fields would stay in the mail to postmaster. */
static void test_whole_end_of_message_for_postmaster(void **state)
{
	struct decision decision;

	(void)state;
	chain_case_start(&world, "guard a b charge");
	chain_case_act(&world, CHAIN_GUARD, STAGE_MAIL, ACTION_REJECT);
	chain_case_open(&world);
	assert_refused(bob, CHAIN_GUARD, STAGE_MAIL);
	assert_accepted(postmaster);
	chain_case_clear(&world);
	decision = chain_case_eom(&world);
	assert_decided(VERDICT_CONTINUE, 0, 0, &decision);
	assert_string_equal(
		world.judged, "a:header b:header a:body b:body a:eom b:eom charge:eom ");
	chain_case_end(&world);
}

/* A message that goes to postmaster only is exempt at its end as at RCPT, one that goes to others too is
 * not. */
static void test_end_of_message_for_reserved_mailboxes(void **state)
{
	struct decision decision;

	(void)state;
	chain_case_start(&world, "guard a");
	chain_case_act(&world, CHAIN_GUARD, STAGE_EOM, ACTION_REJECT);
	chain_case_open(&world);
	assert_accepted(postmaster);
	assert_accepted("<abuse@example.org>");
	decision = chain_case_eom(&world);
	assert_decided(VERDICT_CONTINUE, 0, 0, &decision);
	chain_end_transaction(world.chain, OUTCOME_ACCEPTED);
	chain_case_mail(&world, "");
	assert_accepted(postmaster);
	assert_accepted(bob);
	decision = chain_case_eom(&world);
	assert_decided(VERDICT_REJECT, CHAIN_GUARD, STAGE_EOM, &decision);
	chain_case_end(&world);
	chain_case_start(&world, "guard a");
	chain_case_act(&world, CHAIN_GUARD, STAGE_EOM, ACTION_REJECT);
	chain_case_open(&world);
	assert_accepted(bob);
	assert_accepted(postmaster);
	decision = chain_case_eom(&world);
	assert_decided(VERDICT_REJECT, CHAIN_GUARD, STAGE_EOM, &decision);
	chain_case_end(&world);
}

/* Charges. ------------------------------------------------------------------------------------- */

static void test_charges_run_last(void **state)
{
	static const struct {
		int policy;
		enum stage stage;
		enum action action;
		const char *judged, *refused;
	} rows[] = {
		{CHAIN_A, STAGE_RCPT, ACTION_OFF, "a:rcpt b:rcpt charge:rcpt charge2:rcpt ", ""},
		{CHAIN_A, STAGE_RCPT, ACTION_QUARANTINE, "a:rcpt b:rcpt charge:rcpt charge2:rcpt ",
			""},
		{CHAIN_A, STAGE_RCPT, ACTION_TEMPFAIL, "a:rcpt b:rcpt ", ""},
		{CHAIN_B, STAGE_RCPT, ACTION_REJECT, "a:rcpt b:rcpt ", ""},
		{CHAIN_CHARGE, STAGE_RCPT, ACTION_TEMPFAIL, "a:rcpt b:rcpt charge:rcpt ",
			"charge "},
		{CHAIN_CHARGE2, STAGE_RCPT, ACTION_TEMPFAIL,
			"a:rcpt b:rcpt charge:rcpt charge2:rcpt ", "charge charge2 "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		chain_case_start(&world, "charge charge2 a b");
		chain_case_open(&world);
		assert_accepted(carol);
		chain_case_clear(&world);
		chain_case_act(&world, rows[i].policy, rows[i].stage, rows[i].action);
		assert_int_equal(
			chain_case_rcpt(&world, bob).verdict, verdict_of_action(rows[i].action));
		assert_string_equal(world.judged, rows[i].judged);
		assert_string_equal(world.refused, rows[i].refused);
		chain_case_end(&world);
	}
}

static void test_charges_at_end_of_message(void **state)
{
	struct decision decision;

	(void)state;
	chain_case_start(&world, "charge charge2 a");
	chain_case_act(&world, CHAIN_CHARGE, STAGE_EOM, ACTION_TEMPFAIL);
	chain_case_open(&world);
	assert_accepted(bob);
	chain_case_clear(&world);
	decision = chain_case_eom(&world);
	assert_decided(VERDICT_TEMPFAIL, CHAIN_CHARGE, STAGE_EOM, &decision);
	assert_string_equal(world.judged, "a:header a:body a:eom charge:eom ");
	chain_case_act(&world, CHAIN_A, STAGE_EOM, ACTION_REJECT);
	chain_case_mail(&world, "");
	assert_accepted(bob);
	chain_case_clear(&world);
	decision = chain_case_eom(&world);
	assert_decided(VERDICT_REJECT, CHAIN_A, STAGE_EOM, &decision);
	assert_string_equal(world.judged, "a:header a:body a:eom ");
	chain_case_end(&world);
}

/* The header section is a fact for who reads it: from its first field, at end of message even without
 * one, and not in the next transaction. */
static void test_header_section(void **state)
{
	const struct header_section *section;

	(void)state;
	chain_case_start(&world, "a guard");
	chain_case_open(&world);
	assert_accepted(bob);
	chain_header(world.chain, "From", " a@example.org");
	section = chain_session(world.chain)->transaction.header;
	assert_non_null(section);
	chain_header(world.chain, "To", " b@example.org");
	assert_int_equal(section->fields, 2);
	assert_int_equal(section->from.count, 1);
	chain_case_mail(&world, "");
	assert_null(chain_session(world.chain)->transaction.header);
	assert_accepted(bob);
	chain_eom(world.chain);
	assert_non_null(chain_session(world.chain)->transaction.header);
	chain_end_transaction(world.chain, OUTCOME_ACCEPTED);
	assert_null(chain_session(world.chain)->transaction.header);
	chain_case_end(&world);

	chain_case_start(&world, "a");
	chain_case_open(&world);
	assert_accepted(bob);
	chain_header(world.chain, "From", " a@example.org");
	chain_eom(world.chain);
	assert_null(chain_session(world.chain)->transaction.header);
	chain_case_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_monitor),
		cmocka_unit_test(test_reply_at_rcpt),
		cmocka_unit_test(test_verdict_stays),
		cmocka_unit_test(test_reply_at_stage),
		cmocka_unit_test(test_immediate),
		cmocka_unit_test(test_exempt_from_some_transaction_on),
		cmocka_unit_test(test_exempt_recipient),
		cmocka_unit_test(test_exempt_recipient_among_others),
		cmocka_unit_test(test_reserved_mailboxes),
		cmocka_unit_test(test_whole_end_of_message_for_postmaster),
		cmocka_unit_test(test_end_of_message_for_reserved_mailboxes),
		cmocka_unit_test(test_charges_run_last),
		cmocka_unit_test(test_charges_at_end_of_message),
		cmocka_unit_test(test_header_section),
	};

	log_open(LOG_TO_STDERR, LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
