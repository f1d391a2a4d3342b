/* SPDX-License-Identifier: BSD-2-Clause */
/* A circuit breaker as a pure value: after a refused connect, three failures within a second, or
 * three in a row without an answer, it is open and nobody tries, but for one probe about every
 * second. The caller passes the time and
 * holds the lock. */
#ifndef MAILREEVE_BREAKER_H
#define MAILREEVE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BREAKER_FAILURES = 3,
	BREAKER_WITHIN_MS = 1000,
	BREAKER_PROBE_MS = 1000, /* +-20 % */
	BREAKER_JITTER_MS = 200
};

struct breaker {
	bool open;
	uint64_t failed_ms[BREAKER_FAILURES]; /* the last failures, oldest at NEXT; 0: none */
	unsigned next;
	unsigned unanswered; /* failures since the last answer */
	uint64_t probe_ms; /* when open: not before */
};

/* A call failed; REFUSED: there is nobody. True when this opened it. */
bool breaker_failed(struct breaker *breaker, bool refused, uint64_t now_ms);

/* Starts open, with a probe due. */
void breaker_begin_open(struct breaker *breaker);

/* The server answered something in time. */
void breaker_answered(struct breaker *breaker);

/* The probe succeeded. True when this closed it. */
bool breaker_closed(struct breaker *breaker);

/* Time for a probe? Sets the time of the next: RANDOM spreads the probes of many hosts. */
bool breaker_may_probe(struct breaker *breaker, uint32_t random, uint64_t now_ms);

#endif
