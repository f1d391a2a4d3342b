/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void hook(struct call *call)
{
	(void)call;
}

static void end(struct call *call, enum outcome outcome)
{
	(void)call;
	(void)outcome;
}

/* The options are the stages, 1 << stage, that are wanted. */
static bool wants(const void *options, size_t option_count, enum stage stage)
{
	assert_int_equal(option_count, 1);
	return (*(const unsigned *)options >> stage & 1) != 0;
}

static const struct policy bare = {.name = "bare"};
static const struct policy all = {
	.name = "all",
	.immediate = true,
	.reads_header = true,
	.announce = {[STAGE_CONNECT] = hook, [STAGE_EOM] = hook},
	.judge = {hook, hook, hook, hook, hook, hook, hook, hook},
	.end = {end, end, end, end},
	.before_recipient = hook,
	.recipient_answered = hook,
};
static const struct policy picky = {
	.name = "picky",
	.charges = true,
	.reads_header = true,
	.wants = wants,
	.judge = {[STAGE_MAIL] = hook,
		[STAGE_HEADER] = hook,
		[STAGE_BODY] = hook,
		[STAGE_EOM] = hook},
};

enum { BARE, ALL, PICKY, COUNT };
enum { OF_ALL = 1 << ALL, OF_PICKY = 1 << PICKY };

static unsigned wanted;
static struct policy_conf confs[COUNT];
static struct conf conf;

static const struct conf_hooks *make(void)
{
	confs[BARE].policy = &bare;
	confs[ALL].policy = &all;
	confs[PICKY] =
		(struct policy_conf){.policy = &picky, .options = &wanted, .option_count = 1};
	conf.policies = confs;
	conf.policy_count = COUNT;
	conf_hooks_make(&conf);
	return &conf.hooks;
}

static void test_hooks(void **state)
{
	const struct conf_hooks *hooks;

	(void)state;
	wanted = ~0U;
	hooks = make();
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		bool announced = stage == STAGE_CONNECT || stage == STAGE_EOM;

		assert_int_equal(hooks->announce[stage], announced ? OF_ALL : 0);
		assert_int_equal(hooks->judge[stage],
			picky.judge[stage] == NULL ? OF_ALL : OF_ALL | OF_PICKY);
	}
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		assert_int_equal(hooks->end[scope], OF_ALL);
	assert_int_equal(hooks->before_recipient, OF_ALL);
	assert_int_equal(hooks->recipient_answered, OF_ALL);
	assert_int_equal(hooks->immediate, OF_ALL);
	assert_int_equal(hooks->charges, OF_PICKY);
	assert_int_equal(hooks->reads_header, OF_ALL | OF_PICKY);
}

/* Fields and chunks come often; whatever comes once is told all the same. */
static void test_content_that_is_not_wanted(void **state)
{
	const struct conf_hooks *hooks;

	(void)state;
	wanted = 1U << STAGE_BODY;
	hooks = make();
	assert_int_equal(hooks->judge[STAGE_HEADER], OF_ALL);
	assert_int_equal(hooks->judge[STAGE_BODY], OF_ALL | OF_PICKY);
	assert_int_equal(hooks->judge[STAGE_MAIL], OF_ALL | OF_PICKY);
	assert_int_equal(hooks->judge[STAGE_EOM], OF_ALL | OF_PICKY);
	assert_int_equal(hooks->reads_header, OF_ALL);
}

static void test_off(void **state)
{
	const struct conf_hooks *hooks;

	(void)state;
	wanted = ~0U;
	confs[ALL].trial.mode = MODE_OFF;
	hooks = make();
	confs[ALL].trial.mode = MODE_ENFORCE;
	assert_int_equal(hooks->judge[STAGE_CONNECT], 0);
	assert_int_equal(hooks->judge[STAGE_EOM], OF_PICKY);
	assert_int_equal(hooks->end[SCOPE_TRANSACTION], 0);
	assert_int_equal(hooks->announce[STAGE_EOM], 0);
	assert_int_equal(hooks->immediate | hooks->before_recipient | hooks->recipient_answered, 0);
	assert_int_equal(hooks->reads_header, OF_PICKY);
	/* What is only tried runs. */
	confs[ALL].trial.mode = MODE_MONITOR;
	hooks = make();
	confs[ALL].trial.mode = MODE_ENFORCE;
	assert_int_equal(hooks->judge[STAGE_EOM], OF_ALL | OF_PICKY);
}

static void test_take(void **state)
{
	policy_set set = 1U << 0 | 1U << 5 | 1U << (POLICIES_MAX - 1);

	(void)state;
	assert_int_equal(policy_set_take(&set), 0);
	assert_int_equal(policy_set_take(&set), 5);
	assert_int_equal(policy_set_take(&set), POLICIES_MAX - 1);
	assert_int_equal(set, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_content_that_is_not_wanted),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
