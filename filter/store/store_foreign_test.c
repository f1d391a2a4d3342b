/* SPDX-License-Identifier: BSD-2-Clause */
/* The Redis half and what others decide: who may log in, what a user may do, and values that were not
 * written by us. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../tests/lib/store_trouble.h"
#include "store_backend.h"

/* A17: what somebody else wrote under our keys is never believed and never admits without bound. */
static void poisoned_values(void **state)
{
	static const char *const values[] = {"nan", "-5", "1e9", "99999999999999999999999", "inf",
		"0x10", "1.5", "4503599627370497"};
	struct store *store = open_at(redis.url, NULL, 20000);
	char words[256], key[STORE_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
		snprintf(key, sizeof(key), "poisoned%zu", i);
		assert_int_equal(reserve(store, key, 10), STORE_OK);
		snprintf(words, sizeof(words),
			"EVAL \"for _,f in ipairs(redis.call('HKEYS',KEYS[1])) do if "
			"string.find(f,'^%%d') then redis.call('HSET',KEYS[1],f,ARGV[1]) end end "
			"return 1\" 1 mailreeve:w:%s:%d %s",
			key, HOUR_MS, values[i]);
		command(words, ":1");
		assert_int_equal(reserve(store, key, 10), STORE_OVER);
		assert_true(is_up(store));
		snprintf(words, sizeof(words), "HSET mailreeve:w:other%zu:%d t %s l x", i, HOUR_MS,
			values[i]);
		command(words, ":2");
		snprintf(key, sizeof(key), "other%zu", i);
		assert_int_equal(reserve(store, key, 1), STORE_OK);
		assert_int_equal(reserve(store, key, 1), STORE_OVER);
	}
	assert_int_equal(said.other, 1);
	command("SET mailreeve:w:wrong:3600000 text", "+OK");
	for (int i = 0; i < 10; i++)
		assert_int_equal(reserve(store, "wrong", 10), STORE_DOWN);
	assert_true(is_up(store));
	store_close(&store);
}

static _Atomic uint64_t slot_clock;

static uint64_t clock_of_slots(void)
{
	return atomic_load(&slot_clock);
}

/* A16: neither a step back nor one ahead and back again makes room. */
static void a_clock_that_steps(void **state)
{
	static const int64_t steps[] = {-1, -60 * 1000, -HOUR_MS / 2, -HOUR_MS, 60 * 1000,
		2 * HOUR_MS + 60 * 1000, -HOUR_MS, -HOUR_MS, 10 * (int64_t)HOUR_MS,
		-10 * (int64_t)HOUR_MS, -3 * (int64_t)HOUR_MS, 3 * (int64_t)HOUR_MS};
	struct store *store = open_at(redis.url, NULL, 20000);

	(void)state;
	store->clock = clock_of_slots;
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		uint64_t start_ms = UINT64_C(1795613400000);
		char key[STORE_KEY_SIZE];

		snprintf(key, sizeof(key), "clock%zu", i);
		atomic_store(&slot_clock, start_ms);
		for (int j = 0; j < 10; j++)
			assert_int_equal(reserve(store, key, 10), STORE_OK);
		atomic_store(&slot_clock, start_ms + (uint64_t)steps[i]);
		if (steps[i] <= HOUR_MS)
			assert_int_equal(reserve(store, key, 10), STORE_OVER);
		/* Ahead, where the window has passed, and back: what was taken there counts now. */
		for (int j = 0; j < 10 && steps[i] > HOUR_MS; j++)
			assert_int_equal(reserve(store, key, 10), STORE_OK);
		atomic_store(&slot_clock, start_ms);
		assert_int_equal(reserve(store, key, 10), STORE_OVER);
	}
	store_close(&store);
}

