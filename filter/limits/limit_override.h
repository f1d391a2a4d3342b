/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of single keys, in a file that an administrator writes: a key as in a match list, then its
 * rate. The most particular entry counts: an address before a domain, a domain before those above it,
 * the longest network. Immutable after loading, so shared without a lock.
 *
 *   newsletter@example.com   20000 / 1h
 *   .example.net             50 / 1h
 *   192.0.2.0/24             unlimited
 *   "jane doe"               500 / 1h
 *
 * A key all in quotes is a value as it is, whatever it looks like: the name of a user. */
#ifndef MAILREEVE_LIMIT_OVERRIDE_H
#define MAILREEVE_LIMIT_OVERRIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "ipaddr.h"
#include "setting.h"

struct limit_overrides;

struct limit_override {
	unsigned line; /* of the file */
	bool unlimited;
	struct rate rate;
	int64_t end_ms; /* of clock_wall_ms, when one set at run time ends; 0: never */
};

/* None at first; to be freed. */
struct limit_overrides *limit_overrides_create(void);

/* "KEY RATE" or "KEY unlimited"; TEXT is changed. False with a sentence in *WHY_R (static: what is wrong
 * and what would be right). */
bool limit_overrides_add(struct limit_overrides *overrides, char *text, int64_t end_ms,
	const char **why_r) MUST_CHECK;

/* NULL with a sentence in WHY that names the file and the line. To be freed. */
struct limit_overrides *limit_overrides_load(
	const char *file, char *why, size_t why_size) MUST_CHECK;
void limit_overrides_free(struct limit_overrides **overrides); /* nulls; NULL allowed */

/* In order of the lines; NULL behind the last. */
const struct limit_override *limit_overrides_at(
	const struct limit_overrides *overrides, size_t index);

/* The entry for a client, or for what a key says: an address, a domain, a user's name. NULL without
 * one. OVERRIDES may be NULL. */
const struct limit_override *limit_override_for_client(
	const struct limit_overrides *overrides, const struct ipaddr *client);
const struct limit_override *limit_override_for(
	const struct limit_overrides *overrides, const char *value);

#endif
