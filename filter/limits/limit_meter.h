/* SPDX-License-Identifier: BSD-2-Clause */
/* What each limit has let through and refused in this process. A limit keeps its meter over a reload,
 * by its title. Thread-safe. */
#ifndef MAILREEVE_LIMIT_METER_H
#define MAILREEVE_LIMIT_METER_H

#include <stddef.h>
#include <stdint.h>

#include "busiest.h"

enum { LIMIT_METERS_MAX = 512 };

enum limit_meter_outcome {
	LIMIT_TAKEN, /* within the limit */
	LIMIT_OVER, /* over it, and its action taken */
	LIMIT_WATCHED, /* over it, and only looked at: mode = monitor, or not among the percent */
	LIMIT_UNCOUNTED, /* the store did not answer */
	LIMIT_OUTCOMES
};

struct limit_meter;

/* The meter of the limit of that title, made at the first call and never freed: limits are few. One
 * meter for all the rest above LIMIT_METERS_MAX. */
struct limit_meter *limit_meter_of(const char *title);

/* One charge of UNITS for the key that LABEL is the readable form of. */
void limit_meter_count(struct limit_meter *meter, enum limit_meter_outcome outcome,
	const char *label, int64_t units);

const char *limit_meter_outcome_name(enum limit_meter_outcome outcome);

/* For status and metrics. --------------------------------------------------------------------- */

struct limit_meter_state {
	const char *title; /* lives as long as the process */
	uint64_t charges[LIMIT_OUTCOMES];
	uint64_t units; /* that were taken */
};

/* All meters in the order they were made; returns how many there are, at most CAPACITY are filled. */
size_t limit_meter_read(struct limit_meter_state *states_r, size_t capacity);

size_t limit_meter_busiest(struct busiest_entry *entries_r, size_t capacity);

#endif