/* The largest that a count of an hour gets: all slots in use, the longest names, and a reservation. */
static void a_key_is_small(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);
	char reply[64], longest[STORE_LABEL_SIZE];
	struct store_charge one = {.key = "0123456789abcdef0123456789abcdef",
		.label = longest,
		.window_ms = HOUR_MS,
		.limit = 1000000,
		.units = 1234,
		.title = longest};
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	int bytes = 0;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	atomic_store(&slot_clock, UINT64_C(1795613400000));
	store->clock = clock_of_slots;
	for (int i = 0; i < 61; i++) {
		store_id(id);
		assert_int_equal(store_reserve(store, id, 1, &one, 1, &decision), STORE_OK);
		if (i < 60)
			store_commit(store, id, &one, 1);
		atomic_fetch_add(&slot_clock, HOUR_MS / 60);
	}
	assert_int_equal(decision.used, 61 * 1234);
	private_redis_command(&redis,
		"MEMORY USAGE mailreeve:w:0123456789abcdef0123456789abcdef:3600000", reply,
		sizeof(reply));
	assert_int_equal(sscanf(reply, ":%d", &bytes), 1);
	print_message("a key with everything in it: %d bytes\n", bytes);
	assert_in_range(bytes, 1, 1024);
	store_close(&store);
}

static void passwords_and_databases(void **state)
{
	static const char *const locked[] = {"--requirepass", "open/sesame", NULL};
	struct store *store;
	char url[256], path[128];
	int fd;

	(void)state;
	private_redis_remove(&redis);
	private_redis_start(&redis, locked);
	store = open_at(redis.url, NULL, 5000);
	assert_false(is_up(store));
	await_said("a password is needed");
	store_close(&store);

	snprintf(path, sizeof(path), "%s/password", redis.folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "wrong\n", 6), 6);
	store = open_at(redis.url, path, 5000);
	assert_false(is_up(store));
	assert_false(said_last("wrong\n"));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(write(fd, "open/sesame\nmore\n", 17), 17);
	close(fd);
	wait_until(store, true);
	assert_int_equal(reserve(store, "locked", 1), STORE_OK);
	store_close(&store);

	snprintf(url, sizeof(url), "%s?db=3", redis.url);
	store = open_at(url, path, 5000);
	assert_int_equal(reserve(store, "locked", 1), STORE_OK);
	assert_int_equal(reserve(store, "locked", 1), STORE_OVER);
	store_close(&store);
	snprintf(url, sizeof(url), "%s?db=99", redis.url);
	store = open_at(url, path, 5000);
	assert_false(is_up(store));
	await_said("database");
	store_close(&store);
	assert_false(said_last("sesame"));
}

/* A user with no more rights than needed, some taken away, and given back. */
static void rights_of_a_user(void **state)
{
	static const char *const needed[] = {"+@scripting", "+@hash", "+@string", "+@set",
		"+pexpire", "+time", "+ping", "~mailreeve:*"};
	struct store *store;
	char url[256], path[128], words[256];
	enum store_set set;
	int fd;

	(void)state;
	private_redis_remove(&redis);
	private_redis_start(&redis, NULL);
	command("ACL SETUSER mail on >pass ~users", "+OK");
	snprintf(path, sizeof(path), "%s/password", redis.folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "pass", 4), 4);
	close(fd);
	snprintf(url, sizeof(url), "%s?user=mail", redis.url);
	store = open_at(url, path, 5000);
	assert_false(is_up(store));
	for (size_t i = 0; i < ARRAY_COUNT(needed); i++) {
		snprintf(words, sizeof(words), "ACL SETUSER mail %s", needed[i]);
		command(words, "+OK");
	}
	wait_until(store, true);
	assert_int_equal(said.down, 1);
	assert_int_equal(reserve(store, "rights", 9), STORE_OK);
	assert_int_equal(used(store, "rights"), 1);
	assert_int_equal(store_put(store, "name", "value", 5, 1000), STORE_OK);
	assert_int_equal(
		store_set_has(store, "users", (const char *const[]){"a"}, 1, &set), STORE_OK);
	assert_int_equal(set, STORE_SET_MISSING);
	command("ACL SETUSER mail -hset", "+OK");
	assert_int_equal(reserve(store, "rights", 9), STORE_DOWN);
	await_said("lacks a right");
	command("ACL SETUSER mail +hset", "+OK");
	wait_until(store, true);
	assert_int_equal(reserve(store, "rights", 9), STORE_OK);
	store_close(&store);
}

