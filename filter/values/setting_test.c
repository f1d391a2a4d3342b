/* SPDX-License-Identifier: BSD-2-Clause */
#include "setting.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "mem.h"

static const struct {
	const char *text;
	int64_t ms; /* -1: refused */
} durations[] = {
	{"0", 0},
	{"0s", 0},
	{"500ms", 500},
	{"90s", 90000},
	{"5m", 300000},
	{"5min", 300000},
	{"1h", 3600000},
	{"7d", INT64_C(604800000)},
	{"2w", INT64_C(1209600000)},
	{" 1 h", 3600000},
	{"1H", 3600000},
	{"9223372036854775807ms", INT64_MAX},
	{"", -1},
	{"s", -1},
	{"5", -1},
	{"-5s", -1},
	{"+5s", -1},
	{"5x", -1},
	{"5s5", -1},
	{"5.5s", -1},
	{"0x5s", -1},
	{"1h30m", -1},
	{"5 s ", -1},
	{"9223372036854775808ms", -1},
	{"9223372036854775807s", -1},
	{"99999999999999999999999999h", -1},
};

static void test_durations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(durations); i++) {
		int64_t ms = -1;

		assert_int_equal(parse_duration(durations[i].text, &ms), durations[i].ms >= 0);
		assert_int_equal(ms, durations[i].ms);
	}
}

static const struct {
	const char *text;
	int64_t bytes;
} sizes[] = {
	{"0", 0},
	{"512", 512},
	{"512B", 512},
	{"64KB", 65536},
	{"64k", 65536},
	{"10MB", 10 << 20},
	{"10 MB", 10 << 20},
	{"4G", INT64_C(4) << 30},
	{"1TB", INT64_C(1) << 40},
	{"", -1},
	{"MB", -1},
	{"-1", -1},
	{"1.5MB", -1},
	{"1MiB", -1},
	{"1MBB", -1},
	{"8388608TB", -1},
	{"9223372036854775808", -1},
};

static void test_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		int64_t bytes = -1;

		assert_int_equal(parse_size(sizes[i].text, &bytes), sizes[i].bytes >= 0);
		assert_int_equal(bytes, sizes[i].bytes);
	}
}

static const struct {
	const char *text;
	int64_t count, window_ms; /* count -1: refused */
} rates[] = {
	{"200 / 1h", 200, 3600000},
	{"200/1h", 200, 3600000},
	{"0 / 1s", 0, 1000},
	{"5\t/ 10m", 5, 600000},
	{"", -1, 0},
	{"200", -1, 0},
	{"200 / ", -1, 0},
	{"200 / h", -1, 0},
	{"200 / 60", -1, 0},
	{"/ 1h", -1, 0},
	{"-1 / 1h", -1, 0},
	{"1 / 0s", -1, 0},
	{"1 / 999ms", -1, 0},
	{"1 / 1h / 1h", -1, 0},
	{"200 per 1h", -1, 0},
	{"99999999999999999999 / 1h", -1, 0},
	{"4503599627370496 / 400d", RATE_COUNT_MAX, RATE_WINDOW_MAX_MS},
	{"4503599627370497 / 1h", -1, 0},
	{"5 / 401d", -1, 0},
};

static void test_rates_say_what_is_wrong(void **state)
{
	static const char *const rows[][2] = {
		{"5", "no slash"},
		{"5 / 1", "no unit"},
		{"5 / hour", "no duration"},
		{"5 / 1y", "no duration"},
		{"5 / ", "no duration"},
		{"5 / 500ms", "from 1s to 400d"},
		{"5 / 0", "no unit"},
		{"5 / 401d", "from 1s to 400d"},
		{"-5 / 1h", "no whole number from 0 on"},
		{"5.5 / 1h", "no whole number from 0 on"},
		{" / 1h", "no whole number from 0 on"},
		{"99999999999999999999 / 1h", "above 4503599627370496"},
		{"9999TB / 1h", "above 4503599627370496"},
		{"00000000000000000000000000000000000000000005 / 1h", "too long"},
	};
	struct rate rate;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *said = parse_rate_or_say(rows[i][0], &rate);

		if (said == NULL || strstr(said, rows[i][1]) == NULL)
			fail_msg("%s: %s", rows[i][0], said == NULL ? "taken" : said);
	}
	assert_true(parse_rate("5k / 1h", &rate) && rate.sized && rate.count == 5120);
	assert_true(parse_rate(" 5 / 1h", &rate) && !rate.sized);
}

