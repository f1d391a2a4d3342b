/* SPDX-License-Identifier: BSD-2-Clause */
#include "setting.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "line_complaints.h"
#include "mem.h"
#include "text.h"

enum { SHOWN_MAX = 80 };

static const char *const bool_words[] = {"yes", "no", "true", "false", "on", "off", NULL};
static const char *const action_words[] = {
	"reject", "tempfail", "suspect", "quarantine", "tag", "monitor", "off", NULL};

static void *member(const struct setting *setting, void *options)
{
	return (char *)options + setting->offset;
}

bool setting_is_list(const struct setting *setting)
{
	return setting->type == SETTING_TEXTS || setting->type == SETTING_MATCHLIST;
}

static const char *const *words_of(const struct setting *setting)
{
	if (setting->type == SETTING_BOOL)
		return bool_words;
	if (setting->type == SETTING_ACTION && setting->choices == NULL)
		return action_words;
	return setting->choices;
}

static bool is_bounded(const struct setting *setting)
{
	return setting->min != 0 || setting->max != 0;
}

static const char *format_bound(
	const struct setting *setting, int64_t value, char *buffer, size_t size)
{
	switch (setting->type) {
	case SETTING_DURATION:
		return format_duration(value, buffer, size);
	case SETTING_SIZE:
		return format_size(value, buffer, size);
	default:
		snprintf(buffer, size, "%" PRId64, value);
		return buffer;
	}
}

static void add_bounds(struct text *out, const struct setting *setting)
{
	char low[32], high[32];

	if (!is_bounded(setting))
		return;
	text_addf(out, "%sfrom %s to %s", out->length > 0 ? ", " : "",
		format_bound(setting, setting->min, low, sizeof(low)),
		format_bound(setting, setting->max, high, sizeof(high)));
}

static void add_words(struct text *out, const char *const *words)
{
	text_add(out, "one of: ");
	for (size_t i = 0; words[i] != NULL; i++)
		text_addf(out, "%s%s", i == 0 ? "" : ", ", words[i]);
}

static const char *kinds_text(unsigned kinds)
{
	switch (kinds) {
	case MATCH_NETWORKS:
		return "networks";
	case MATCH_DOMAINS:
		return "domains";
	case MATCH_NETWORKS | MATCH_DOMAINS:
		return "networks, domains";
	default:
		return "networks, domains, addresses";
	}
}

const char *setting_type_text(const struct setting *setting, char *buffer, size_t size)
{
	struct text out;

	text_init(&out, buffer, size);
	switch (setting->type) {
	case SETTING_BOOL:
		text_add(&out, "yes or no");
		break;
	case SETTING_INTEGER:
		text_add(&out, "a whole number");
		break;
	case SETTING_DURATION:
		text_add(&out, "a duration like 500ms, 90s, 5m, 1h or 7d");
		break;
	case SETTING_SIZE:
		text_add(&out, "a size like 512, 64KB or 10MB");
		break;
	case SETTING_RATE:
		text_add(&out, "a rate like \"200 / 1h\"");
		break;
	case SETTING_DATE:
		text_add(&out, "a date like 2026-12-31 (the whole day counts) or \"2026-12-31 "
			       "18:00\"");
		break;
	case SETTING_TEXT:
		text_add(&out, "a text");
		break;
	case SETTING_FILE:
		text_add(&out, "the absolute path of a readable file");
		break;
	case SETTING_TEXTS:
		text_add(&out, "a list of texts");
		break;
	case SETTING_MATCHLIST:
		text_addf(&out, "a list of %s, or absolute paths of files of them",
			kinds_text(setting->kinds));
		break;
	case SETTING_CHOICE:
	case SETTING_ACTION:
		add_words(&out, words_of(setting));
		break;
	}
	add_bounds(&out, setting);
	return buffer;
}

const char *setting_bounds_text(const struct setting *setting, char *buffer, size_t size)
{
	struct text out;

	text_init(&out, buffer, size);
	if (setting->type == SETTING_BOOL)
		text_add(&out, "yes or no");
	else if (setting->type == SETTING_CHOICE || setting->type == SETTING_ACTION)
		add_words(&out, words_of(setting));
	else
		add_bounds(&out, setting);
	return buffer;
}

/* "NAME = TEXT is not WANTED": the usual complaint. */
static bool complain(
	const struct setting *setting, const char *text, const char *what, char *why, size_t size)
{
	char wanted[512];
	struct text out;

	text_init(&out, why, size);
	text_addf(&out, "%s = \"", setting->name);
	text_add_escaped(&out, text, strlen(text), SHOWN_MAX);
	text_addf(&out, "\" is %s; it must be %s", what,
		setting_type_text(setting, wanted, sizeof(wanted)));
	return false;
}

