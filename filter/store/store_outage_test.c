/* SPDX-License-Identifier: BSD-2-Clause */
/* The Redis half and what happens to real servers: killed, stopped, emptied, made read-only,
 * full; with the log lines an administrator reads of it. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>

#include "../../tests/lib/store_trouble.h"

enum { THREADS = 16 };

static void killed_and_started(void **state)
{
	struct store *store = open_at(redis.url, NULL, 5000);

	(void)state;
	assert_int_equal(reserve(store, "killed", 10), STORE_OK);
	private_redis_stop(&redis);
	for (int i = 0; i < 100; i++)
		assert_int_equal(reserve(store, "killed", 10), STORE_DOWN);
	assert_int_equal(said.down, 1);
	private_redis_restart(&redis);
	wait_until(store, true);
	assert_int_equal(reserve(store, "killed", 10), STORE_OK);
	await_lines(&said.up, 1);
	assert_int_equal(said.down, 1);
	assert_int_equal(said.up, 1);
	store_close(&store);
}

static void not_there_at_the_start(void **state)
{
	struct store *store;

	(void)state;
	private_redis_stop(&redis);
	store = open_at(redis.url, NULL, 5000);
	assert_false(is_up(store));
	assert_int_equal(reserve(store, "late", 10), STORE_DOWN);
	assert_int_equal(said.down, 1);
	private_redis_restart(&redis);
	wait_until(store, true);
	assert_int_equal(reserve(store, "late", 10), STORE_OK);
	store_close(&store);
}

/* A server that stands still: the first calls wait for the deadline, the next ones not at all. */
static void stopped_and_continued(void **state)
{
	struct store *store = open_at(redis.url, NULL, 50);
	struct store_state now;
	uint64_t calls;

	(void)state;
	wait_until(store, true);
	kill(redis.pid, SIGSTOP);
	wait_until(store, false);
	store_state(store, &now);
	calls = now.calls;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(reserve(store, "stopped", 10), STORE_DOWN);
	store_state(store, &now);
	assert_int_equal(now.calls, calls + 1000);
	kill(redis.pid, SIGCONT);
	wait_until(store, true);
	await_lines(&said.up, said.down);
	assert_int_equal(said.down, said.up);
	store_close(&store);
}

static void unknown_script(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);

	(void)state;
	for (int i = 0; i < 50; i++) {
		command("SCRIPT FLUSH", "+OK");
		assert_int_equal(reserve(store, "script", 50), STORE_OK);
	}
	assert_int_equal(used(store, "script"), 50);
	store_close(&store);
}

/* Connections that the server closed while they were idle cost nobody a failure. */
static void idle_connections_closed(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);
	struct store_state now;

	(void)state;
	for (int i = 0; i < 50; i++) {
		command("CLIENT KILL TYPE normal SKIPME yes", ":");
		assert_int_equal(reserve(store, "idle", 50), STORE_OK);
	}
	assert_int_equal(used(store, "idle"), 50);
	store_state(store, &now);
	assert_int_equal(now.failures, 0);
	store_close(&store);
}

static void emptied(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);

	(void)state;
	assert_int_equal(reserve(store, "emptied", 1), STORE_OK);
	assert_int_equal(reserve(store, "emptied", 1), STORE_OVER);
	command("FLUSHALL", "+OK");
	assert_int_equal(reserve(store, "emptied", 1), STORE_OK);
	store_close(&store);
}

static void read_only_for_a_while(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);

	(void)state;
	command("CONFIG SET replica-serve-stale-data yes", "+OK");
	command("REPLICAOF 127.0.0.1 1", "+OK");
	wait_until(store, false);
	await_said("name the primary");
	command("REPLICAOF NO ONE", "+OK");
	wait_until(store, true);
	assert_int_equal(reserve(store, "readonly", 1), STORE_OK);
	store_close(&store);
}

static void out_of_memory(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);

	(void)state;
	assert_int_equal(reserve(store, "full", 10), STORE_OK);
	command("CONFIG SET maxmemory 1", "+OK");
	wait_until(store, false);
	await_said("maxmemory");
	command("CONFIG SET maxmemory 0", "+OK");
	wait_until(store, true);
	assert_int_equal(reserve(store, "full", 10), STORE_OK);
	assert_int_equal(used(store, "full"), 2);
	store_close(&store);
}

/* A single call is enough to find out, and to say so. */
static void noticed_by_one_call(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);

	(void)state;
	command("CONFIG SET maxmemory 1", "+OK");
	assert_int_equal(reserve(store, "one", 10), STORE_DOWN);
	await_lines(&said.down, 1);
	await_said("maxmemory");
	command("CONFIG SET maxmemory 0", "+OK");
	await_lines(&said.up, 1);
	assert_int_equal(reserve(store, "one", 10), STORE_OK);
	store_close(&store);
}

/* Three kills under load: never over the limit, with a server that keeps what it acknowledged. (With
 * appendfsync everysec Redis delays writes behind a slow fsync, and a kill loses what it delayed.) */
struct load {
	struct store *store;
	_Atomic bool ended;
	_Atomic int64_t accepted;
	_Atomic int64_t attempts;
};

static void *attempt_until_ended(void *argument)
{
	struct load *load = argument;

	while (!atomic_load(&load->ended)) {
		enum store_status status = reserve(load->store, "load", 3000);

		atomic_fetch_add(&load->attempts, 1);
		if (status == STORE_OK)
			atomic_fetch_add(&load->accepted, 1);
		if (status == STORE_DOWN)
			poll(NULL, 0, 1);
	}
	return NULL;
}

static void killed_under_load(void **state)
{
	static const char *const keeping[] = {
		"--appendonly", "yes", "--appendfsync", "always", NULL};
	struct load load = {0};
	pthread_t threads[THREADS];
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	(void)state;
	private_redis_remove(&redis);
	private_redis_start(&redis, keeping);
	load.store = open_at(redis.url, NULL, 5000);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, attempt_until_ended, &load), 0);
	for (int kills = 1; kills <= 3; kills++) {
		while (atomic_load(&load.accepted) < 500 * kills)
			assert_true(clock_monotonic_ms() < give_up_ms);
		private_redis_stop(&redis);
		private_redis_restart(&redis);
	}
	while (used(load.store, "load") < 3000)
		assert_true(clock_monotonic_ms() < give_up_ms);
	atomic_store(&load.ended, true);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	print_message("killed 3 times: %" PRId64 " of 3000 accepted in %" PRId64 " attempts\n",
		atomic_load(&load.accepted), atomic_load(&load.attempts));
	assert_true(atomic_load(&load.accepted) <= 3000);
	assert_true(atomic_load(&load.accepted) >= 3000 - 6 * THREADS);
	await_lines(&said.up, said.down);
	assert_int_equal(said.down, said.up);
	store_close(&load.store);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(killed_and_started, forget),
		cmocka_unit_test_setup(not_there_at_the_start, forget),
		cmocka_unit_test_setup(stopped_and_continued, forget),
		cmocka_unit_test_setup(unknown_script, forget),
		cmocka_unit_test_setup(idle_connections_closed, forget),
		cmocka_unit_test_setup(emptied, forget),
		cmocka_unit_test_setup(read_only_for_a_while, forget),
		cmocka_unit_test_setup(out_of_memory, forget),
		cmocka_unit_test_setup(noticed_by_one_call, forget),
		cmocka_unit_test_setup(killed_under_load, forget),
	};

	return cmocka_run_group_tests(cases, start, remove_all);
}
