/* SPDX-License-Identifier: BSD-2-Clause */
#include "histogram.h"

#include <stdatomic.h>

const uint64_t histogram_bounds_us[HISTOGRAM_BUCKETS] = {100, 250, 500, 1000, 2500, 5000, 10000,
	25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

void histogram_add(struct histogram *histogram, uint64_t us)
{
	unsigned bucket = 0;

	while (bucket < HISTOGRAM_BUCKETS && us > histogram_bounds_us[bucket])
		bucket++;
	atomic_fetch_add_explicit(&histogram->counts[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_us, us, memory_order_relaxed);
}

void histogram_read(const struct histogram *histogram, struct histogram_state *state_r)
{
	*state_r = (struct histogram_state){.count = 0};
	for (unsigned i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		state_r->counts[i] =
			atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
		state_r->count += state_r->counts[i];
	}
	state_r->sum_us = atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
}

uint64_t histogram_quantile_us(const struct histogram_state *state, unsigned permille)
{
	uint64_t wanted = (state->count * permille + 999) / 1000, seen = 0;

	if (state->count == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += state->counts[i];
		if (seen >= wanted)
			return histogram_bounds_us[i];
	}
	return UINT64_MAX;
}
