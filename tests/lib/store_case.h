/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the store share: a store on either half, a clock that stands still, keys of one's
 * own. */
#ifndef MAILREEVE_TESTS_STORE_CASE_H
#define MAILREEVE_TESTS_STORE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "private_group.h"
#include "private_redis.h"
#include "store_backend.h"

enum { HOUR_MS = 3600 * 1000, MINUTE_MS = 60 * 1000 };

static struct private_redis redis;
static struct private_group group;
static char *url; /* of the half under test; NULL: memory */
static _Atomic uint64_t fake_now;

MAYBE_UNUSED static uint64_t fake_clock(void)
{
	return atomic_load(&fake_now);
}

MAYBE_UNUSED static struct store_options options(void)
{
	static char prefix[] = "mailreeve:";
	return (struct store_options){
		.url = url,
		.prefix = prefix,
		.connect_timeout_ms = 10000,
		.timeout_ms = 20000,
		.connections = 8,
		.memory_bytes = 64 * 1024 * 1024,
	};
}

MAYBE_UNUSED static struct store *open_store(void)
{
	struct store_options chosen = options();
	char why[128] = "";
	struct store *store = store_open(&chosen, why, sizeof(why));

	assert_non_null(store);
	return store;
}

/* With a clock that stands still, so that no slot ends in the middle of a case. */
MAYBE_UNUSED static struct store *open_still(void)
{
	struct store *store = open_store();

	atomic_store(&fake_now, 1700000000000);
	store->clock = fake_clock;
	return store;
}

MAYBE_UNUSED static void new_key(char key[STORE_KEY_SIZE])
{
	unsigned char id[STORE_ID_SIZE];
	char hex[2 * STORE_ID_SIZE + 1];
	const char *parts[] = {hex};

	store_id(id);
	for (size_t i = 0; i < STORE_ID_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	store_key(key, parts, 1);
}

MAYBE_UNUSED static struct store_charge charge(const char *key, int64_t limit, int64_t units)
{
	return (struct store_charge){.key = key,
		.label = "a@example.net",
		.window_ms = HOUR_MS,
		.limit = limit,
		.units = units,
		.title = "per-sender"};
}

MAYBE_UNUSED static int64_t used(struct store *store, const char *key)
{
	struct store_charge one = charge(key, 1, 0);
	int64_t units = -1;

	assert_int_equal(store_peek(store, &one, 1, &units), STORE_OK);
	return units;
}

MAYBE_UNUSED static enum store_status reserve(struct store *store, const unsigned char *id,
	unsigned sequence, const char *key, int64_t limit, int64_t units)
{
	struct store_charge one = charge(key, limit, units);
	struct store_decision decision;

	return store_reserve(store, id, sequence, &one, 1, &decision);
}

MAYBE_UNUSED static int use_memory(void **state)
{
	(void)state;
	url = NULL;
	return 0;
}

MAYBE_UNUSED static int use_redis(void **state)
{
	(void)state;
	private_redis_start(&redis, NULL);
	url = redis.url;
	return 0;
}

MAYBE_UNUSED static int stop_redis(void **state)
{
	(void)state;
	private_redis_remove(&redis);
	return 0;
}

MAYBE_UNUSED static int use_sentinels(void **state)
{
	(void)state;
	private_sentinels_start(&group, 1, NULL, NULL);
	url = group.url;
	return 0;
}

MAYBE_UNUSED static int use_cluster(void **state)
{
	(void)state;
	private_cluster_start(&group, 3, 0, NULL);
	url = group.url;
	return 0;
}

MAYBE_UNUSED static bool in_cluster(void)
{
	return url != NULL && strncmp(url, "cluster", 7) == 0;
}

MAYBE_UNUSED static int stop_group(void **state)
{
	(void)state;
	private_group_remove(&group);
	return 0;
}

/* A command at whichever server takes it. */
MAYBE_UNUSED static void at_redis(const char *words)
{
	char reply[128] = "";

	if (group.node_count == 0)
		private_redis_command(&redis, words, reply, sizeof(reply));
	for (size_t i = 0; i < group.node_count; i++)
		private_redis_command(&group.nodes[i], words, reply, sizeof(reply));
}

/* The same cases whatever stands behind store.h. */
#define run_on_every_store(cases)                                                                  \
	(run_on_most_stores(cases) +                                                               \
		cmocka_run_group_tests_name("store, Sentinel", cases, use_sentinels, stop_group))

/* Without the one that is as the single Redis once it has found its primary. */
#define run_on_most_stores(cases)                                                                  \
	(cmocka_run_group_tests_name("store, memory", cases, use_memory, NULL) +                   \
		cmocka_run_group_tests_name("store, Redis", cases, use_redis, stop_redis) +        \
		cmocka_run_group_tests_name("store, Cluster", cases, use_cluster, stop_group))

#endif
