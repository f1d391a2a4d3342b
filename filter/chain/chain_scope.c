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

static size_t state_size(const struct chain *chain, size_t p, int scope)
{
	return aligned(chain->conf->policies[p].policy->state_size[scope]);
}

void chain_scope_place(struct chain *chain)
{
	size_t total = 0;
	unsigned char *at;

	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		for (size_t p = 0; p < chain->conf->policy_count; p++)
			total += state_size(chain, p, scope);
	at = mem_alloc(total);
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		chain->memory[scope] = at;
		for (size_t p = 0; p < chain->conf->policy_count; p++) {
			size_t size = state_size(chain, p, scope);

			chain->states[p][scope] = size == 0 ? NULL : at;
			at += size;
		}
	}
	chain->memory[SCOPE_COUNT] = at;
}

struct call chain_scope_call(struct chain *chain, enum stage stage, uint64_t deadline_ms)
{
	return (struct call){
		.session = &chain->session, .stage = stage, .deadline_ms = deadline_ms};
}

bool chain_scope_next(const struct chain *chain, policy_set *set, struct call *call)
{
	const struct policy_conf *policy_conf;
	size_t p;

	if (*set == 0)
		return false;
	p = policy_set_take(set);
	policy_conf = &chain->conf->policies[p];
	call->policy = policy_conf->policy;
	call->options = policy_conf->options;
	call->option_count = policy_conf->option_count;
	call->fail_actions = policy_conf->fail;
	call->temperror_actions = policy_conf->temperror;
	call->trial = &policy_conf->trial;
	call->check_trials = policy_conf->check_trials;
	memcpy(call->state, chain->states[p], sizeof(call->state));
	return true;
}

static void end_policies(struct chain *chain, enum scope scope, enum outcome outcome)
{
	struct call call = chain_scope_call(chain, STAGE_EOM, 0);
	policy_set set = chain->conf->hooks.end[scope];

	while (chain_scope_next(chain, &set, &call))
		call.policy->end[scope](&call, outcome);
	memset(chain->memory[scope], 0, (size_t)(chain->memory[scope + 1] - chain->memory[scope]));
	for (int stage = 0; stage < STAGE_COUNT; stage++)
		if (stage_scope((enum stage)stage) == scope)
			chain->judged[stage] = 0;
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
