/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread that follows the primaries: it asks the sentinels twice a second, and nodes of the cluster
 * when something is wrong, when a node sent us elsewhere, and now and then. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "redis_cluster.h"
#include "redis_pool_private.h"
#include "redis_sentinel.h"

enum {
	SENTINEL_EVERY_MS = 500,
	CLUSTER_EVERY_MS = 10000,
	CLUSTER_TROUBLE_MS = 500, /* while something is wrong */
	PAUSE_MS = 20, /* between two looks at least */
	START_MS = 3000
};

bool redis_pool_has_follower(const struct redis_pool *pool)
{
	return pool->url.kind == STORE_URL_SENTINEL || pool->url.kind == STORE_URL_CLUSTER;
}

static bool same_host(const struct store_host *a, const struct store_host *b)
{
	return a->port == b->port && strcmp(a->name, b->name) == 0;
}

/* Sentinel. ------------------------------------------------------------------------------------- */

static void replace_primary(struct redis_pool *pool, const struct store_host *host)
{
	struct redis_seat *seat = redis_seat_open(pool, host, false);
	char shown[STORE_HOST_SIZE + 16], since[STORE_HOST_SIZE + 64];
	struct redis_seat *old;
	bool outage;

	if (seat == NULL)
		return;
	redis_node_await(seat->node);
	lock_take(&pool->lock);
	old = pool->primary;
	pool->primary = seat;
	if (old != NULL)
		old->retired = true;
	pool->failovers += old != NULL;
	outage = pool->outage;
	lock_give(&pool->lock);
	if (old != NULL) {
		snprintf(shown, sizeof(shown), "%s", redis_node_place(old->node)->shown);
		snprintf(since, sizeof(since), "it took over from %s", shown);
		if (!outage && seat->serving)
			log_warning("store: Redis at %s is the primary %s now, %s",
				redis_node_place(seat->node)->shown, pool->url.primary, since);
	}
	redis_pool_review(pool, NULL, old == NULL ? NULL : since);
	redis_seat_give(seat);
}

static void look_at_sentinels(struct redis_pool *pool, struct redis_sentinels *sentinels)
{
	struct store_host host, now = {.port = 0};
	char detail[REDIS_DETAIL_SIZE];
	bool found = redis_sentinels_ask(sentinels, pool->node_options.connect_timeout_ms,
		pool->node_options.timeout_ms, &host, detail);

	lock_take(&pool->lock);
	if (pool->primary != NULL)
		now = pool->primary->host;
	lock_give(&pool->lock);
	if (found && !same_host(&host, &now))
		replace_primary(pool, &host);
	else if (!found && now.port == 0)
		redis_pool_review(pool, detail, NULL);
}

/* Cluster. -------------------------------------------------------------------------------------- */

/* A failed one that others took over from is none of them any more. */
static struct redis_seat *seat_of(
	struct redis_pool *pool, const struct redis_view *view, size_t primary)
{
	const struct store_host *host = &view->primaries[primary].host;
	struct redis_seat *seat;

	if (view->primaries[primary].failing && view->primaries[primary].slots == 0)
		return NULL;
	seat = redis_seat_take_at(pool, host);
	return seat != NULL ? seat : redis_seat_open(pool, host, !view->primaries[primary].failing);
}

static bool is_among(struct redis_seat *const *seats, size_t count, const struct redis_seat *seat)
{
	for (size_t i = 0; i < count; i++)
		if (seats[i] == seat)
			return true;
	return false;
}

static bool has_slots(const struct redis_pool *pool, size_t seat) REQUIRES(pool->lock)
{
	return memchr(pool->owner, (int)(seat + 1), sizeof(pool->owner)) != NULL;
}

/* Whoever has no place in the view goes; true where one of them had slots. */
static bool retire(struct redis_pool *pool, const struct redis_view *view,
	struct redis_seat *const *seats) REQUIRES(pool->lock)
{
	bool gone = false;

	for (size_t i = 0; i < REDIS_SEATS_MAX; i++) {
		struct redis_seat *seat = pool->seats[i];

		if (seat == NULL || seat->retired || is_among(seats, view->count, seat))
			continue;
		seat->retired = true;
		gone |= has_slots(pool, i);
	}
	return gone;
}

static void seat_slots(struct redis_pool *pool, const struct redis_view *view,
	struct redis_seat *const *seats) REQUIRES(pool->lock)
{
	uint8_t place[REDIS_NODES_MAX] = {0};

	for (size_t i = 0; i < REDIS_SEATS_MAX; i++)
		for (size_t j = 0; j < view->count && pool->seats[i] != NULL; j++)
			if (seats[j] == pool->seats[i])
				place[j] = (uint8_t)(i + 1);
	for (size_t slot = 0; slot < REDIS_SLOTS; slot++)
		pool->owner[slot] = view->owner[slot] == 0 ? 0 : place[view->owner[slot] - 1];
	for (size_t i = 0; i < view->count; i++)
		if (seats[i] != NULL)
			redis_cluster_choose_probe(pool, seats[i]);
}