static bool parse_integer(const char *text, int64_t *number_r)
{
	char *end;

	errno = 0;
	*number_r = strtoll(text, &end, 10);
	return end != text && *end == '\0' && !ascii_is_space(*text) && errno == 0;
}

static bool is_out_of_bounds(const struct setting *setting, int64_t value, const char **what_r)
{
	*what_r = value < setting->min ? "too small" : "too large";
	return is_bounded(setting) && (value < setting->min || value > setting->max);
}

static bool parse_number(
	const struct setting *setting, const char *text, void *options, char *why, size_t size)
{
	const char *what;
	int64_t value;
	bool parsed;

	if (setting->type == SETTING_DURATION)
		parsed = parse_duration(text, &value);
	else if (setting->type == SETTING_SIZE)
		parsed = parse_size(text, &value);
	else
		parsed = parse_integer(text, &value);
	if (!parsed) {
		int64_t bare;

		if (setting->type == SETTING_DURATION && parse_integer(text, &bare))
			return complain(setting, text, "a number without a unit", why, size);
		return complain(setting, text,
			setting->type == SETTING_DURATION ? "not a duration"
			: setting->type == SETTING_SIZE	  ? "not a size"
							  : "not a number",
			why, size);
	}
	if (is_out_of_bounds(setting, value, &what))
		return complain(setting, text, what, why, size);
	memcpy(member(setting, options), &value, sizeof(value));
	return true;
}

static bool parse_rate_setting(
	const struct setting *setting, const char *text, void *options, char *why, size_t size)
{
	const char *what, *wrong;
	struct rate rate;
	struct text out;

	wrong = parse_rate_or_say(text, &rate);
	if (wrong != NULL) {
		text_init(&out, why, size);
		text_addf(&out, "%s = \"", setting->name);
		text_add_escaped(&out, text, strlen(text), SHOWN_MAX);
		text_addf(&out, "\": %s", wrong);
		return false;
	}
	if (rate.sized && !setting->sized)
		return complain(setting, text, "of a size, where things are counted", why, size);
	if (is_out_of_bounds(setting, rate.count, &what))
		return complain(setting, text, what, why, size);
	memcpy(member(setting, options), &rate, sizeof(rate));
	return true;
}

/* Index of TEXT in WORDS, or -1. */
static int find_word(const char *const *words, const char *text)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (ascii_equal(words[i], text))
			return i;
	}
	return -1;
}

static bool parse_word(
	const struct setting *setting, const char *text, void *options, char *why, size_t size)
{
	const char *const *words = words_of(setting);
	int found = find_word(words, text);
	enum action action;

	if (found < 0 ||
		(setting->type == SETTING_ACTION && !action_parse(words[found], &action))) {
		const char *meant = text_suggest(text, words);
		size_t length;

		complain(setting, text, "not allowed", why, size);
		length = strlen(why);
		if (meant != NULL)
			snprintf(why + length, size - length, "; did you mean %s?", meant);
		return false;
	}
	if (setting->type == SETTING_BOOL) {
		bool value = found % 2 == 0;

		memcpy(member(setting, options), &value, sizeof(value));
	} else if (setting->type == SETTING_ACTION) {
		memcpy(member(setting, options), &action, sizeof(action));
	} else {
		memcpy(member(setting, options), &found, sizeof(found));
	}
	return true;
}

/* A text that can be logged and passed on as one line. */
static bool check_text(const struct setting *setting, const char *text, char *why, size_t size)
{
	size_t length = strlen(text);

	if (length > SETTING_VALUE_MAX) {
		snprintf(why, size, "%s is a text of %zu bytes; at most %d are allowed",
			setting->name, length, SETTING_VALUE_MAX);
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f)
			continue;
		snprintf(why, size,
			"%s holds the control character \\x%02x; it must be one line of text "
			"(in double quotes, \\ starts an escape: use single quotes)",
			setting->name, (unsigned char)text[i]);
		return false;
	}
	return true;
}

static bool check_readable(const struct setting *setting, const char *text, char *why, size_t size)
{
	struct stat status;
	int file;

	if (text[0] != '/')
		return complain(setting, text, "not an absolute path", why, size);
	file = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0 || fstat(file, &status) != 0) {
		snprintf(why, size, "%s = \"%s\" cannot be read: %s; it must be a readable file",
			setting->name, text, strerror(errno));
		if (file >= 0)
			close(file);
		return false;
	}
	close(file);
	if (S_ISDIR(status.st_mode))
		return complain(setting, text, "a folder", why, size);
	return true;
}

static bool parse_text(
	const struct setting *setting, const char *text, void *options, char *why, size_t size)
{
	char **value = member(setting, options);

	if (!check_text(setting, text, why, size))
		return false;
	if (setting->type == SETTING_FILE && *text != '\0' &&
		!check_readable(setting, text, why, size))
		return false;
	mem_free(*value);
	*value = *text == '\0' ? NULL : mem_text(text);
	return true;
}

