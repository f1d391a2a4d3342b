/* SPDX-License-Identifier: BSD-2-Clause */
/* The passes over the policies: announced, judged before, in and after their turn, and told. */
#include "chain_private.h"

#include <stdatomic.h>
#include <stdint.h>

#include "clock.h"
#include "exemption.h"
#include "stats.h"

/* Sessions that are in a judge hook now, of all chains. */
static _Atomic int64_t waiting;

enum pass { PASS_IMMEDIATE, PASS_CHECKS, PASS_CHARGES };

static bool is_on(const struct chain *chain, size_t p)
{
	return chain->conf->policies[p].trial.mode != MODE_OFF;
}

void chain_judge_announce(struct chain *chain, enum stage stage)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy *policy = chain->conf->policies[p].policy;

		if (policy->announce[stage] == NULL || !is_on(chain, p) ||
			decision_skips(&chain->session, policy))
			continue;
		struct call call = chain_scope_call(chain, p, stage);

		policy->announce[stage](&call);
	}
}

static struct decision merge(const struct chain *chain, enum stage from, enum stage to)
{
	struct decision decision = {.verdict = VERDICT_CONTINUE, .stage = to};

	decision_merge(&decision, &chain->session, from, to);
	return decision;
}

/* An inquiry ends by itself at the time limit and says then what it knows; the grace lets a hook see
 * that instead of nothing. */
uint64_t chain_judge_deadline(const struct chain *chain)
{
	enum { GRACE_MS = 500 };

	return clock_monotonic_ms() + (uint64_t)chain->session.site->time_limit_ms + GRACE_MS;
}

static void judge_one(struct chain *chain, size_t p, enum stage stage, uint64_t deadline_ms)
{
	struct call call = chain_scope_call(chain, p, stage);

	call.deadline_ms = deadline_ms;
	chain->slots[p].judged |= 1U << stage;
	call.policy->judge[stage](&call);
}

static bool belongs(const struct policy *policy, enum pass pass)
{
	switch (pass) {
	case PASS_IMMEDIATE:
		return policy->immediate;
	case PASS_CHARGES:
		return policy->charges;
	case PASS_CHECKS:
		break;
	}
	return !policy->charges;
}

/* Runs what has not run yet of one stage, until it is settled: by a reject, and for charges by any
 * refusal. What was found before the end of message has been answered at RCPT. */
static void judge_stage(struct chain *chain, enum stage stage, enum pass pass, uint64_t deadline_ms)
{
	enum verdict settled = pass == PASS_CHARGES ? VERDICT_TEMPFAIL : VERDICT_REJECT;
	enum stage from = stage == STAGE_EOM ? STAGE_EOM : STAGE_CONNECT;

	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy *policy = chain->conf->policies[p].policy;

		if (policy->judge[stage] == NULL || !is_on(chain, p) || !belongs(policy, pass) ||
			(chain->slots[p].judged & 1U << stage) != 0 ||
			decision_skips(&chain->session, policy))
			continue;
		judge_one(chain, p, stage, deadline_ms);
		if (!chain->session.beyond && merge(chain, from, stage).verdict >= settled)
			return;
	}
}

void chain_judge_before(struct chain *chain, uint64_t deadline_ms)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy *policy = chain->conf->policies[p].policy;

		if (policy->before_recipient == NULL || !is_on(chain, p))
			continue;
		struct call call = chain_scope_call(chain, p, STAGE_RCPT);

		call.deadline_ms = deadline_ms;
		policy->before_recipient(&call);
	}
}

bool chain_judge_start_waiting(const struct chain *chain)
{
	if (atomic_fetch_add(&waiting, 1) < chain->session.site->max_waiting)
		return true;
	atomic_fetch_sub(&waiting, 1);
	return false;
}

void chain_judge_stop_waiting(void)
{
	atomic_fetch_sub(&waiting, 1);
}

int64_t chain_judge_waiting(void)
{
	return atomic_load(&waiting);
}

struct decision chain_judge_immediate(struct chain *chain)
{
	judge_stage(chain, STAGE_CONNECT, PASS_IMMEDIATE, chain_judge_deadline(chain));
	return merge(chain, STAGE_CONNECT, STAGE_CONNECT);
}

struct decision chain_judge_command(struct chain *chain, const char *command)
{
	chain_judge_collect(chain, STAGE_COMMAND, &(struct call){.command = command});
	return merge(chain, STAGE_COMMAND, STAGE_COMMAND);
}

