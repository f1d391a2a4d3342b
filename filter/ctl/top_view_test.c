/* SPDX-License-Identifier: BSD-2-Clause */
/* The screen of top in any size, and its rates. */
#include "top_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"
#include "top_rates.h"

/* Two answers of status, two seconds apart. */
static const char first[] =
	"{\"version\":\"1.2\",\"uptime_seconds\":100,\"now_ms\":5000,\"health\":\"good\","
	"\"health_reasons\":\"\",\"sessions\":10,\"sessions_open\":3,\"sessions_waiting\":1,"
	"\"messages_accepted\":100,\"messages_quarantined\":0,\"recipients_accepted\":100,"
	"\"refused\":{\"rcpt\":{\"tempfail\":5,\"reject\":7}},"
	"\"stages\":{\"rcpt\":{\"count\":100,\"sum_us\":1000}},"
	"\"findings\":[{\"check\":\"spf.fail\",\"result\":\"fail\",\"action\":\"reject\","
	"\"done\":7,\"monitored\":0}],\"busiest\":[],"
	"\"resolver\":{\"questions\":50,\"cache_hits\":40,\"failures\":0,\"in_flight\":2,"
	"\"slowest\":[]},\"store\":{\"kind\":\"redis\",\"up\":true,\"calls\":1,\"failures\":0}}";
static const char second[] =
	"{\"version\":\"1.2\",\"uptime_seconds\":102,\"now_ms\":7000,\"health\":\"degraded\","
	"\"health_reasons\":\"the store is gone\\\\x0amore\",\"sessions\":10,\"sessions_open\":4,"
	"\"sessions_waiting\":0,\"messages_accepted\":20100,\"messages_quarantined\":1,"
	"\"recipients_accepted\":300,\"refused\":{\"rcpt\":{\"tempfail\":5,\"reject\":27}},"
	"\"stages\":{\"rcpt\":{\"count\":300,\"sum_us\":301000}},"
	"\"findings\":[{\"check\":\"spf.fail\",\"result\":\"fail\",\"action\":\"reject\","
	"\"done\":8,\"monitored\":0},{\"check\":\"helo.invalid\",\"result\":\"fail\","
	"\"action\":\"reject\",\"done\":0,\"monitored\":30}],"
	"\"busiest\":[{\"limit\":\"per-sender\",\"key\":\"anna@example.org\",\"units\":40,"
	"\"over\":0},{\"limit\":\"per-sender\",\"key\":\"bob@example.org\",\"units\":9,"
	"\"over\":3}],\"resolver\":{\"questions\":51,\"cache_hits\":40,\"failures\":0,"
	"\"in_flight\":0,\"slowest\":[{\"name\":\"MX slow.example time-out\",\"us\":2000000}]},"
	"\"store\":{\"kind\":\"redis\",\"up\":false,\"calls\":1,\"failures\":0}}";

static struct json *before, *now;
static char *text;

static struct json *read_text(const char *json)
{
	char why[200];
	struct json *read = json_read(json, strlen(json), why, sizeof(why));

	if (read == NULL)
		fail_msg("%s", why);
	return read;
}

static int begin(void **state)
{
	(void)state;
	before = read_text(first);
	now = read_text(second);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	json_free(&before);
	json_free(&now);
	free(text);
	text = NULL;
	return 0;
}

static const char *draw(unsigned width, unsigned height, bool colour, const struct json *earlier)
{
	const struct top_view view = {width, height, colour};
	size_t length = 0;
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &length);
	assert_non_null(out);
	top_view_write(&view, earlier, now, out);
	fclose(out);
	return text;
}

