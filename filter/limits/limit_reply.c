/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_reply.h"

#include <stdio.h>
#include <string.h>

#include "setting.h"
#include "text.h"

enum word { WORD_LIMIT, WORD_WINDOW, WORD_WAIT, WORD_COUNT };

static const char *const words[WORD_COUNT] = {"{limit}", "{window}", "{wait}"};

static bool find_word(const char *text, enum word *word_r)
{
	for (int i = 0; i < WORD_COUNT; i++) {
		if (strncmp(text, words[i], strlen(words[i])) == 0) {
			*word_r = (enum word)i;
			return true;
		}
	}
	return false;
}

bool limit_reply_check(const char *text, char *why, size_t why_size)
{
	enum { REPLY_MAX = 200 };
	enum word word;

	if (text == NULL)
		return true;
	if (strlen(text) > REPLY_MAX) {
		snprintf(why, why_size, "the text is longer than %d characters", REPLY_MAX);
		return false;
	}
	if (*text != '\0' && text[strspn(text, " ")] == '\0') {
		snprintf(why, why_size, "the text is blank; leave the setting out for our own");
		return false;
	}
	if ((*text == '4' || *text == '5') && strspn(text, "0123456789") == 3) {
		snprintf(why, why_size,
			"the text begins with a code; leave it out, since action gives it one, "
			"like 451 4.7.1");
		return false;
	}
	for (const char *c = text; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7e) {
			snprintf(why, why_size, "an SMTP reply is one line of printable ASCII");
			return false;
		}
		if (*c == '{' && !find_word(c, &word)) {
			snprintf(why, why_size,
				"\"%.20s\" stands for nothing; write {limit}, {window} or {wait}",
				c);
			return false;
		}
	}
	return true;
}

static const struct {
	const char *one, *many;
} names[] = {
	[COUNT_CONNECTIONS] = {"connection", "connections"},
	[COUNT_MESSAGES] = {"message", "messages"},
	[COUNT_RECIPIENTS] = {"recipient", "recipients"},
	[COUNT_UNIQUE_RECIPIENTS] = {"unique recipient", "unique recipients"},
	[COUNT_BYTES] = {"byte", "bytes"},
	[COUNT_REFUSED_RECIPIENTS] = {"refused recipient", "refused recipients"},
};

const char *limit_amount(enum limit_count count, int64_t units, char *buffer, size_t size)
{
	if (count == COUNT_BYTES && units >= 1024 && units % 1024 == 0)
		return format_size(units, buffer, size);
	snprintf(buffer, size, "%lld %s", (long long)units,
		units == 1 ? names[count].one : names[count].many);
	return buffer;
}

static const struct {
	int64_t ms;
	const char *one, *many;
} units[] = {{604800000, "week", "weeks"}, {86400000, "day", "days"}, {3600000, "hour", "hours"},
	{60000, "minute", "minutes"}, {1000, "second", "seconds"}};

const char *limit_window(int64_t window_ms, char *buffer, size_t size)
{
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (window_ms < units[i].ms || window_ms % units[i].ms != 0)
			continue;
		if (window_ms == units[i].ms)
			snprintf(buffer, size, "%s", units[i].one);
		else
			snprintf(buffer, size, "%lld %s", (long long)(window_ms / units[i].ms),
				units[i].many);
		return buffer;
	}
	return format_duration(window_ms, buffer, size);
}

const char *limit_wait(int64_t wait_ms, char *buffer, size_t size)
{
	/* From days on: a week is long to wait for, and said in days. */
	for (size_t i = 1; i < ARRAY_COUNT(units); i++) {
		int64_t count = (wait_ms + units[i].ms - 1) / units[i].ms;

		/* "2 hours" would be a poor answer for 61 minutes. */
		if (count <= 2 && i + 1 < ARRAY_COUNT(units))
			continue;
		snprintf(buffer, size, "%lld %s", (long long)count,
			count == 1 ? units[i].one : units[i].many);
		break;
	}
	return buffer;
}

/* Nobody is told to come back for it. */
static const char *write_never(const struct limit_reply *reply, char *buffer, size_t size)
{
	char amount[48], window[32];

	if (reply->limit > 0)
		snprintf(buffer, size, "more at once than %s per %s, which is all that is allowed",
			limit_amount(reply->count, reply->limit, amount, sizeof(amount)),
			limit_window(reply->window_ms, window, sizeof(window)));
	else if (reply->count == COUNT_REFUSED_RECIPIENTS)
		snprintf(buffer, size, "not even one refused recipient is allowed");
	else
		snprintf(buffer, size, "no %s are allowed",
			reply->count == COUNT_BYTES		  ? "messages"
			: reply->count == COUNT_UNIQUE_RECIPIENTS ? "recipients"
								  : names[reply->count].many);
	return buffer;
}

const char *limit_reply_write(const struct limit_reply *reply, char *buffer, size_t size)
{
	char values[WORD_COUNT][48] = {[WORD_WAIT] = "some time"};
	const char *text = reply->text;
	struct text line;
	enum word word;

	if (text == NULL && reply->never)
		return write_never(reply, buffer, size);
	if (text == NULL)
		text = reply->wait_ms > 0 ? "{limit} per {window} reached, try again in {wait}"
					  : "{limit} per {window} reached, try again later";
	limit_amount(reply->count, reply->limit, values[WORD_LIMIT], sizeof(values[0]));
	limit_window(reply->window_ms, values[WORD_WINDOW], sizeof(values[0]));
	if (reply->wait_ms > 0 && !reply->never)
		limit_wait(reply->wait_ms, values[WORD_WAIT], sizeof(values[0]));
	text_init(&line, buffer, size);
	while (*text != '\0') {
		if (*text == '{' && find_word(text, &word)) {
			/* "per hour", but "within 1 hour". */
			if (word == WORD_WINDOW && values[word][0] > '9' &&
				!ascii_ends_with(buffer, "per "))
				text_add(&line, "1 ");
			text_add(&line, values[word]);
			text += strlen(words[word]);
		} else {
			text_add_char(&line, *text++);
		}
	}
	return buffer;
}

int64_t limit_spread_wait(int64_t wait_ms, int64_t window_ms, int64_t percent, uint32_t random)
{
	if (wait_ms <= 0)
		return wait_ms;
	return wait_ms + window_ms / 1000 * 10 * percent * (int64_t)(random % 1024) / 1024;
}
