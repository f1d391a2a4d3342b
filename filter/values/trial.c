/* SPDX-License-Identifier: BSD-2-Clause */
#include "trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "siphash.h"
#include "text.h"

enum {
	NETWORK_V4 = 24,
	NETWORK_V6 = 48,
	DAY_MS = 86400000,
	NOTICE_DAYS = 7,
	WORD_SIZE = 48,
	WRONG_SIZE = 256
};

const char *const trial_mode_words[] = {"enforce", "monitor", "off", NULL};

bool trial_is_on(const struct trial *trial)
{
	return trial->mode == MODE_MONITOR || (trial->mode == MODE_ENFORCE && trial->percent < 100);
}

bool trial_has_ended(const struct trial *trial, uint64_t now_ms)
{
	return trial->until_ms > 0 && now_ms >= (uint64_t)trial->until_ms;
}

/* From 0 to 99. The key is no secret: it only has to be the same everywhere. */
static int64_t share_of(const char *name, const struct ipaddr *client)
{
	static const struct siphash_key key = {0x6d61696c72656576U, 0x65207472692e2e2eU};
	struct network network = network_of(client, NETWORK_V4, NETWORK_V6);
	char bytes[TRIAL_NAME_SIZE + sizeof(network.address.bytes)];
	size_t length = strnlen(name, TRIAL_NAME_SIZE);

	memcpy(bytes, name, length);
	memcpy(bytes + length, network.address.bytes, sizeof(network.address.bytes));
	return (int64_t)(siphash(&key, bytes, length + sizeof(network.address.bytes),
				 (uint8_t)client->family) %
			 100);
}

bool trial_holds_back_at(
	const struct trial *trial, const char *name, const struct ipaddr *client, uint64_t now_ms)
{
	if (!trial_is_on(trial) || trial_has_ended(trial, now_ms))
		return false;
	return trial->mode == MODE_MONITOR || share_of(name, client) >= trial->percent;
}

bool trial_holds_back(const struct trial *trial, const char *name, const struct ipaddr *client)
{
	return trial_is_on(trial) && trial_holds_back_at(trial, name, client, clock_wall_ms());
}

bool trial_verify(const struct trial *trial, const char **setting_r, char *why, size_t why_size)
{
	if (trial->until_ms == 0 || trial_is_on(trial))
		return true;
	*setting_r = "until";
	snprintf(why, why_size,
		"until says when a trial ends, but nothing is tried; set mode = monitor or percent "
		"below 100%s, or leave until out",
		trial->mode == MODE_OFF ? " instead of mode = off" : "");
	return false;
}

/* Dates. --------------------------------------------------------------------------------------- */

/* COUNT digits at *TEXT_P, then the sign END unless that is NUL. */
static bool read_digits(const char **text_p, int count, char end, int *number_r)
{
	const char *text = *text_p;

	*number_r = 0;
	for (int i = 0; i < count; i++) {
		if (!ascii_is_digit(text[i]))
			return false;
		*number_r = *number_r * 10 + (text[i] - '0');
	}
	text += count;
	if (end != '\0' && *text++ != end)
		return false;
	*text_p = text;
	return true;
}

/* " 18:00" or " 18:00:05"; nothing is the end of the day. */
static bool read_time(const char *text, struct tm *local)
{
	if (*text == '\0') {
		local->tm_mday++;
		return true;
	}
	if (*text != ' ' && *text != 'T')
		return false;
	text++;
	if (!read_digits(&text, 2, ':', &local->tm_hour) ||
		!read_digits(&text, 2, '\0', &local->tm_min))
		return false;
	if (*text == ':') {
		text++;
		if (!read_digits(&text, 2, '\0', &local->tm_sec))
			return false;
	}
	return *text == '\0' && local->tm_hour < 24 && local->tm_min < 60 && local->tm_sec < 60;
}

/* The calendar has that day: no 31 June. */
static bool is_a_day(const struct tm *local)
{
	struct tm noon = *local;

	noon.tm_hour = 12;
	return mktime(&noon) != -1 && noon.tm_mday == local->tm_mday &&
	       noon.tm_mon == local->tm_mon;
}

bool trial_parse_until(const char *text, int64_t *end_ms_r)
{
	struct tm local = {.tm_isdst = -1};
	time_t end;

	*end_ms_r = 0;
	if (*text == '\0')
		return true;
	if (!read_digits(&text, 4, '-', &local.tm_year) ||
		!read_digits(&text, 2, '-', &local.tm_mon) ||
		!read_digits(&text, 2, '\0', &local.tm_mday))
		return false;
	local.tm_year -= 1900;
	local.tm_mon--;
	if (local.tm_year < 100 || local.tm_mon < 0 || !is_a_day(&local) ||
		!read_time(text, &local))
		return false;
	end = mktime(&local);
	*end_ms_r = (int64_t)end * 1000;
	return end > 0;
}

const char *trial_format_until(int64_t end_ms, char buffer[UNTIL_TEXT_SIZE])
{
	time_t end = (time_t)(end_ms / 1000), before = end - 1;
	bool whole_day;
	struct tm local;
	size_t length;

	buffer[0] = '\0';
	if (end_ms == 0)
		return buffer;
	localtime_r(&end, &local);
	whole_day = local.tm_hour == 0 && local.tm_min == 0 && local.tm_sec == 0;
	if (whole_day)
		localtime_r(&before, &local);
	length = strftime(buffer, UNTIL_TEXT_SIZE, "%Y-%m-%d", &local);
	if (!whole_day)
		length += strftime(buffer + length, UNTIL_TEXT_SIZE - length, " %H:%M", &local);
	if (local.tm_sec != 0 && !whole_day)
		length += strftime(buffer + length, UNTIL_TEXT_SIZE - length, ":%S", &local);
	buffer[length] = '\0';
	return buffer;
}

