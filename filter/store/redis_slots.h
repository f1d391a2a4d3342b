/* SPDX-License-Identifier: BSD-2-Clause */
/* Redis Cluster: the slot of a key, and which primary has which slot, as a node's CLUSTER NODES tells
 * it. Pure. */
#ifndef MAILREEVE_REDIS_SLOTS_H
#define MAILREEVE_REDIS_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "store_url.h"

enum { REDIS_SLOTS = 16384, REDIS_NODES_MAX = 128 };

/* Of the part between the first { and the next }, where there is one. */
unsigned redis_slot(const char *key, size_t length);

struct redis_view {
	struct {
		struct store_host host;
		bool failing; /* others cannot reach it */
		size_t slots;
	} primaries[REDIS_NODES_MAX];
	size_t count;
	size_t covered; /* slots that somebody has */
	uint8_t owner[REDIS_SLOTS]; /* 1 + index of the primary; 0: nobody */
};

/* Reads the reply to CLUSTER NODES of the node at ASKED, which need not know its own address. False if
 * it is none, or of more than REDIS_NODES_MAX primaries. */
bool redis_view_parse(
	const char *text, const struct store_host *asked, struct redis_view *view_r) MUST_CHECK;

/* "MOVED 3999 127.0.0.1:6381" and "ASK ...", also without the address: then it is that of ASKED. */
bool redis_redirection_parse(const char *error, const struct store_host *asked, unsigned *slot_r,
	struct store_host *host_r) MUST_CHECK;

#endif
