/* SPDX-License-Identifier: BSD-2-Clause */
/* Several redis-servers of a test's own on loopback: a cluster, or a primary with replicas and
 * sentinels. They know each other from the start, by the files that they would write themselves. */
#ifndef MAILREEVE_TESTS_PRIVATE_GROUP_H
#define MAILREEVE_TESTS_PRIVATE_GROUP_H

#include "private_redis.h"

enum { GROUP_NODES_MAX = 8, GROUP_SENTINELS = 3, GROUP_TEXT_SIZE = 4096 };

struct private_group {
	struct private_redis nodes[GROUP_NODES_MAX], sentinels[GROUP_SENTINELS];
	size_t node_count, sentinel_count;
	char ids[GROUP_NODES_MAX + GROUP_SENTINELS][41];
	int bus_ports[GROUP_NODES_MAX];
	char ports[2 * GROUP_NODES_MAX][8];
	int tls_ports[GROUP_SENTINELS]; /* of the sentinels, beside their plain ones */
	char url[256];
};

/* With it the group's own commands log in; NULL: none is needed. */
extern const char *private_group_password;

/* With it all servers of a group are reached, and reach each other, by TLS with these files (PEM), and their
 * clients show a certificate; NULL: none. The tests' own commands go over Unix sockets as ever. */
struct private_group_tls {
	const char *certificate, *key, *authority;
};
extern const struct private_group_tls *private_group_tls;

/* PRIMARIES, each with REPLICAS (nodes after the primaries, in their order); up when all of them say that
 * the cluster is. EXTRA: options of each (NULL-terminated, borrowed; may be NULL). */
void private_cluster_start(
	struct private_group *group, size_t primaries, size_t replicas, const char *const *extra);

/* One more primary without slots; its index. */
size_t private_cluster_add(struct private_group *group);

/* Moves SLOT with its keys from one node to another, as redis-cli does; a key at a time. With HALF it
 * stops when the slot is on its way and half of its keys are there. */
void private_cluster_move(
	struct private_group *group, unsigned slot, size_t from, size_t to, bool half);

/* Waits until all nodes that run see each slot served. */
void private_cluster_await(struct private_group *group);

/* A primary (node 0) named "mail" with REPLICAS, and three sentinels. EXTRA as above, of the servers;
 * SENTINEL_LINES is added to the file of each sentinel (may be NULL). */
void private_sentinels_start(struct private_group *group, size_t replicas, const char *const *extra,
	const char *sentinel_lines);

/* The port of the primary that a majority of the sentinels names. */
int private_sentinels_primary(struct private_group *group);

void private_group_remove(struct private_group *group);

#endif