static void test_rates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rates); i++) {
		struct rate rate = {.count = -1};

		assert_int_equal(parse_rate(rates[i].text, &rate), rates[i].count >= 0);
		assert_int_equal(rate.count, rates[i].count);
		assert_int_equal(rate.window_ms, rates[i].window_ms);
	}
}

/* What is written reads back, in the unit a person would take. */
static void test_formats(void **state)
{
	static const struct {
		int64_t value;
		const char *duration, *size;
	} rows[] = {{0, "0s", "0"}, {1, "1ms", "1"}, {90000, "90s", "90000"},
		{60000, "60s", "60000"}, {300000, "5m", "300000"}, {3600000, "1h", "3600000"},
		{5400000, "90m", "5400000"}, {65536, "65536ms", "64KB"},
		{INT64_C(604800000), "1w", "590625KB"}, {10 << 20, "10485760ms", "10MB"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char buffer[32];
		int64_t again;

		format_duration(rows[i].value, buffer, sizeof(buffer));
		assert_string_equal(buffer, rows[i].duration);
		assert_true(parse_duration(buffer, &again));
		assert_int_equal(again, rows[i].value);
		format_size(rows[i].value, buffer, sizeof(buffer));
		assert_string_equal(buffer, rows[i].size);
		assert_true(parse_size(buffer, &again));
		assert_int_equal(again, rows[i].value);
	}
}

/* One member of each type. */
struct everything {
	bool yes;
	int64_t number;
	struct rate rate;
	char *text;
	char **texts;
	int choice;
	enum action action;
	struct trial trial;
	int64_t date;
	struct matchlist *list;
};

static const char *const colours[] = {"red", "green", NULL};
static const char *const mild[] = {"tag", "off", NULL};

enum {
	ROW_BOOL,
	ROW_INTEGER,
	ROW_DURATION,
	ROW_SIZE,
	ROW_RATE,
	ROW_TEXT,
	ROW_FILE,
	ROW_TEXTS,
	ROW_CHOICE,
	ROW_ACTION,
	ROW_MILD,
	ROW_TRIED,
	ROW_DATE,
	ROW_LIST
};

static const struct setting rows[] = {
	[ROW_BOOL] = {.name = "bool",
		.type = SETTING_BOOL,
		.offset = offsetof(struct everything, yes),
		.default_text = "no"},
	[ROW_INTEGER] = {.name = "integer",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct everything, number),
		.default_text = "7",
		.min = -5,
		.max = 10},
	[ROW_DURATION] = {.name = "duration",
		.type = SETTING_DURATION,
		.offset = offsetof(struct everything, number),
		.default_text = "1s",
		.min = 10,
		.max = 3600000},
	[ROW_SIZE] = {.name = "size",
		.type = SETTING_SIZE,
		.offset = offsetof(struct everything, number),
		.default_text = "1MB",
		.min = 1024,
		.max = 1 << 30},
	[ROW_RATE] = {.name = "rate",
		.type = SETTING_RATE,
		.offset = offsetof(struct everything, rate),
		.default_text = "\"5 / 1m\"",
		.min = 1,
		.max = 100},
	[ROW_TEXT] = {.name = "text",
		.type = SETTING_TEXT,
		.offset = offsetof(struct everything, text),
		.default_text = "a b"},
	[ROW_FILE] = {.name = "file",
		.type = SETTING_FILE,
		.offset = offsetof(struct everything, text),
		.default_text = ""},
	[ROW_TEXTS] = {.name = "texts",
		.type = SETTING_TEXTS,
		.offset = offsetof(struct everything, texts),
		.default_text = "{ a, \"b c\", 'd' }"},
	[ROW_CHOICE] = {.name = "choice",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct everything, choice),
		.default_text = "green",
		.choices = colours},
	[ROW_ACTION] = {.name = "action",
		.type = SETTING_ACTION,
		.offset = offsetof(struct everything, action),
		.default_text = "suspect"},
	[ROW_MILD] = {.name = "mild",
		.type = SETTING_ACTION,
		.offset = offsetof(struct everything, action),
		.default_text = "off",
		.choices = mild},
	[ROW_TRIED] = {.name = "tried",
		.type = SETTING_ACTION,
		.offset = offsetof(struct everything, action),
		.trial_offset = offsetof(struct everything, trial),
		.default_text = "suspect"},
	[ROW_DATE] = {.name = "date",
		.type = SETTING_DATE,
		.offset = offsetof(struct everything, date),
		.default_text = ""},
	[ROW_LIST] = {.name = "list",
		.type = SETTING_MATCHLIST,
		.offset = offsetof(struct everything, list),
		.default_text = "192.0.2.0/24, ::1"},
	{.name = NULL},
};

