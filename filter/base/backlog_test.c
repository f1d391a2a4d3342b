/* SPDX-License-Identifier: BSD-2-Clause */
#include "backlog.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"

/* What the thread did; it waits while CLOSED. */
struct sink {
	_Atomic bool closed;
	_Atomic unsigned count, bad;
	unsigned next[8]; /* by producer: the number that must come next */
};

static void take(void *context, const struct backlog_item *item)
{
	struct sink *sink = context;

	while (atomic_load(&sink->closed))
		sched_yield();
	for (; item != NULL; item = item->next) {
		unsigned producer = 0, number = 0;

		if (sscanf(item->text, "%u %u", &producer, &number) != 2 || producer > 7 ||
			strlen(item->text) != item->length || number != sink->next[producer]++)
			atomic_fetch_add(&sink->bad, 1);
		atomic_fetch_add(&sink->count, 1);
	}
}

static struct backlog *start(struct sink *sink, size_t items, size_t bytes, int64_t gather_ms)
{
	const struct backlog_options options = {.max_items = items,
		.max_bytes = bytes,
		.gather_ms = gather_ms,
		.work = take,
		.context = sink};

	return backlog_start(&options);
}

struct producer {
	struct backlog *backlog;
	unsigned number;
};

enum { EACH = 2000 };

static void *produce(void *argument)
{
	const struct producer *producer = argument;

	for (unsigned i = 0; i < EACH; i++) {
		char text[32];
		int length = snprintf(text, sizeof(text), "%u %u", producer->number, i);

		while (!backlog_add(producer->backlog, text, (size_t)length))
			sched_yield();
	}
	return NULL;
}

/* From several threads at once: all of it, each thread's in its order. */
static void test_all_arrive_in_order(void **state)
{
	struct sink sink = {.count = 0};
	struct producer producers[4];
	pthread_t threads[4];
	struct backlog *backlog = start(&sink, 100, 1 << 20, 1);

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(threads); i++) {
		producers[i] = (struct producer){backlog, i};
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	backlog_stop(&backlog, 60000);
	assert_null(backlog);
	assert_int_equal(sink.count, 4 * EACH);
	assert_int_equal(sink.bad, 0);
}

/* Whoever adds never waits: what does not fit is dropped and counted. */
static void test_full(void **state)
{
	struct sink sink = {.closed = true};
	struct backlog *backlog = start(&sink, 10, 1000, 0);
	unsigned taken = 0, tries = 100;
	char big[1001];

	(void)state;
	for (unsigned i = 0; i < tries; i++) {
		char text[32];

		snprintf(text, sizeof(text), "0 %u", taken);
		taken += backlog_add(backlog, text, strlen(text));
	}
	/* What the thread has taken out before makes room again. */
	assert_in_range(taken, 10, 20);
	assert_int_equal(backlog_dropped(backlog), tries - taken);
	memset(big, 'x', sizeof(big));
	assert_false(backlog_add(backlog, big, sizeof(big)));
	assert_int_equal(backlog_dropped(backlog), tries - taken + 1);
	atomic_store(&sink.closed, false);
	backlog_stop(&backlog, 60000);
	assert_int_equal(sink.count, taken);
	assert_int_equal(sink.bad, 0);
}

static void test_stop_of_nothing(void **state)
{
	struct sink sink = {.count = 0};
	struct backlog *backlog = NULL;

	(void)state;
	backlog_stop(&backlog, 1000);
	backlog = start(&sink, 1, 1, 60000);
	backlog_stop(&backlog, 60000);
	assert_int_equal(sink.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_arrive_in_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_stop_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