static void assert_shows(const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void test_narrow(void **state)
{
	(void)state;
	draw(80, 0, false, before);
	assert_shows("mailreeve 1.2, up 0 d 00:01:42, degraded\nthe store is gone\n");
	assert_shows("sessions 4 open, 0 waiting, 0 new\n");
	assert_shows("accepted 10k/s messages, 100/s recipients; 0.5/s into quarantine\n");
	assert_shows("store redis DOWN, 0 calls, 0 failed\n");
	assert_shows("\nrcpt          100/s         0      10/s    1.5 ms\n");
	/* What rises fastest comes first. */
	assert_shows(" monitored\nhelo.invalid               fail      reject             0      "
		     "15/s\nspf.fail                   fail      reject         0.5/s         0\n");
	assert_shows("\n       40         0 per-sender: anna@example.org\n");
	assert_shows("\n      2 s MX slow.example time-out\n");
}

static void test_wide(void **state)
{
	(void)state;
	draw(140, 0, false, before);
	assert_shows("mean                          units      over busiest keys");
	draw(139, 0, false, before);
	assert_shows("mean\n");
}

/* Without an earlier answer, or with one of another daemon, totals stand there. */
static void test_totals(void **state)
{
	(void)state;
	draw(80, 0, false, NULL);
	assert_shows("accepted 20.1k messages, 300 recipients");
	json_free(&before);
	before = read_text("{\"now_ms\":100,\"sessions\":99,\"uptime_seconds\":1}");
	draw(80, 0, false, before);
	assert_shows("accepted 20.1k messages, 300 recipients");
}

/* In every size the screen is full at most, and no line is too long. */
static void test_sizes(void **state)
{
	(void)state;
	for (unsigned width = 1; width <= 260; width++)
		for (unsigned height = 1; height < 45; height += 1 + width % 3) {
			unsigned lines = 0, most = width < TOP_WIDTH_MIN ? TOP_WIDTH_MIN : width;
			const char *line = draw(width, height, false, before);

			for (; *line != '\0'; lines++) {
				size_t length = strcspn(line, "\n");

				if (length > most)
					fail_msg("%u x %u: %.*s", width, height, (int)length, line);
				line += length + 1;
			}
			if (lines > (height < TOP_HEIGHT_MIN ? TOP_HEIGHT_MIN : height))
				fail_msg("%u x %u: %u lines", width, height, lines);
		}
	/* The stages stay when there is no room for all. */
	draw(80, 16, false, before);
	assert_shows("\neom ");
}

/* No heading without what it heads. */
static void test_empty(void **state)
{
	(void)state;
	json_free(&now);
	now = read_text(first);
	draw(80, 0, false, NULL);
	assert_null(strstr(text, "busiest"));
	assert_null(strstr(text, "slowest"));
	json_free(&now);
	now = read_text("{}");
	draw(80, 24, true, NULL);
	assert_shows("mailreeve ?");
}

/* Colours end where they began, and leave the ground as it is. */
static void test_colours(void **state)
{
	(void)state;
	draw(80, 0, true, before);
	assert_shows("\033[31mmailreeve 1.2");
	assert_shows("\033[7mstage ");
	assert_null(strstr(text, "\033[4"));
	for (const char *line = text; *line != '\0';) {
		size_t length = strcspn(line, "\n"), escapes = 0;

		for (size_t i = 0; i < length; i++)
			escapes += line[i] == '\033';
		assert_true(escapes == 0 ||
			    (escapes == 2 && strncmp(line + length - 4, "\033[0m", 4) == 0));
		line += length + 1;
	}
}

static void test_json(void **state)
{
	const struct json *rates;
	struct json *json;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	top_view_write_json(before, now, out);
	fclose(out);
	assert_ptr_equal(strchr(text, '\n'), text + length - 1);
	json = read_text(text);
	rates = json_member(json, "rates_per_1000_s");
	assert_int_equal(json_number(json, "interval_ms", 0), 2000);
	assert_int_equal(json_number(rates, "messages_accepted", 0), 10000000);
	assert_int_equal(
		json_number(json_member(json_member(rates, "stages"), "rcpt"), "reject", 0), 10000);
	assert_int_equal(json_number(json_item(json_member(rates, "findings"), 1), "done", 0), 500);
	assert_int_equal(json_count(json_member(json, "busiest")), 2);
	json_free(&json);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_narrow),
		test(test_wide),
		test(test_totals),
		test(test_sizes),
		test(test_empty),
		test(test_colours),
		test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
