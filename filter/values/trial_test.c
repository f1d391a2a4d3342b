/* SPDX-License-Identifier: BSD-2-Clause */
/* Trials: dates, who is among the percent, and what is said of an end. */
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "text.h"

/* Summer time begins on 2026-03-29 at 02:00 and ends on 2026-10-25 at 03:00. */
static int live_in_berlin(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static const struct {
	const char *text;
	int64_t end_s; /* date -d ... +%s */
	const char *shown; /* NULL: as given */
} dates[] = {
	{"2026-12-31", 1798758000, NULL}, {"2027-01-01 00:00", 1798758000, "2026-12-31"},
	{"2026-12-31 18:00", 1798736400, NULL},
	{"2026-12-31T18:00", 1798736400, "2026-12-31 18:00"},
	{"2026-12-31 18:00:05", 1798736405, NULL}, {"2026-12-31 00:00:05", 1798671605, NULL},
	{"2028-02-29", 1835478000, NULL}, {"2026-07-01", 1782943200, NULL},
	{"2026-03-28", 1774738800, NULL}, /* ends an hour's jump before */
	{"2026-03-29", 1774821600, NULL}, /* a day of 23 hours */
	{"2026-10-25", 1792969200, NULL}, /* one of 25 */
};

static void test_dates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(dates); i++) {
		char shown[UNTIL_TEXT_SIZE];
		int64_t end_ms, again_ms;

		if (!trial_parse_until(dates[i].text, &end_ms) || end_ms != dates[i].end_s * 1000)
			fail_msg("%s ends at %lld", dates[i].text, (long long)(end_ms / 1000));
		assert_string_equal(trial_format_until(end_ms, shown),
			dates[i].shown == NULL ? dates[i].text : dates[i].shown);
		assert_true(trial_parse_until(shown, &again_ms));
		assert_int_equal(end_ms, again_ms);
	}
}

static void test_no_dates(void **state)
{
	static const char *const texts[] = {"2026", "2026-12", "2026-1-1", "2026-02-29",
		"2026-06-31", "2026-13-01", "2026-00-10", "2026-01-00", "1999-12-31", "31.12.2026",
		"2026-12-31 ", "2026-12-31 18", "2026-12-31 24:00", "2026-12-31 18:60",
		"2026-12-31 18:00:60", "2026-12-31 18:00:00Z", "2026-12-31x18:00", "tomorrow", "1d",
		" 2026-12-31", "2026-12-3\xb1", "-026-12-31"};
	int64_t end_ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
		if (trial_parse_until(texts[i], &end_ms))
			fail_msg("\"%s\" is taken for a date", texts[i]);
	assert_true(trial_parse_until("", &end_ms));
	assert_int_equal(end_ms, 0);
}

