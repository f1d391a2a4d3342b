/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of single keys that an administrator sets while the filter runs, each with an end. They stand
 * in a table of the store, so that all hosts share them; each process keeps a copy, which a thread of
 * its own brings up to date every second, and which stays in force while the store is down. They match
 * as overrides of a file do, and win against those. Thread-safe. */
#ifndef MAILREEVE_LIMIT_RAISE_H
#define MAILREEVE_LIMIT_RAISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "limit_override.h"
#include "store.h"

struct limit_raises;

/* What is in force now: immutable, counted. */
struct limit_raise_set;

/* Reads them once and starts the thread, so after a fork. NULL without a thread. */
struct limit_raises *limit_raises_start(struct store *store);
void limit_raises_stop(struct limit_raises **raises); /* nulls; NULL allowed */

/* Reads them again where the copy is older than MAX_AGE_MS: takes a call of the store. True when others
 * are in force than before. RAISES may be NULL. */
bool limit_raises_refresh(struct limit_raises *raises, uint64_t max_age_ms);

/* To be released; NULL where there are none, or RAISES is NULL. */
const struct limit_raise_set *limit_raises_hold(struct limit_raises *raises) MUST_CHECK;
void limit_raises_release(const struct limit_raise_set **set); /* nulls */

/* Those of the limit TITLE, in order of the set; NULL where it has none. SET may be NULL. */
const struct limit_overrides *limit_raises_of(const struct limit_raise_set *set, const char *title);

/* Administration. ------------------------------------------------------------------------------ */

struct limit_raise {
	const char *title; /* of the limit */
	const char *key; /* as in a file of overrides */
	const char *rate; /* "500 / 1h", "unlimited" */
	int64_t end_ms; /* of clock_wall_ms */
};

/* False with a sentence in WHY: KEY or RATE cannot be read. */
bool limit_raise_check(const struct limit_raise *raise, char *why, size_t why_size) MUST_CHECK;

/* In place of one of the same limit and key. STORE_OVER: there are too many. */
enum store_status limit_raise_put(
	struct limit_raises *raises, const struct limit_raise *raise) MUST_CHECK;
enum store_status limit_raise_remove(
	struct limit_raises *raises, const char *title, const char *key, bool *found_r) MUST_CHECK;

/* The number of raises in SET, and the one at INDEX. */
size_t limit_raises_count(const struct limit_raise_set *set);
struct limit_raise limit_raises_at(const struct limit_raise_set *set, size_t index);

#endif
