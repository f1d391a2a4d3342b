/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "decision.h"
#include "exemption.h"
#include "mem.h"
#include "stats.h"

/* What the chain remembers of one policy. */
struct slot {
	void *state[SCOPE_COUNT];
	bool judged[STAGE_COUNT];
};

struct chain {
	struct conf *conf;
	struct session session;
	bool begun[SCOPE_COUNT];
	char quarantine
		[EVIDENCE_SIZE]; /* reason, once a recipient or an earlier stage asked for it */
	unsigned message_exemptions; /* those that hold for every recipient accepted so far */
	struct slot *slots; /* one for each policy of the configuration */
	unsigned char *memory; /* all states, one block */
};

/* Sessions that are in a judge hook now, of all chains. */
static _Atomic int64_t waiting;

static size_t aligned(size_t size)
{
	return (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
}

static void place_states(struct chain *chain)
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

struct chain *chain_create(struct conf *conf, const struct services *services)
{
	struct chain *chain = mem_alloc(sizeof(*chain));

	chain->conf = conf_share(conf);
	chain->slots = mem_array(conf->policy_count, sizeof(chain->slots[0]));
	place_states(chain);
	session_init(&chain->session, &chain->conf->site, services);
	return chain;
}

struct session *chain_session(struct chain *chain)
{
	return &chain->session;
}

static bool is_on(const struct policy_conf *policy_conf)
{
	return policy_conf->mode != MODE_OFF;
}

static struct call make_call(struct chain *chain, size_t p, enum stage stage)
{
	const struct policy_conf *policy_conf = &chain->conf->policies[p];
	struct call call = {
		.session = &chain->session,
		.policy = policy_conf->policy,
		.options = policy_conf->options,
		.option_count = policy_conf->option_count,
		.fail_actions = policy_conf->fail,
		.temperror_actions = policy_conf->temperror,
		.monitor = policy_conf->mode == MODE_MONITOR,
		.stage = stage,
	};

	memcpy(call.state, chain->slots[p].state, sizeof(call.state));
	return call;
}

/* Life of scopes. ------------------------------------------------------------------------------ */

static void end_policies(struct chain *chain, enum scope scope, enum outcome outcome)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy *policy = chain->conf->policies[p].policy;
		struct slot *slot = &chain->slots[p];

		if (policy->end[scope] != NULL && is_on(&chain->conf->policies[p])) {
			struct call call = make_call(chain, p, STAGE_EOM);

			policy->end[scope](&call, outcome);
		}
		if (slot->state[scope] != NULL)
			memset(slot->state[scope], 0, policy->state_size[scope]);
		for (int stage = 0; stage < STAGE_COUNT; stage++)
			if (stage_scope((enum stage)stage) == scope)
				slot->judged[stage] = false;
	}
}

static void count_lookups(struct chain *chain)
{
	struct session_dns_cost cost;

	if (!chain->begun[SCOPE_TRANSACTION] || chain->session.transaction.recipients_seen == 0)
		return;
	session_dns_cost(&chain->session, &cost);
	stats_count_dns(&cost);
}

static void end_scope(struct chain *chain, enum scope scope, enum outcome outcome)
{
	if (scope <= SCOPE_TRANSACTION)
		count_lookups(chain);
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
static void open_scopes(struct chain *chain, enum scope innermost)
{
	for (int scope = 0; scope <= (int)innermost; scope++)
		chain->begun[scope] = true;
}

void chain_begin(struct chain *chain, enum scope scope)
{
	end_scope(chain, scope, OUTCOME_DROPPED);
	open_scopes(chain, scope);
}

void chain_end_transaction(struct chain *chain, enum outcome outcome)
{
	end_scope(chain, SCOPE_TRANSACTION, outcome);
}

void chain_free(struct chain **chain_ptr)
{
	struct chain *chain = *chain_ptr;

	if (chain == NULL)
		return;
	*chain_ptr = NULL;
	end_scope(chain, SCOPE_CONNECTION, OUTCOME_DROPPED);
	mem_free(chain->memory);
	mem_free(chain->slots);
	conf_release(&chain->conf);
	mem_free(chain);
}

/* Judging. ------------------------------------------------------------------------------------- */

static void announce(struct chain *chain, enum stage stage)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &chain->conf->policies[p];

		if (policy_conf->policy->announce[stage] == NULL || !is_on(policy_conf) ||
			decision_skips(&chain->session, policy_conf->policy))
			continue;
		struct call call = make_call(chain, p, stage);

		policy_conf->policy->announce[stage](&call);
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
static uint64_t wait_until(const struct chain *chain)
{
	enum { GRACE_MS = 500 };

	return clock_monotonic_ms() + (uint64_t)chain->session.site->time_limit_ms + GRACE_MS;
}

static void judge_one(struct chain *chain, size_t p, enum stage stage, uint64_t deadline_ms)
{
	struct call call = make_call(chain, p, stage);

	call.deadline_ms = deadline_ms;
	chain->slots[p].judged[stage] = true;
	call.policy->judge[stage](&call);
}

enum pass { PASS_IMMEDIATE, PASS_CHECKS, PASS_CHARGES };

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
		const struct policy_conf *policy_conf = &chain->conf->policies[p];
		const struct policy *policy = policy_conf->policy;

		if (policy->judge[stage] == NULL || !is_on(policy_conf) || !belongs(policy, pass) ||
			chain->slots[p].judged[stage] || decision_skips(&chain->session, policy))
			continue;
		judge_one(chain, p, stage, deadline_ms);
		if (merge(chain, from, stage).verdict >= settled)
			return;
	}
}

