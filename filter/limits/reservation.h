/* SPDX-License-Identifier: BSD-2-Clause */
/* What one transaction holds of the limits it touches: taken step by step (a step is one RCPT), then
 * committed or given back as a whole, or the last step alone. Stands between the policy and the two
 * stores: what all hosts share, and the local window that is kept warm for when that does not answer.
 * Belongs to one session: no lock. */
#ifndef MAILREEVE_RESERVATION_H
#define MAILREEVE_RESERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "session.h"
#include "store.h"

/* What decides when the store does not answer. */
enum outage { OUTAGE_LOCAL, OUTAGE_ACCEPT, OUTAGE_TEMPFAIL };

enum reservation_result {
	RESERVATION_TAKEN,
	RESERVATION_OVER, /* a charge did not fit; nothing was taken */
	RESERVATION_DOWN /* no store answers, and a charge's rule is to wait; nothing was taken */
};

struct reservation_answer {
	enum reservation_result result;
	bool local; /* the store did not answer; what follows is this host's own count */
	size_t over; /* the charge that did not fit, or that waits for the store */
	int64_t limit; /* the one that was applied to it */
	int64_t used, retry_after_ms; /* as store_decision */
};

struct reservation_charge {
	char key[STORE_KEY_SIZE];
	char label[STORE_LABEL_SIZE];
	int64_t window_ms;
	int64_t limit;
	int64_t local_limit; /* this host's share of it */
	int64_t units;
	const char *title; /* of the limit; borrowed for the call */
	const void *owner; /* the caller's own */
	bool unique; /* counts different MEMBERs; UNITS is 1 */
	unsigned char member[STORE_MEMBER_SIZE];
	enum outage outage;
	bool strict; /* what was asked for stays counted, whether it was let through or not */
	bool looked; /* UNITS must fit, and are not taken; neither watched nor strict */
	bool watched; /* never refuses the step; where it does not fit it alone is left out */
	unsigned part; /* of the reservation, that can be ended alone */
	struct reservation_answer
		answer; /* what became of it, where it is watched and the step taken */
	int64_t pretended; /* units of its window that only a pretended reservation holds */
	struct store_watch watch; /* private */
};

/* Zeroed at first. */
struct reservation {
	unsigned char id[STORE_ID_SIZE];
	unsigned sequence; /* of the last step; 0: none yet */
	struct reservation_hold *holds; /* owned */
	size_t hold_count;
	bool pretends; /* no store knows of it */
};

/* One step, in one call of the store: all of CHARGES (no key twice) or none, but for those that are only
 * watched. */
struct reservation_answer reservation_take(struct reservation *reservation,
	const struct services *services, struct reservation_charge *charges, size_t count);

/* To be called once the step is not asked for again: what of it was refused, or left out, counts against
 * strict limits all the same. ANSWER: of reservation_take. */
void reservation_count_attempts(struct reservation *reservation, const struct services *services,
	struct reservation_charge *charges, size_t count, const struct reservation_answer *answer);

/* What it would answer, taking nothing. */
struct reservation_answer reservation_look(
	const struct services *services, struct reservation_charge *charges, size_t count);

/* The same, after the steps that were pretended before: those count, though no store knows of them (units do;
 * of unique charges, the members that are held). What ends RESERVATION tells no store either. */
struct reservation_answer reservation_pretend(struct reservation *reservation,
	const struct services *services, struct reservation_charge *charges, size_t count);

/* A strict charge of KEY was refused, and counted all the same. */
bool reservation_has_tried(const struct reservation *reservation, const char *key);

/* Units are held under KEY; that MEMBER of it. */
bool reservation_holds(const struct reservation *reservation, const char *key);
bool reservation_holds_member(const struct reservation *reservation, const char *key,
	const unsigned char member[STORE_MEMBER_SIZE]);

/* Gives back what the steps after SEQUENCE took, in which no key came twice: those of one recipient. */
void reservation_give_back_after(
	struct reservation *reservation, const struct services *services, unsigned sequence);

/* The end: all of it stays counted, or is given back. Leaves the reservation zeroed. */
void reservation_commit(struct reservation *reservation, const struct services *services);
void reservation_give_back(struct reservation *reservation, const struct services *services);

/* The same for one part of it; the rest stays. */
void reservation_commit_part(
	struct reservation *reservation, const struct services *services, unsigned part);
void reservation_give_back_part(
	struct reservation *reservation, const struct services *services, unsigned part);

#endif
