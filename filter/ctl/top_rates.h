/* SPDX-License-Identifier: BSD-2-Clause */
/* What has happened between two answers of status, in a second. Pure. */
#ifndef MAILREEVE_TOP_RATES_H
#define MAILREEVE_TOP_RATES_H

#include <stddef.h>
#include <stdint.h>

#include "json.h"

enum { RATE_SIZE = 24 };

struct top_rates {
	const struct json *before; /* NULL: totals instead of rates */
	const struct json *now;
	int64_t ms; /* between them */
};

/* BEFORE is left out when the daemon was started anew since. */
struct top_rates top_rates_of(const struct json *before, const struct json *now);

/* "12/s", "0.5/s", "3.4k/s"; "0" for nothing, and "17" for a total. KEY: of both objects. Returns
 * BUFFER. */
const char *top_rate(const struct top_rates *rates, const struct json *now,
	const struct json *before, const char *key, char buffer[RATE_SIZE]);
/* The same in thousandths of a second, for JSON; -1 without BEFORE. */
int64_t top_per_1000s(const struct top_rates *rates, const struct json *now,
	const struct json *before, const char *key);

/* The mean time of what was counted since: "1.2 ms", "-" for nothing. Returns BUFFER. */
const char *top_mean(const struct json *now, const struct json *before, char buffer[RATE_SIZE]);
const char *top_time(int64_t us, char buffer[RATE_SIZE]);

struct top_finding {
	const struct json *now, *before; /* BEFORE NULL: the first of its kind */
	int64_t rise, total; /* done and monitored */
};

/* Those that rise fastest first; then by total. Returns how many. */
size_t top_findings(const struct top_rates *rates, struct top_finding *findings_r, size_t capacity);

#endif
