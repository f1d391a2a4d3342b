/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of the process, for mailreevectl and the metrics. Atomics: thread-safe, no lock. What explain
 * runs (session->dry_run) is not counted. */
#ifndef MAILREEVE_STATS_H
#define MAILREEVE_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "policy.h"

enum { STATS_CHECKS_MAX = 512, RESULT_COUNT = 5, ACTION_COUNT = 7 };

struct stats {
	uint64_t started_ms; /* clock_wall_ms */
	uint64_t sessions, sessions_open;
	uint64_t messages_accepted, messages_quarantined;
	uint64_t recipients_accepted;
	uint64_t tempfails[STAGE_COUNT], rejects[STAGE_COUNT];
	uint64_t too_busy; /* of the tempfails: more sessions waited than may */
	/* Of transactions in which a recipient was judged; see session_dns_cost. */
	uint64_t dns_transactions, dns_questions, dns_sent;
	uint64_t dns_steps, dns_steps_max, dns_spf_steps_max;
	struct histogram_state latency[STAGE_COUNT]; /* of our answer to the MTA */
};

/* POLICY_LIST: whose checks are counted. Before threads start. */
void stats_start(const struct policy *const *policy_list);
void stats_count_session(int change); /* 1 when one begins, -1 when it ends */
/* What the MTA is told at STAGE, after US microseconds; and the findings since the last call. */
void stats_count_decision(
	struct session *session, enum stage stage, enum verdict verdict, uint64_t us);
void stats_count_too_busy(void);
void stats_count_dns(const struct session_dns_cost *cost);
void stats_read(struct stats *stats_r);

/* Findings of one check. ACTED: not only looked on because of a trial. */
struct stats_check {
	const struct policy *policy;
	unsigned check;
	uint64_t acted[RESULT_COUNT][ACTION_COUNT];
	uint64_t watched[RESULT_COUNT][ACTION_COUNT]; /* by the action that would have been */
};

/* Check number INDEX of all, in the order of the policies; false behind the last. */
bool stats_read_check(size_t index, struct stats_check *check_r) MUST_CHECK;

#endif