static const struct {
	const char *words;
	struct trial trial;
	const char *why; /* NULL: taken */
} words[] = {
	{"", {MODE_ENFORCE, 100, 0}, NULL},
	{" percent=10", {MODE_ENFORCE, 10, 0}, NULL},
	{"percent=10%", {MODE_ENFORCE, 10, 0}, NULL},
	{"  mode=monitor\tuntil=2026-12-31 ", {MODE_MONITOR, 100, 1798758000000}, NULL},
	{"until=2026-12-31T18:00 percent=0", {MODE_ENFORCE, 0, 1798736400000}, NULL},
	{"until=2026-12-31 18:00 percent=5", {MODE_ENFORCE, 5, 1798736400000}, NULL},
	{"mode=off", {MODE_OFF, 100, 0}, NULL},
	{"percent=101", {0}, "\"percent=101\": percent is a whole number from 0 to 100"},
	{"percent=-1", {0}, "\"percent=-1\": percent is a whole number from 0 to 100"},
	{"percent=", {0}, "\"percent=\": percent is a whole number from 0 to 100"},
	{"mode=try", {0}, "\"mode=try\": mode is enforce, monitor or off"},
	{"percent=5 until=", {0},
		"\"until=\": until is a date like 2026-12-31 or 2026-12-31T18:00, of this century "
		"or the next"},
	{"mode=monitor mode=enforce", {0}, "mode stands there twice"},
	{"percent=5 percent=5", {0}, "percent stands there twice"},
	/* All at once. */
	{"percent=101 mode=monitor mode=off percent=-1", {0},
		"\"percent=101\": percent is a whole number from 0 to 100; mode stands there "
		"twice; "
		"\"percent=-1\": percent is a whole number from 0 to 100"},
	{"mode=monitor until=2026-12-31 percent=5 until=2027-12-31", {0},
		"until stands there twice"},
	{"percents=10", {0},
		"\"percents=10\" is not allowed; behind the action may stand mode=monitor, "
		"percent=10 and until=2026-12-31; did you mean percent=?"},
	{"10", {0},
		"\"10\" is not allowed; behind the action may stand mode=monitor, percent=10 and "
		"until=2026-12-31"},
	{"until=2026-12-31", {0},
		"until says when a trial ends, but nothing is tried; set mode = monitor or percent "
		"below 100, or leave until out"},
	{"mode=off until=2026-12-31", {0},
		"until says when a trial ends, but nothing is tried; set mode = monitor or percent "
		"below 100 instead of mode = off, or leave until out"},
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		struct trial trial = {0};
		char why[300] = "";
		bool taken = trial_parse(words[i].words, &trial, why, sizeof(why));

		if (taken != (words[i].why == NULL))
			fail_msg("\"%s\": %s", words[i].words, why);
		if (!taken) {
			assert_string_equal(why, words[i].why);
			continue;
		}
		assert_int_equal(trial.mode, words[i].trial.mode);
		assert_int_equal(trial.percent, words[i].trial.percent);
		assert_int_equal(trial.until_ms, words[i].trial.until_ms);
	}
}

static struct ipaddr address(const char *text)
{
	struct ipaddr client = {.family = IP_NONE};

	if (*text != '\0')
		assert_true(ipaddr_parse(text, &client));
	return client;
}

static bool holds_back(const struct trial *trial, const char *name, const char *client)
{
	struct ipaddr parsed = address(client);

	return trial_holds_back_at(trial, name, &parsed, 1000);
}

/* Of 65536 networks, the share that the trial acts for, in percent; and that it grows only. */
static void test_percent(void **state)
{
	static const int64_t steps[] = {0, 1, 10, 50, 99, 100};
	bool acted[1 << 16] = {false};

	(void)state;
	for (size_t s = 0; s < ARRAY_COUNT(steps); s++) {
		const struct trial trial = {MODE_ENFORCE, steps[s], 0};
		unsigned count = 0;
		double share;

		for (unsigned n = 0; n < ARRAY_COUNT(acted); n++) {
			struct ipaddr client = {
				.family = IP_V4, .bytes = {(uint8_t)(n >> 8), (uint8_t)n, 1, 1}};
			bool acts = !trial_holds_back_at(&trial, "helo.invalid", &client, 1000);

			if (acted[n])
				assert_true(acts);
			acted[n] = acts;
			count += acts;
		}
		share = 100.0 * (double)count / (double)ARRAY_COUNT(acted);
		/* Six standard deviations of 65536 throws. */
		if (share < (double)steps[s] - 1.2 || share > (double)steps[s] + 1.2)
			fail_msg("%d percent act for %.2f", (int)steps[s], share);
		if (steps[s] == 0 || steps[s] == 100)
			assert_int_equal(count, steps[s] == 0 ? 0 : ARRAY_COUNT(acted));
	}
}

