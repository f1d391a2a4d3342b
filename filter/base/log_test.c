/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/log_line.h"

/* Fields. -------------------------------------------------------------------------------------- */

static const struct {
	const char *value, *want;
} rows[] = {
	{"plain", "k=plain"},
	{"<anna@example.net>", "k=<anna@example.net>"},
	{"[192.0.2.7]:25/a_b+c-d", "k=[192.0.2.7]:25/a_b+c-d"},
	{"", "k=\"\""},
	{" ", "k=\" \""},
	{"two words", "k=\"two words\""},
	{"a=b", "k=\"a=b\""},
	{"say \"no\"", "k=\"say \\x22no\\x22\""},
	{"back\\slash", "k=\"back\\x5cslash\""},
	{"line\r\nqueue=forged", "k=\"line\\x0d\\x0aqueue=forged\""},
	{"\x1b[31mred", "k=\"\\x1b[31mred\""},
	{"\x7f\x80\xff", "k=\"\\x7f\\x80\\xff\""},
	{"100%s", "k=\"100%s\""},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char buffer[200];
		struct text line;

		text_init(&line, buffer, sizeof(buffer));
		log_field(&line, "k", rows[i].value);
		assert_string_equal(buffer, rows[i].want);
	}
}

static void test_several(void **state)
{
	char buffer[200];
	struct text line;

	(void)state;
	text_init(&line, buffer, sizeof(buffer));
	log_field(&line, "a", "1");
	log_field(&line, "b", NULL);
	log_field(&line, "c", "");
	assert_string_equal(buffer, "a=1 c=\"\"");
}

static void test_bounds(void **state)
{
	static const struct {
		const char *value;
		size_t limit;
		const char *want;
	} cut[] = {
		{"12345", 5, "k=12345"},
		{"123456", 5, "k=1\\..."},
		{"1234567890", 4, "k=\\..."},
		{"1234\n", 8, "k=\"1234\\x0a\""},
		{"12345\n", 8, "k=\"1234\\...\""},
		{"\n\n\n", 8, "k=\"\\x0a\\...\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cut); i++) {
		char buffer[100];
		struct text line;

		text_init(&line, buffer, sizeof(buffer));
		log_field_bounded(&line, "k", cut[i].value, cut[i].limit);
		assert_string_equal(buffer, cut[i].want);
	}
}

/* No client can make its own fields so long that those behind them are cut in half. */
static void test_full_line(void **state)
{
	for (size_t size = 1; size < 60; size++) {
		char buffer[60];
		struct text line;

		(void)state;
		text_init(&line, buffer, size);
		log_field(&line, "first", "1");
		log_field(&line, "second", "\n\"two\"");
		log_field(&line, "third", "3");
		if (size > 7 + strlen(" second=\"\\x0a\\x22two\\x22\" third=3"))
			assert_string_equal(
				buffer, "first=1 second=\"\\x0a\\x22two\\x22\" third=3");
		else if (size > 7 + strlen(" second=\"\\x0a\\x22two\\x22\""))
			assert_string_equal(buffer, "first=1 second=\"\\x0a\\x22two\\x22\"");
		else if (size > 7)
			assert_string_equal(buffer, "first=1");
		else
			assert_string_equal(buffer, "");
	}
}

static void random_bytes(char *value, size_t size)
{
	static const char likely[] = "\"\\ =\r\n\t\x7f\x80xX0";
	size_t length = (size_t)rand() % size;

	for (size_t i = 0; i < length; i++)
		value[i] = rand() % 2 == 0 ? likely[(size_t)rand() % (sizeof(likely) - 1)]
					   : (char)(1 + rand() % 255);
	value[length] = '\0';
}

/* Whatever the bytes: one printable line, and every value comes back from it. */
static void test_random_values_parse_back(void **state)
{
	enum { ROUNDS = 20000, FIELDS = 4 };

	(void)state;
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		char values[FIELDS][60], buffer[1200], keys[FIELDS][2];
		struct log_line parsed;
		struct text line;

		text_init(&line, buffer, sizeof(buffer));
		for (int i = 0; i < FIELDS; i++) {
			random_bytes(values[i], sizeof(values[i]));
			snprintf(keys[i], sizeof(keys[i]), "%c", 'a' + i);
			log_field(&line, keys[i], values[i]);
		}
		log_line_parse(&parsed, buffer);
		assert_int_equal(parsed.count, FIELDS);
		for (int i = 0; i < FIELDS; i++) {
			assert_string_equal(parsed.fields[i].key, keys[i]);
			assert_string_equal(parsed.fields[i].value, values[i]);
		}
	}
}

