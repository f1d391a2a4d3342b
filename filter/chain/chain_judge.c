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

/* The answer as it takes shape. */
struct answer {
	enum stage from, to; /* the stages it is about */
	uint64_t deadline_ms;
	size_t merged; /* how many findings */
	enum verdict verdict;
	const struct finding *decisive;
};

static size_t count_findings(const struct session *session)
{
	size_t count = 0;

	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		count += session->findings[scope].count;
	return count;
}

/* Most hooks find nothing; and who is exempt does not change while they run. */
static void merge(const struct chain *chain, struct answer *answer)
{
	size_t count = count_findings(&chain->session);

	if (count == answer->merged)
		return;
	answer->merged = count;
	answer->verdict =
		decision_merge(&chain->session, answer->from, answer->to, &answer->decisive);
}

static struct answer begin_answer(
	const struct chain *chain, enum stage from, enum stage to, uint64_t deadline_ms)
{
	struct answer answer = {.from = from, .to = to, .deadline_ms = deadline_ms};

	merge(chain, &answer);
	return answer;
}

static struct decision decision_of(const struct answer *answer)
{
	return (struct decision){
		.verdict = answer->verdict, .stage = answer->to, .decisive = answer->decisive};
}

/* Those of SET that count in this situation. */
static policy_set counting(const struct chain *chain, policy_set set)
{
	const struct session *session = &chain->session;
	policy_set left = set;

	if (set == 0 || (session->exemptions == 0 && !decision_is_for_reserved(session)))
		return set;
	while (left != 0) {
		size_t p = policy_set_take(&left);

		if (decision_skips(session, chain->conf->policies[p].policy))
			set &= ~((policy_set)1 << p);
	}
	return set;
}

void chain_judge_announce(struct chain *chain, enum stage stage)
{
	policy_set set = counting(chain, chain->conf->hooks.announce[stage]);
	struct call call = chain_scope_call(chain, stage, 0);

	while (chain_scope_next(chain, &set, &call))
		call.policy->announce[stage](&call);
}

/* An inquiry ends by itself at the time limit and says then what it knows; the grace lets a hook see
 * that instead of nothing. */
uint64_t chain_judge_deadline(const struct chain *chain)
{
	enum { GRACE_MS = 500 };

	return clock_monotonic_ms() + (uint64_t)chain->session.site->time_limit_ms + GRACE_MS;
}

static policy_set of_pass(const struct conf_hooks *hooks, enum pass pass)
{
	switch (pass) {
	case PASS_IMMEDIATE:
		return hooks->immediate;
	case PASS_CHARGES:
		return hooks->charges;
	case PASS_CHECKS:
		break;
	}
	return ~hooks->charges;
}

/* Runs what has not run yet of one stage, until it is settled: by a reject, and for charges by any
 * refusal. */
static void judge_stage(
	struct chain *chain, enum stage stage, enum pass pass, struct answer *answer)
{
	const struct conf_hooks *hooks = &chain->conf->hooks;
	enum verdict settled = pass == PASS_CHARGES ? VERDICT_TEMPFAIL : VERDICT_REJECT;
	policy_set set =
		counting(chain, hooks->judge[stage] & of_pass(hooks, pass) & ~chain->judged[stage]);
	policy_set left = set;
	struct call call;

	if (set == 0)
		return;
	call = chain_scope_call(chain, stage, answer->deadline_ms);
	while (chain_scope_next(chain, &left, &call)) {
		chain->judged[stage] |= set & ~left;
		call.policy->judge[stage](&call);
		merge(chain, answer);
		if (answer->verdict >= settled && !chain->session.beyond)
			return;
	}
}

void chain_judge_before(struct chain *chain, uint64_t deadline_ms)
{
	policy_set set = chain->conf->hooks.before_recipient;
	struct call call = chain_scope_call(chain, STAGE_RCPT, deadline_ms);

	while (chain_scope_next(chain, &set, &call))
		call.policy->before_recipient(&call);
}

/* Who waits for no look-up is in nobody's way for long, and is not put off for those who do: known clients
 * and senders, exempt ones. But what else policies ask may be slow as well: there is an end to it. */
