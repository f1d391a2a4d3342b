/* SPDX-License-Identifier: BSD-2-Clause */
#include "kept.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"
#include "mem.h"

static char prefix[] = "mailreeve:";
static struct store_options memory = {.prefix = prefix,
	.connect_timeout_ms = 100,
	.timeout_ms = 50,
	.connections = 1,
	.memory_bytes = 4 << 20};

static struct kept_options options;

static int begin(void **state)
{
	char why[200];

	(void)state;
	options = (struct kept_options){.places = 50, .keep_ms = 60000};
	options.store = store_open(&memory, why, sizeof(why));
	options.local = options.store;
	if (options.store == NULL)
		fail_msg("%s", why);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	kept_stop();
	store_close(&options.store);
	return 0;
}

static void add(char reference[REFERENCE_SIZE], const char *queue_id)
{
	char record[8000];

	kept_make_reference(reference);
	snprintf(record, sizeof(record), "{\"ref\":\"%s\",\"queue\":\"%s\"}", reference, queue_id);
	kept_add(reference, queue_id, record);
}

static bool finds(const char *word, const char *reference)
{
	char *record = NULL;
	bool found;

	assert_int_equal(kept_find(&options, word, &record), STORE_OK);
	found = record != NULL && strstr(record, reference) != NULL;
	mem_free(record);
	return found;
}

static void test_found_by_reference_and_queue_id(void **state)
{
	char first[REFERENCE_SIZE], second[REFERENCE_SIZE], word[REFERENCE_SIZE];

	(void)state;
	assert_false(kept_is_on());
	kept_start(&options);
	assert_true(kept_is_on());
	add(first, "4A5B6C7D8E");
	add(second, "");
	kept_stop();
	assert_true(finds(first, first));
	assert_true(finds(second, second));
	assert_false(finds(second, first));
	assert_true(finds("4A5B6C7D8E", first));
	assert_false(finds("4A5B6C7D8F", first));
	assert_false(finds("", first));
	/* As a person types it. */
	for (size_t i = 0; i < sizeof(word); i++)
		word[i] = (char)tolower(first[i]);
	assert_true(finds(word, first));
	memmove(word + 4, word + 5, sizeof(word) - 5);
	assert_true(finds(word, first));
}

/* The last of one message. */
static void test_queue_id_of_several(void **state)
{
	char first[REFERENCE_SIZE], last[REFERENCE_SIZE];

	(void)state;
	kept_start(&options);
	add(first, "ABC");
	add(last, "ABC");
	kept_stop();
	assert_true(finds("ABC", last));
	assert_true(finds(first, first));
}

/* However many there are, so many places: the oldest go. */
static void test_bounded(void **state)
{
	enum { MANY = 500 };
	static char references[MANY][REFERENCE_SIZE];
	struct store_state before, after;

	(void)state;
	kept_start(&options);
	for (size_t i = 0; i < MANY; i++)
		add(references[i], "");
	kept_stop();
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(
			finds(references[i], references[i]), i >= MANY - (size_t)options.places);
	store_state(options.store, &before);
	kept_start(&options);
	for (size_t i = 0; i < MANY; i++)
		add(references[i], "");
	kept_stop();
	store_state(options.store, &after);
	assert_in_range(after.keys, 1, 2 * (size_t)options.places);
	assert_true(after.bytes < 2 * before.bytes);
}

/* Every place is reached, and the same reference hardly ever comes again. */
static void test_references_look_random(void **state)
{
	unsigned counts[128] = {0};

	(void)state;
	kept_start(&options);
	for (int i = 0; i < 32000; i++) {
		char reference[REFERENCE_SIZE];

		kept_make_reference(reference);
		assert_int_equal(reference[4], '-');
		counts[(unsigned char)reference[0]]++;
	}
	for (int i = 0; i < 128; i++)
		if (counts[i] > 0)
			assert_in_range(counts[i], 700, 1300);
	kept_stop();
}

static void test_words_that_are_no_reference(void **state)
{
	static const struct {
		const char *word, *reference;
	} rows[] = {
		{"7Q2K-M4XD", "7Q2K-M4XD"},
		{"7q2km4xd", "7Q2K-M4XD"},
		{"OIL0-0000", "0110-0000"},
		{"7Q2K-M4X", NULL},
		{"7Q2K-M4XDE", NULL},
		{"7Q2-KM4XD", NULL},
		{"7Q2K--M4XD", NULL},
		{"7Q2K M4XD", NULL},
		{"UUUU-UUUU", NULL},
		{"7Q2K-M4X!", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char reference[REFERENCE_SIZE] = "";

		assert_int_equal(
			kept_parse_reference(rows[i].word, reference), rows[i].reference != NULL);
		if (rows[i].reference != NULL)
			assert_string_equal(reference, rows[i].reference);
	}
}

/* The store that all share is down: this host keeps it. */
static void test_store_down(void **state)
{
	static char url[] = "redis://127.0.0.1:1/0";
	struct store_options nowhere = memory;
	char reference[REFERENCE_SIZE], why[200];
	char *record;

	(void)state;
	nowhere.url = url;
	options.store = store_open(&nowhere, why, sizeof(why));
	assert_non_null(options.store);
	kept_start(&options);
	add(reference, "ABC");
	kept_stop();
	assert_true(finds(reference, reference));
	assert_int_equal(kept_find(&options, "AAAA-AAAA", &record), STORE_DOWN);
	assert_null(record);
	store_close(&options.store);
	options.store = options.local;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_found_by_reference_and_queue_id, begin, finish),
		cmocka_unit_test_setup_teardown(test_queue_id_of_several, begin, finish),
		cmocka_unit_test_setup_teardown(test_bounded, begin, finish),
		cmocka_unit_test_setup_teardown(test_references_look_random, begin, finish),
		cmocka_unit_test(test_words_that_are_no_reference),
		cmocka_unit_test_setup_teardown(test_store_down, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