/* Lines. --------------------------------------------------------------------------------------- */

static struct log_capture capture;

static void test_one_call_one_line(void **state)
{
	char said[10000];

	(void)state;
	log_capture_start(&capture);
	log_info("one\ntwo\r\nthree %d", 3);
	log_error("%s", "");
	log_capture_end(&capture, said, sizeof(said));
	assert_string_equal(said, "mailreeve: one two  three 3\nmailreeve: \n");
}

static void test_long_line(void **state)
{
	char *text = malloc(20001);
	char said[30000];

	(void)state;
	assert_non_null(text);
	memset(text, 'a', 20000);
	text[20000] = '\0';
	log_capture_start(&capture);
	log_info("%s", text);
	log_info("next");
	log_capture_end(&capture, said, sizeof(said));
	free(text);
	/* At most what a pipe takes whole, and the next line is not disturbed. */
	assert_true(strcspn(said, "\n") < 4096);
	assert_true(strcspn(said, "\n") > 4000);
	assert_string_equal(strchr(said, '\n'), "\nmailreeve: next\n");
}

/* Each line an object, whatever is in it, and bounded as well. */
static void test_json(void **state)
{
	char *text = malloc(20001);
	char said[30000];

	(void)state;
	assert_non_null(text);
	memset(text, 0x01, 20000);
	text[20000] = '\0';
	log_set_format(LOG_FORMAT_JSON);
	log_capture_start(&capture);
	log_info("one\ntwo \"3\" \\ \xff");
	log_error("%s", text);
	log_record("{\"session\":\"A\"}");
	log_capture_end(&capture, said, sizeof(said));
	log_set_format(LOG_FORMAT_TEXT);
	free(text);
	assert_int_equal(strncmp(said,
				 "{\"level\":\"info\",\"message\":\"one two \\\"3\\\" \\\\ "
				 "\\\\xff\"}\n{\"level\":\"error\",\"message\":\"\\\\x01",
				 80),
		0);
	assert_non_null(strstr(said, "\\x01\"}\n{\"session\":\"A\"}\n"));
	assert_true(strcspn(strchr(said, '\n') + 1, "\n") < 4096);
}

static void test_levels(void **state)
{
	static const struct {
		enum log_level level;
		const char *want;
	} levels[] = {
		{LOG_LEVEL_ERROR, "mailreeve: e\n"},
		{LOG_LEVEL_WARNING, "mailreeve: e\nmailreeve: w\n"},
		{LOG_LEVEL_INFO, "mailreeve: e\nmailreeve: w\nmailreeve: i\n"},
		{LOG_LEVEL_DEBUG, "mailreeve: e\nmailreeve: w\nmailreeve: i\nmailreeve: d\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
		char said[200];

		log_set_level(levels[i].level);
		log_capture_start(&capture);
		log_error("e");
		log_warning("w");
		log_info("i");
		log_debug("d");
		log_capture_end(&capture, said, sizeof(said));
		assert_string_equal(said, levels[i].want);
	}
	log_set_level(LOG_LEVEL_INFO);
}

/* Only where standard error really is what JOURNAL_STREAM names. */
static void test_priority_for_the_journal(void **state)
{
	char said[400], stream[64];
	struct stat status;

	(void)state;
	for (int other = 0; other < 2; other++) {
		log_capture_start(&capture);
		assert_int_equal(fstat(STDERR_FILENO, &status), 0);
		snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
			(uintmax_t)status.st_ino + (uintmax_t)other);
		setenv("JOURNAL_STREAM", stream, 1);
		log_open(LOG_TO_STDERR, LOG_LEVEL_DEBUG);
		log_error("e");
		log_warning("w\nv");
		log_info("i");
		log_debug("d");
		log_record("session=A");
		log_set_format(LOG_FORMAT_JSON);
		log_record("{}");
		log_set_format(LOG_FORMAT_TEXT);
		log_capture_end(&capture, said, sizeof(said));
		assert_string_equal(
			said, other == 0 ? "<3>e\n<4>w v\n<6>i\n<7>d\n<6>session=A\n<6>{}\n"
					 : "mailreeve: e\nmailreeve: w v\nmailreeve: i\n"
					   "mailreeve: d\nmailreeve: session=A\n{}\n");
	}
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_TO_STDERR, LOG_LEVEL_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_full_line),
		cmocka_unit_test(test_random_values_parse_back),
		cmocka_unit_test(test_one_call_one_line),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_priority_for_the_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