static bool parse(unsigned row, const char *text, struct everything *options, char *why)
{
	return setting_parse(&rows[row], text, "place", options, why, SETTING_WHY_SIZE);
}

static const struct {
	unsigned row;
	const char *text, *why;
} refused[] = {
	{ROW_BOOL, "maybe", "bool = \"maybe\" is not allowed; it must be yes or no"},
	{ROW_BOOL, "", "bool = \"\" is not allowed; it must be yes or no"},
	{ROW_INTEGER, "11",
		"integer = \"11\" is too large; it must be a whole number, from -5 to 10"},
	{ROW_INTEGER, "-6",
		"integer = \"-6\" is too small; it must be a whole number, from -5 to 10"},
	{ROW_INTEGER, "5s",
		"integer = \"5s\" is not a number; it must be a whole number, from -5 to 10"},
	{ROW_INTEGER, " 5",
		"integer = \" 5\" is not a number; it must be a whole number, from -5 to 10"},
	{ROW_DURATION, "5",
		"duration = \"5\" is a number without a unit; it must be a duration like 500ms, "
		"90s, 5m, 1h or 7d, from 10ms to 1h"},
	{ROW_DURATION, "2h",
		"duration = \"2h\" is too large; it must be a duration like 500ms, 90s, 5m, 1h or "
		"7d, from 10ms to 1h"},
	{ROW_SIZE, "many",
		"size = \"many\" is not a size; it must be a size like 512, 64KB or 10MB, from 1KB "
		"to 1GB"},
	{ROW_SIZE, "5",
		"size = \"5\" is too small; it must be a size like 512, 64KB or 10MB, from 1KB to "
		"1GB"},
	{ROW_RATE, "101 / 1h",
		"rate = \"101 / 1h\" is too large; it must be a rate like \"200 / 1h\", from 1 to "
		"100"},
	{ROW_CHOICE, "gren",
		"choice = \"gren\" is not allowed; it must be one of: red, green; did you mean "
		"green?"},
	{ROW_ACTION, "rejekt",
		"action = \"rejekt\" is not allowed; it must be one of: reject, tempfail, suspect, "
		"quarantine, tag, monitor, off; did you mean reject?"},
	{ROW_ACTION, "reject percent=10",
		"action = \"reject percent=10\" is not allowed; it must be one of: reject, "
		"tempfail, suspect, quarantine, tag, monitor, off"},
	{ROW_TRIED, "rejekt percent=10",
		"tried = \"rejekt\" is not allowed; it must be one of: reject, tempfail, suspect, "
		"quarantine, tag, monitor, off; did you mean reject?"},
	{ROW_TRIED, "percent=10 reject",
		"tried = \"percent=10\" is not allowed; it must be one of: reject, tempfail, "
		"suspect, quarantine, tag, monitor, off"},
	{ROW_TRIED, "reject percent=1000",
		"tried = reject: \"percent=1000\": percent is a whole number from 0 to 100"},
	{ROW_TRIED, "reject until=2026-12-31",
		"tried = reject: until says when a trial ends, but nothing is tried; set mode = "
		"monitor or percent below 100, or leave until out"},
	{ROW_TRIED, "monitor percent=10",
		"tried = monitor does nothing that could be tried; write the action that it shall "
		"have one day, like \"reject percent=10\""},
	{ROW_TRIED, "off mode=off",
		"tried = off does nothing that could be tried; write the action that it shall have "
		"one day, like \"reject mode=off\""},
	{ROW_DATE, "2026-02-30",
		"date = \"2026-02-30\" is no such date; it must be a date like 2026-12-31 (the "
		"whole day counts) or \"2026-12-31 18:00\""},
	{ROW_MILD, "reject", "mild = \"reject\" is not allowed; it must be one of: tag, off"},
	{ROW_TEXT, "a\nb",
		"text holds the control character \\x0a; it must be one line of text (in double "
		"quotes, \\ starts an escape: use single quotes)"},
	{ROW_FILE, "etc/passwd",
		"file = \"etc/passwd\" is not an absolute path; it must be the absolute path of a "
		"readable file"},
	{ROW_FILE, "/nonexistent",
		"file = \"/nonexistent\" cannot be read: No such file or directory; it must be a "
		"readable file"},
	{ROW_FILE, "/etc",
		"file = \"/etc\" is a folder; it must be the absolute path of a readable file"},
	{ROW_TEXTS, "", "texts = \"\" is an empty entry; it must be a list of texts"},
	{ROW_LIST, "/nonexistent",
		"list: /nonexistent: No such file or directory; name a readable file, or mend this "
		"one"},
};

