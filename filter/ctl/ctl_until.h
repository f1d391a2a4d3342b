/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of something, as an administrator says it. Pure but for the clock and the time zone. */
#ifndef MAILREEVE_CTL_UNTIL_H
#define MAILREEVE_CTL_UNTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/* "until today", "until tomorrow", "until 2026-12-01" (the whole day counts), "until 18:00" (the next
 * one), "until 2026-12-01 18:00", all in local time, or "for 90m". NOW_MS and *END_MS_R as of
 * clock_wall_ms. False with a sentence in WHY. */
bool ctl_until_parse(const char *text, uint64_t now_ms, int64_t *end_ms_r, char *why,
	size_t why_size) MUST_CHECK;

#endif
