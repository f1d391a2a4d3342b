/* SPDX-License-Identifier: BSD-2-Clause */
/* One key's sliding window as a pure value: no clock, no lock, no I/O; the caller passes the time.
 * window.lua does the same arithmetic inside Redis; store_model_test.c holds both to one model.
 *
 * The window W is cut into 60 slots of STEP = ceil(W / 60) milliseconds. A unit counts in its slot
 * and in the sixty slots after it, so a rolling window never holds more than the limit, and room
 * comes back at most one STEP late. Time never goes back: the slot of the last change is kept, unless
 * it is more than 2 W ahead of now; then it is taken as corrupt, and what lies ahead counts as of
 * now.
 *
 * A window of members counts different ones: each stands once, in the slot of its newest use. What is
 * held of a member by several reservations is kept apart, so that giving one back leaves the others. */
#ifndef MAILREEVE_WINDOW_H
#define MAILREEVE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/* Sums of units stay exact in a Lua number. */
#define WINDOW_UNITS_MAX ((int64_t)1 << 52)
#define WINDOW_LENGTH_MAX_MS ((int64_t)400 * 24 * 3600 * 1000)

enum {
	WINDOW_ID_SIZE = 16,
	WINDOW_SLOTS = 60,
	WINDOW_RUNS_MAX = 32, /* of a reservation, or one a slot; beyond, the oldest become one */
	WINDOW_MEMBER_SIZE = 12,
	WINDOW_HOLDS_MAX = 256 /* of a member; the oldest beyond stays counted */
};

struct window_slot {
	int64_t number; /* time / step */
	int64_t units;
};

/* Reserve calls FIRST to FIRST + COUNT - 1 that took UNITS each in the same slot. */
struct window_run {
	int64_t first, count, slot, units;
};

struct window_reservation {
	unsigned char id[WINDOW_ID_SIZE];
	int64_t last; /* sequence of the last reserve call */
	int64_t at; /* slot of the last reserve call: dropped when that leaves the window */
	struct window_run *runs; /* owned */
	size_t run_count;
};

struct window_hold {
	unsigned char id[WINDOW_ID_SIZE];
	int64_t slot;
};

struct window_member {
	unsigned char hash[WINDOW_MEMBER_SIZE];
	int64_t kept; /* slot of the newest committed use; -1: none */
	struct window_hold *holds; /* owned; by reservations that are not ended */
	size_t hold_count;
};

struct window {
	int64_t step_ms;
	int64_t last; /* slot of the last change */
	struct window_slot *slots; /* owned, in rising order */
	size_t slot_count;
	struct window_reservation *reservations; /* owned */
	size_t reservation_count;
	struct window_member *members; /* owned, in order of their hashes */
	size_t member_count;
};

/* Who asks for how much. SEQUENCE and UNITS as in store.h. */
struct window_ask {
	const unsigned char *id; /* WINDOW_ID_SIZE bytes */
	int64_t sequence, limit, units;
	const unsigned char *member; /* WINDOW_MEMBER_SIZE bytes; NULL: UNITS are counted */
};

struct window_answer {
	bool fits; /* there is room, or this call was counted before */
	bool counted; /* this call was counted before */
	int64_t used; /* now, without this call's units */
	int64_t cost; /* what this call would add to it */
	int64_t retry_after_ms; /* with !fits; the whole window where it never could */
};

/* An empty window; owns nothing yet. */
void window_init(struct window *window, int64_t window_ms);
void window_clear(struct window *window);

/* Units that count at NOW_MS. */
int64_t window_used(const struct window *window, int64_t now_ms);

struct window_answer window_ask(
	const struct window *window, const struct window_ask *ask, int64_t now_ms);

/* Counts the units of ASK without looking at the limit. */
void window_take(struct window *window, const struct window_ask *ask, int64_t now_ms);

/* Forgets the reservation; its units stay. */
void window_commit(struct window *window, const unsigned char *id);

/* Takes ask->units (at most what was reserved) of call ask->sequence back, or with sequence 0 all
 * of the reservation. */
void window_give_back(struct window *window, const struct window_ask *ask);

/* The same for what ID holds of one member. */
void window_commit_member(
	struct window *window, const unsigned char *id, const unsigned char *member);
void window_give_back_member(
	struct window *window, const unsigned char *id, const unsigned char *member);

/* From this time on nothing in it counts. */
int64_t window_end_ms(const struct window *window);

/* Heap bytes it owns. */
size_t window_bytes(const struct window *window);

#endif
