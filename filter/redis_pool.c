/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "breaker.h"
#include "clock.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "redis_error.h"
#include "redis_place.h"

enum {
	LATER_MAX = 256, /* commands that wait for a call to travel with; more are lost */
	LATER_WAKE = 32, /* from here on the keeper sends them at once */
	LATER_BATCH = 32,
	KEEPER_TICK_MS = 1000,
	COMPLAIN_EVERY_MS = 60000,
	DETAIL_SIZE = 128
};

struct bytes {
	char *start; /* owned */
	size_t length;
};

struct redis_pool {
	struct redis_place place;
	const char *script; /* borrowed */
	redis_pool_check *check;
	void *check_context;
	uint64_t connect_timeout_ms, timeout_ms;
	size_t links_max;
	pthread_t keeper;

	struct lock lock;
	struct condition changed; /* a link is free, or the breaker moved */
	struct condition keeper_wanted;
	struct redis_link **idle GUARDED_BY(lock);
	size_t idle_count GUARDED_BY(lock);
	size_t open_count GUARDED_BY(lock); /* idle or in use */
	unsigned generation GUARDED_BY(lock); /* links of an older one are closed when given back */
	struct breaker breaker GUARDED_BY(lock);
	char address[REDIS_ADDRESS_SIZE] GUARDED_BY(lock); /* the one that worked; empty: Unix */
	struct bytes later[LATER_MAX] GUARDED_BY(lock);
	size_t later_count GUARDED_BY(lock);
	uint64_t outages GUARDED_BY(lock);
	uint64_t complained_ms GUARDED_BY(lock);
	char detail[DETAIL_SIZE] GUARDED_BY(lock);
	bool closing GUARDED_BY(lock);
};

/* A link in use, and what travels with its next command. */
struct held {
	struct redis_link *link;
	unsigned generation;
	struct bytes later[LATER_BATCH];
	size_t later_count;
};

static void describe(
	enum link_result result, const struct redis_answer *reply, char detail[DETAIL_SIZE])
{
	static const char *const sentences[] = {
		[LINK_TIMEOUT] = "no answer in time",
		[LINK_REFUSED] = "no connection",
		[LINK_LOST] = "connection lost",
		[LINK_GARBAGE] = "the answer is not a Redis reply",
	};
	const char *advice;
	char shown[80];

	if (result != LINK_ANSWERED) {
		snprintf(detail, DETAIL_SIZE, "%s", sentences[result]);
		return;
	}
	redis_error_show(reply->error, shown, sizeof(shown));
	advice = redis_error(reply->error)->advice;
	snprintf(detail, DETAIL_SIZE, "%s%s%s", shown, advice == NULL ? "" : ": ",
		advice == NULL ? "" : advice);
}

/* Takes all idle links out, to be closed without the lock; links in use follow when given back. */
static size_t take_idle(struct redis_pool *pool, struct redis_link **links) REQUIRES(pool->lock)
{
	size_t count = pool->idle_count;

	memcpy(links, pool->idle, count * sizeof(*links));
	pool->open_count -= count;
	pool->idle_count = 0;
	pool->generation++;
	return count;
}

static void close_idle(struct redis_pool *pool)
{
	struct redis_link **links = mem_array(pool->links_max, sizeof(*links));
	size_t count;

	lock_take(&pool->lock);
	count = take_idle(pool, links);
	condition_broadcast(&pool->changed);
	lock_give(&pool->lock);
	while (count-- > 0)
		redis_link_close(&links[count]);
	mem_free(links);
}

/* Notes a failure; FINAL ones open the breaker at once. */
static void failed(struct redis_pool *pool, bool final, const char *detail)
{
	bool opened;

	lock_take(&pool->lock);
	snprintf(pool->detail, sizeof(pool->detail), "%s", detail);
	opened = breaker_failed(&pool->breaker, final, clock_monotonic_ms());
	pool->outages += opened;
	if (opened)
		condition_signal(&pool->keeper_wanted);
	lock_give(&pool->lock);
	if (!opened)
		return;
	close_idle(pool);
	log_warning("store: Redis at %s is down: %s", pool->place.shown, detail);
}