bool chain_judge_start_waiting(const struct chain *chain)
{
	int64_t before = atomic_fetch_add(&waiting, 1), most = chain->session.site->max_waiting;

	if (before < most || (before < 2 * most && session_is_looked_up(&chain->session)))
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
	struct answer answer =
		begin_answer(chain, STAGE_CONNECT, STAGE_CONNECT, chain_judge_deadline(chain));

	judge_stage(chain, STAGE_CONNECT, PASS_IMMEDIATE, &answer);
	return decision_of(&answer);
}

void chain_judge_collect(struct chain *chain, struct call *event)
{
	enum stage stage = event->stage;
	policy_set set = counting(chain, chain->conf->hooks.judge[stage]);

	while (chain_scope_next(chain, &set, event))
		event->policy->judge[stage](event);
}

struct decision chain_judge_command(struct chain *chain, const char *command)
{
	struct call event = chain_scope_call(chain, STAGE_COMMAND, 0);
	struct answer answer;

	event.command = command;
	chain_judge_collect(chain, &event);
	answer = begin_answer(chain, STAGE_COMMAND, STAGE_COMMAND, 0);
	return decision_of(&answer);
}

static void judge_all(struct chain *chain, struct answer *answer)
{
	enum stage stage = answer->to;

	chain->asked_before = false;
	if (stage == STAGE_RCPT && answer->verdict < VERDICT_TEMPFAIL) {
		chain->asked_before = true;
		chain_judge_before(chain, answer->deadline_ms);
		merge(chain, answer);
		if (answer->verdict >= VERDICT_TEMPFAIL)
			return;
	}
	for (int s = STAGE_CONNECT; s <= (int)stage && answer->verdict != VERDICT_REJECT; s++) {
		if (s == STAGE_COMMAND || (s == STAGE_HELO && !chain->session.greeted))
			continue;
		judge_stage(chain, (enum stage)s, PASS_CHECKS, answer);
	}
	if (answer->verdict < VERDICT_TEMPFAIL)
		judge_stage(chain, stage, PASS_CHARGES, answer);
}

/* For explain: what the answer does not hang on any more. */
static void judge_beyond(struct chain *chain, struct answer answer)
{
	enum stage stage = answer.to;

	chain->session.beyond = true;
	if (stage == STAGE_RCPT && !chain->asked_before)
		chain_judge_before(chain, answer.deadline_ms);
	for (int s = (int)answer.from; s <= (int)stage; s++)
		if (s != STAGE_HELO || chain->session.greeted)
			judge_stage(chain, (enum stage)s, PASS_CHECKS, &answer);
	judge_stage(chain, stage, PASS_CHARGES, &answer);
	chain->session.beyond = false;
}

struct decision chain_judge_answer(struct chain *chain, enum stage stage)
{
	uint64_t deadline_ms = chain_judge_deadline(chain);
	struct answer answer;

	if (!chain_judge_start_waiting(chain)) {
		stats_count_too_busy();
		return decision_too_busy(&chain->session, stage);
	}
	/* Looked at already, without waiting. */
	if (chain->session.exemptions_unknown != 0)
		exemption_update(&chain->session, stage, deadline_ms);
	answer = begin_answer(chain, STAGE_CONNECT, stage, deadline_ms);
	judge_all(chain, &answer);
	if (chain->session.keep_all)
		judge_beyond(chain, answer);
	chain_judge_stop_waiting();
	return decision_of(&answer);
}

bool chain_judge_reads_header(const struct chain *chain)
{
	return counting(chain, chain->conf->hooks.reads_header) != 0;
}

/* What was found before has been answered at RCPT. */
struct decision chain_judge_message(struct chain *chain)
{
	struct answer answer =
		begin_answer(chain, STAGE_EOM, STAGE_EOM, chain_judge_deadline(chain));

	judge_stage(chain, STAGE_EOM, PASS_CHECKS, &answer);
	if (answer.verdict < VERDICT_TEMPFAIL)
		judge_stage(chain, STAGE_EOM, PASS_CHARGES, &answer);
	if (chain->session.keep_all)
		judge_beyond(chain, answer);
	return decision_of(&answer);
}

void chain_judge_tell(struct chain *chain, enum verdict verdict)
{
	policy_set set = chain->conf->hooks.recipient_answered;
	struct call call = chain_scope_call(chain, STAGE_RCPT, 0);

	call.verdict = verdict;
	while (chain_scope_next(chain, &set, &call))
		call.policy->recipient_answered(&call);
}
