/* SPDX-License-Identifier: BSD-2-Clause */
#include "setting.h"

#include "fuzz.h"

struct everything {
	bool yes;
	int64_t integer, duration, size;
	struct rate rate;
	char *text;
	char **texts;
	int choice;
	enum action action;
	struct trial trial;
	int64_t date;
	struct matchlist *list;
};

static const char *const words[] = {"red", "green", NULL};

#define ROW(type_of, member, default_of, low, high)                                                \
	{.name = #member,                                                                          \
		.type = type_of,                                                                   \
		.offset = offsetof(struct everything, member),                                     \
		.default_text = default_of,                                                        \
		.min = low,                                                                        \
		.max = high,                                                                       \
		.choices = type_of == SETTING_CHOICE ? words : NULL}

static const struct setting rows[] = {
	ROW(SETTING_BOOL, yes, "no", 0, 0),
	ROW(SETTING_INTEGER, integer, "0", -100, 100),
	ROW(SETTING_DURATION, duration, "1s", 10, 3600000),
	ROW(SETTING_SIZE, size, "1MB", 0, 1 << 30),
	ROW(SETTING_RATE, rate, "1 / 1s", 0, 1000),
	ROW(SETTING_TEXT, text, "", 0, 0),
	ROW(SETTING_TEXTS, texts, "", 0, 0),
	ROW(SETTING_CHOICE, choice, "red", 0, 0),
	ROW(SETTING_ACTION, action, "off", 0, 0),
	{.name = "tried",
		.type = SETTING_ACTION,
		.offset = offsetof(struct everything, action),
		.trial_offset = offsetof(struct everything, trial),
		.default_text = "off"},
	ROW(SETTING_DATE, date, "", 0, 0),
	ROW(SETTING_MATCHLIST, list, "", 0, 0),
	{.name = NULL},
};

/* What parses is in bounds, and reads back from its shortest form. */
static void check_numbers(const char *text)
{
	char again[32];
	struct rate rate;
	int64_t value, same;

	if (parse_duration(text, &value)) {
		MUST_HOLD(value >= 0);
		MUST_HOLD(parse_duration(format_duration(value, again, sizeof(again)), &same));
		MUST_HOLD(same == value);
	}
	if (parse_size(text, &value)) {
		MUST_HOLD(value >= 0);
		MUST_HOLD(parse_size(format_size(value, again, sizeof(again)), &same));
		MUST_HOLD(same == value);
	}
	if (trial_parse_until(text, &value) && value != 0) {
		MUST_HOLD(value > 0);
		MUST_HOLD(trial_parse_until(trial_format_until(value, again), &same));
		MUST_HOLD(same == value);
	}
	if (parse_rate(text, &rate))
		MUST_HOLD(rate.count >= 0 && rate.window_ms >= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct everything options = {.integer = 0};
	char why[SETTING_WHY_SIZE];

	check_numbers(text);
	for (const struct setting *row = rows; row->name != NULL; row++) {
		/* Files are not what is fuzzed here. */
		if (row->type == SETTING_MATCHLIST && *text == '/')
			continue;
		why[0] = '\0';
		if (setting_parse(row, text, "fuzz", &options, why, sizeof(why)))
			continue;
		MUST_HOLD(why[0] != '\0' && memchr(why, '\0', sizeof(why)) != NULL);
		MUST_HOLD(strpbrk(why, "\n\r") == NULL);
	}
	MUST_HOLD(options.integer >= -100 && options.integer <= 100);
	MUST_HOLD(options.duration == 0 || (options.duration >= 10 && options.duration <= 3600000));
	MUST_HOLD(options.size >= 0 && options.size <= 1 << 30);
	MUST_HOLD(options.choice == 0 || options.choice == 1);
	settings_clear(rows, &options);
	free(text);
	return 0;
}
