/* SPDX-License-Identifier: BSD-2-Clause */
/* Who serves: the servers of a pool, counted use, and one pair of log lines for an outage. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "redis_pool_private.h"

struct redis_seat *redis_seat_take(struct redis_pool *pool, unsigned slot)
{
	struct redis_seat *seat;

	lock_take(&pool->lock);
	seat = pool->primary;
	if (pool->url.kind == STORE_URL_CLUSTER)
		seat = pool->owner[slot] == 0 ? NULL : pool->seats[pool->owner[slot] - 1];
	if (seat != NULL)
		seat->users++;
	lock_give(&pool->lock);
	return seat;
}

struct redis_seat *redis_seat_take_at(struct redis_pool *pool, const struct store_host *host)
{
	struct redis_seat *found = NULL;

	lock_take(&pool->lock);
	for (size_t i = 0; i < REDIS_SEATS_MAX && found == NULL; i++) {
		struct redis_seat *seat = pool->seats[i];

		if (seat != NULL && seat->node != NULL && !seat->retired &&
			seat->host.port == host->port && strcmp(seat->host.name, host->name) == 0)
			found = seat;
	}
	if (found != NULL)
		found->users++;
	lock_give(&pool->lock);
	return found;
}

void redis_seat_give(struct redis_seat *seat)
{
	struct redis_pool *pool = seat->pool;

	lock_take(&pool->lock);
	seat->users--;
	if (seat->retired && seat->users == 0)
		condition_signal(&pool->follower_wanted);
	lock_give(&pool->lock);
}

void redis_seat_own(struct redis_seat *seat, unsigned slot)
{
	struct redis_pool *pool = seat->pool;

	lock_take(&pool->lock);
	for (size_t i = 0; i < REDIS_SEATS_MAX; i++)
		if (pool->seats[i] == seat && !seat->retired)
			pool->owner[slot] = (uint8_t)(i + 1);
	lock_give(&pool->lock);
}

/* Is it still the one that the sentinels name, and does it say so itself? */
static enum link_result check_role(
	struct redis_link *link, uint64_t deadline_ms, struct redis_answer *reply)
{
	struct redis_command command;
	enum link_result result;

	redis_command_init(&command);
	redis_command_add(&command, "ROLE");
	redis_link_append(link, &command, true);
	result = redis_link_receive(link, deadline_ms, reply);
	if (result != LINK_ANSWERED || reply->kind == ANSWER_ERROR)
		return result;
	if (reply->kind != ANSWER_TEXTS || strcmp(reply->text, "master") != 0) {
		reply->kind = ANSWER_ERROR;
		snprintf(reply->error, sizeof(reply->error),
			"READONLY the sentinels name it, but it is no primary yet");
	}
	mem_free(reply->text);
	reply->text = NULL;
	return result;
}

static enum link_result check_confirmation(const struct redis_pool *pool, struct redis_link *link,
	uint64_t deadline_ms, struct redis_answer *reply)
{
	struct redis_command command;
	enum link_result result;

	redis_command_init(&command);
	redis_command_add(&command, "WAIT");
	redis_command_addf(&command, "%u", pool->wait_replicas);
	redis_command_addf(&command, "%" PRIu64, pool->node_options.wait_timeout_ms);
	redis_link_append(link, &command, true);
	result = redis_link_receive(link, deadline_ms, reply);
	if (result == LINK_ANSWERED && reply->kind == ANSWER_NUMBERS && reply->count == 1 &&
		reply->numbers[0] < (int64_t)pool->wait_replicas) {
		reply->kind = ANSWER_ERROR;
		snprintf(reply->error, sizeof(reply->error),
			"UNCONFIRMED %" PRId64 " of %u replicas confirmed it in time",
			reply->numbers[0], pool->wait_replicas);
	}
	return result;
}

/* A primary that was replaced may come back before it is told so. */
static bool is_named(struct redis_seat *seat, struct redis_answer *reply)
{
	struct redis_pool *pool = seat->pool;
	bool named;

	(void)redis_pool_look(pool, clock_monotonic_ms() + pool->node_options.connect_timeout_ms);
	lock_take(&pool->lock);
	named = !seat->retired;
	lock_give(&pool->lock);
	if (named)
		return true;
	reply->kind = ANSWER_ERROR;
	snprintf(reply->error, sizeof(reply->error), "READONLY the sentinels name another");
	return false;
}

/* Does the server do what the store needs of it? A node of a cluster that is taken for a single server has
 * some keys, so it is asked for several. */