/* What must be asked before anything is known of the recipient. */
static void judge_before(struct chain *chain, uint64_t deadline_ms)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &chain->conf->policies[p];

		if (policy_conf->policy->before_recipient == NULL || !is_on(policy_conf))
			continue;
		struct call call = make_call(chain, p, STAGE_RCPT);

		call.deadline_ms = deadline_ms;
		policy_conf->policy->before_recipient(&call);
	}
}

/* Counts this session among those that may wait for lookups; false above the bound. */
static bool start_waiting(const struct chain *chain)
{
	if (atomic_fetch_add(&waiting, 1) < chain->session.site->max_waiting)
		return true;
	atomic_fetch_sub(&waiting, 1);
	return false;
}

static struct decision judge_all(struct chain *chain, enum stage stage, uint64_t deadline_ms)
{
	struct decision decision = merge(chain, STAGE_CONNECT, stage);

	if (stage == STAGE_RCPT && decision.verdict < VERDICT_TEMPFAIL) {
		judge_before(chain, deadline_ms);
		decision = merge(chain, STAGE_CONNECT, stage);
		if (decision.verdict >= VERDICT_TEMPFAIL)
			return decision;
	}
	for (int s = STAGE_CONNECT; s <= (int)stage && decision.verdict != VERDICT_REJECT; s++) {
		if (s == STAGE_HELO && !chain->session.greeted)
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

static struct decision answer(struct chain *chain, enum stage stage)
{
	uint64_t deadline_ms = wait_until(chain);
	struct decision decision;

	if (!start_waiting(chain))
		return decision_too_busy(&chain->session, stage);
	exemption_update(&chain->session, stage, deadline_ms);
	decision = judge_all(chain, stage, deadline_ms);
	atomic_fetch_sub(&waiting, 1);
	decision.stage = stage;
	return decision;
}

/* Without waiting: nothing need be asked about whom nothing counts for. */
static void look_at_exemptions(struct chain *chain, enum stage stage)
{
	exemption_update(&chain->session, stage, clock_monotonic_ms());
}

static struct decision at_stage(struct chain *chain, enum stage stage)
{
	struct decision decision = {.verdict = VERDICT_CONTINUE, .stage = stage};

	look_at_exemptions(chain, stage);
	announce(chain, stage);
	if (chain->session.site->reply_at == REPLY_AT_STAGE)
		decision = answer(chain, stage);
	decision_refuse(&decision, &chain->session);
	stats_count_decision(stage, decision.verdict);
	return decision;
}

struct decision chain_connect(struct chain *chain)
{
	struct decision decision;

	look_at_exemptions(chain, STAGE_CONNECT);
	judge_stage(chain, STAGE_CONNECT, PASS_IMMEDIATE, wait_until(chain));
	decision = merge(chain, STAGE_CONNECT, STAGE_CONNECT);
	if (decision.verdict < VERDICT_TEMPFAIL)
		return at_stage(chain, STAGE_CONNECT);
	decision_refuse(&decision, &chain->session);
	stats_count_decision(STAGE_CONNECT, decision.verdict);
	return decision;
}

struct decision chain_helo(struct chain *chain)
{
	return at_stage(chain, STAGE_HELO);
}

struct decision chain_mail(struct chain *chain)
{
	chain->session.messages++;
	return at_stage(chain, STAGE_MAIL);
}

static void tell_answer(struct chain *chain, enum verdict verdict)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &chain->conf->policies[p];

		if (policy_conf->policy->recipient_answered == NULL || !is_on(policy_conf))
			continue;
		struct call call = make_call(chain, p, STAGE_RCPT);

		call.verdict = verdict;
		policy_conf->policy->recipient_answered(&call);
	}
}