/* Clients of one network fare alike; other names and networks are other draws. */
static void test_networks(void **state)
{
	const struct trial half = {MODE_ENFORCE, 50, 0};
	unsigned other_name = 0, other_network = 0;

	(void)state;
	for (int i = 0; i < 256; i++) {
		char name[32], a[64], b[64], c[64], d[64], e[64];

		snprintf(name, sizeof(name), "limit number %d", i);
		snprintf(a, sizeof(a), "192.0.%d.1", i);
		snprintf(b, sizeof(b), "192.0.%d.254", i);
		snprintf(c, sizeof(c), "2001:db8:%x:1::1", i);
		snprintf(d, sizeof(d), "2001:db8:%x:ffff::9", i);
		snprintf(e, sizeof(e), "::ffff:192.0.%d.77", i);
		assert_int_equal(holds_back(&half, "spf", a), holds_back(&half, "spf", b));
		assert_int_equal(holds_back(&half, "spf", a), holds_back(&half, "spf", e));
		assert_int_equal(holds_back(&half, "spf", c), holds_back(&half, "spf", d));
		other_name += holds_back(&half, name, "192.0.2.1");
		other_network += holds_back(&half, "spf", a);
	}
	assert_in_range(other_name, 80, 176);
	assert_in_range(other_network, 80, 176);
	/* A client without an address is one too. */
	assert_int_equal(holds_back(&half, "spf", ""), holds_back(&half, "spf", ""));
}

/* The same on every host, whatever its byte order or build: these must never change, or a trial
 * would move to other clients with an upgrade. */
static void test_same_everywhere(void **state)
{
	static const char *const clients[] = {
		"192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "2001:db8:1::1", ""};
	static const int64_t acts_from[] = {10, 55, 39, 91, 54, 88};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(clients); i++) {
		struct trial trial = {MODE_ENFORCE, 0, 0};

		while (trial.percent < 100 && holds_back(&trial, "sender.unregistered", clients[i]))
			trial.percent++;
		if (trial.percent != acts_from[i])
			fail_msg("\"%s\" is among %d percent", clients[i], (int)trial.percent);
	}
}

static void test_ends(void **state)
{
	const struct trial monitor = {MODE_MONITOR, 100, 5000}, none = {MODE_ENFORCE, 0, 5000},
			   enforced = {MODE_ENFORCE, 100, 0}, off = {MODE_OFF, 10, 0};
	struct ipaddr client = address("192.0.2.1");

	(void)state;
	assert_true(trial_holds_back_at(&monitor, "spf", &client, 4999));
	assert_false(trial_holds_back_at(&monitor, "spf", &client, 5000));
	assert_true(trial_holds_back_at(&none, "spf", &client, 4999));
	assert_false(trial_holds_back_at(&none, "spf", &client, 5000));
	assert_false(trial_holds_back_at(&enforced, "spf", &client, 0));
	assert_true(trial_is_on(&monitor) && trial_is_on(&none));
	assert_false(trial_is_on(&enforced) || trial_is_on(&off));
}

struct said {
	char text[1000];
};

static void say(void *context, const char *setting, const char *text)
{
	struct said *said = context;
	size_t length = strlen(said->text);

	snprintf(said->text + length, sizeof(said->text) - length, "[%s] %s\n", setting, text);
}

static void test_advice(void **state)
{
	const int64_t end_ms = 1798758000000, day_ms = 86400000;
	struct trial trial = {MODE_MONITOR, 100, end_ms};
	struct said said;

	(void)state;
	said.text[0] = '\0';
	trial_advise(&trial, "spf", NULL, (uint64_t)(end_ms - 7 * day_ms - 1), say, &said);
	assert_string_equal(said.text, "");
	trial_advise(&trial, "spf", NULL, (uint64_t)(end_ms - 7 * day_ms), say, &said);
	assert_string_equal(said.text,
		"[until] spf is on trial until 2026-12-31 and will be enforced after that\n");
	said.text[0] = '\0';
	trial_advise(&trial, "spf.fail", "fail", (uint64_t)end_ms, say, &said);
	assert_string_equal(said.text,
		"[fail] spf.fail was on trial until 2026-12-31, which has passed: it is enforced "
		"now; take its mode, percent and until out, or give it a later until\n");
	said.text[0] = '\0';
	trial = (struct trial){MODE_MONITOR, 10, 0};
	trial_advise(&trial, "spf", NULL, 0, say, &said);
	assert_string_equal(said.text,
		"[percent] spf: percent does nothing beside mode = monitor, which only looks on "
		"for all; use mode = enforce to act for some\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_no_dates),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_same_everywhere),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, live_in_berlin, NULL);
}