/* How often a command was called since CONFIG RESETSTAT. */
static long calls(const char *name)
{
	char reply[8192], field[64];
	const char *found;

	private_redis_ask(&redis, "INFO commandstats", reply, sizeof(reply));
	snprintf(field, sizeof(field), "cmdstat_%s:calls=", name);
	found = strstr(reply, field);
	return found == NULL ? 0 : strtol(found + strlen(field), NULL, 10);
}

/* Nearly every call of window.lua goes its short way: one command reads a window and one writes it; a
 * window is not read whole when a slot begins, nor when it is full. */
static void few_commands(void **state)
{
	enum { TIMES = 20, LIMIT = 100, FIRST_SLOT = 16 * 1870000 };
	struct store *store = open_at(redis.url, NULL, 20000);
	struct store_watch watch;
	struct store_charge charges[] = {
		{.key = "few1", .window_ms = HOUR_MS, .limit = LIMIT, .units = 1},
		{.key = "few2", .window_ms = HOUR_MS, .limit = LIMIT, .units = 1, .watch = &watch}};
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];

	(void)state;
	store->clock = clock_of_slots;
	atomic_store(&slot_clock, (uint64_t)FIRST_SLOT * HOUR_MS / 60);
	store_id(id);
	assert_int_equal(store_reserve(store, id, 1, charges, 2, &decision), STORE_OK);
	command("CONFIG RESETSTAT", "+OK");
	for (unsigned i = 0; i < TIMES; i++) {
		unsigned char other[STORE_ID_SIZE];

		store_id(other);
		assert_int_equal(store_reserve(store, id, i + 2, charges, 2, &decision), STORE_OK);
		assert_int_equal(store_reserve(store, other, 1, charges, 2, &decision), STORE_OK);
		assert_int_equal(decision.used, 2 * i + 3);
	}
	assert_int_equal(calls("evalsha"), 2 * TIMES);
	assert_int_equal(calls("hmget"), 4 * TIMES);
	assert_int_equal(calls("hset"), 4 * TIMES);
	assert_int_equal(calls("hlen") + calls("hgetall") + calls("hget") + calls("hdel"), 0);
	/* A new slot each time, with the window that only looks on full from the beginning. */
	charges[1].limit = 1;
	for (int i = 1; i < 16; i++) {
		atomic_fetch_add(&slot_clock, HOUR_MS / 60);
		store_id(id);
		assert_int_equal(store_reserve(store, id, 1, charges, 1, &decision), STORE_OK);
	}
	assert_int_equal(decision.used, 2 * TIMES + 16);
	assert_int_equal(calls("hgetall"), 0);
	atomic_store(&slot_clock, (uint64_t)(FIRST_SLOT + 60) * HOUR_MS / 60);
	assert_int_equal(store_reserve(store, id, 2, charges, 1, &decision), STORE_OK);
	command("CONFIG RESETSTAT", "+OK");
	charges[0].limit = 2 * TIMES + 17;
	for (int i = 0; i < TIMES; i++) {
		store_id(id);
		assert_int_equal(store_reserve(store, id, 1, charges, 1, &decision), STORE_OVER);
		assert_int_equal(decision.retry_after_ms, HOUR_MS / 60);
	}
	assert_int_equal(calls("hgetall"), 0);
	store_close(&store);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(poisoned_values, forget),
		cmocka_unit_test_setup(a_clock_that_steps, forget),
		cmocka_unit_test_setup(a_key_is_small, forget),
		cmocka_unit_test_setup(few_commands, forget),
		cmocka_unit_test_setup(passwords_and_databases, forget),
		cmocka_unit_test_setup(rights_of_a_user, forget),
	};

	return cmocka_run_group_tests(cases, start, remove_all);
}