static void take_later(struct redis_pool *pool, struct held *held) REQUIRES(pool->lock)
{
	size_t count = pool->later_count < LATER_BATCH ? pool->later_count : LATER_BATCH;

	memcpy(held->later, pool->later, count * sizeof(*held->later));
	pool->later_count -= count;
	memmove(pool->later, pool->later + count, pool->later_count * sizeof(*pool->later));
	held->later_count = count;
}

static bool connect_new(
	struct redis_pool *pool, const char *address, uint64_t deadline_ms, struct held *held)
{
	uint64_t connect_ms = clock_monotonic_ms() + pool->connect_timeout_ms;
	struct redis_answer reply;
	enum link_result result =
		redis_place_connect(&pool->place, *address == '\0' ? NULL : address,
			connect_ms < deadline_ms ? connect_ms : deadline_ms, &held->link, &reply);
	char detail[DETAIL_SIZE];

	if (result == LINK_ANSWERED && held->link != NULL)
		return true;
	lock_take(&pool->lock);
	pool->open_count--;
	condition_signal(&pool->changed);
	lock_give(&pool->lock);
	describe(result, &reply, detail);
	failed(pool, result == LINK_REFUSED || result == LINK_ANSWERED, detail);
	return false;
}

/* A link to use, waiting for one where all are in use. False: down, or no time left. */
static bool acquire(struct redis_pool *pool, uint64_t deadline_ms, struct held *held)
{
	char address[REDIS_ADDRESS_SIZE];
	bool usable = true;

	memset(held, 0, sizeof(*held));
	lock_take(&pool->lock);
	while (usable && !pool->breaker.open && pool->idle_count == 0 &&
		pool->open_count == pool->links_max)
		usable = condition_wait(&pool->changed, &pool->lock, deadline_ms);
	usable = usable && !pool->breaker.open;
	if (usable) {
		held->generation = pool->generation;
		take_later(pool, held);
		if (pool->idle_count > 0)
			held->link = pool->idle[--pool->idle_count];
		else
			pool->open_count++;
		memcpy(address, pool->address, sizeof(address));
	}
	lock_give(&pool->lock);
	if (!usable || held->link != NULL)
		return usable;
	usable = connect_new(pool, address, deadline_ms, held);
	while (!usable && held->later_count > 0)
		mem_free(held->later[--held->later_count].start);
	return usable;
}

static void release(struct redis_pool *pool, struct held *held, bool keep)
{
	lock_take(&pool->lock);
	if (keep && !pool->breaker.open && !pool->closing && held->generation == pool->generation) {
		pool->idle[pool->idle_count++] = held->link;
		held->link = NULL;
	} else {
		pool->open_count--;
	}
	condition_signal(&pool->changed);
	lock_give(&pool->lock);
	redis_link_close(&held->link);
}

static enum link_result exchange(struct redis_pool *pool, struct held *held,
	struct redis_command *command, uint64_t deadline_ms, struct redis_answer *reply)
{
	for (size_t i = 0; i < held->later_count; i++) {
		redis_link_append_bytes(held->link, held->later[i].start, held->later[i].length);
		mem_free(held->later[i].start);
	}
	held->later_count = 0;
	return redis_link_call(held->link, command, pool->script, deadline_ms, reply);
}

/* What to do after an exchange that brought no good reply; true: try again. */
static bool after_failure(struct redis_pool *pool, struct held *held, enum link_result result,
	const struct redis_answer *reply, bool may_retry)
{
	enum redis_remedy remedy = REDIS_DOWN;
	char detail[DETAIL_SIZE];
	bool again;

	describe(result, reply, detail);
	if (result == LINK_ANSWERED)
		remedy = redis_error(reply->error)->remedy;
	else if (result == LINK_LOST)
		remedy = REDIS_REDISCOVER;
	release(pool, held,
		result == LINK_ANSWERED && remedy != REDIS_REDISCOVER && remedy != REDIS_CONFIGURE);
	if (remedy == REDIS_REDISCOVER)
		close_idle(pool);
	again = may_retry && (remedy == REDIS_REDISCOVER || remedy == REDIS_RETRY);
	if (remedy == REDIS_DATA)
		redis_pool_complain(pool, detail);
	else if (!again)
		failed(pool, remedy == REDIS_CONFIGURE, detail);
	return again;
}