static struct decision judge_all(struct chain *chain, enum stage stage, uint64_t deadline_ms)
{
	struct decision decision = merge(chain, STAGE_CONNECT, stage);

	chain->asked_before = false;
	if (stage == STAGE_RCPT && decision.verdict < VERDICT_TEMPFAIL) {
		chain->asked_before = true;
		chain_judge_before(chain, deadline_ms);
		decision = merge(chain, STAGE_CONNECT, stage);
		if (decision.verdict >= VERDICT_TEMPFAIL)
			return decision;
	}
	for (int s = STAGE_CONNECT; s <= (int)stage && decision.verdict != VERDICT_REJECT; s++) {
		if (s == STAGE_COMMAND || (s == STAGE_HELO && !chain->session.greeted))
			continue;
		judge_stage(chain, (enum stage)s, PASS_CHECKS, deadline_ms);
		decision = merge(chain, STAGE_CONNECT, stage);
	}
	if (decision.verdict < VERDICT_TEMPFAIL) {
		judge_stage(chain, stage, PASS_CHARGES, deadline_ms);
		decision = merge(chain, STAGE_CONNECT, stage);
	}
	return decision;
}

/* For explain: what the answer does not hang on any more. */
static void judge_beyond(struct chain *chain, enum stage stage, uint64_t deadline_ms)
{
	int first = stage == STAGE_EOM ? STAGE_EOM : STAGE_CONNECT;

	chain->session.beyond = true;
	if (stage == STAGE_RCPT && !chain->asked_before)
		chain_judge_before(chain, deadline_ms);
	for (int s = first; s <= (int)stage; s++)
		if (s != STAGE_HELO || chain->session.greeted)
			judge_stage(chain, (enum stage)s, PASS_CHECKS, deadline_ms);
	judge_stage(chain, stage, PASS_CHARGES, deadline_ms);
	chain->session.beyond = false;
}

struct decision chain_judge_answer(struct chain *chain, enum stage stage)
{
	uint64_t deadline_ms = chain_judge_deadline(chain);
	struct decision decision;

	if (!chain_judge_start_waiting(chain)) {
		stats_count_too_busy();
		return decision_too_busy(&chain->session, stage);
	}
	/* Looked at already, without waiting. */
	if (chain->session.exemptions_unknown != 0)
		exemption_update(&chain->session, stage, deadline_ms);
	decision = judge_all(chain, stage, deadline_ms);
	if (chain->session.keep_all)
		judge_beyond(chain, stage, deadline_ms);
	chain_judge_stop_waiting();
	decision.stage = stage;
	return decision;
}

bool chain_judge_reads_header(const struct chain *chain)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &chain->conf->policies[p];
		const struct policy *policy = policy_conf->policy;

		if (!policy->reads_header || !is_on(chain, p) ||
			decision_skips(&chain->session, policy))
			continue;
		if (policy->wants == NULL || policy->wants(policy_conf->options,
						     policy_conf->option_count, STAGE_HEADER))
			return true;
	}
	return false;
}

void chain_judge_collect(struct chain *chain, enum stage stage, const struct call *event)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy *policy = chain->conf->policies[p].policy;

		if (policy->judge[stage] == NULL || !is_on(chain, p) ||
			decision_skips(&chain->session, policy))
			continue;
		struct call call = chain_scope_call(chain, p, stage);

		call.command = event->command;
		call.field_name = event->field_name;
		call.field_body = event->field_body;
		call.chunk = event->chunk;
		call.chunk_length = event->chunk_length;
		policy->judge[stage](&call);
	}
}

struct decision chain_judge_message(struct chain *chain)
{
	uint64_t deadline_ms = chain_judge_deadline(chain);
	struct decision decision;

	judge_stage(chain, STAGE_EOM, PASS_CHECKS, deadline_ms);
	decision = merge(chain, STAGE_EOM, STAGE_EOM);
	if (decision.verdict < VERDICT_TEMPFAIL) {
		judge_stage(chain, STAGE_EOM, PASS_CHARGES, deadline_ms);
		decision = merge(chain, STAGE_EOM, STAGE_EOM);
	}
	if (chain->session.keep_all)
		judge_beyond(chain, STAGE_EOM, deadline_ms);
	return decision;
}

void chain_judge_tell(struct chain *chain, enum verdict verdict)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy *policy = chain->conf->policies[p].policy;

		if (policy->recipient_answered == NULL || !is_on(chain, p))
			continue;
		struct call call = chain_scope_call(chain, p, STAGE_RCPT);

		call.verdict = verdict;
		policy->recipient_answered(&call);
	}
}
