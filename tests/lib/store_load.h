/* SPDX-License-Identifier: BSD-2-Clause */
/* A store under load while something happens to its Redis, and the books afterwards: nothing over the
 * limit, nothing charged that nobody asked for, a bounded number of calls that waited in vain, one line
 * in the log when it goes and one when it is back. */
#ifndef MAILREEVE_TESTS_STORE_LOAD_H
#define MAILREEVE_TESTS_STORE_LOAD_H

#include <inttypes.h>
#include <stdlib.h>

#include "store_trouble.h"

enum { LOAD_THREADS = 8, LOAD_LIMIT = 900 };

/* make soak runs everything twenty times. */
MAYBE_UNUSED static int load_rounds(void)
{
	return getenv("MAILREEVE_SOAK") != NULL ? 20 : 1;
}

struct load {
	struct store *store;
	char key[STORE_KEY_SIZE];
	int64_t limit;
	_Atomic bool ended;
	_Atomic int64_t gate; /* how many may be accepted by now */
	_Atomic int64_t accepted, refused, down;
	struct store_state before;
	pthread_t threads[LOAD_THREADS];
};

static void *load_run(void *argument)
{
	struct load *load = argument;

	while (!atomic_load(&load->ended)) {
		enum store_status status;

		if (atomic_load(&load->accepted) >= atomic_load(&load->gate)) {
			poll(NULL, 0, 1);
			continue;
		}
		status = reserve(load->store, load->key, load->limit);
		if (status == STORE_OK)
			atomic_fetch_add(&load->accepted, 1);
		else if (status == STORE_OVER)
			atomic_fetch_add(&load->refused, 1);
		else
			atomic_fetch_add(&load->down, 1);
		if (status != STORE_OK)
			poll(NULL, 0, 1);
	}
	return NULL;
}

static void load_start(struct load *load, struct store *store, const char *key, int64_t limit)
{
	memset(load, 0, sizeof(*load));
	load->store = store;
	snprintf(load->key, sizeof(load->key), "%s", key);
	load->limit = limit;
	store_state(store, &load->before);
	for (size_t i = 0; i < LOAD_THREADS; i++)
		assert_int_equal(pthread_create(&load->threads[i], NULL, load_run, load), 0);
}

static void load_await(const _Atomic int64_t *number, int64_t least, const char *what)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (atomic_load(number) < least) {
		if (clock_monotonic_ms() > give_up_ms)
			fail_msg("%s: %" PRId64 " of %" PRId64 "; said last: %s", what,
				atomic_load(number), least, said.last);
		poll(NULL, 0, 1);
	}
}

/* Until COUNT are accepted in all. */
MAYBE_UNUSED static void load_to(struct load *load, int64_t count)
{
	atomic_store(&load->gate, count);
	load_await(&load->accepted, count, "accepted");
}

/* And nobody is on the way. */
MAYBE_UNUSED static void load_to_quiet(struct load *load, int64_t count)
{
	struct store_state now = {.calls = 0};
	uint64_t before;

	load_to(load, count);
	do {
		before = now.calls;
		poll(NULL, 0, 20);
		store_state(load->store, &now);
	} while (now.calls != before);
}

/* The gate is open, and calls fail. */
MAYBE_UNUSED static void load_until_down(struct load *load)
{
	atomic_store(&load->gate, INT64_MAX);
	load_await(&load->down, atomic_load(&load->down) + 1, "down");
}

/* Calls that are refused at once, without waiting. */
MAYBE_UNUSED static void load_refused(struct load *load, uint64_t count)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct store_state now, then;

	atomic_store(&load->gate, INT64_MAX);
	store_state(load->store, &then);
	do {
		store_state(load->store, &now);
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 1);
	} while (now.refused < then.refused + count);
}

static void load_stop(struct load *load)
{
	atomic_store(&load->ended, true);
	for (size_t i = 0; i < LOAD_THREADS; i++)
		assert_int_equal(pthread_join(load->threads[i], NULL), 0);
}

MAYBE_UNUSED static void wait_up(struct store *store)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (!is_up(store)) {
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 1);
	}
}

/* Fills up what is left of the limit and closes the books. OUTAGES: pairs of lines in the log. */
static void load_settle(struct load *load, int outages)
{
	struct store_state now;
	int64_t charged, unanswered;

	wait_up(load->store);
	atomic_store(&load->gate, INT64_MAX);
	load_await(&load->refused, atomic_load(&load->refused) + 1, "refused");
	load_stop(load);
	charged = used(load->store, load->key);
	store_state(load->store, &now);
	unanswered = (int64_t)(now.late + now.lost + now.unconfirmed - load->before.late -
			       load->before.lost - load->before.unconfirmed);
	print_message("%s: %" PRId64 " of %" PRId64 " accepted, %" PRId64 " charged; %" PRId64
		      " calls down, %" PRIu64 " late, %" PRIu64 " lost, %" PRIu64
		      " unconfirmed, %" PRIu64 " redirected\n",
		load->key, atomic_load(&load->accepted), load->limit, charged,
		atomic_load(&load->down), now.late - load->before.late,
		now.lost - load->before.lost, now.unconfirmed - load->before.unconfirmed,
		now.redirected - load->before.redirected);
	assert_true(atomic_load(&load->accepted) <= load->limit);
	assert_int_equal(charged, load->limit);
	/* What is charged was answered, or its answer was lost: nothing was sent a second time. */
	assert_true(charged - atomic_load(&load->accepted) <= unanswered);
	if (outages >= 0) {
		await_lines(&said.up, outages);
		assert_int_equal(said.down, outages);
		assert_int_equal(said.up, outages);
		assert_int_equal(now.outages - load->before.outages, outages);
	} else {
		await_lines(&said.up, said.down);
		assert_int_equal(said.up, said.down);
	}
	store_close(&load->store);
}

/* Calls that waited for their deadline: those that were on their way, and what opens the breaker. */
MAYBE_UNUSED static void assert_few_late(struct load *load)
{
	struct store_state now;

	store_state(load->store, &now);
	assert_in_range(now.late - load->before.late, 0, 2 * LOAD_THREADS + 3);
}

#endif
