/* SPDX-License-Identifier: BSD-2-Clause */
/* What a journal says: what was refused, or would have been, by check, limit, sender's domain and day, and
 * for checks that are only monitored what it would have hit. Streams; memory does not hang on the length
 * of the journal. */
#ifndef MAILREEVE_REPORT_H
#define MAILREEVE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler.h"
#include "journal_read.h"

struct report_options {
	const char *journal;
	int64_t since_ms, until_ms; /* of clock_wall_ms; the second is no more in it */
	unsigned top; /* rows of each table */
	bool json;
};

/* Reads the journal twice. False with a sentence in WHY. */
bool report_write(const struct report_options *options, FILE *out,
	struct journal_summary *summary_r, char *why, size_t why_size) MUST_CHECK;

/* "7d" before NOW_MS, or "2026-11-20", "2026-11-20 18:00" in local time. END: of a day, its end. */
bool report_parse_time(const char *text, int64_t now_ms, bool end, int64_t *time_ms_r) MUST_CHECK;

#endif
