/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers with units: durations, sizes, rates. */
#include <stdio.h>
#include <string.h>

#include "setting.h"
#include "text.h"

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit duration_units[] = {
	{"ms", 1},
	{"s", 1000},
	{"m", INT64_C(60) * 1000},
	{"min", INT64_C(60) * 1000},
	{"h", INT64_C(3600) * 1000},
	{"d", INT64_C(86400) * 1000},
	{"w", INT64_C(7) * 86400 * 1000},
	{NULL, 0},
};

static const struct unit size_units[] = {
	{"", 1},
	{"B", 1},
	{"K", INT64_C(1) << 10},
	{"KB", INT64_C(1) << 10},
	{"M", INT64_C(1) << 20},
	{"MB", INT64_C(1) << 20},
	{"G", INT64_C(1) << 30},
	{"GB", INT64_C(1) << 30},
	{"T", INT64_C(1) << 40},
	{"TB", INT64_C(1) << 40},
	{NULL, 0},
};

/* Digits at the start of *TEXT_P, which moves behind them; false without digits or on overflow. */
static bool read_number(const char **text_p, int64_t *number_r)
{
	const char *text = *text_p;
	int64_t number = 0;

	if (!ascii_is_digit(*text))
		return false;
	for (; ascii_is_digit(*text); text++) {
		if (number > (INT64_MAX - (*text - '0')) / 10)
			return false;
		number = number * 10 + (*text - '0');
	}
	*text_p = text;
	*number_r = number;
	return true;
}

static void skip_blanks(const char **text_p)
{
	while (**text_p == ' ' || **text_p == '\t')
		(*text_p)++;
}

static bool parse_with_unit(const char *text, const struct unit *units, int64_t *value_r)
{
	int64_t number;

	skip_blanks(&text);
	if (!read_number(&text, &number))
		return false;
	skip_blanks(&text);
	for (const struct unit *unit = units; unit->name != NULL; unit++) {
		if (!ascii_equal(text, unit->name))
			continue;
		if (number > INT64_MAX / unit->factor)
			return false;
		*value_r = number * unit->factor;
		return true;
	}
	return false;
}

bool parse_duration(const char *text, int64_t *ms_r)
{
	if (strcmp(text, "0") == 0) {
		*ms_r = 0;
		return true;
	}
	return parse_with_unit(text, duration_units, ms_r);
}

bool parse_size(const char *text, int64_t *bytes_r)
{
	return parse_with_unit(text, size_units, bytes_r);
}

static bool is_number(const char *text)
{
	skip_blanks(&text);
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

const char *parse_rate_or_say(const char *text, struct rate *rate_r)
{
	const char *slash = strchr(text, '/');
	struct rate rate;
	char count[40];

	if (slash == NULL)
		return "the rate has no slash; write it like 200 / 1h";
	if (slash - text >= (ptrdiff_t)sizeof(count))
		return "the rate's count is too long; write it like 200 / 1h";
	snprintf(count, sizeof(count), "%.*s", (int)(slash - text), text);
	for (size_t end = strlen(count); end > 0 && ascii_is_space(count[end - 1]); end--)
		count[end - 1] = '\0';
	rate.sized = !is_number(count);
	if (!parse_size(count, &rate.count) && rate.sized)
		return "the rate's count is no whole number from 0 on; write it like 200 / 1h";
	/* A number that is too large to be read is one, too. */
	if (!parse_size(count, &rate.count) || rate.count > RATE_COUNT_MAX)
		return "the rate's count is above 4503599627370496; write a smaller one, like "
		       "200 / 1h";
	if (is_number(slash + 1))
		return "the rate's window has no unit; write it like 200 / 90s, 200 / 1h or 200 / "
		       "7d";
	if (!parse_duration(slash + 1, &rate.window_ms))
		return "the rate's window is no duration; write it like 200 / 90s, 200 / 1h or 200 "
		       "/ 7d";
	if (rate.window_ms < 1000 || rate.window_ms > RATE_WINDOW_MAX_MS)
		return "the rate's window is not from 1s to 400d; write it like 200 / 90s, 200 / "
		       "1h "
		       "or 200 / 365d";
	*rate_r = rate;
	return NULL;
}

bool parse_rate(const char *text, struct rate *rate_r)
{
	return parse_rate_or_say(text, rate_r) == NULL;
}

static const char *format_with_unit(
	int64_t value, const struct unit *units, char *buffer, size_t size)
{
	const struct unit *best = &units[0];

	for (const struct unit *unit = units; unit->name != NULL; unit++) {
		if (value != 0 && value % unit->factor == 0 && unit->factor >= best->factor &&
			strcmp(unit->name, "min") != 0 && strcmp(unit->name, "B") != 0)
			best = unit;
	}
	snprintf(buffer, size, "%lld%s", (long long)(value / best->factor), best->name);
	return buffer;
}

const char *format_duration(int64_t ms, char *buffer, size_t size)
{
	/* Seconds up to two minutes read better as seconds: "90s", "60s". */
	if (ms == 0) {
		snprintf(buffer, size, "0s");
		return buffer;
	}
	if (ms % 1000 == 0 && ms <= 120000) {
		snprintf(buffer, size, "%llds", (long long)(ms / 1000));
		return buffer;
	}
	return format_with_unit(ms, duration_units, buffer, size);
}

const char *format_size(int64_t bytes, char *buffer, size_t size)
{
	return format_with_unit(bytes, size_units, buffer, size);
}
