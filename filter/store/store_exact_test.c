/* SPDX-License-Identifier: BSD-2-Clause */
/* Filter processes on one Redis: what they let through together is the limit, to the unit, and no rolling
 * window of the history ever holds more. MAILREEVE_SOAK in the environment makes it many more. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tests/lib/store_case.h"
#include "clock.h"

enum { PROCESSES = 8, THREADS_MAX = 64, COST_MAX = 50, WINDOW_MS = 600, EVENTS_MAX = 1 << 20 };

/* One accepted call: it was counted at some moment between these. */
struct event {
	uint64_t from_us, to_us;
	int64_t units;
	bool given_back;
};

/* What the processes share. */
struct shared {
	_Atomic bool start;
	_Atomic int64_t accepted, attempts, operations;
	_Atomic size_t event_count;
	struct event events[EVENTS_MAX];
};

struct work {
	struct store *store;
	char key[STORE_KEY_SIZE];
	int64_t limit, cost_max, attempts;
	bool unique;
	uint64_t seed;
};

static struct shared *shared;
static bool soak;
static unsigned thread_count;

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

static void wait_for_start(void)
{
	while (!atomic_load(&shared->start))
		poll(NULL, 0, 1);
}

/* Runs TASK in thread_count threads of each of PROCESSES processes, all from one moment on. */
static void run_everywhere(const struct work *work, void *(*task)(void *work))
{
	pid_t pids[PROCESSES];

	atomic_store(&shared->start, false);
	for (size_t p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		assert_true(pids[p] >= 0);
		if (pids[p] > 0)
			continue;
		/* A filter host of its own. */
		struct store *store = open_store();
		pthread_t threads[THREADS_MAX];
		struct work works[THREADS_MAX];
		bool failed = false;

		for (size_t t = 0; t < thread_count; t++) {
			works[t] = *work;
			works[t].store = store;
			works[t].seed = 1 + p * THREADS_MAX + t;
			if (pthread_create(&threads[t], NULL, task, &works[t]) != 0)
				_exit(1);
		}
		for (size_t t = 0; t < thread_count; t++) {
			void *result;

			failed = pthread_join(threads[t], &result) != 0 || result != NULL || failed;
		}
		store_close(&store);
		_exit(failed);
	}
	atomic_store(&shared->start, true);
	for (size_t p = 0; p < PROCESSES; p++) {
		int status;

		while (waitpid(pids[p], &status, 0) < 0)
			assert_int_equal(errno, EINTR);
		assert_int_equal(status, 0);
	}
}

static void *attempt(void *argument)
{
	struct work *work = argument;

	wait_for_start();
	for (int64_t i = 0; i < work->attempts; i++) {
		struct store_charge one = charge(work->key, work->limit, 1);
		unsigned char id[STORE_ID_SIZE], member[STORE_MEMBER_SIZE];
		struct store_decision decision;
		enum store_status status;
		char name[32];

		store_id(id);
		one.units = 1 + next_random(&work->seed) % work->cost_max;
		if (work->unique) {
			snprintf(name, sizeof(name), "%u",
				next_random(&work->seed) % (unsigned)(3 * work->limit));
			store_member(member, name);
			one.members = member;
			one.member_count = 1;
		}
		status = store_reserve(work->store, id, 1, &one, 1, &decision);
		if (status == STORE_DOWN)
			return work;
		if (status == STORE_OK)
			atomic_fetch_add(&shared->accepted, one.units);
		atomic_fetch_add(&shared->attempts, 1);
	}
	return NULL;
}

/* What all of them got of a fresh key. */
static int64_t get(int64_t limit, int64_t cost_max, bool unique)
{
	struct work work = {.limit = limit, .cost_max = cost_max, .unique = unique};
	int64_t senders = PROCESSES * (int64_t)thread_count;
	int64_t wanted = (unique ? 15 : 10) * limit / ((cost_max + 1) / 2);
	struct store *store;
	int64_t counted;

	new_key(work.key);
	work.attempts = wanted / senders + 2;
	atomic_store(&shared->accepted, 0);
	atomic_store(&shared->attempts, 0);
	run_everywhere(&work, attempt);
	assert_true(atomic_load(&shared->attempts) >= wanted);
	/* Not before: a process with threads had better not fork. */
	store = open_store();
	counted = used(store, work.key);
	store_close(&store);
	print_message("L = %" PRId64 "%s: %" PRId64 " attempts of %" PRId64
		      " senders in %d processes, %" PRId64 " accepted\n",
		limit,
		unique	       ? ", unique"
		: cost_max > 1 ? ", cost 1 to 50"
			       : "",
		atomic_load(&shared->attempts), senders, PROCESSES, counted);
	if (!unique)
		assert_int_equal(counted, atomic_load(&shared->accepted));
	return counted;
}

static void the_limit_to_the_unit(void **state)
{
	int64_t highest = soak ? 10000 : 1000;

	(void)state;
	for (int64_t limit = 1; limit <= highest; limit *= 10)
		assert_int_equal(get(limit, 1, false), limit);
	for (int64_t limit = 100; limit <= 10 * highest; limit *= 10)
		assert_in_range(get(limit, COST_MAX, false), limit - COST_MAX + 1, limit);
	for (int64_t limit = 10; limit <= highest; limit *= 10)
		assert_int_equal(get(limit, 1, true), limit);
}

/* Histories. ----------------------------------------------------------------------------------- */

