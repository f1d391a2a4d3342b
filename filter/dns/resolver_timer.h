/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers of one thread, the next one first: a binary heap whose elements know their place, so that
 * setting and cancelling cost the logarithm of their number. Not thread-safe. */
#ifndef MAILREEVE_RESOLVER_TIMER_H
#define MAILREEVE_RESOLVER_TIMER_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: not set. Belongs to who embeds it, and is cancelled before that is freed. */
struct resolver_timer {
	uint64_t due_ms; /* of clock_monotonic_ms */
	size_t place; /* in the heap, from 1; 0: not set */
	void (*expired)(struct resolver_timer *timer);
};

struct resolver_timers {
	struct resolver_timer **heap; /* [0] is not used */
	size_t count, room;
};

/* Sets or moves it. */
void resolver_timer_set(
	struct resolver_timers *timers, struct resolver_timer *timer, uint64_t due_ms);
void resolver_timer_cancel(struct resolver_timers *timers, struct resolver_timer *timer);

/* Runs what is due, each cancelled before it is called. */
void resolver_timer_run(struct resolver_timers *timers, uint64_t now_ms);

/* Milliseconds until the next is due, -1 without any: for epoll_wait. */
int resolver_timer_wait(const struct resolver_timers *timers, uint64_t now_ms);

void resolver_timer_clear(struct resolver_timers *timers); /* frees the heap itself */

#endif
