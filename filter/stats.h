/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of the process, for mailreevectl status. Atomics: thread-safe, no lock. */
#ifndef MAILREEVE_STATS_H
#define MAILREEVE_STATS_H

#include <stdint.h>

#include "policy.h"

struct stats {
	uint64_t started_ms; /* clock_wall_ms */
	uint64_t sessions, sessions_open;
	uint64_t messages_accepted, messages_quarantined;
	uint64_t recipients_accepted;
	uint64_t tempfails[STAGE_COUNT], rejects[STAGE_COUNT];
	uint64_t reloads, reloads_failed;
	/* Of transactions in which a recipient was judged; see session_dns_cost. */
	uint64_t dns_transactions, dns_questions, dns_sent;
	uint64_t dns_steps, dns_steps_max, dns_spf_steps_max;
};

void stats_start(void);
void stats_count_session(int change); /* 1 when one begins, -1 when it ends */
void stats_count_decision(enum stage stage, enum verdict verdict);
void stats_count_reload(bool done);
void stats_count_dns(const struct session_dns_cost *cost);
void stats_read(struct stats *stats_r);

#endif
