/* SPDX-License-Identifier: BSD-2-Clause */
/* A bounded queue of texts in front of one thread that does what may be slow: whoever adds never waits.
 * What does not fit any more is dropped and counted. Thread-safe. */
#ifndef MAILREEVE_BACKLOG_H
#define MAILREEVE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

struct backlog;

struct backlog_item {
	struct backlog_item *next;
	size_t length;
	char text[]; /* LENGTH bytes and a NUL */
};

struct backlog_options {
	size_t max_items, max_bytes;
	int64_t gather_ms; /* the thread waits so long after the first item, to take many at once */
	/* Runs in the thread, with all that has come; owns nothing of it. */
	void (*work)(void *context, const struct backlog_item *items);
	void *context;
};

/* Starts the thread: after a fork. */
struct backlog *backlog_start(const struct backlog_options *options);

/* False when it was dropped. */
bool backlog_add(struct backlog *backlog, const char *text, size_t length);

uint64_t backlog_dropped(const struct backlog *backlog);

/* Works off what is there, for at most WAIT_MS, and ends the thread; a thread that is stuck is left to
 * the end of the process, and false comes back. Nulls; NULL allowed. */
bool backlog_stop(struct backlog **backlog, int64_t wait_ms);

#endif
