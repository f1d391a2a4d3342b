/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread of a pool that finds a server again, and sends what waited too long; its birth and end. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "redis_pool_private.h"

enum {
	TICK_MS = 1000,
	START_MS = 3000 /* the longest that opening waits */
};

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
	was_open = breaker_closed(&pool->breaker) && pool->known;
	pool->known = true;
	snprintf(pool->address, sizeof(pool->address), "%s", address);
	if (pool->open_count < pool->links_max) {
		pool->idle[pool->idle_count++] = link;
		pool->open_count++;
		link = NULL;
	}
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
	char detail[REDIS_DETAIL_SIZE] = "the host name has no address";
	size_t i = 0;

	if (!is_unix && !redis_place_resolve(&pool->place, &addresses)) {
		redis_pool_failed(pool, true, detail);
		return;
	}
	do {
		result = try_address(pool, is_unix ? NULL : addresses.list[i], &link, &reply);
	} while (link == NULL && ++i < addresses.count);
	if (link != NULL) {
		came_up(pool, is_unix ? "" : addresses.list[i], link);
		return;
	}
	redis_pool_describe(result, &reply, detail);
	redis_pool_failed(pool, true, detail);
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
		uint64_t until = now + TICK_MS;
		bool waiting = !pool->breaker.open && pool->later_count > 0;
		unsigned char random[STORE_ID_SIZE];

		store_id(random);
		if (breaker_may_probe(&pool->breaker, (uint32_t)random[0] << 8 | random[1], now)) {
			lock_give(&pool->lock);
			probe(pool);
			lock_take(&pool->lock);
			condition_signal(&pool->first_probe);
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

/* A server that is there is known before the first call; a name server that does not answer holds
 * nothing up. */
static void await_first_probe(struct redis_pool *pool)
{
	uint64_t until = clock_monotonic_ms() + START_MS;

	lock_take(&pool->lock);
	while (!pool->known && condition_wait(&pool->first_probe, &pool->lock, until))
		continue;
	lock_give(&pool->lock);
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
	condition_destroy(&pool->first_probe);
	condition_destroy(&pool->keeper_wanted);
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
	condition_init(&pool->keeper_wanted);
	condition_init(&pool->first_probe);
	ignore_broken_pipes();
	breaker_begin_open(&pool->breaker);
	if (start_keeper(pool)) {
		await_first_probe(pool);
		return pool;
	}
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
	redis_pool_close_links(*pool);
	free_pool(*pool);
	*pool = NULL;
}
