/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_pool.h"

#include <stdio.h>

#include "callahead_address.h"
#include "callahead_greeting.h"
#include "clock.h"
#include "lock.h"
#include "log.h"
#include "mem.h"

enum {
	OPEN_MAX = 10, /* connections at once */
	IDLE_MAX = 4, /* kept of them */
	IDLE_MS = 20000, /* before the target's own patience ends */
	REFUSALS_MAX = 8, /* Postfix slows down after 10 errors, and hangs up after 20 */
	PLAIN_MS = 600000 /* without another attempt at TLS that does not work */
};

struct idle_link {
	struct callahead_link *link;
	uint64_t since_ms;
	unsigned refusals;
};

struct callahead_pool {
	struct callahead_target target;
	struct callahead_tls_context *tls; /* NULL: none */
	bool may_be_plain;
	struct lock lock;
	struct condition changed; /* a connection is free again */
	struct idle_link idle[IDLE_MAX] GUARDED_BY(lock);
	unsigned idle_count GUARDED_BY(lock);
	unsigned open GUARDED_BY(lock); /* idle ones included */
	uint64_t plain_until_ms GUARDED_BY(lock);
};

struct callahead_pool *callahead_pool_create(
	const struct callahead_target *target, const struct callahead_tls_options *tls)
{
	struct callahead_pool *pool = mem_alloc(sizeof(*pool));

	pool->target = *target;
	/* A socket of the file system does not leave the machine. */
	if (target->socket[0] == '\0')
		pool->tls = callahead_tls_context_create(tls);
	pool->may_be_plain = tls->level <= CALLAHEAD_TLS_MAY;
	lock_init(&pool->lock);
	condition_init(&pool->changed);
	return pool;
}

void callahead_pool_free(struct callahead_pool **pool_ptr)
{
	struct callahead_pool *pool = *pool_ptr;

	if (pool == NULL)
		return;
	*pool_ptr = NULL;
	for (unsigned i = 0; i < pool->idle_count; i++)
		callahead_link_close(&pool->idle[i].link);
	callahead_tls_context_free(&pool->tls);
	condition_destroy(&pool->changed);
	lock_destroy(&pool->lock);
	mem_free(pool);
}

void callahead_pool_drop(struct callahead_pool *pool, struct callahead_lease *lease)
{
	callahead_link_close(&lease->link);
	*lease = (struct callahead_lease){0};
	lock_take(&pool->lock);
	pool->open--;
	condition_broadcast(&pool->changed);
	lock_give(&pool->lock);
}

void callahead_pool_put_back(struct callahead_pool *pool, struct callahead_lease *lease)
{
	bool kept;

	if (lease->refusals >= REFUSALS_MAX) {
		callahead_pool_drop(pool, lease);
		return;
	}
	lock_take(&pool->lock);
	kept = pool->idle_count < IDLE_MAX;
	if (kept) {
		pool->idle[pool->idle_count++] = (struct idle_link){.link = lease->link,
			.since_ms = clock_monotonic_ms(),
			.refusals = lease->refusals};
		condition_broadcast(&pool->changed);
	}
	lock_give(&pool->lock);
	if (!kept)
		callahead_pool_drop(pool, lease);
}

enum place { PLACE_KEPT, PLACE_NEW, PLACE_NONE };

/* A kept connection, or the right to open one. */
static enum place take_place(
	struct callahead_pool *pool, uint64_t deadline_ms, struct idle_link *idle_r)
{
	enum place place = PLACE_NONE;

	lock_take(&pool->lock);
	while (pool->idle_count == 0 && pool->open >= OPEN_MAX)
		if (!condition_wait(&pool->changed, &pool->lock, deadline_ms))
			break;
	if (pool->idle_count > 0) {
		*idle_r = pool->idle[--pool->idle_count];
		place = PLACE_KEPT;
	} else if (pool->open < OPEN_MAX) {
		pool->open++;
		place = PLACE_NEW;
	}
	lock_give(&pool->lock);
	return place;
}

