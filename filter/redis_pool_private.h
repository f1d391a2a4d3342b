/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls (redis_pool.c) and the keeper (redis_keeper.c) of a pool share. */
#ifndef MAILREEVE_REDIS_POOL_PRIVATE_H
#define MAILREEVE_REDIS_POOL_PRIVATE_H

#include <pthread.h>

#include "breaker.h"
#include "lock.h"
#include "redis_place.h"
#include "redis_pool.h"

enum {
	REDIS_LATER_MAX = 256, /* commands that wait for a call to travel with; more are lost */
	REDIS_LATER_WAKE = 32, /* from here on the keeper sends them at once */
	REDIS_BATCH_MAX = 32, /* commands in one write, of each kind */
	REDIS_DETAIL_SIZE = 256
};

struct redis_bytes {
	char *start; /* owned */
	size_t length;
};

/* A call on its way. Where all links are in use it waits in line; the thread that uses a link next
 * takes the calls behind it along, writes them together and gives each its reply. */
struct redis_call {
	const struct redis_command *command; /* borrowed */
	struct redis_answer *reply; /* borrowed; filled by whoever carries the call */
	enum link_result result;
	uint64_t deadline_ms;
	enum {
		CALL_WAITING,
		CALL_TURN, /* it has a link, or a place to open one */
		CALL_CARRIED, /* travels with another call, which has the earlier deadline */
		CALL_DONE, /* reply and result are set */
		CALL_REFUSED /* the breaker opened */
	} state;
	struct redis_link *link; /* with CALL_TURN; NULL: open one */
	unsigned generation; /* of the link */
	struct condition moved; /* the state changed */
	struct redis_call *next;
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
	struct condition keeper_wanted;
	struct redis_link **idle GUARDED_BY(lock); /* none while a call waits */
	size_t idle_count GUARDED_BY(lock);
	size_t open_count GUARDED_BY(lock); /* idle or in use */
	unsigned generation GUARDED_BY(lock); /* links of an older one are closed when given back */
	struct redis_call *first GUARDED_BY(lock), *last GUARDED_BY(lock); /* in line */
	struct breaker breaker GUARDED_BY(lock);
	char address[REDIS_ADDRESS_SIZE] GUARDED_BY(lock); /* the one that worked; empty: Unix */
	struct redis_bytes later[REDIS_LATER_MAX] GUARDED_BY(lock);
	size_t later_count GUARDED_BY(lock);
	uint64_t outages GUARDED_BY(lock);
	uint64_t complained_ms GUARDED_BY(lock);
	char detail[REDIS_DETAIL_SIZE] GUARDED_BY(lock);
	bool known GUARDED_BY(lock); /* whether it is up, since the first probe ended */
	struct condition first_probe; /* KNOWN was set */
	bool closing GUARDED_BY(lock);
};

/* What went wrong, in words for the log. */
void redis_pool_describe(
	enum link_result result, const struct redis_answer *reply, char detail[REDIS_DETAIL_SIZE]);

/* Notes a failure; FINAL ones open the breaker at once. */
void redis_pool_failed(struct redis_pool *pool, bool final, const char *detail);

/* Closes the idle links now and those in use when they are given back. */
void redis_pool_close_links(struct redis_pool *pool);

#endif
