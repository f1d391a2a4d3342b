/* SPDX-License-Identifier: BSD-2-Clause */
/* Limit decisions by 1, 8 and 64 sessions on a Redis of our own: how many in a second and how long the
 * slowest in a hundred takes, as a ratio to the same script called by redis-benchmark with as many
 * clients on the same server, right after. A decision is a reservation of one unit under one of many
 * keys; "and commit" adds what ends it. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/private_redis.h"
#include "clock.h"
#include "mem.h"
#include "store.h"
#include "window_lua.h"

enum { SESSIONS_MAX = 64, KEYS = 100000, DECISIONS = 60000, HOUR_MS = 3600 * 1000 };

struct session {
	struct store *store;
	bool commits;
	unsigned count, phase;
	uint64_t seed;
	uint32_t *times_us; /* owned */
};

struct figure {
	double rate, p99_ms;
};

/* Each measurement has fresh keys. */
static unsigned new_phase(void)
{
	static unsigned phase;

	return ++phase;
}

static void *decide(void *argument)
{
	struct session *session = argument;

	for (unsigned i = 0; i < session->count; i++) {
		struct store_decision decision;
		unsigned char id[STORE_ID_SIZE];
		char key[STORE_KEY_SIZE];
		struct store_charge charge = {.key = key,
			.label = "anna@example.org",
			.title = "per-sender",
			.window_ms = HOUR_MS,
			.limit = 1000000000,
			.units = 1};
		uint64_t start_us = clock_monotonic_us();

		session->seed = session->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		snprintf(key, sizeof(key), "0000000000000000%04u%012" PRIu64, session->phase,
			(session->seed >> 33) % KEYS);
		store_id(id);
		if (store_reserve(session->store, id, 1, &charge, 1, &decision) != STORE_OK)
			return session;
		if (session->commits)
			store_commit(session->store, id, &charge, 1);
		session->times_us[i] = (uint32_t)(clock_monotonic_us() - start_us);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* False when a call failed. */
static bool measure(struct store *store, unsigned sessions, bool commits, struct figure *figure_r)
{
	struct session all[SESSIONS_MAX];
	pthread_t threads[SESSIONS_MAX];
	unsigned each = DECISIONS / sessions, phase = new_phase();
	uint32_t *times_us = mem_array(each * sessions, sizeof(*times_us));
	uint64_t start_us = clock_monotonic_us(), took_us;
	bool good = true;

	for (unsigned i = 0; i < sessions; i++) {
		all[i] = (struct session){store, commits, each, phase, i + 1, times_us + i * each};
		if (pthread_create(&threads[i], NULL, decide, &all[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < sessions; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		good = good && failed == NULL;
	}
	took_us = clock_monotonic_us() - start_us;
	qsort(times_us, each * sessions, sizeof(*times_us), compare);
	*figure_r = (struct figure){
		.rate = (double)each * sessions / (double)took_us * 1e6,
		.p99_ms = times_us[each * sessions / 100 * 99] / 1000.0,
	};
	mem_free(times_us);
	return good;
}

static void hash_script(char sha[41])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (EVP_Digest(window_lua, strlen(window_lua), digest, &length, EVP_sha1(), NULL) != 1)
		abort();
	for (unsigned i = 0; i < 20; i++)
		snprintf(sha + 2 * i, 3, "%02x", digest[i]);
}

/* The same call with as many clients; false when redis-benchmark says nothing that can be read. */
static bool measure_bare(
	const struct private_redis *redis, unsigned sessions, struct figure *figure_r)
{
	char sha[41], command[1024], line[1024];
	double values[7];
	bool good = false;
	FILE *output;

	hash_script(sha);
	snprintf(command, sizeof(command),
		"redis-benchmark -s %s --csv -n %d -c %u -r %d EVALSHA %s 1 "
		"mailreeve:w:0000000000000000%04u__rand_int__:%d reserve abcd__rand_int__ 1 '' %d "
		"1000000000 1 'per-sender\tanna@example.org' </dev/null 2>&1",
		redis->socket, DECISIONS, sessions, KEYS, sha, new_phase(), HOUR_MS, HOUR_MS / 60);
	output = popen(command, "r");
	while (output != NULL && fgets(line, sizeof(line), output) != NULL) {
		/* "test","rps","avg","min","p50","p95","p99","max": the test is the command. */
		const char *numbers = strstr(line, "EVALSHA");

		numbers = numbers == NULL ? NULL : strstr(numbers, "\",\"");
		if (numbers == NULL)
			continue;
		numbers++;
		good = sscanf(numbers, ",\"%lf\",\"%lf\",\"%lf\",\"%lf\",\"%lf\",\"%lf\",\"%lf\"",
			       &values[0], &values[1], &values[2], &values[3], &values[4],
			       &values[5], &values[6]) == 7;
	}
	if (output == NULL || pclose(output) != 0 || !good)
		return false;
	*figure_r = (struct figure){.rate = values[0], .p99_ms = values[5]};
	return true;
}

static bool compare_at(const struct private_redis *redis, struct store *store, unsigned sessions)
{
	struct figure ours, whole, bare;

	if (!measure(store, sessions, false, &ours))
		return false;
	if (!measure_bare(redis, sessions, &bare))
		return false;
	if (!measure(store, sessions, true, &whole))
		return false;
	printf("limits, %2u sessions: %7.0f decisions/s, p99 %.2f ms; redis-benchmark %7.0f/s, p99 "
	       "%.2f ms; ratio %.2f, of p99 %.2f; and commit %7.0f/s, ratio %.2f\n",
		sessions, ours.rate, ours.p99_ms, bare.rate, bare.p99_ms, ours.rate / bare.rate,
		bare.p99_ms > 0 ? ours.p99_ms / bare.p99_ms : 0, whole.rate,
		whole.rate / bare.rate);
	return true;
}

int main(void)
{
	static char prefix[] = "mailreeve:";
	struct private_redis redis;
	struct store_options options = {.prefix = prefix,
		.connect_timeout_ms = 10000,
		.timeout_ms = 20000,
		.connections = 8,
		.memory_bytes = 1 << 24};
	char why[256] = "redis-benchmark cannot be run or read";
	struct store *store;
	bool good = true;

	private_redis_start(&redis, NULL);
	options.url = redis.url;
	store = store_open(&options, why, sizeof(why));
	for (unsigned sessions = 1; store != NULL && good && sessions <= SESSIONS_MAX;
		sessions *= 8)
		good = compare_at(&redis, store, sessions);
	good = good && store != NULL;
	if (!good)
		fprintf(stderr, "limits: %s\n", why);
	if (store != NULL)
		store_close(&store);
	private_redis_remove(&redis);
	return good ? 0 : 1;
}
