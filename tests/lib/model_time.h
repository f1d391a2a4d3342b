/* SPDX-License-Identifier: BSD-2-Clause */
/* The clock of a window as the models of its tests read it (window.h): time never goes back, but from
 * what is so far ahead that it must be wrong. */
#ifndef MAILREEVE_TESTS_MODEL_TIME_H
#define MAILREEVE_TESTS_MODEL_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct model_time {
	int64_t window_ms, step_ms;
	int64_t last; /* slot of the last change */
};

static inline struct model_time model_time_of(int64_t window_ms)
{
	return (struct model_time){window_ms, (window_ms + 59) / 60, 0};
}

/* The last change is so far ahead of AT_MS that it is not believed. */
static inline bool model_time_is_wrong(const struct model_time *time, int64_t at_ms)
{
	return time->last > at_ms / time->step_ms + 120;
}

static inline int64_t model_slot(const struct model_time *time, int64_t at_ms)
{
	int64_t now = at_ms / time->step_ms;

	return time->last > now && !model_time_is_wrong(time, at_ms) ? time->last : now;
}

/* When something counts that is taken at AT_MS: in the slot of then, or of the last change. */
static inline int64_t model_effective_ms(const struct model_time *time, int64_t at_ms)
{
	int64_t start_ms = model_slot(time, at_ms) * time->step_ms;

	return start_ms > at_ms ? start_ms : at_ms;
}

#endif
