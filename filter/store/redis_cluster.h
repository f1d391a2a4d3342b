/* SPDX-License-Identifier: BSD-2-Clause */
/* What the nodes of a cluster say of it. Belongs to the follower's thread. */
#ifndef MAILREEVE_REDIS_CLUSTER_H
#define MAILREEVE_REDIS_CLUSTER_H

#include "redis_pool_private.h"

struct redis_cluster;

struct redis_cluster *redis_cluster_create(void);
void redis_cluster_free(struct redis_cluster **cluster);

/* Asks up to three nodes, those that we know and then those of the URL, and believes the one that is
 * farthest. NULL, with the reason in DETAIL, where none can say, or all are behind what we know. */
const struct redis_view *redis_cluster_ask(struct redis_cluster *cluster, struct redis_pool *pool,
	char detail[REDIS_DETAIL_SIZE]) MUST_CHECK;

/* Gives SEAT the name of a key in one of its slots; an empty one where there is none. */
void redis_cluster_choose_probe(const struct redis_pool *pool, struct redis_seat *seat)
	REQUIRES(pool->lock);

#endif
