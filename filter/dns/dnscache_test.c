/* SPDX-License-Identifier: BSD-2-Clause */
#include "dnscache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

enum { NOW = 1000000, LIFE = 60000 };

static void put(struct ttlcache *cache, const char *name, enum dns_status status,
	uint64_t lifetime_ms, uint64_t now_ms, size_t text_length)
{
	struct dns_record *records = status == DNS_OK ? mem_array(1, sizeof(*records)) : NULL;
	const struct dns_answer *answer;

	if (records != NULL) {
		records->text = mem_alloc(text_length + 1);
		records->text_length = text_length;
	}
	answer = dns_answer_create(name, DNS_TXT, status, 60, records, records != NULL);
	dnscache_put(
		cache, answer, dnscache_hash(cache, name, DNS_TXT), now_ms + lifetime_ms, now_ms);
	dns_answer_release(&answer);
}

/* The status of what is kept, or DNS_INVALID when nothing is. */
static enum dns_status get(struct ttlcache *cache, const char *name, uint64_t now_ms)
{
	uint64_t expires_ms = 0;
	const struct dns_answer *answer = dnscache_get(
		cache, name, DNS_TXT, dnscache_hash(cache, name, DNS_TXT), now_ms, &expires_ms);
	enum dns_status status = answer != NULL ? answer->status : DNS_INVALID;

	if (answer != NULL) {
		assert_string_equal(answer->name, name);
		assert_true(expires_ms > now_ms);
	}
	dns_answer_release(&answer);
	return status;
}

static void test_kept_until_it_expires(void **state)
{
	static const enum dns_status statuses[] = {
		DNS_OK, DNS_NODATA, DNS_NXDOMAIN, DNS_SERVFAIL, DNS_TIMEOUT};
	struct ttlcache *cache = dnscache_create(1 << 20);
	uint64_t entries, bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
		put(cache, "a.example", statuses[i], LIFE, NOW, 10);
		assert_int_equal(get(cache, "a.example", NOW), statuses[i]);
		assert_int_equal(get(cache, "a.example", NOW + LIFE - 1), statuses[i]);
		assert_int_equal(get(cache, "b.example", NOW), DNS_INVALID);
		ttlcache_count(cache, &entries, &bytes);
		assert_true(entries == 1 && bytes > 0);
	}
	assert_int_equal(get(cache, "a.example", NOW + LIFE), DNS_INVALID);
	ttlcache_count(cache, &entries, &bytes);
	assert_true(entries == 0 && bytes == 0);
	ttlcache_free(&cache);
	assert_null(cache);
}

static void test_types_and_secrets_differ(void **state)
{
	struct ttlcache *cache = dnscache_create(1 << 20), *other = dnscache_create(1 << 20);
	const struct dns_answer *answer;
	uint64_t expires_ms;

	(void)state;
	put(cache, "a.example", DNS_OK, LIFE, NOW, 10);
	answer = dnscache_get(cache, "a.example", DNS_MX,
		dnscache_hash(cache, "a.example", DNS_TXT), NOW, &expires_ms);
	assert_null(answer);
	assert_true(dnscache_hash(cache, "a.example", DNS_MX) !=
		    dnscache_hash(cache, "a.example", DNS_TXT));
	assert_true(dnscache_hash(cache, "a.example", DNS_MX) !=
		    dnscache_hash(other, "a.example", DNS_MX));
	ttlcache_free(&cache);
	ttlcache_free(&other);
}

static void test_nothing_is_kept_for_no_time(void **state)
{
	struct ttlcache *cache = dnscache_create(1 << 20);

	(void)state;
	put(cache, "a.example", DNS_OK, 0, NOW, 10);
	assert_int_equal(get(cache, "a.example", NOW), DNS_INVALID);
	ttlcache_free(&cache);
}

static void test_memory_is_bounded(void **state)
{
	enum { BOUND = 256 * 1024 };
	struct ttlcache *cache = dnscache_create(BOUND);
	uint64_t entries = 0, bytes = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char name[40];

		snprintf(name, sizeof(name), "n%u.example", i);
		put(cache, name, DNS_OK, LIFE, NOW, i % 997);
		ttlcache_count(cache, &entries, &bytes);
		assert_true(bytes <= BOUND);
	}
	assert_true(entries > 50 && bytes > BOUND / 2);
	put(cache, "huge.example", DNS_OK, LIFE, NOW, BOUND);
	assert_int_equal(get(cache, "huge.example", NOW), DNS_INVALID);
	ttlcache_flush(cache);
	ttlcache_count(cache, &entries, &bytes);
	assert_true(entries == 0 && bytes == 0);
	ttlcache_free(&cache);
}

/* What is used stays, while thousands that are asked once come and go. */
static void test_second_chance(void **state)
{
	struct ttlcache *cache = dnscache_create(256 * 1024);

	(void)state;
	put(cache, "used.example", DNS_OK, LIFE, NOW, 100);
	put(cache, "unused.example", DNS_OK, LIFE, NOW, 100);
	for (unsigned i = 0; i < 20000; i++) {
		char name[40];

		snprintf(name, sizeof(name), "n%u.example", i);
		put(cache, name, DNS_OK, LIFE, NOW, 100);
		assert_int_equal(get(cache, "used.example", NOW), DNS_OK);
	}
	assert_int_equal(get(cache, "unused.example", NOW), DNS_INVALID);
	ttlcache_free(&cache);
}

/* Used or not, what has expired goes first when room is needed, and the hand does not turn for ever
 * when everything was used. */
static void test_room_is_always_found(void **state)
{
	struct ttlcache *cache = dnscache_create(64 * 1024);

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		char name[40];

		snprintf(name, sizeof(name), "n%u.example", i);
		put(cache, name, DNS_OK, LIFE, NOW + i * 100, 10);
		assert_int_equal(get(cache, name, NOW + i * 100), DNS_OK);
	}
	ttlcache_free(&cache);
}

static void *hammer(void *argument)
{
	struct ttlcache *cache = argument;

	for (unsigned i = 0; i < 4000; i++) {
		char name[40];

		snprintf(name, sizeof(name), "n%u.example", i % 61);
		if (i % 3 == 0)
			put(cache, name, DNS_OK, LIFE, NOW + i, i % 400);
		else
			get(cache, name, NOW + i);
		if (i % 1000 == 999)
			ttlcache_flush(cache);
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	struct ttlcache *cache = dnscache_create(64 * 1024);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, cache), 0);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	ttlcache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_until_it_expires),
		cmocka_unit_test(test_types_and_secrets_differ),
		cmocka_unit_test(test_nothing_is_kept_for_no_time),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_second_chance),
		cmocka_unit_test(test_room_is_always_found),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