/* Words behind the action of a check. ---------------------------------------------------------- */

static bool parse_percent(const char *text, int64_t *percent_r)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || (text[digits] != '\0' && strcmp(text + digits, "%") != 0))
		return false;
	*percent_r = strtol(text, NULL, 10);
	return *percent_r <= 100;
}

static bool parse_mode(const char *text, int *mode_r)
{
	for (*mode_r = 0; trial_mode_words[*mode_r] != NULL; (*mode_r)++)
		if (ascii_equal(trial_mode_words[*mode_r], text))
			return true;
	return false;
}

static bool parse_word(const char *word, struct trial *trial, char *why, size_t why_size)
{
	static const char *const names[] = {"mode", "percent", "until", NULL};
	const char *value = strchr(word, '='), *meant;
	char name[WORD_SIZE], shown[2 * WORD_SIZE];

	snprintf(name, sizeof(name), "%.*s", value == NULL ? WORD_SIZE : (int)(value - word), word);
	text_escape(word, shown, sizeof(shown));
	value = value == NULL ? "" : value + 1;
	if (strcmp(name, "mode") == 0) {
		snprintf(why, why_size, "\"%s\": mode is enforce, monitor or off", shown);
		return parse_mode(value, &trial->mode);
	}
	if (strcmp(name, "percent") == 0) {
		snprintf(why, why_size, "\"%s\": percent is a whole number from 0 to 100", shown);
		return parse_percent(value, &trial->percent);
	}
	if (strcmp(name, "until") == 0) {
		snprintf(why, why_size,
			"\"%s\": until is a date like 2026-12-31 or 2026-12-31T18:00, of this "
			"century or the next",
			shown);
		return trial_parse_until(value, &trial->until_ms) && trial->until_ms > 0;
	}
	meant = text_suggest(name, names);
	snprintf(why, why_size,
		"\"%s\" is not allowed; behind the action may stand mode=monitor, percent=10 and "
		"until=2026-12-31%s%s%s",
		shown, meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
		meant == NULL ? "" : "=?");
	return false;
}

/* The next word of *TEXT_P; a time of day behind a date belongs to it. */
static bool next_word(const char **text_p, char word[WORD_SIZE])
{
	const char *text = *text_p + strspn(*text_p, " \t");
	size_t length = strcspn(text, " \t"), more = 0;

	if (strncmp(text, "until=", 6) == 0 && text[length] != '\0' &&
		ascii_is_digit(text[length + 1]))
		more = 1 + strcspn(text + length + 1, " \t");
	snprintf(word, WORD_SIZE, "%.*s", (int)(length + more), text);
	*text_p = text + length + more;
	return length > 0;
}

bool trial_parse(const char *words, struct trial *trial_r, char *why, size_t why_size)
{
	struct trial trial = {.percent = 100};
	char word[WORD_SIZE], seen[4] = "", wrong[WRONG_SIZE];
	size_t count = 0;
	const char *setting;
	struct text all;

	text_init(&all, why, why_size);
	while (next_word(&words, word)) {
		const char *again = strchr(seen, word[0]);

		/* Told apart by their first letters. */
		if (!parse_word(word, &trial, wrong, sizeof(wrong)))
			text_addf(&all, "%s%s", all.length == 0 ? "" : "; ", wrong);
		else if (again != NULL)
			text_addf(&all, "%s%.*s stands there twice", all.length == 0 ? "" : "; ",
				(int)strcspn(word, "="), word);
		else
			seen[count++] = word[0];
	}
	if (all.length > 0)
		return false;
	*trial_r = trial;
	return trial_verify(&trial, &setting, why, why_size);
}

/* For people. ---------------------------------------------------------------------------------- */

const char *trial_describe(const struct trial *trial, char buffer[TRIAL_TEXT_SIZE])
{
	if (trial->mode == MODE_MONITOR)
		snprintf(buffer, TRIAL_TEXT_SIZE, "is only logged");
	else
		snprintf(buffer, TRIAL_TEXT_SIZE, "acts for %" PRId64 " %% of client networks",
			trial->percent);
	return buffer;
}

bool trial_describe_end(const struct trial *trial, uint64_t now_ms, char buffer[TRIAL_TEXT_SIZE])
{
	char until[UNTIL_TEXT_SIZE];
	int64_t left_ms = trial->until_ms - (int64_t)now_ms;

	if (!trial_is_on(trial) || trial->until_ms == 0 || left_ms > NOTICE_DAYS * (int64_t)DAY_MS)
		return false;
	trial_format_until(trial->until_ms, until);
	if (left_ms <= 0)
		snprintf(buffer, TRIAL_TEXT_SIZE,
			"was on trial until %s, which has passed: it is enforced now; take its "
			"mode, percent and until out, or give it a later until",
			until);
	else
		snprintf(buffer, TRIAL_TEXT_SIZE,
			"is on trial until %s and will be enforced after that", until);
	return true;
}

void trial_advise(const struct trial *trial, const char *name, const char *setting, uint64_t now_ms,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	char end[TRIAL_TEXT_SIZE], text[TRIAL_TEXT_SIZE + TRIAL_NAME_SIZE];

	if (trial_describe_end(trial, now_ms, end)) {
		snprintf(text, sizeof(text), "%s %s", name, end);
		warn(context, setting == NULL ? "until" : setting, text);
	}
	if (trial->mode != MODE_MONITOR || trial->percent == 100)
		return;
	snprintf(text, sizeof(text),
		"%s: percent does nothing beside mode = monitor, which only looks on for all; use "
		"mode = enforce to act for some",
		name);
	warn(context, setting == NULL ? "percent" : setting, text);
}
