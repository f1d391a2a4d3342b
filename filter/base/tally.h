/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts by a key that strangers choose, in bounded memory: when there are too many keys, those that were
 * seen least are forgotten (lossy counting), so what is left may count a little too low, never too high.
 * Belongs to one thread. */
#ifndef MAILREEVE_TALLY_H
#define MAILREEVE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashindex.h"

enum { TALLY_KEYS_MAX = 10000, TALLY_COUNTS = 6 };

struct tally_row {
	char *key; /* owned */
	uint64_t counts[TALLY_COUNTS];
	uint64_t total; /* of what decides about its rank */
};

/* Zeroed to begin with. */
struct tally {
	struct tally_row *rows; /* owned */
	size_t count;
	struct hashindex index;
	bool lossy; /* something was forgotten */
};

/* Adds one to count number WHICH of KEY. */
void tally_add(struct tally *tally, const char *key, unsigned which);

/* By falling total, then by key; or by key alone. Nothing may be added after it. */
void tally_sort(struct tally *tally, bool by_key);

void tally_clear(struct tally *tally);

#endif
