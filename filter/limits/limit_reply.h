/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client is told that has reached a limit. Pure. */
#ifndef MAILREEVE_LIMIT_REPLY_H
#define MAILREEVE_LIMIT_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum limit_count {
	COUNT_CONNECTIONS,
	COUNT_MESSAGES,
	COUNT_RECIPIENTS,
	COUNT_UNIQUE_RECIPIENTS,
	COUNT_BYTES,
	COUNT_REFUSED_RECIPIENTS
};

/* False with a sentence in WHY: a text that cannot be sent, or a word in braces that stands for
 * nothing. NULL is none, which is fine. */
bool limit_reply_check(const char *text, char *why, size_t why_size) MUST_CHECK;

struct limit_reply {
	const char *text; /* with {limit}, {window}, {wait}; NULL: ours */
	enum limit_count count;
	int64_t limit, window_ms;
	int64_t wait_ms; /* 0: not known */
	bool never; /* what is asked for is more than the limit: no time makes it fit */
};

/* "200 recipients per hour reached, try again in 12 minutes". Returns BUFFER. */
const char *limit_reply_write(const struct limit_reply *reply, char *buffer, size_t size);

/* "hour", "2 hours", "90 seconds": what stands behind "per"; {window} elsewhere is "1 hour". Returns
 * BUFFER. */
const char *limit_window(int64_t window_ms, char *buffer, size_t size);

/* "12 minutes", rounded up. Returns BUFFER. */
const char *limit_wait(int64_t wait_ms, char *buffer, size_t size);

/* "200 recipients", "1 message", "10MB". Returns BUFFER. */
const char *limit_amount(enum limit_count count, int64_t units, char *buffer, size_t size);

/* WAIT_MS and up to PERCENT of the window on top, so that not all who wait return at once. */
int64_t limit_spread_wait(int64_t wait_ms, int64_t window_ms, int64_t percent, uint32_t random);

#endif
