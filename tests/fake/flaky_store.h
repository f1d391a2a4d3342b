/* SPDX-License-Identifier: BSD-2-Clause */
/* A memory store that a test can take down, and whose answers it can lose. A test program gets it by
 * `#include "../tests/fake/flaky_store.c"`. */
#ifndef MAILREEVE_FLAKY_STORE_H
#define MAILREEVE_FLAKY_STORE_H

#include "store.h"

enum flaky { FLAKY_UP, FLAKY_DOWN, FLAKY_ANSWERS_LOST /* calls are done, answers do not come */ };

struct store *flaky_store_open(void);
void flaky_store_close(struct store **store);
void flaky_store_set(struct store *store, enum flaky flaky);

/* Milliseconds of all flaky stores' clock since the first was opened. */
void flaky_store_pass(uint64_t ms);

/* Units that count under KEY now. */
int64_t flaky_store_used(struct store *store, const char *key, int64_t window_ms);

/* Calls that would have been round trips since it was opened. */
unsigned flaky_store_trips(const struct store *store);

/* Units that count in all windows that were ever charged. */
int64_t flaky_store_sum(struct store *store);

#endif