static enum link_result check_work(struct redis_seat *seat, struct redis_link *link,
	uint64_t deadline_ms, struct redis_answer *reply)
{
	struct redis_pool *pool = seat->pool;
	enum link_result result = LINK_ANSWERED;
	char probe[PROBE_NAME_SIZE];

	if (pool->url.kind == STORE_URL_CLUSTER) {
		lock_take(&pool->lock);
		memcpy(probe, seat->probe, sizeof(probe));
		lock_give(&pool->lock);
		return pool->check(pool->check_context, probe, link, deadline_ms, reply);
	}
	for (size_t i = 0; i < REDIS_PROBES; i++) {
		result =
			pool->check(pool->check_context, pool->probes[i], link, deadline_ms, reply);
		if (result != LINK_ANSWERED || reply->kind == ANSWER_ERROR)
			break;
		mem_free(reply->text);
		reply->text = NULL;
	}
	return result;
}

static enum link_result check(
	void *context, struct redis_link *link, uint64_t deadline_ms, struct redis_answer *reply_r)
{
	struct redis_seat *seat = context;
	struct redis_pool *pool = seat->pool;
	enum link_result result = LINK_ANSWERED;

	memset(reply_r, 0, sizeof(*reply_r));
	if (pool->url.kind == STORE_URL_SENTINEL) {
		if (atomic_fetch_add(&seat->probes, 1) > 0 && !is_named(seat, reply_r))
			return LINK_ANSWERED;
		deadline_ms = clock_monotonic_ms() + pool->node_options.timeout_ms;
		result = check_role(link, deadline_ms, reply_r);
	}
	if (result != LINK_ANSWERED || reply_r->kind == ANSWER_ERROR)
		return result;
	result = check_work(seat, link, deadline_ms, reply_r);
	if (result == LINK_ANSWERED && reply_r->kind != ANSWER_ERROR && pool->wait_replicas > 0) {
		mem_free(reply_r->text);
		result = check_confirmation(pool, link, deadline_ms, reply_r);
	}
	if (result == LINK_ANSWERED && reply_r->kind != ANSWER_ERROR &&
		pool->url.kind != STORE_URL_CLUSTER) {
		char shown[STORE_HOST_SIZE + 16];

		if (seat->host.name[0] != '\0')
			store_host_show(&seat->host, shown, sizeof(shown));
		else
			snprintf(shown, sizeof(shown), "unix:%s", pool->url.path);
		result = redis_mark_check(pool, link, shown);
	}
	return result;
}

static void changed(void *context, struct redis_node *node, const char *detail)
{
	struct redis_seat *seat = context;
	struct redis_pool *pool = seat->pool;
	char why[REDIS_DETAIL_SIZE + STORE_HOST_SIZE] = "";

	seat->serving = detail == NULL;
	/* One that came up is no reason why others are down. */
	if (detail != NULL)
		snprintf(why, sizeof(why), "%s%s%s",
			pool->url.kind == STORE_URL_CLUSTER ? redis_node_place(node)->shown : "",
			pool->url.kind == STORE_URL_CLUSTER ? ": " : "", detail);
	redis_pool_review(pool, why, NULL);
	if (detail != NULL)
		redis_pool_look_soon(pool);
}

static void watch(void *context, struct redis_node *node)
{
	struct redis_seat *seat = context;

	/* Each node of a cluster has counts of its own. */
	if (seat->pool->url.kind != STORE_URL_CLUSTER)
		redis_mark_watch(seat->pool, node);
}

static bool put_in(struct redis_pool *pool, struct redis_seat *seat)
{
	bool put = false;

	lock_take(&pool->lock);
	for (size_t i = 0; i < REDIS_SEATS_MAX && !put; i++) {
		put = pool->seats[i] == NULL;
		if (put)
			pool->seats[i] = seat;
	}
	lock_give(&pool->lock);
	return put;
}

struct redis_seat *redis_seat_open(
	struct redis_pool *pool, const struct store_host *host, bool believed)
{
	struct redis_seat *seat = mem_alloc(sizeof(*seat));
	struct redis_node_options options = pool->node_options;
	struct redis_node *node;
	struct redis_place place;

