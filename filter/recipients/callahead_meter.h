/* SPDX-License-Identifier: BSD-2-Clause */
/* How the targets of call-aheads fare in this process. A target keeps its meter over a reload, by its
 * name; one that no configuration names any more is not shown. Thread-safe. */
#ifndef MAILREEVE_CALLAHEAD_METER_H
#define MAILREEVE_CALLAHEAD_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CALLAHEAD_METERS_MAX = 256 };

enum callahead_event {
	CALLAHEAD_EVENT_ASKED, /* the target */
	CALLAHEAD_EVENT_CACHED, /* an answer that was kept */
	CALLAHEAD_EVENT_SHARED, /* with an equal question that was under way */
	CALLAHEAD_EVENT_FAILED, /* no answer */
	CALLAHEAD_EVENTS
};

struct callahead_meter;

/* The meter of TARGET (as callahead_target_format writes it), made at the first call and never freed:
 * targets are few. One meter for all the rest above CALLAHEAD_METERS_MAX. Each call is one more that
 * uses it, until it leaves; who comes back to a meter that all had left finds it up. */
struct callahead_meter *callahead_meter_of(const char *target);
void callahead_meter_leave(struct callahead_meter *meter);

void callahead_meter_count(struct callahead_meter *meter, enum callahead_event event);
void callahead_meter_set(struct callahead_meter *meter, bool up);

const char *callahead_event_name(enum callahead_event event);

struct callahead_meter_state {
	const char *target; /* lives as long as the process */
	uint64_t events[CALLAHEAD_EVENTS];
	bool up; /* it answered, or was not asked yet */
};

/* All meters in use in the order they were made; returns how many were filled, at most CAPACITY. */
size_t callahead_meter_read(struct callahead_meter_state *states_r, size_t capacity);

#endif
