/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentinels that know which server is the primary. Belongs to one thread. */
#ifndef MAILREEVE_REDIS_SENTINEL_H
#define MAILREEVE_REDIS_SENTINEL_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "redis_node.h"

struct redis_sentinels;

/* Borrows URL and LOGIN. */
struct redis_sentinels *redis_sentinels_create(
	const struct store_url *url, const struct redis_login *login);
void redis_sentinels_free(struct redis_sentinels **sentinels);

/* Asks all of them that can be reached, each for at most CONNECT_TIMEOUT_MS and TIMEOUT_MS, and believes the
 * one that saw the latest failover. False where none names the primary; why is in DETAIL. */
bool redis_sentinels_ask(struct redis_sentinels *sentinels, uint64_t connect_timeout_ms,
	uint64_t timeout_ms, struct store_host *primary_r,
	char detail[REDIS_DETAIL_SIZE]) MUST_CHECK;

#endif