static void record(uint64_t from_us, uint64_t to_us, int64_t units, bool given_back)
{
	size_t at = atomic_fetch_add(&shared->event_count, 1);

	if (at < EVENTS_MAX)
		shared->events[at] = (struct event){from_us, to_us, units, given_back};
}

/* Now and then: a rest until just before or behind where room comes back, as one who knows the window
 * would have it; or of any length. */
static void rest(struct work *work, const struct store_decision *decision)
{
	int64_t wait = decision->retry_after_ms;

	switch (next_random(&work->seed) % 16) {
	case 0:
		wait += (int64_t)(next_random(&work->seed) % 3) - 1;
		break;
	case 1:
		wait = next_random(&work->seed) % WINDOW_MS;
		break;
	default:
		return;
	}
	poll(NULL, 0, wait < 0 ? 0 : wait > 2 * WINDOW_MS ? 2 * WINDOW_MS : (int)wait);
}

static void *send_in_bursts(void *argument)
{
	struct work *work = argument;

	wait_for_start();
	for (int64_t i = 0; i < work->attempts; i++) {
		struct store_charge one = charge(work->key, work->limit, 1);
		unsigned char id[STORE_ID_SIZE];
		struct store_decision decision;
		enum store_status status;
		uint64_t from_us;
		bool back;

		store_id(id);
		one.window_ms = WINDOW_MS;
		one.units = 1 + next_random(&work->seed) % work->cost_max;
		from_us = clock_monotonic_us();
		status = store_reserve(work->store, id, 1, &one, 1, &decision);
		atomic_fetch_add(&shared->operations, 1);
		if (status == STORE_DOWN)
			return work;
		if (status == STORE_OVER) {
			rest(work, &decision);
			continue;
		}
		back = next_random(&work->seed) % 4 == 0;
		record(from_us, clock_monotonic_us(), one.units, back);
		if (back && store_give_back(work->store, id, 0, &one, 1) != STORE_OK)
			return work;
		if (!back)
			store_commit(work->store, id, &one, 1);
	}
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct event *left = a, *right = b;

	return (left->from_us > right->from_us) - (left->from_us < right->from_us);
}

/* The most that any rolling window held for certain. */
static int64_t fullest_window(struct event *events, size_t count)
{
	int64_t most = 0;

	qsort(events, count, sizeof(*events), by_start);
	for (size_t i = 0; i < count; i++) {
		uint64_t end_us = events[i].from_us + WINDOW_MS * 1000;
		int64_t sum = 0;

		for (size_t j = i; j < count && events[j].from_us < end_us; j++)
			if (events[j].to_us <= end_us && !events[j].given_back)
				sum += events[j].units;
		most = sum > most ? sum : most;
	}
	return most;
}

static void no_rolling_window_holds_more(void **state)
{
	static const struct {
		int64_t limit, cost_max;
	} rows[] = {{7, 1}, {200, 1}, {500, COST_MAX}};

	(void)state;
	atomic_store(&shared->operations, 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct work work = {.limit = rows[i].limit, .cost_max = rows[i].cost_max};
		size_t count;
		int64_t most;

		new_key(work.key);
		work.attempts = (soak ? 100000 : 1280) / PROCESSES / (int64_t)thread_count;
		atomic_store(&shared->event_count, 0);
		run_everywhere(&work, send_in_bursts);
		count = atomic_load(&shared->event_count);
		assert_in_range(count, 1, EVENTS_MAX);
		most = fullest_window(shared->events, count);
		print_message("L = %" PRId64
			      " in %d ms: %zu accepted, the fullest window held %" PRId64 "\n",
			rows[i].limit, WINDOW_MS, count, most);
		assert_true(most <= rows[i].limit);
	}
	print_message("%" PRId64 " operations by %d processes\n", atomic_load(&shared->operations),
		PROCESSES);
}

/* A filter that dies in the middle: what it held stays, and goes with its slot. */
static void what_a_dead_process_held(void **state)
{
	char key[STORE_KEY_SIZE];
	struct store_charge one;
	struct store *store;
	int64_t left = -1;
	pid_t pid;

	(void)state;
	new_key(key);
	one = charge(key, 10, 7);
	one.window_ms = WINDOW_MS;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *own = open_store();
		struct store_decision decision;
		unsigned char id[STORE_ID_SIZE];

		store_id(id);
		if (store_reserve(own, id, 1, &one, 1, &decision) == STORE_OK)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	store = open_store();
	assert_int_equal(store_peek(store, &one, 1, &left), STORE_OK);
	assert_true(left == 7 || left == 0);
	for (int waited = 0; waited < 20000 && left != 0; waited += 20) {
		poll(NULL, 0, 20);
		assert_int_equal(store_peek(store, &one, 1, &left), STORE_OK);
	}
	assert_int_equal(left, 0);
	store_close(&store);
}

static int begin_all(void **state)
{
	soak = getenv("MAILREEVE_SOAK") != NULL;
	/* 64 senders; or 64 in each process. */
	thread_count = soak ? 64 : 8;
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : use_redis(state);
}

static int end_all(void **state)
{
	munmap(shared, sizeof(*shared));
	return stop_redis(state);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test(the_limit_to_the_unit),
		cmocka_unit_test(no_rolling_window_holds_more),
		cmocka_unit_test(what_a_dead_process_held),
	};

	return cmocka_run_group_tests_name("exact", cases, begin_all, end_all);
}
