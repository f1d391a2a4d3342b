/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats.h"

#include <stdatomic.h>

#include "clock.h"

static _Atomic uint64_t started_ms, sessions, sessions_open, messages_accepted,
	messages_quarantined, recipients_accepted, reloads, reloads_failed;
static _Atomic uint64_t dns_transactions, dns_questions, dns_sent, dns_steps, dns_steps_max,
	dns_spf_steps_max;
static _Atomic uint64_t tempfails[STAGE_COUNT], rejects[STAGE_COUNT];

static void add_one(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void stats_start(void)
{
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

void stats_count_decision(enum stage stage, enum verdict verdict)
{
	if (verdict == VERDICT_TEMPFAIL)
		add_one(&tempfails[stage]);
	else if (verdict == VERDICT_REJECT)
		add_one(&rejects[stage]);
	else
		count_accepted(stage, verdict);
}

void stats_count_reload(bool done)
{
	add_one(done ? &reloads : &reloads_failed);
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
		.reloads = reloads,
		.reloads_failed = reloads_failed,
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
	}
}