static void apply_view(struct redis_pool *pool, const struct redis_view *view)
{
	struct redis_seat *seats[REDIS_NODES_MAX];
	bool gone, outage;

	for (size_t i = 0; i < view->count; i++)
		seats[i] = seat_of(pool, view, i);
	lock_take(&pool->lock);
	outage = pool->outage;
	gone = retire(pool, view, seats);
	seat_slots(pool, view, seats);
	pool->failovers += gone;
	lock_give(&pool->lock);
	for (size_t i = 0; i < view->count; i++)
		if (seats[i] != NULL)
			redis_seat_give(seats[i]);
	if (gone && !outage)
		log_warning("store: Redis Cluster: other nodes are primaries now");
	redis_pool_review(pool,
		view->covered < REDIS_SLOTS ? "no node has some of the slots" : NULL,
		gone ? "other nodes took over" : NULL);
}

static void look_at_cluster(struct redis_pool *pool, struct redis_cluster *cluster)
{
	char detail[REDIS_DETAIL_SIZE];
	const struct redis_view *view = redis_cluster_ask(cluster, pool, detail);

	if (view != NULL)
		apply_view(pool, view);
	else
		redis_pool_review(pool, detail, NULL);
}

/* The thread. ----------------------------------------------------------------------------------- */

static uint64_t pause_of(const struct redis_pool *pool) REQUIRES(pool->lock)
{
	if (pool->url.kind == STORE_URL_SENTINEL)
		return SENTINEL_EVERY_MS;
	return redis_pool_serves(pool) ? CLUSTER_EVERY_MS : CLUSTER_TROUBLE_MS;
}

static void wait_for_next(struct redis_pool *pool) REQUIRES(pool->lock)
{
	uint64_t now = clock_monotonic_ms();
	uint64_t until = now + pause_of(pool);

	while (!pool->closing && !pool->wanted &&
		condition_wait(&pool->follower_wanted, &pool->lock, until)) {
		lock_give(&pool->lock);
		redis_seats_reap(pool, false);
		lock_take(&pool->lock);
	}
	while (!pool->closing && clock_monotonic_ms() < now + PAUSE_MS)
		(void)condition_wait(&pool->follower_wanted, &pool->lock, now + PAUSE_MS);
}

static void *follow(void *argument)
{
	struct redis_pool *pool = argument;
	bool cluster_mode = pool->url.kind == STORE_URL_CLUSTER;
	struct redis_sentinels *sentinels =
		cluster_mode ? NULL : redis_sentinels_create(&pool->url, &pool->sentinel_login);
	struct redis_cluster *cluster = cluster_mode ? redis_cluster_create() : NULL;

	lock_take(&pool->lock);
	while (!pool->closing) {
		pool->wanted = false;
		pool->begun++;
		lock_give(&pool->lock);
		if (cluster_mode)
			look_at_cluster(pool, cluster);
		else
			look_at_sentinels(pool, sentinels);
		redis_seats_reap(pool, false);
		lock_take(&pool->lock);
		pool->ended = pool->begun;
		condition_broadcast(&pool->looked);
		wait_for_next(pool);
	}
	condition_broadcast(&pool->looked);
	lock_give(&pool->lock);
	redis_sentinels_free(&sentinels);
	redis_cluster_free(&cluster);
	return NULL;
}

bool redis_pool_look(struct redis_pool *pool, uint64_t deadline_ms)
{
	uint64_t wanted;
	bool looked = true;

	lock_take(&pool->lock);
	wanted = pool->begun + 1;
	pool->wanted = true;
	condition_signal(&pool->follower_wanted);
	while (looked && pool->ended < wanted && !pool->closing)
		looked = condition_wait(&pool->looked, &pool->lock, deadline_ms);
	looked = pool->ended >= wanted;
	lock_give(&pool->lock);
	return looked;
}

void redis_pool_look_soon(struct redis_pool *pool)
{
	lock_take(&pool->lock);
	pool->wanted = true;
	condition_signal(&pool->follower_wanted);
	lock_give(&pool->lock);
}

static void await_first_look(struct redis_pool *pool)
{
	uint64_t until = clock_monotonic_ms() + START_MS;

	lock_take(&pool->lock);
	while (pool->ended == 0 && condition_wait(&pool->looked, &pool->lock, until))
		continue;
	lock_give(&pool->lock);
}

/* Signals are for the threads of the program's own. */
bool redis_follower_start(struct redis_pool *pool)
{
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&pool->follower, NULL, follow, pool) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (started)
		await_first_look(pool);
	return started;
}

void redis_follower_stop(struct redis_pool *pool)
{
	lock_take(&pool->lock);
	condition_signal(&pool->follower_wanted);
	lock_give(&pool->lock);
	pthread_join(pool->follower, NULL);
}