static void refuse_recipient(struct chain *chain)
{
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy *policy = chain->conf->policies[p].policy;

		if (policy->recipient_refused == NULL || !chain->slots[p].judged[STAGE_RCPT])
			continue;
		struct call call = make_call(chain, p, STAGE_RCPT);

		policy->recipient_refused(&call);
	}
}

/* An exempt recipient must not take the others' message along. */
static void accept_recipient(struct chain *chain)
{
	chain->session.transaction.recipients_accepted++;
	chain->message_exemptions &= chain->session.exemptions;
}

static void remember_quarantine(struct chain *chain, const struct decision *decision)
{
	if (decision->verdict == VERDICT_QUARANTINE && chain->quarantine[0] == '\0')
		memcpy(chain->quarantine, decision->decisive->evidence, sizeof(chain->quarantine));
}

struct decision chain_rcpt(struct chain *chain, struct recipient *recipient)
{
	struct session *session = &chain->session;
	struct decision decision;

	end_scope(chain, SCOPE_RECIPIENT, OUTCOME_DROPPED);
	open_scopes(chain, SCOPE_RECIPIENT);
	session->recipient = recipient;
	session->transaction.recipients_seen++;
	look_at_exemptions(chain, STAGE_RCPT);
	announce(chain, STAGE_RCPT);
	decision = answer(chain, STAGE_RCPT);
	decision_refuse(&decision, &chain->session);
	stats_count_decision(STAGE_RCPT, decision.verdict);
	if (decision.verdict >= VERDICT_TEMPFAIL)
		refuse_recipient(chain);
	else
		accept_recipient(chain);
	tell_answer(chain, decision.verdict);
	remember_quarantine(chain, &decision);
	session->recipient = NULL;
	return decision;
}

static void begin_content(struct chain *chain)
{
	open_scopes(chain, SCOPE_TRANSACTION);
	if (chain->session.transaction.recipients_accepted > 0)
		chain->session.exemptions = chain->message_exemptions;
}

static void collect(struct chain *chain, enum stage stage, const struct call *event)
{
	begin_content(chain);
	for (size_t p = 0; p < chain->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &chain->conf->policies[p];

		if (policy_conf->policy->judge[stage] == NULL || !is_on(policy_conf) ||
			decision_skips(&chain->session, policy_conf->policy))
			continue;
		struct call call = make_call(chain, p, stage);

		call.field_name = event->field_name;
		call.field_body = event->field_body;
		call.chunk = event->chunk;
		call.chunk_length = event->chunk_length;
		policy_conf->policy->judge[stage](&call);
	}
}

void chain_rcpt_refused(struct chain *chain, struct recipient *recipient)
{
	if (!start_waiting(chain))
		return;
	end_scope(chain, SCOPE_RECIPIENT, OUTCOME_DROPPED);
	open_scopes(chain, SCOPE_RECIPIENT);
	chain->session.recipient = recipient;
	look_at_exemptions(chain, STAGE_RCPT);
	judge_before(chain, wait_until(chain));
	tell_answer(chain, VERDICT_REJECT);
	chain->session.recipient = NULL;
	atomic_fetch_sub(&waiting, 1);
}

void chain_header(struct chain *chain, const char *name, const char *body)
{
	collect(chain, STAGE_HEADER, &(struct call){.field_name = name, .field_body = body});
}

void chain_body(struct chain *chain, const unsigned char *chunk, size_t length)
{
	collect(chain, STAGE_BODY, &(struct call){.chunk = chunk, .chunk_length = length});
}

struct decision chain_eom(struct chain *chain)
{
	uint64_t deadline_ms = wait_until(chain);
	struct decision decision;

	begin_content(chain);
	session_end_scope(&chain->session, SCOPE_RECIPIENT);
	announce(chain, STAGE_EOM);
	judge_stage(chain, STAGE_EOM, PASS_CHECKS, deadline_ms);
	decision = merge(chain, STAGE_EOM, STAGE_EOM);
	if (decision.verdict < VERDICT_TEMPFAIL) {
		judge_stage(chain, STAGE_EOM, PASS_CHARGES, deadline_ms);
		decision = merge(chain, STAGE_EOM, STAGE_EOM);
	}
	decision.stage = STAGE_EOM;
	remember_quarantine(chain, &decision);
	if (decision.verdict < VERDICT_TEMPFAIL && chain->quarantine[0] != '\0') {
		decision.verdict = VERDICT_QUARANTINE;
		session_add_edit(&chain->session, EDIT_QUARANTINE, chain->quarantine, NULL, 0);
	}
	stats_count_decision(STAGE_EOM, decision.verdict);
	if (decision.verdict >= VERDICT_TEMPFAIL)
		decision_refuse(&decision, &chain->session);
	else
		decision_log(&chain->session, &decision);
	return decision;
}
