/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls (redis_pool_call.c), the seats (redis_seat.c) and the follower (redis_follower.c) of a pool
 * share. */
#ifndef MAILREEVE_REDIS_POOL_PRIVATE_H
#define MAILREEVE_REDIS_POOL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "lock.h"
#include "redis_node.h"
#include "redis_pool.h"
#include "redis_slots.h"

enum { REDIS_SEATS_MAX = 255, PROBE_NAME_SIZE = 24, REDIS_PROBES = 3 };

/* A server that we know of, and whether it serves anything. Stays until nobody uses it. */
struct redis_seat {
	struct redis_pool *pool;
	struct redis_node *node; /* owned; NULL: being opened, and not taken by anybody */
	struct store_host host;
	char probe[PROBE_NAME_SIZE]; /* name of a key that it has; empty: none found */
	_Atomic bool serving;
	_Atomic unsigned probes; /* the first one follows what the sentinels just said */
	unsigned users; /* by the pool's lock */
	bool retired; /* by the pool's lock: closed as soon as nobody uses it */
};

struct redis_pool {
	struct store_url url;
	char *user, *password_file, *sentinel_user, *sentinel_password_file; /* owned */
	char *prefix; /* owned */
	char probes[REDIS_PROBES]
		   [PROBE_NAME_SIZE]; /* but in a cluster; no node of one has them all */
	struct redis_login login, sentinel_login;
	struct redis_tls *tls; /* owned; NULL: plain */
	redis_pool_check *check;
	void *check_context;
	struct redis_node_options node_options;
	unsigned wait_replicas;
	pthread_t follower; /* where there are several servers */

	struct lock lock;
	struct redis_seat *seats[REDIS_SEATS_MAX] GUARDED_BY(lock);
	struct redis_seat *primary GUARDED_BY(lock); /* but in a cluster; NULL: none is known */
	uint8_t owner[REDIS_SLOTS] GUARDED_BY(lock); /* cluster: 1 + index of the seat; 0: nobody */
	bool closing GUARDED_BY(lock);
	bool wanted GUARDED_BY(lock); /* the follower is to look at once */
	uint64_t begun GUARDED_BY(lock), ended GUARDED_BY(lock); /* looks of the follower */
	struct condition follower_wanted, looked;
	bool outage GUARDED_BY(lock); /* it is down, as the log says or is about to say */
	bool said_outage GUARDED_BY(lock); /* the last line of the log */
	bool saying GUARDED_BY(lock); /* somebody writes one */
	char since[STORE_HOST_SIZE + 64] GUARDED_BY(lock); /* of the last turn: who took over */
	uint64_t outages GUARDED_BY(lock), failovers GUARDED_BY(lock);
	char mark[40] GUARDED_BY(lock); /* what the counts were born with; empty: not read yet */
	uint64_t losses GUARDED_BY(lock);
	uint64_t complained_ms GUARDED_BY(lock);
	char detail[REDIS_DETAIL_SIZE] GUARDED_BY(lock);
	_Atomic uint64_t late, refused, lost, redirected, unconfirmed;
};

/* Of the first key of COMMAND; 0 where it is no cluster. */
unsigned redis_pool_slot(const struct redis_pool *pool, const struct redis_command *command);

/* The seat that serves SLOT (any, where it is no cluster), in use until redis_seat_give; NULL: nobody. */
struct redis_seat *redis_seat_take(struct redis_pool *pool, unsigned slot);
/* The seat at HOST. */
struct redis_seat *redis_seat_take_at(struct redis_pool *pool, const struct store_host *host);
void redis_seat_give(struct redis_seat *seat);

/* The seat has SLOT from now on. */
void redis_seat_own(struct redis_seat *seat, unsigned slot);

/* Looks whether the counts are still those that were there before, and says so if not. */
void redis_mark_watch(struct redis_pool *pool, struct redis_node *node);
/* The same over a fresh link, before anything is counted. */
enum link_result redis_mark_check(
	struct redis_pool *pool, struct redis_link *link, const char *shown) MUST_CHECK;

/* A new one, in use by the caller; NULL without a thread or room. BELIEVED as in redis_node.h. */
struct redis_seat *redis_seat_open(
	struct redis_pool *pool, const struct store_host *host, bool believed);

/* Closes those that are retired and not used, or ALL. */
void redis_seats_reap(struct redis_pool *pool, bool all);

/* Compares what serves with what the log says, and says what is new. WHY: the reason, if something went
 * down; SINCE: what made it come up (may be NULL). */
void redis_pool_review(struct redis_pool *pool, const char *why, const char *since);

/* Everything that must serve does. */
bool redis_pool_serves(const struct redis_pool *pool) REQUIRES(pool->lock);

/* Lets the follower look at once, and waits for what it finds; false where that came to the deadline. */
bool redis_pool_look(struct redis_pool *pool, uint64_t deadline_ms);
/* The same without waiting. */
void redis_pool_look_soon(struct redis_pool *pool);

/* The thread that follows the primaries. */
bool redis_follower_start(struct redis_pool *pool);
void redis_follower_stop(struct redis_pool *pool);

bool redis_pool_has_follower(const struct redis_pool *pool);

#endif
