/* SPDX-License-Identifier: BSD-2-Clause */
/* What the chain keeps for its policies, and for how long. */
#include "chain_private.h"

#include <stddef.h>
#include <string.h>

#include "mem.h"
#include "stats.h"

static size_t aligned(size_t size)
{
	return (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
}

void chain_scope_place(struct chain *chain)
{
	const struct conf *conf = chain->conf;
	size_t total = 0;

	for (size_t p = 0; p < conf->policy_count; p++)
		for (int scope = 0; scope < SCOPE_COUNT; scope++)
			total += aligned(conf->policies[p].policy->state_size[scope]);
	chain->memory = mem_alloc(total);
	total = 0;
	for (size_t p = 0; p < conf->policy_count; p++) {
		for (int scope = 0; scope < SCOPE_COUNT; scope++) {
			size_t size = conf->policies[p].policy->state_size[scope];

			if (size == 0)
				continue;
			chain->slots[p].state[scope] = chain->memory + total;
			total += aligned(size);
		}
	}
}

struct call chain_scope_call(struct chain *chain, size_t p, enum stage stage)
{
	const struct policy_conf *policy_conf = &chain->conf->policies[p];
	struct call call = {
		.session = &chain->session,
		.policy = policy_conf->policy,
		.options = policy_conf->options,
		.option_count = policy_conf->option_count,
		.fail_actions = policy_conf->fail,
		.temperror_actions = policy_conf->temperror,
		.monitor = trial_holds_back(
			&policy_conf->trial, policy_conf->policy->name, &chain->session.client),
		.check_trials = policy_conf->check_trials,
		.stage = stage,
	};

	memcpy(call.state, chain->slots[p].state, sizeof(call.state));
	return call;
}

static unsigned stages_of(enum scope scope)
{
	unsigned stages = 0;

	for (int stage = 0; stage < STAGE_COUNT; stage++)
		if (stage_scope((enum stage)stage) == scope)
			stages |= 1U << stage;
	return stages;
}

static void end_policies(struct chain *chain, enum scope scope, enum outcome outcome)
{
	unsigned judged_in = stages_of(scope);

	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &chain->conf->policies[p];
		const struct policy *policy = policy_conf->policy;
		struct chain_slot *slot = &chain->slots[p];

		if (policy->end[scope] != NULL && policy_conf->trial.mode != MODE_OFF) {
			struct call call = chain_scope_call(chain, p, STAGE_EOM);

			policy->end[scope](&call, outcome);
		}
		if (slot->state[scope] != NULL)
			memset(slot->state[scope], 0, policy->state_size[scope]);
		slot->judged &= ~judged_in;
	}
}

static void count_lookups(struct chain *chain)
{
	struct session_dns_cost cost;

	if (chain->session.dry_run || !chain->begun[SCOPE_TRANSACTION] ||
		chain->session.transaction.recipients_seen == 0)
		return;
	session_dns_cost(&chain->session, &cost);
	stats_count_dns(&cost);
}

void chain_scope_end(struct chain *chain, enum scope scope, enum outcome outcome)
{
	if (scope <= SCOPE_TRANSACTION)
		count_lookups(chain);
	if (scope <= SCOPE_TRANSACTION && outcome == OUTCOME_DROPPED)
		decision_abandon(&chain->session, scope);
	for (int inner = SCOPE_COUNT - 1; inner >= (int)scope; inner--) {
		if (!chain->begun[inner])
			continue;
		chain->begun[inner] = false;
		end_policies(chain, (enum scope)inner, outcome);
	}
	session_end_scope(&chain->session, scope);
	if (scope == SCOPE_RECIPIENT)
		return;
	chain->quarantine[0] = '\0';
	chain->message_exemptions = EXEMPT_ALL;
}

/* A session without HELO still has a greeting's scope, an empty one; and whatever the MTA leaves out,
 * no state is used that will not be ended. */
void chain_scope_open(struct chain *chain, enum scope innermost)
{
	for (int scope = 0; scope <= (int)innermost; scope++)
		chain->begun[scope] = true;
}
