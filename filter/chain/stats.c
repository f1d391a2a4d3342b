/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats.h"

#include <stdatomic.h>

#include "clock.h"

static _Atomic uint64_t started_ms, sessions, sessions_open, messages_accepted,
	messages_quarantined, recipients_accepted;
static _Atomic uint64_t dns_transactions, dns_questions, dns_sent, dns_steps, dns_steps_max,
	dns_spf_steps_max;
static _Atomic uint64_t tempfails[STAGE_COUNT], rejects[STAGE_COUNT];

static _Atomic uint64_t too_busy;
static struct histogram latency[STAGE_COUNT];

/* Findings by check, result, action, and whether it only looked on. */
struct check_counters {
	_Atomic uint64_t findings[RESULT_COUNT][ACTION_COUNT][2];
};

/* Set before threads start. */
static const struct policy *const *policy_list;
static struct check_counters checks[STATS_CHECKS_MAX];

static void add_one(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void stats_start(const struct policy *const *policy_list_given)
{
	policy_list = policy_list_given;
	atomic_store(&started_ms, clock_wall_ms());
}

void stats_count_session(int change)
{
	if (change > 0) {
		add_one(&sessions);
		add_one(&sessions_open);
	} else {
		atomic_fetch_sub_explicit(&sessions_open, 1, memory_order_relaxed);
	}
}

static void count_accepted(enum stage stage, enum verdict verdict)
{
	if (stage == STAGE_RCPT)
		add_one(&recipients_accepted);
	else if (stage == STAGE_EOM && verdict == VERDICT_QUARANTINE)
		add_one(&messages_quarantined);
	else if (stage == STAGE_EOM)
		add_one(&messages_accepted);
}

static unsigned check_count(const struct policy *policy)
{
	unsigned count = 0;

	while (policy->checks != NULL && policy->checks[count].name != NULL)
		count++;
	return count;
}

/* The counters of a finding's check; NULL for a policy that is not listed. */
static struct check_counters *counters_of(const struct finding *finding)
{
	size_t index = 0;

	for (size_t p = 0; policy_list != NULL && policy_list[p] != NULL; p++) {
		if (policy_list[p] == finding->policy) {
			index += (size_t)(finding->check - finding->policy->checks);
			return index < STATS_CHECKS_MAX ? &checks[index] : NULL;
		}
		index += check_count(policy_list[p]);
	}
	return NULL;
}

static void count_findings(struct findings *findings)
{
	for (; findings->counted < findings->count; findings->counted++) {
		const struct finding *finding = findings->items[findings->counted];
		struct check_counters *counters = counters_of(finding);

		if (counters != NULL && finding->action != ACTION_OFF)
			add_one(&counters->findings[finding->result][finding->would]
						   [finding->action != finding->would]);
	}
}

bool stats_read_check(size_t index, struct stats_check *check_r)
{
	size_t base = 0;

	for (size_t p = 0; policy_list != NULL && policy_list[p] != NULL; p++) {
		unsigned count = check_count(policy_list[p]);

		if (index >= base + count || index >= STATS_CHECKS_MAX) {
			base += count;
			continue;
		}
		*check_r = (struct stats_check){
			.policy = policy_list[p], .check = (unsigned)(index - base)};
		for (int result = 0; result < RESULT_COUNT; result++)
			for (int action = 0; action < ACTION_COUNT; action++) {
				check_r->acted[result][action] =
					checks[index].findings[result][action][0];
				check_r->watched[result][action] =
					checks[index].findings[result][action][1];
			}
		return true;
	}
	return false;
}

void stats_count_too_busy(void)
{
	add_one(&too_busy);
}

void stats_count_decision(
	struct session *session, enum stage stage, enum verdict verdict, uint64_t us)
{
	if (session->dry_run)
		return;
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		count_findings(&session->findings[scope]);
	histogram_add(&latency[stage], us);
	if (verdict == VERDICT_TEMPFAIL)
		add_one(&tempfails[stage]);
	else if (verdict == VERDICT_REJECT)
		add_one(&rejects[stage]);
	else
		count_accepted(stage, verdict);
}

static void raise_to(_Atomic uint64_t *most, uint64_t value)
{
	uint64_t old = atomic_load_explicit(most, memory_order_relaxed);

	while (old < value && !atomic_compare_exchange_weak(most, &old, value))
		continue;
}

void stats_count_dns(const struct session_dns_cost *cost)
{
	add_one(&dns_transactions);
	atomic_fetch_add_explicit(&dns_questions, cost->questions, memory_order_relaxed);
	atomic_fetch_add_explicit(&dns_sent, cost->sent, memory_order_relaxed);
	atomic_fetch_add_explicit(&dns_steps, cost->steps, memory_order_relaxed);
	raise_to(&dns_steps_max, cost->steps);
	raise_to(&dns_spf_steps_max, cost->spf_steps);
}

void stats_read(struct stats *stats_r)
{
	*stats_r = (struct stats){
		.started_ms = started_ms,
		.sessions = sessions,
		.sessions_open = sessions_open,
		.messages_accepted = messages_accepted,
		.messages_quarantined = messages_quarantined,
		.recipients_accepted = recipients_accepted,
		.too_busy = too_busy,
		.dns_transactions = dns_transactions,
		.dns_questions = dns_questions,
		.dns_sent = dns_sent,
		.dns_steps = dns_steps,
		.dns_steps_max = dns_steps_max,
		.dns_spf_steps_max = dns_spf_steps_max,
	};
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		stats_r->tempfails[stage] = tempfails[stage];
		stats_r->rejects[stage] = rejects[stage];
		histogram_read(&latency[stage], &stats_r->latency[stage]);
	}
}
