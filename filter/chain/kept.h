/* SPDX-License-Identifier: BSD-2-Clause */
/* Refusals that are kept in the store for "mailreevectl why": so every host that shares it can answer. A
 * thread of its own puts them there, so no session waits. Their number is bounded: each has one of so many
 * places, the oldest is overwritten, and the place is part of the reference. Thread-safe. */
#ifndef MAILREEVE_KEPT_H
#define MAILREEVE_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "store.h"

enum { REFERENCE_SIZE = 10 };

struct kept_options {
	struct store *store; /* borrowed, as long as it runs */
	struct store *local; /* where the store does not answer */
	int64_t places; /* 1 to 1,000,000 */
	int64_t keep_ms;
};

void kept_start(const struct kept_options *options);
/* Puts away what is there, in bounded time. */
void kept_stop(void);
bool kept_is_on(void);

/* "7Q2K-M4XD": 40 bits that look random, without letters that are easily mistaken. */
void kept_make_reference(char reference_r[REFERENCE_SIZE]);

/* QUEUE_ID may be "". RECORD: of decision_record_journal. Does not wait. */
void kept_add(const char *reference, const char *queue_id, const char *record);

/* The record of a reference (in any case, with or without its hyphen) or of the last refusal with a queue
 * id. *RECORD_R is owned by the caller (mem_free), NULL when there is none. Waits for the store's
 * deadline. */
enum store_status kept_find(
	const struct kept_options *options, const char *word, char **record_r) MUST_CHECK;

/* WORD as a reference is written, or false. */
bool kept_parse_reference(const char *word, char reference_r[REFERENCE_SIZE]) MUST_CHECK;

#endif
