/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

static struct connection_table *create(void)
{
	struct connection_table *table = mem_alloc(sizeof(*table));

	lock_init(&table->lock);
	return table;
}

static void destroy(struct connection_table *table)
{
	lock_destroy(&table->lock);
	mem_free(table);
}

static struct network network(const char *text)
{
	struct network result;
	const char *why;

	assert_true(network_parse(text, &result, &why));
	return result;
}

/* Time starts far from 0, as on a machine that has been up. */
enum { START = 1000000 };

static void test_concurrent(void **state)
{
	static const struct connection_bounds bounds = {.concurrent = 2};
	struct connection_table *table = create();
	struct network a = network("192.0.2.1"), b = network("192.0.2.2");
	struct connection_use use;

	(void)state;
	assert_false(connection_table_enter(table, &a, &bounds, START).over_concurrent);
	assert_false(connection_table_enter(table, &a, &bounds, START).over_concurrent);
	use = connection_table_enter(table, &a, &bounds, START);
	assert_true(use.over_concurrent);
	assert_true(use.counted);
	assert_int_equal(use.open, 2);
	assert_false(connection_table_enter(table, &b, &bounds, START).over_concurrent);
	connection_table_leave(table, &a);
	assert_int_equal(connection_table_look(table, &a, &bounds, START).open, 2);
	connection_table_leave(table, &a);
	assert_false(connection_table_look(table, &a, &bounds, START).over_concurrent);
	connection_table_leave(table, &a);
	assert_int_equal(connection_table_look(table, &a, &bounds, START).open, 0);
	destroy(table);
}

static void test_rate(void **state)
{
	static const struct connection_bounds bounds = {.rate = {.count = 3, .window_ms = 10000}};
	struct connection_table *table = create();
	struct network a = network("2001:db8::/64");
	struct connection_use use;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_false(connection_table_enter(table, &a, &bounds, START + i).over_rate);
	for (unsigned i = 0; i < 50; i++) {
		use = connection_table_enter(table, &a, &bounds, START + 5000);
		assert_true(use.over_rate);
		assert_int_equal(use.begun, 3);
	}
	/* Not before the window is over, and at most a tenth of it later. */
	assert_true(connection_table_look(table, &a, &bounds, START + 9999).over_rate);
	assert_false(connection_table_look(table, &a, &bounds, START + 11002).over_rate);
	assert_false(connection_table_enter(table, &a, &bounds, START + 11002).over_rate);
	assert_int_equal(connection_table_look(table, &a, &bounds, START + 11002).begun, 1);
	/* Another window length starts anew instead of reading old slots wrongly. */
	static const struct connection_bounds other = {.rate = {.count = 3, .window_ms = 60000}};
	assert_int_equal(connection_table_look(table, &a, &other, START + 11002).begun, 0);
	destroy(table);
}

/* In no window of length W are more than N let in, whatever the schedule. */
static void test_never_over(void **state)
{
	enum { LIMIT = 7, WINDOW = 1000, TRIES = 20000 };
	static const struct connection_bounds bounds = {
		.rate = {.count = LIMIT, .window_ms = WINDOW}};
	static uint64_t let_in[TRIES];
	struct connection_table *table = create();
	struct network a = network("192.0.2.1");
	uint64_t now = START, random = 42;
	size_t count = 0;

	(void)state;
	for (int i = 0; i < TRIES; i++) {
		random = random * UINT64_C(6364136223846793005) + 1;
		now += (random >> 33) % ((random >> 60) == 0 ? 700 : 30);
		if (!connection_table_enter(table, &a, &bounds, now).over_rate)
			let_in[count++] = now;
		connection_table_leave(table, &a);
	}
	assert_true(count > 100);
	for (size_t i = LIMIT; i < count; i++)
		assert_true(let_in[i] - let_in[i - LIMIT] >= WINDOW);
	destroy(table);
}

/* A clock that two threads read in one order and use in the other. */
static void test_late_time(void **state)
{
	static const struct connection_bounds bounds = {.rate = {.count = 2, .window_ms = 1000}};
	struct connection_table *table = create();
	struct network a = network("192.0.2.1");

	(void)state;
	connection_table_enter(table, &a, &bounds, START + 200);
	connection_table_enter(table, &a, &bounds, START + 50);
	assert_true(connection_table_look(table, &a, &bounds, START).over_rate);
	destroy(table);
}

/* A flood of networks forgets quiet ones, never one with a connection open. */
static void test_bounded(void **state)
{
	static const struct connection_bounds bounds = {.concurrent = 1};
	struct connection_table *table = create();
	struct network busy = network("192.0.2.1");

	(void)state;
	connection_table_enter(table, &busy, &bounds, START);
	for (unsigned i = 0; i < 200000; i++) {
		struct network other = {
			.address = {.family = IP_V4,
				.bytes = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
			.prefix = 32};

		assert_true(connection_table_enter(table, &other, &bounds, START + i).counted);
		connection_table_leave(table, &other);
	}
	assert_true(connection_table_look(table, &busy, &bounds, START).over_concurrent);
	connection_table_leave(table, &busy);
	destroy(table);
}

/* More networks with open connections than there are places: not counted, and not refused. */
static void test_full(void **state)
{
	static const struct connection_bounds bounds = {.concurrent = 1};
	struct connection_table *table = create();
	unsigned uncounted = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * CONNECTION_SETS * CONNECTION_WAYS; i++) {
		struct network other = {
			.address = {.family = IP_V6, .bytes = {0x20, 1}}, .prefix = 64};
		struct connection_use use;

		memcpy(other.address.bytes + 4, &i, sizeof(i));
		use = connection_table_enter(table, &other, &bounds, START);
		assert_false(use.over_concurrent);
		uncounted += !use.counted;
	}
	assert_in_range(uncounted, CONNECTION_SETS * CONNECTION_WAYS,
		CONNECTION_SETS * CONNECTION_WAYS * 11 / 10);
	destroy(table);
}

static void *come_and_go(void *table_given)
{
	static const struct connection_bounds bounds = {
		.concurrent = 3, .rate = {.count = 1000000, .window_ms = 1000}};
	struct connection_table *table = table_given;
	struct network a = {.address = {.family = IP_V4, .bytes = {192, 0, 2, 1}}, .prefix = 32};

	for (unsigned i = 0; i < 20000; i++) {
		struct connection_use use =
			connection_table_enter(table, &a, &bounds, START + i / 16);

		if (use.counted)
			connection_table_leave(table, &a);
	}
	return NULL;
}

/* Nothing is lost between threads. */
static void test_threads(void **state)
{
	enum { THREADS = 4 };
	struct connection_table *table = create();
	struct network a = network("192.0.2.1");
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, table), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(
		connection_table_look(table, &a, &(struct connection_bounds){0}, START).open, 0);
	destroy(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_concurrent),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_never_over),
		cmocka_unit_test(test_late_time),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
