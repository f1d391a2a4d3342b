/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of a Redis in trouble share: a server, a store at it, and log.c replaced by a record
 * of what was said. */
#ifndef MAILREEVE_TESTS_STORE_TROUBLE_H
#define MAILREEVE_TESTS_STORE_TROUBLE_H

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "log.h"
#include "private_redis.h"
#include "store.h"

enum { PATIENCE_MS = 60000, HOUR_MS = 3600 * 1000 };

static struct private_redis redis;
static struct {
	_Atomic int down, up, lost_counts, other;
	char last[512];
	pthread_mutex_t mutex;
} said = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Stands in for log.c. */
void log_open(enum log_target target, enum log_level level)
{
	(void)target;
	(void)level;
}

void log_set_level(enum log_level level)
{
	(void)level;
}

void log_set_format(enum log_format format)
{
	(void)format;
}

enum log_format log_current_format(void)
{
	return LOG_FORMAT_TEXT;
}

void log_record(const char *line)
{
	fail_msg("%s", line);
}

void log_warning(const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&said.mutex);
	va_start(args, format);
	vsnprintf(said.last, sizeof(said.last), format, args);
	va_end(args);
	if (strstr(said.last, "is down") != NULL)
		said.down++;
	else if (strstr(said.last, "is up again") != NULL)
		said.up++;
	else if (strstr(said.last, "lost its counts") != NULL)
		said.lost_counts++;
	else
		said.other++;
	pthread_mutex_unlock(&said.mutex);
}

void log_error(const char *format, ...)
{
	fail_msg("%s", format);
}

void log_info(const char *format, ...)
{
	fail_msg("%s", format);
}

void log_debug(const char *format, ...)
{
	fail_msg("%s", format);
}

/* A line is written after the state that it tells of is seen. */
MAYBE_UNUSED static void await_lines(const _Atomic int *lines, int least)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (atomic_load(lines) < least) {
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 1);
	}
}

MAYBE_UNUSED static bool said_last(const char *what)
{
	bool found;

	pthread_mutex_lock(&said.mutex);
	found = strstr(said.last, what) != NULL;
	pthread_mutex_unlock(&said.mutex);
	return found;
}

/* And of lines that two threads write, one after another, either may be seen first. */
MAYBE_UNUSED static void await_said(const char *what)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (!said_last(what)) {
		if (clock_monotonic_ms() > give_up_ms)
			fail_msg("\"%s\" instead of \"%s\"", said.last, what);
		poll(NULL, 0, 1);
	}
}

MAYBE_UNUSED static bool is_up(struct store *store)
{
	struct store_state state;

	store_state(store, &state);
	return state.up;
}

MAYBE_UNUSED static struct store *open_with(const struct store_options *options)
{
	char why[256] = "";
	int down = said.down;
	struct store *store = store_open(options, why, sizeof(why));

	if (store == NULL)
		fail_msg("%s", why);
	if (!is_up(store))
		await_lines(&said.down, down + 1);
	return store;
}

MAYBE_UNUSED static struct store_options options_at(
	const char *url, const char *password_file, int64_t timeout_ms)
{
	static char prefix[] = "mailreeve:";

	return (struct store_options){
		.url = (char *)(uintptr_t)url,
		.password_file = (char *)(uintptr_t)password_file,
		.prefix = prefix,
		.connect_timeout_ms = 5000,
		.timeout_ms = timeout_ms,
		.connections = 8,
		.memory_bytes = 1024 * 1024,
	};
}

MAYBE_UNUSED static struct store *open_at(
	const char *url, const char *password_file, int64_t timeout_ms)
{
	struct store_options options = options_at(url, password_file, timeout_ms);

	return open_with(&options);
}

MAYBE_UNUSED static enum store_status reserve(struct store *store, const char *key, int64_t limit)
{
	struct store_charge charge = {.key = key,
		.label = "a@example.net",
		.window_ms = HOUR_MS,
		.limit = limit,
		.units = 1};
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];

	store_id(id);
	return store_reserve(store, id, 1, &charge, 1, &decision);
}

MAYBE_UNUSED static int64_t used(struct store *store, const char *key)
{
	struct store_charge charge = {.key = key, .label = "a@example.net", .window_ms = HOUR_MS};
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	int64_t units = -1;

	while (store_peek(store, &charge, 1, &units) != STORE_OK)
		assert_true(clock_monotonic_ms() < give_up_ms);
	return units;
}

MAYBE_UNUSED static void wait_until(struct store *store, bool up)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (is_up(store) != up) {
		enum store_status status = reserve(store, "wait", INT64_MAX);

		assert_true(status != STORE_OVER);
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 1);
	}
}

MAYBE_UNUSED static void command(const char *words, const char *expected)
{
	char reply[512];

	private_redis_command(&redis, words, reply, sizeof(reply));
	if (strncmp(reply, expected, strlen(expected)) != 0)
		fail_msg("%s: %s", words, reply);
}

MAYBE_UNUSED static int start(void **state)
{
	(void)state;
	private_redis_start(&redis, NULL);
	return 0;
}

MAYBE_UNUSED static int remove_all(void **state)
{
	(void)state;
	private_redis_remove(&redis);
	return 0;
}

MAYBE_UNUSED static int forget(void **state)
{
	(void)state;
	said.down = said.up = said.lost_counts = said.other = 0;
	said.last[0] = '\0';
	return 0;
}

#endif