/* Opening. ------------------------------------------------------------------------------------- */

static bool is_plain_for_now(struct callahead_pool *pool)
{
	bool plain;

	lock_take(&pool->lock);
	plain = clock_monotonic_ms() < pool->plain_until_ms;
	lock_give(&pool->lock);
	return plain;
}

static void be_plain_for_now(struct callahead_pool *pool, const char *why)
{
	char text[CALLAHEAD_TARGET_SIZE];

	lock_take(&pool->lock);
	pool->plain_until_ms = clock_monotonic_ms() + PLAIN_MS;
	lock_give(&pool->lock);
	log_warning("call-ahead %s is asked without TLS for a while: %s",
		callahead_target_format(&pool->target, text), why);
}

/* With TLS where it is offered; where that is all the same and fails, without. */
static struct callahead_link *open_at(struct callahead_pool *pool, const struct ipaddr *address,
	const char *our_name, uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	struct callahead_greeting greeting = {.target = &pool->target,
		.our_name = our_name,
		.tls = pool->tls,
		.may_be_plain = pool->may_be_plain};
	struct callahead_link *link;

	if (pool->may_be_plain && is_plain_for_now(pool))
		greeting.tls = NULL;
	link = callahead_greeting_open(&greeting, address, deadline_ms, why);
	if (link != NULL || !greeting.tls_failed || !pool->may_be_plain)
		return link;
	be_plain_for_now(pool, why);
	greeting.tls = NULL;
	return callahead_greeting_open(&greeting, address, deadline_ms, why);
}

/* Of the time until DEADLINE_MS, for one of COUNT addresses: a silent one leaves some for the others. */
static uint64_t share_of(uint64_t deadline_ms, size_t count)
{
	uint64_t now = clock_monotonic_ms();

	return now >= deadline_ms ? deadline_ms : now + (deadline_ms - now) / count;
}

static bool open_new(struct callahead_pool *pool, struct resolver *resolver, const char *our_name,
	uint64_t deadline_ms, struct callahead_lease *lease_r, char why[CALLAHEAD_WHY_SIZE])
{
	struct ipaddr addresses[CALLAHEAD_ADDRESSES_MAX];
	size_t count = callahead_addresses(&pool->target, resolver, deadline_ms, addresses);

	snprintf(why, CALLAHEAD_WHY_SIZE, "its name has no address");
	for (size_t i = 0; i < count; i++) {
		lease_r->link = open_at(
			pool, &addresses[i], our_name, share_of(deadline_ms, count - i), why);
		if (lease_r->link != NULL)
			return true;
	}
	callahead_pool_drop(pool, lease_r);
	return false;
}

bool callahead_pool_take(struct callahead_pool *pool, struct resolver *resolver,
	const char *our_name, uint64_t deadline_ms, struct callahead_lease *lease_r,
	char why[CALLAHEAD_WHY_SIZE])
{
	for (;;) {
		struct idle_link idle;
		enum place place = take_place(pool, deadline_ms, &idle);

		*lease_r = (struct callahead_lease){0};
		if (place == PLACE_NONE) {
			snprintf(why, CALLAHEAD_WHY_SIZE, "too many questions wait for it");
			return false;
		}
		if (place == PLACE_NEW)
			return open_new(pool, resolver, our_name, deadline_ms, lease_r, why);
		*lease_r = (struct callahead_lease){
			.link = idle.link, .refusals = idle.refusals, .kept = true};
		if (idle.since_ms + IDLE_MS > clock_monotonic_ms() &&
			callahead_link_is_quiet(idle.link))
			return true;
		callahead_pool_drop(pool, lease_r);
	}
}

void callahead_pool_count(struct callahead_pool *pool, unsigned *open_r, unsigned *idle_r)
{
	lock_take(&pool->lock);
	*open_r = pool->open;
	*idle_r = pool->idle_count;
	lock_give(&pool->lock);
}
