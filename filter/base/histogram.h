/* SPDX-License-Identifier: BSD-2-Clause */
/* How long things take, counted in buckets. Atomics: thread-safe, no lock. */
#ifndef MAILREEVE_HISTOGRAM_H
#define MAILREEVE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 16 };

/* The longest time that each bucket takes; longer ones are counted in one more. */
extern const uint64_t histogram_bounds_us[HISTOGRAM_BUCKETS];

struct histogram {
	_Atomic uint64_t counts[HISTOGRAM_BUCKETS + 1];
	_Atomic uint64_t sum_us;
};

struct histogram_state {
	uint64_t counts[HISTOGRAM_BUCKETS + 1]; /* of each bucket alone */
	uint64_t count, sum_us;
};

void histogram_add(struct histogram *histogram, uint64_t us);
void histogram_read(const struct histogram *histogram, struct histogram_state *state_r);

/* The bound of the bucket that holds the PERMILLE-th of a thousand; 0 when nothing was counted, and
 * UINT64_MAX above the last bound. */
uint64_t histogram_quantile_us(const struct histogram_state *state, unsigned permille);

#endif
