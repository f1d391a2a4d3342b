/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_until.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "setting.h"
#include "text.h"
#include "trial.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static const int64_t longest_ms = (int64_t)400 * DAY_MS;

/* The date DAYS after today, "2026-12-01". */
static void write_day(uint64_t now_ms, int days, char *buffer, size_t size)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm local;

	localtime_r(&now, &local);
	local.tm_mday += days;
	local.tm_hour = 12;
	local.tm_isdst = -1;
	mktime(&local);
	strftime(buffer, size, "%Y-%m-%d", &local);
}

/* What stands for a day, or begins with one. */
static bool read_until(const char *text, uint64_t now_ms, int64_t *end_ms)
{
	char day[32], whole[64];

	if (ascii_equal(text, "today") || ascii_equal(text, "tomorrow")) {
		write_day(now_ms, ascii_equal(text, "today") ? 0 : 1, day, sizeof(day));
		return trial_parse_until(day, end_ms);
	}
	if (strlen(text) < 16 && strchr(text, ':') != NULL && strchr(text, '-') == NULL) {
		for (int days = 0; days < 2; days++) {
			write_day(now_ms, days, day, sizeof(day));
			snprintf(whole, sizeof(whole), "%s %s", day, text);
			if (!trial_parse_until(whole, end_ms) || *end_ms > (int64_t)now_ms)
				break;
		}
		return *end_ms > 0;
	}
	return *text != '\0' && trial_parse_until(text, end_ms);
}

bool ctl_until_parse(const char *text, uint64_t now_ms, int64_t *end_ms, char *why, size_t why_size)
{
	bool until = ascii_starts_with(text, "until ");
	bool lasting = ascii_starts_with(text, "for ");
	int64_t duration_ms;

	*end_ms = 0;
	if (!until && !lasting) {
		snprintf(why, why_size,
			"an end is missing; write until tomorrow, until 2026-12-01, until "
			"\"2026-12-01 18:00\", or for 1d");
		return false;
	}
	text += until ? strlen("until ") : strlen("for ");
	text += strspn(text, " ");
	if (until && !read_until(text, now_ms, end_ms)) {
		snprintf(why, why_size,
			"\"%.60s\" is no time; write tomorrow, 2026-12-01, \"2026-12-01 18:00\" or "
			"18:00",
			text);
		return false;
	}
	if (lasting && (!parse_duration(text, &duration_ms) || duration_ms <= 0)) {
		snprintf(why, why_size, "\"%.60s\" is no duration; write for example 90m or 1d",
			text);
		return false;
	}
	if (lasting && duration_ms <= longest_ms)
		*end_ms = (int64_t)now_ms + duration_ms;
	if (until && *end_ms <= (int64_t)now_ms) {
		snprintf(why, why_size, "\"%.60s\" has passed already", text);
		return false;
	}
	if (*end_ms == 0 || *end_ms > (int64_t)now_ms + longest_ms) {
		snprintf(why, why_size,
			"\"%.60s\" is more than 400 days away; what shall stay belongs into the "
			"limit's file of overrides",
			text);
		return false;
	}
	return true;
}
