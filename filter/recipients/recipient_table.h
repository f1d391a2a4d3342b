/* SPDX-License-Identifier: BSD-2-Clause */
/* The recipients that a file names (a `file:` source), in a table that is read whole and never
 * changed, so sessions share it without a lock; look-up time does not grow with its size.
 *
 *   user@example.org     an address; anything after a blank is ignored, so that the file of Postfix's
 *                        relay_recipient_maps ("user@example.org OK") serves as it is
 *   "a b"@example.org    a quoted local-part
 *   @example.org         every local-part of the domain
 *   # comment, blank lines
 *
 * Thread-safe but for loading and freeing. */
#ifndef MAILREEVE_RECIPIENT_TABLE_H
#define MAILREEVE_RECIPIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

struct recipient_table;

enum { RECIPIENT_LINES_MAX = 10000000, RECIPIENT_LINE_MAX = 1000 };

/* One bad line (from 1), or the whole file (line 0). */
typedef void recipient_complaint(void *context, const char *file, unsigned line, const char *why);

/* Reads FILE, all of it or nothing: NULL after at least one complaint. Owned by the caller. */
struct recipient_table *recipient_table_load(
	const char *file, recipient_complaint *complain, void *context) MUST_CHECK;

/* The same without keeping anything. */
bool recipient_table_check(
	const char *file, recipient_complaint *complain, void *context) MUST_CHECK;

/* An empty one to add to, by one thread before any other sees it. False when it is full. LOCAL_PART
 * dequoted, DOMAIN canonical or "". */
struct recipient_table *recipient_table_create(void);
bool recipient_table_add(
	struct recipient_table *table, const char *local_part, const char *domain) MUST_CHECK;

void recipient_table_free(struct recipient_table **table);

/* LOCAL_PART dequoted, DOMAIN canonical. FOLD: without case. */
bool recipient_table_has_address(
	const struct recipient_table *table, const char *local_part, const char *domain, bool fold);
/* The table has "@DOMAIN". */
bool recipient_table_has_domain(const struct recipient_table *table, const char *domain);

size_t recipient_table_count(const struct recipient_table *table); /* different entries */
size_t recipient_table_bytes(const struct recipient_table *table); /* memory used */

#endif