	seat->pool = pool;
	seat->users = 1;
	seat->serving = believed;
	if (host == NULL) {
		redis_place_init_unix(&place, &pool->login, pool->url.path);
	} else {
		seat->host = *host;
		redis_place_init(&place, &pool->login, host);
	}
	options.check = check;
	options.changed = changed;
	options.watch = watch;
	options.context = seat;
	options.believed = believed;
	/* Its thread may look for it among the seats at once. A call that is sent here finds it only when it
	 * has its node. */
	node = put_in(pool, seat) ? redis_node_open(&place, &options) : NULL;
	lock_take(&pool->lock);
	seat->node = node;
	if (node != NULL) {
		lock_give(&pool->lock);
		return seat;
	}
	for (size_t i = 0; i < REDIS_SEATS_MAX; i++)
		if (pool->seats[i] == seat)
			pool->seats[i] = NULL;
	lock_give(&pool->lock);
	mem_free(seat);
	return NULL;
}

static struct redis_seat *next_to_close(struct redis_pool *pool, bool all)
{
	struct redis_seat *found = NULL;

	lock_take(&pool->lock);
	for (size_t i = 0; i < REDIS_SEATS_MAX && found == NULL; i++) {
		struct redis_seat *seat = pool->seats[i];

		if (seat == NULL || (!all && (!seat->retired || seat->users > 0)))
			continue;
		seat->retired = true;
		pool->seats[i] = NULL;
		found = seat;
	}
	lock_give(&pool->lock);
	return found;
}

void redis_seats_reap(struct redis_pool *pool, bool all)
{
	struct redis_seat *seat;

	while ((seat = next_to_close(pool, all)) != NULL) {
		redis_node_close(&seat->node);
		mem_free(seat);
	}
}

bool redis_pool_serves(const struct redis_pool *pool)
{
	if (pool->url.kind != STORE_URL_CLUSTER)
		return pool->primary != NULL && pool->primary->serving;
	for (size_t slot = 0; slot < REDIS_SLOTS; slot++) {
		const struct redis_seat *seat =
			pool->owner[slot] == 0 ? NULL : pool->seats[pool->owner[slot] - 1];

		if (seat == NULL || !seat->serving)
			return false;
	}
	return true;
}

static void show(const struct redis_pool *pool, char *buffer, size_t size) REQUIRES(pool->lock)
{
	if (pool->url.kind == STORE_URL_SENTINEL && pool->primary != NULL)
		snprintf(buffer, size, "Redis at %s, primary %s,",
			redis_node_place(pool->primary->node)->shown, pool->url.primary);
	else if (pool->url.kind == STORE_URL_SENTINEL)
		snprintf(buffer, size, "Redis primary %s", pool->url.primary);
	else if (pool->url.kind == STORE_URL_CLUSTER)
		snprintf(buffer, size, "Redis Cluster");
	else {
		char place[STORE_HOST_SIZE + 16];

		store_url_show(&pool->url, place, sizeof(place));
		snprintf(buffer, size, "Redis at %s", place);
	}
}

/* The line that the log lacks; false: none. */
static bool next_line(struct redis_pool *pool, char *line, size_t size)
{
	char shown[STORE_HOST_SIZE + 128];
	bool says;

	lock_take(&pool->lock);
	says = pool->said_outage != pool->outage;
	pool->saying = says;
	pool->said_outage = pool->outage;
	show(pool, shown, sizeof(shown));
	if (pool->outage)
		snprintf(line, size, "%s is down: %s", shown, pool->detail);
	else
		snprintf(line, size, "%s is up again%s%s", shown,
			pool->since[0] == '\0' ? "" : ": ", pool->since);
	lock_give(&pool->lock);
	return says;
}

void redis_pool_review(struct redis_pool *pool, const char *why, const char *since)
{
	char line[REDIS_DETAIL_SIZE + STORE_HOST_SIZE + 256];
	bool serve, reason = why != NULL && why[0] != '\0', say;

	lock_take(&pool->lock);
	serve = redis_pool_serves(pool);
	if (!serve && reason)
		snprintf(pool->detail, sizeof(pool->detail), "%.*s", REDIS_DETAIL_SIZE - 1, why);
	if (serve == pool->outage && !pool->closing && (serve || reason)) {
		pool->outage = !serve;
		pool->outages += !serve;
		snprintf(pool->since, sizeof(pool->since), "%s", since == NULL ? "" : since);
	}
	/* Who is saying something already will say this too, after it. */
	say = !pool->saying && pool->said_outage != pool->outage;
	pool->saying |= say;
	lock_give(&pool->lock);
	while (say && next_line(pool, line, sizeof(line)))
		log_warning("store: %s", line);
}
