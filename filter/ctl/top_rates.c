/* SPDX-License-Identifier: BSD-2-Clause */
#include "top_rates.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct top_rates top_rates_of(const struct json *before, const struct json *now)
{
	struct top_rates rates = {.now = now};
	int64_t ms = json_number(now, "now_ms", 0) - json_number(before, "now_ms", 0);

	if (before == NULL || ms <= 0 ||
		json_number(now, "sessions", 0) < json_number(before, "sessions", 0) ||
		json_number(now, "uptime_seconds", 0) < json_number(before, "uptime_seconds", 0))
		return rates;
	rates.before = before;
	rates.ms = ms;
	return rates;
}

static const char *format_number(double number, const char *unit, char buffer[RATE_SIZE])
{
	if (number == 0)
		snprintf(buffer, RATE_SIZE, "0");
	else if (number >= 1e9)
		snprintf(buffer, RATE_SIZE, "%.3gG%s", number / 1e9, unit);
	else if (number >= 1e6)
		snprintf(buffer, RATE_SIZE, "%.3gM%s", number / 1e6, unit);
	else if (number >= 10000)
		snprintf(buffer, RATE_SIZE, "%.3gk%s", number / 1e3, unit);
	else if (number >= 100 || *unit == '\0')
		snprintf(buffer, RATE_SIZE, "%.0f%s", number, unit);
	else
		snprintf(buffer, RATE_SIZE, "%.2g%s", number, unit);
	return buffer;
}

/* Counters only rise; one that fell began anew. */
static int64_t rise_of(const struct json *now, const struct json *before, const char *key)
{
	int64_t rise = json_number(now, key, 0) - json_number(before, key, 0);

	return rise < 0 ? 0 : rise;
}

const char *top_rate(const struct top_rates *rates, const struct json *now,
	const struct json *before, const char *key, char buffer[RATE_SIZE])
{
	if (rates->before == NULL)
		return format_number((double)json_number(now, key, 0), "", buffer);
	return format_number(
		(double)rise_of(now, before, key) * 1000 / (double)rates->ms, "/s", buffer);
}

int64_t top_per_1000s(const struct top_rates *rates, const struct json *now,
	const struct json *before, const char *key)
{
	if (rates->before == NULL)
		return -1;
	return rise_of(now, before, key) * 1000000 / rates->ms;
}

const char *top_time(int64_t us, char buffer[RATE_SIZE])
{
	if (us < 1000)
		snprintf(buffer, RATE_SIZE, "%" PRId64 " us", us);
	else if (us < 1000000)
		snprintf(buffer, RATE_SIZE, "%.3g ms", (double)us / 1e3);
	else
		snprintf(buffer, RATE_SIZE, "%.3g s", (double)us / 1e6);
	return buffer;
}

const char *top_mean(const struct json *now, const struct json *before, char buffer[RATE_SIZE])
{
	int64_t count = rise_of(now, before, "count");

	if (count > 0)
		return top_time(rise_of(now, before, "sum_us") / count, buffer);
	snprintf(buffer, RATE_SIZE, "-");
	return buffer;
}

static bool same_text(const struct json *a, const struct json *b, const char *key)
{
	const char *x = json_text(a, key), *y = json_text(b, key);

	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static const struct json *find_before(const struct json *findings, const struct json *finding)
{
	for (size_t i = 0; i < json_count(findings); i++) {
		const struct json *other = json_item(findings, i);

		if (same_text(finding, other, "check") && same_text(finding, other, "result") &&
			same_text(finding, other, "action"))
			return other;
	}
	return NULL;
}

static int by_rise(const void *a_given, const void *b_given)
{
	const struct top_finding *a = a_given, *b = b_given;

	if (a->rise != b->rise)
		return a->rise < b->rise ? 1 : -1;
	return (a->total < b->total) - (a->total > b->total);
}

size_t top_findings(const struct top_rates *rates, struct top_finding *findings_r, size_t capacity)
{
	const struct json *now = json_member(rates->now, "findings");
	const struct json *before = json_member(rates->before, "findings");
	size_t count = 0;

	for (size_t i = 0; i < json_count(now) && count < capacity; i++) {
		const struct json *finding = json_item(now, i);
		struct top_finding *found = &findings_r[count++];

		found->now = finding;
		found->before = find_before(before, finding);
		found->rise = rise_of(finding, found->before, "done") +
			      rise_of(finding, found->before, "monitored");
		found->total =
			json_number(finding, "done", 0) + json_number(finding, "monitored", 0);
	}
	qsort(findings_r, count, sizeof(findings_r[0]), by_rise);
	return count;
}
