/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats.h"

#include <stdatomic.h>

#include "clock.h"

static _Atomic uint64_t started_ms, sessions, sessions_open, messages_accepted,
	messages_quarantined, recipients_accepted, reloads, reloads_failed;
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
	};
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		stats_r->tempfails[stage] = tempfails[stage];
		stats_r->rejects[stage] = rejects[stage];
	}
}