static void test_refusals(void **state)
{
	char why[SETTING_WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
		struct everything options = {.number = 1};

		assert_false(parse(refused[i].row, refused[i].text, &options, why));
		assert_string_equal(why, refused[i].why);
		assert_int_equal(options.number, 1);
		settings_clear(rows, &options);
	}
}

/* However long the value and small the buffer, the sentence fits. */
static void test_long_values(void **state)
{
	static char text[SETTING_VALUE_MAX + 2];
	struct everything options = {.number = 1};

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	for (unsigned row = 0; row < ARRAY_COUNT(rows) - 1; row++) {
		char why[40];

		memset(why, '#', sizeof(why));
		assert_false(setting_parse(&rows[row], text, "place", &options, why, sizeof(why)));
		assert_non_null(memchr(why, '\0', sizeof(why)));
	}
	settings_clear(rows, &options);
}

static void test_defaults(void **state)
{
	struct everything options = {.number = 0};
	struct ipaddr address;
	struct match match;

	(void)state;
	for (unsigned row = 0; row < ARRAY_COUNT(rows) - 1; row++) {
		if (row != ROW_FILE && row != ROW_SIZE && row != ROW_DURATION && row != ROW_MILD)
			setting_set_default(&rows[row], &options);
	}
	assert_false(options.yes);
	assert_int_equal(options.number, 7);
	assert_int_equal(options.rate.count, 5);
	assert_string_equal(options.text, "a b");
	assert_string_equal(options.texts[0], "a");
	assert_string_equal(options.texts[1], "b c");
	assert_string_equal(options.texts[2], "d");
	assert_null(options.texts[3]);
	assert_int_equal(options.choice, 1);
	assert_int_equal(options.action, ACTION_SUSPECT);
	assert_true(ipaddr_parse("192.0.2.5", &address));
	assert_true(matchlist_match_address(options.list, &address, &match));
	assert_string_equal(match.where, "list");
	/* A default again: nothing is leaked, nothing is there twice. */
	setting_set_default(&rows[ROW_TEXTS], &options);
	assert_null(options.texts[3]);
	settings_clear(rows, &options);
	assert_null(options.text);
	assert_null(options.texts);
	assert_null(options.list);
}

static void test_words(void **state)
{
	static const struct {
		const char *text;
		bool value;
	} words[] = {{"yes", true}, {"no", false}, {"true", true}, {"false", false}, {"on", true},
		{"off", false}, {"YES", true}, {"Off", false}};
	struct everything options = {.number = 0};
	char why[SETTING_WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		options.yes = !words[i].value;
		assert_true(parse(ROW_BOOL, words[i].text, &options, why));
		assert_int_equal(options.yes, words[i].value);
	}
	assert_true(parse(ROW_ACTION, "Quarantine", &options, why));
	assert_int_equal(options.action, ACTION_QUARANTINE);
	assert_true(parse(ROW_TEXT, "x", &options, why));
	assert_true(parse(ROW_TEXT, "", &options, why));
	assert_null(options.text);
	assert_true(parse(ROW_FILE, "/etc/passwd", &options, why));
	assert_string_equal(options.text, "/etc/passwd");
	settings_clear(rows, &options);
}

/* Bad lines of a list file: each in words, with its place. */
static void test_list_file(void **state)
{
	char path[] = "/tmp/setting_test.XXXXXX", why[SETTING_WHY_SIZE], wanted[128];
	static const char text[] = "192.0.2.0/24\n\nnot valid..at all\n10.0.0.0/99\n";
	struct everything options = {.number = 0};
	int file = mkstemp(path);
	struct ipaddr address;
	struct match match;

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(write(file, text, sizeof(text) - 1), sizeof(text) - 1);
	close(file);
	assert_false(parse(ROW_LIST, path, &options, why));
	snprintf(wanted, sizeof(wanted), "list: %s:3: ", path);
	assert_memory_equal(why, wanted, strlen(wanted));
	snprintf(wanted, sizeof(wanted), "\nlist: %s:4: prefix length", path);
	assert_non_null(strstr(why, wanted));
	settings_clear(rows, &options);
	assert_int_equal(truncate(path, 13), 0);
	assert_true(parse(ROW_LIST, path, &options, why));
	assert_true(ipaddr_parse("192.0.2.5", &address));
	assert_true(matchlist_match_address(options.list, &address, &match));
	snprintf(wanted, sizeof(wanted), "%s:1", path);
	assert_string_equal(match.where, wanted);
	settings_clear(rows, &options);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_rates_say_what_is_wrong),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_list_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
