/* SPDX-License-Identifier: BSD-2-Clause */
/* Many threads on one store, on both halves. */
#include <pthread.h>

#include "../../tests/lib/store_case.h"

enum { THREADS = 64, HOSTS = 8 };

struct crowd {
	const char *key;
	int64_t limit;
	int attempts;
	int64_t cost_max;
	_Atomic int64_t accepted;
};

/* A filter host: its own store, over the one Redis. */
struct host {
	struct store *store;
	struct crowd *crowd;
};

static void *attempt_often(void *argument)
{
	struct host *host = argument;
	struct crowd *crowd = host->crowd;

	for (int i = 0; i < crowd->attempts; i++) {
		unsigned char id[STORE_ID_SIZE];
		int64_t units;

		store_id(id);
		units = 1 + id[0] % crowd->cost_max;
		if (reserve(host->store, id, 1, crowd->key, crowd->limit, units) == STORE_OK)
			atomic_fetch_add(&crowd->accepted, units);
	}
	return NULL;
}

/* What all THREADS together got, spread over HOST_COUNT stores. */
static int64_t accepted_of(
	struct store **stores, size_t host_count, int64_t limit, int64_t cost_max)
{
	struct crowd crowd = {.limit = limit, .cost_max = cost_max};
	char key[STORE_KEY_SIZE];
	pthread_t threads[THREADS];
	struct host hosts[HOSTS];

	new_key(key);
	crowd.key = key;
	crowd.attempts = (int)(10 * limit / THREADS / ((cost_max + 1) / 2)) + 1;
	for (size_t i = 0; i < host_count; i++)
		hosts[i] = (struct host){stores[i], &crowd};
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, attempt_often, &hosts[i % host_count]),
			0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(used(stores[0], key), atomic_load(&crowd.accepted));
	return atomic_load(&crowd.accepted);
}

static void a_crowd_gets_exactly_the_limit(void **state)
{
	size_t host_count = url == NULL ? 1 : HOSTS;
	struct store *stores[HOSTS];

	(void)state;
	for (size_t i = 0; i < host_count; i++)
		stores[i] = open_store();
	for (int64_t limit = 1; limit <= 1000; limit *= 10) {
		int64_t accepted = accepted_of(stores, host_count, limit, 1);
		int64_t sum = accepted_of(stores, host_count, limit * 50, 50);

		assert_int_equal(accepted, limit);
		assert_in_range(sum, limit * 50 - 49, limit * 50);
	}
	for (size_t i = 0; i < host_count; i++)
		store_close(&stores[i]);
}

static void *count_alone(void *argument)
{
	struct store *store = argument;
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	char key[STORE_KEY_SIZE];
	struct store_charge one;

	new_key(key);
	one = charge(key, 1000, 1);
	store_id(id);
	for (unsigned sequence = 1; sequence <= 100; sequence++) {
		enum store_status status = store_reserve(store, id, sequence, &one, 1, &decision);

		if (status != STORE_OK || decision.used != sequence)
			return argument;
		if (sequence % 10 == 0)
			store_commit(store, id, &one, 1);
	}
	return NULL;
}

/* Calls of many threads travel together; each gets its own reply. */
static void nobody_gets_the_reply_of_another(void **state)
{
	struct store *store = open_still();
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_alone, store), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	store_close(&store);
}

enum { COMMITTED = 40, AT_ONCE = 8 }; /* reservations of a thread, of so many windows each */

struct committer {
	struct store *store;
	unsigned char ids[COMMITTED][STORE_ID_SIZE];
	char keys[AT_ONCE][STORE_KEY_SIZE];
	struct store_charge charges[AT_ONCE];
	bool failed;
};

static void *commit_often(void *argument)
{
	struct committer *committer = argument;
	struct store_decision decision;

	for (int i = 0; i < COMMITTED && !committer->failed; i++) {
		store_id(committer->ids[i]);
		committer->failed = store_reserve(committer->store, committer->ids[i], 1,
					    committer->charges, AT_ONCE, &decision) != STORE_OK;
		store_commit(committer->store, committer->ids[i], committer->charges, AT_ONCE);
	}
	return NULL;
}

/* However many there are: one that was lost would let its units be given back. */
static void no_commit_of_a_crowd_is_lost(void **state)
{
	static struct committer committers[THREADS];
	struct store *store = open_still();
	pthread_t threads[THREADS];

	(void)state;
	memset(committers, 0, sizeof(committers));
	for (size_t i = 0; i < THREADS; i++) {
		committers[i].store = store;
		for (size_t j = 0; j < AT_ONCE; j++) {
			new_key(committers[i].keys[j]);
			committers[i].charges[j] = charge(committers[i].keys[j], 1000, 1);
		}
		assert_int_equal(
			pthread_create(&threads[i], NULL, commit_often, &committers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	/* What still waits is sent. */
	if (url != NULL) {
		store_close(&store);
		store = open_still();
	}
	for (size_t i = 0; i < THREADS; i++) {
		struct committer *committer = &committers[i];

		assert_false(committer->failed);
		for (size_t j = 0; j < COMMITTED; j++)
			assert_int_equal(store_give_back(store, committer->ids[j], 0,
						 committer->charges, AT_ONCE),
				STORE_OK);
		for (size_t j = 0; j < AT_ONCE; j++)
			assert_int_equal(used(store, committer->keys[j]), COMMITTED);
	}
	store_close(&store);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test(a_crowd_gets_exactly_the_limit),
		cmocka_unit_test(nobody_gets_the_reply_of_another),
		cmocka_unit_test(no_commit_of_a_crowd_is_lost),
	};

	return run_on_most_stores(cases);
}