enum store_status redis_pool_call(
	struct redis_pool *pool, struct redis_command *command, struct redis_answer *reply_r)
{
	uint64_t deadline_ms = clock_monotonic_ms() + pool->timeout_ms;
	struct held held;

	for (int attempt = 0; attempt < 2; attempt++) {
		enum link_result result;

		memset(reply_r, 0, sizeof(*reply_r));
		if (!acquire(pool, deadline_ms, &held))
			return STORE_DOWN;
		result = exchange(pool, &held, command, deadline_ms, reply_r);
		if (result == LINK_ANSWERED && reply_r->kind != ANSWER_ERROR) {
			release(pool, &held, true);
			return STORE_OK;
		}
		mem_free(reply_r->text);
		reply_r->text = NULL;
		if (!after_failure(pool, &held, result, reply_r, attempt == 0))
			return STORE_DOWN;
	}
	return STORE_DOWN;
}

void redis_pool_send_later(struct redis_pool *pool, const struct redis_command *command)
{
	struct bytes bytes;

	bytes.start = redis_link_format(command, &bytes.length);
	lock_take(&pool->lock);
	if (!pool->breaker.open && pool->later_count < LATER_MAX) {
		pool->later[pool->later_count++] = bytes;
		bytes.start = NULL;
		if (pool->later_count == LATER_WAKE)
			condition_signal(&pool->keeper_wanted);
	}
	lock_give(&pool->lock);
	mem_free(bytes.start);
}

void redis_pool_complain(struct redis_pool *pool, const char *text)
{
	uint64_t now = clock_monotonic_ms();
	bool quiet;

	lock_take(&pool->lock);
	snprintf(pool->detail, sizeof(pool->detail), "%s", text);
	quiet = pool->complained_ms != 0 && now - pool->complained_ms < COMPLAIN_EVERY_MS;
	if (!quiet)
		pool->complained_ms = now;
	lock_give(&pool->lock);
	if (!quiet)
		log_warning("store: Redis at %s: %s", pool->place.shown, text);
}

void redis_pool_state(struct redis_pool *pool, struct store_state *state_r)
{
	lock_take(&pool->lock);
	state_r->up = !pool->breaker.open;
	state_r->outages = pool->outages;
	snprintf(state_r->detail, sizeof(state_r->detail), "%s", pool->detail);
	lock_give(&pool->lock);
}

static enum link_result try_address(struct redis_pool *pool, const char *address,
	struct redis_link **link_r, struct redis_answer *reply_r)
{
	uint64_t deadline_ms = clock_monotonic_ms() + pool->connect_timeout_ms;
	enum link_result result =
		redis_place_connect(&pool->place, address, deadline_ms, link_r, reply_r);

	if (result != LINK_ANSWERED || *link_r == NULL)
		return result;
	result = pool->check(
		pool->check_context, *link_r, clock_monotonic_ms() + pool->timeout_ms, reply_r);
	mem_free(reply_r->text);
	reply_r->text = NULL;
	if (result != LINK_ANSWERED || reply_r->kind == ANSWER_ERROR)
		redis_link_close(link_r);
	return result;
}

static void came_up(struct redis_pool *pool, const char *address, struct redis_link *link)
{
	bool was_open;

	lock_take(&pool->lock);
	was_open = breaker_closed(&pool->breaker);
	snprintf(pool->address, sizeof(pool->address), "%s", address);
	if (pool->open_count < pool->links_max) {
		pool->idle[pool->idle_count++] = link;
		pool->open_count++;
		link = NULL;
	}
	condition_broadcast(&pool->changed);
	lock_give(&pool->lock);
	redis_link_close(&link);
	if (was_open)
		log_warning("store: Redis at %s is up again", pool->place.shown);
}

