/* SPDX-License-Identifier: BSD-2-Clause */
/* Open connections, and connections in a sliding window, by client network: in this process only,
 * since an MTA's connections end where they began. Bounded: when it is full the network that has been
 * quiet longest and has no connection open is forgotten; nothing is allocated for a connection.
 * Thread-safe. */
#ifndef MAILREEVE_CONNECTION_TABLE_H
#define MAILREEVE_CONNECTION_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "ipaddr.h"
#include "lock.h"
#include "setting.h"
#include "siphash.h"

enum {
	CONNECTION_SETS = 4096,
	CONNECTION_WAYS = 8, /* networks that share a set: 32,768 in all */
	CONNECTION_SLOTS = 11 /* ten tenths of the window, and the oldest, partly expired one */
};

struct connection_count {
	struct network network; /* family IP_NONE: free */
	uint32_t open;
	uint32_t slots[CONNECTION_SLOTS];
	int64_t slot_ms; /* length of a slot; another one starts the counts anew */
	uint64_t newest; /* number of the newest slot since the clock's start */
	uint64_t seen_ms;
};

/* The lock guards the rest. Static storage, or mem_alloc and lock_init. */
struct connection_table {
	struct lock lock;
	struct siphash_key key;
	bool keyed;
	struct connection_count counts[CONNECTION_SETS][CONNECTION_WAYS];
};

#define CONNECTION_TABLE_READY                                                                     \
	{                                                                                          \
		.lock = {.mutex = PTHREAD_MUTEX_INITIALIZER }                                      \
	}

struct connection_bounds {
	int64_t concurrent; /* most open at once; 0: no bound */
	struct rate rate; /* most begun in a window; count 0: no bound */
};

struct connection_use {
	bool counted; /* connection_table_leave must follow; false in a table full of open ones */
	bool over_concurrent, over_rate;
	uint64_t open; /* without this one */
	uint64_t begun; /* in the window, without this one */
};

/* Looks whether one more connection fits and counts it. The rate counts only those that fit: who
 * comes too fast gets in again as soon as the window allows, however often he tries. */
struct connection_use connection_table_enter(struct connection_table *table,
	const struct network *network, const struct connection_bounds *bounds, uint64_t now_ms);

/* The same, counting nothing. */
struct connection_use connection_table_look(struct connection_table *table,
	const struct network *network, const struct connection_bounds *bounds, uint64_t now_ms);

/* Exactly once for each that was counted. */
void connection_table_leave(struct connection_table *table, const struct network *network);

#endif
