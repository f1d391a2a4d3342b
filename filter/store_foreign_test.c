/* SPDX-License-Identifier: BSD-2-Clause */
/* The Redis half and what others decide: who may log in, what a user may do, and values that were not
 * written by us. */
#include <fcntl.h>
#include <unistd.h>

#include "../tests/lib/store_trouble.h"

/* What somebody else wrote under our keys is never believed and never admits without bound. */
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

static void a_key_is_small(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);
	char reply[64];
	int bytes = 0;

	(void)state;
	assert_int_equal(reserve(store, "small", 10), STORE_OK);
	command("EVAL \"for i=1,60 do redis.call('HSET',KEYS[1],470000000+i,i*7) end return 1\" 1 "
		"mailreeve:w:small:3600000",
		":1");
	private_redis_command(
		&redis, "MEMORY USAGE mailreeve:w:small:3600000", reply, sizeof(reply));
	assert_int_equal(sscanf(reply, ":%d", &bytes), 1);
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
	assert_non_null(strstr(said.last, "a password is needed"));
	store_close(&store);

	snprintf(path, sizeof(path), "%s/password", redis.folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "wrong\n", 6), 6);
	store = open_at(redis.url, path, 5000);
	assert_false(is_up(store));
	assert_null(strstr(said.last, "wrong\n"));
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
	assert_non_null(strstr(said.last, "database"));
	store_close(&store);
	assert_null(strstr(said.last, "sesame"));
}

/* A user with no more rights than needed, some taken away, and given back. */
static void rights_of_a_user(void **state)
{
	static const char *const needed[] = {"+@scripting", "+@hash", "+@string", "+@set",
		"+pexpire", "+time", "+ping", "~mailreeve:*"};
	struct store *store;
	char url[256], path[128], words[256];
	bool has;
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
		store_set_has(store, "users", (const char *const[]){"a"}, 1, &has), STORE_OK);
	command("ACL SETUSER mail -hset", "+OK");
	assert_int_equal(reserve(store, "rights", 9), STORE_DOWN);
	assert_non_null(strstr(said.last, "lacks a right"));
	command("ACL SETUSER mail +hset", "+OK");
	wait_until(store, true);
	assert_int_equal(reserve(store, "rights", 9), STORE_OK);
	store_close(&store);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(poisoned_values, forget),
		cmocka_unit_test_setup(a_key_is_small, forget),
		cmocka_unit_test_setup(passwords_and_databases, forget),
		cmocka_unit_test_setup(rights_of_a_user, forget),
	};

	return cmocka_run_group_tests(cases, start, remove_all);
}