/* Looks for the server at each of its addresses. */
static void probe(struct redis_pool *pool)
{
	struct redis_addresses addresses = {.count = 0};
	struct redis_link *link = NULL;
	struct redis_answer reply;
	enum link_result result = LINK_REFUSED;
	bool is_unix = pool->place.url.kind == STORE_URL_UNIX;
	char detail[DETAIL_SIZE] = "the host name has no address";
	size_t i = 0;

	if (!is_unix && !redis_place_resolve(&pool->place, &addresses)) {
		failed(pool, true, detail);
		return;
	}
	do {
		result = try_address(pool, is_unix ? NULL : addresses.list[i], &link, &reply);
	} while (link == NULL && ++i < addresses.count);
	if (link != NULL) {
		came_up(pool, is_unix ? "" : addresses.list[i], link);
		return;
	}
	describe(result, &reply, detail);
	failed(pool, true, detail);
}

static void send_waiting(struct redis_pool *pool)
{
	struct redis_command command;
	struct redis_answer reply;

	redis_command_init(&command);
	redis_command_add(&command, "PING");
	if (redis_pool_call(pool, &command, &reply) == STORE_OK)
		mem_free(reply.text);
}

static void *keep(void *argument)
{
	struct redis_pool *pool = argument;

	lock_take(&pool->lock);
	while (!pool->closing) {
		uint64_t now = clock_monotonic_ms();
		uint64_t until = now + KEEPER_TICK_MS;
		bool waiting = !pool->breaker.open && pool->later_count > 0;
		unsigned char random[STORE_ID_SIZE];

		store_id(random);
		if (breaker_may_probe(&pool->breaker, (uint32_t)random[0] << 8 | random[1], now)) {
			lock_give(&pool->lock);
			probe(pool);
			lock_take(&pool->lock);
		} else if (waiting) {
			lock_give(&pool->lock);
			send_waiting(pool);
			lock_take(&pool->lock);
		}
		if (pool->breaker.open && pool->breaker.probe_ms < until)
			until = pool->breaker.probe_ms;
		if (!pool->closing)
			(void)condition_wait(&pool->keeper_wanted, &pool->lock, until);
	}
	lock_give(&pool->lock);
	return NULL;
}

/* Signals are for the threads of the program's own. */
static bool start_keeper(struct redis_pool *pool)
{
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&pool->keeper, NULL, keep, pool) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

static void ignore_broken_pipes(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

static void free_pool(struct redis_pool *pool)
{
	while (pool->later_count > 0)
		mem_free(pool->later[--pool->later_count].start);
	condition_destroy(&pool->keeper_wanted);
	condition_destroy(&pool->changed);
	lock_destroy(&pool->lock);
	redis_place_clear(&pool->place);
	mem_free(pool->idle);
	mem_free(pool);
}

struct redis_pool *redis_pool_open(const struct store_options *options, const struct store_url *url,
	const char *script, redis_pool_check *check, void *check_context)
{
	struct redis_pool *pool = mem_alloc(sizeof(*pool));

	redis_place_init(&pool->place, url, options->password_file);
	pool->script = script;
	pool->check = check;
	pool->check_context = check_context;
	pool->connect_timeout_ms = (uint64_t)options->connect_timeout_ms;
	pool->timeout_ms = (uint64_t)options->timeout_ms;
	pool->links_max = (size_t)options->connections;
	pool->idle = mem_array(pool->links_max, sizeof(struct redis_link *));
	lock_init(&pool->lock);
	condition_init(&pool->changed);
	condition_init(&pool->keeper_wanted);
	ignore_broken_pipes();
	probe(pool);
	if (start_keeper(pool))
		return pool;
	close_idle(pool);
	free_pool(pool);
	return NULL;
}

void redis_pool_close(struct redis_pool **pool)
{
	if (*pool == NULL)
		return;
	send_waiting(*pool);
	lock_take(&(*pool)->lock);
	(*pool)->closing = true;
	condition_signal(&(*pool)->keeper_wanted);
	lock_give(&(*pool)->lock);
	pthread_join((*pool)->keeper, NULL);
	close_idle(*pool);
	free_pool(*pool);
	*pool = NULL;
}
