/* SPDX-License-Identifier: BSD-2-Clause */
/* What window.lua answers, read as what may come from anybody. Pure. */
#ifndef MAILREEVE_WINDOW_ANSWER_H
#define MAILREEVE_WINDOW_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "store.h"

struct window_decided {
	bool over; /* of a charge that refuses */
	struct store_decision decision;
	int64_t foreign; /* counts that are not ours */
	bool *charged; /* the caller's, of an answer to a part, one for each charge: set for each that was
	                  charged now; NULL: it must not say so */
};

/* To reserve, look and part. Sets what is said of charges that only look on (their watch). False for what
 * has not the form, and then nothing that it set is to be believed. */
bool window_answer_decision(const char *text, const struct store_charge *charges, size_t count,
	struct window_decided *decided) MUST_CHECK;

/* To peek: what is used of each of COUNT windows. */
bool window_answer_used(const char *text, size_t count, int64_t *used_r) MUST_CHECK;

#endif
