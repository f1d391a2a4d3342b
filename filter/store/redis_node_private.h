/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls (redis_node.c) and the keeper (redis_node_keeper.c) of a server share. */
#ifndef MAILREEVE_REDIS_NODE_PRIVATE_H
#define MAILREEVE_REDIS_NODE_PRIVATE_H

#include <pthread.h>

#include "breaker.h"
#include "lock.h"
#include "redis_node.h"
#include "redis_place.h"
#include "wakeup.h"

enum {
	REDIS_LATER_MAX = 1024, /* commands that wait for a call to travel with; more are lost, */
	REDIS_LATER_BYTES_MAX = 256 * 1024, /* and so is what comes when they are so long */
	REDIS_LATER_WAKE = 256, /* from here on the keeper sends them at once */
	REDIS_BATCH_MAX = 32 /* calls in one write */
};

/* A call on its way. Where all links are in use it waits in line; the thread that uses a link next
 * takes the calls behind it along, writes them together and gives each its replies. Its state is guarded
 * by the lock of the node; with CALL_CARRIED the rest belongs to the thread that carries it. */
struct redis_call {
	struct redis_ask *const *asks; /* borrowed; the replies are filled by whoever carries it */
	size_t count;
	enum link_result result;
	uint64_t deadline_ms;
	enum {
		CALL_WAITING,
		/* Travels with another call, which has the earlier deadline; once it is told, result is set,
		 * and with LINK_ANSWERED every reply. */
		CALL_CARRIED,
		CALL_TURN, /* it has a link, or a place to open one */
		CALL_REFUSED /* the breaker opened */
	} state;
	struct redis_link *link; /* with CALL_TURN; NULL: open one */
	unsigned generation; /* of the link */
	struct wakeup left_line; /* told once there is no more to wait for */
	struct redis_call *next;
	struct redis_call *wakes; /* with CALL_CARRIED: who is told by this one; NULL: nobody */
};

struct redis_node {
	struct redis_place place;
	struct redis_node_options options;
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
	struct redis_bytes later GUARDED_BY(lock); /* replies are not wanted */
	bool known GUARDED_BY(lock); /* whether it is up, since the first probe ended */
	struct condition first_probe; /* KNOWN was set */
	bool suspected GUARDED_BY(lock); /* to be probed, though it is up */
	uint64_t suspect_ms GUARDED_BY(lock); /* but not before */
	bool closing GUARDED_BY(lock);
};

#endif