static bool add_text(
	const struct setting *setting, const char *text, void *options, char *why, size_t size)
{
	char ***texts = member(setting, options);
	size_t count = 0;

	if (!check_text(setting, text, why, size))
		return false;
	if (*text == '\0')
		return complain(setting, text, "an empty entry", why, size);
	while (*texts != NULL && (*texts)[count] != NULL)
		count++;
	*texts = mem_resize(*texts, count + 2, sizeof(**texts));
	(*texts)[count] = mem_text(text);
	(*texts)[count + 1] = NULL;
	return true;
}

static bool add_entries(const struct setting *setting, const char *text, const char *where,
	void *options, char *why, size_t size)
{
	struct matchlist **list = member(setting, options);
	struct line_complaints complaints;
	const char *reason;

	if (!check_text(setting, text, why, size))
		return false;
	if (*list == NULL)
		*list = matchlist_create();
	matchlist_take_only(*list, setting->kinds);
	if (*text != '/') {
		if (matchlist_add(*list, text, where, &reason))
			return true;
		snprintf(why, size, "%s: entry \"%.*s\": %s", setting->name, SHOWN_MAX, text,
			reason);
		return false;
	}
	line_complaints_init(&complaints, why, size, setting->name);
	if (matchlist_load(*list, text, line_complaints_note, &complaints))
		return true;
	line_complaints_end(&complaints);
	return false;
}

static bool parse_date(
	const struct setting *setting, const char *text, void *options, char *why, size_t size)
{
	int64_t end_ms;

	if (!trial_parse_until(text, &end_ms))
		return complain(setting, text, "no such date", why, size);
	memcpy(member(setting, options), &end_ms, sizeof(end_ms));
	return true;
}

/* An action may be followed by how it is tried: "reject percent=10 until=2026-12-31". */
static bool parse_action(
	const struct setting *setting, const char *text, void *options, char *why, size_t size)
{
	size_t length = strcspn(text, " \t");
	char word[SHOWN_MAX], trouble[SETTING_WHY_SIZE / 2];
	enum action action;
	struct trial *trial = (void *)((char *)options + setting->trial_offset);

	if (setting->trial_offset == 0)
		return parse_word(setting, text, options, why, size);
	snprintf(word, sizeof(word), "%.*s", (int)length, text);
	if (!parse_word(setting, word, options, why, size))
		return false;
	memcpy(&action, member(setting, options), sizeof(action));
	if (!trial_parse(text + length, trial, trouble, sizeof(trouble))) {
		snprintf(why, size, "%s = %s: %s", setting->name, word, trouble);
		return false;
	}
	if (action <= ACTION_MONITOR && (trial_is_on(trial) || trial->mode == MODE_OFF)) {
		snprintf(why, size,
			"%s = %s does nothing that could be tried; write the action that it shall "
			"have one day, like \"reject%s\"",
			setting->name, word, text + length);
		return false;
	}
	if (trial->mode == MODE_OFF) {
		action = ACTION_OFF;
		memcpy(member(setting, options), &action, sizeof(action));
	}
	return true;
}

bool setting_parse(const struct setting *setting, const char *text, const char *where,
	void *options, char *why, size_t why_size)
{
	switch (setting->type) {
	case SETTING_INTEGER:
	case SETTING_DURATION:
	case SETTING_SIZE:
		return parse_number(setting, text, options, why, why_size);
	case SETTING_RATE:
		return parse_rate_setting(setting, text, options, why, why_size);
	case SETTING_BOOL:
	case SETTING_CHOICE:
		return parse_word(setting, text, options, why, why_size);
	case SETTING_ACTION:
		return parse_action(setting, text, options, why, why_size);
	case SETTING_DATE:
		return parse_date(setting, text, options, why, why_size);
	case SETTING_TEXT:
	case SETTING_FILE:
		return parse_text(setting, text, options, why, why_size);
	case SETTING_TEXTS:
		return add_text(setting, text, options, why, why_size);
	case SETTING_MATCHLIST:
		return add_entries(setting, text, where, options, why, why_size);
	}
	abort();
}

void setting_clear(const struct setting *setting, void *options)
{
	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_FILE: {
		char **text = member(setting, options);

		mem_free(*text);
		*text = NULL;
		break;
	}
	case SETTING_TEXTS: {
		char ***texts = member(setting, options);

		for (size_t i = 0; *texts != NULL && (*texts)[i] != NULL; i++)
			mem_free((*texts)[i]);
		mem_free(*texts);
		*texts = NULL;
		break;
	}
	case SETTING_MATCHLIST: {
		struct matchlist **list = member(setting, options);

		if (*list != NULL)
			matchlist_free(list);
		break;
	}
	default:
		break;
	}
}

void settings_clear(const struct setting *table, void *options)
{
	for (; table != NULL && table->name != NULL; table++)
		setting_clear(table, options);
}
