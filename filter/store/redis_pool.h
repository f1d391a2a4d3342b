/* SPDX-License-Identifier: BSD-2-Clause */
/* All servers of one Redis store: the one, the primary that the sentinels name, or the primaries of a
 * cluster. Finds who serves a command, and follows them when they change. Thread-safe. */
#ifndef MAILREEVE_REDIS_POOL_H
#define MAILREEVE_REDIS_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "redis_link.h"
#include "store.h"
#include "store_url.h"

struct redis_pool;

/* Does a server do what the store needs of it? Run on a fresh link by a probe, with the key PREFIX "w:"
 * NAME ":1000", where NAME is not empty. REPLY_R is the last reply. */
typedef enum link_result redis_pool_check(void *context, const char *name, struct redis_link *link,
	uint64_t deadline_ms, struct redis_answer *reply_r);

/* Waits up to 3 s for the first answers; a server that is down is found later. NULL with a sentence in WHY.
 * The caller owns it. */
struct redis_pool *redis_pool_open(const struct store_options *options, const struct store_url *url,
	redis_pool_check *check, void *check_context, char *why, size_t why_size);
void redis_pool_close(struct redis_pool **pool);

/* Must the keys of a command be of one slot? */
bool redis_pool_is_cluster(const struct redis_pool *pool);

/* All servers, for a command that is not about a key; an empty name: any server. Their number. */
enum { REDIS_SERVERS_MAX = 255 };
size_t redis_pool_servers(struct redis_pool *pool, struct store_host servers[REDIS_SERVERS_MAX]);

/* Sends COMMAND with a later call, or within about a second, and ignores its reply. It may be lost. */
void redis_pool_send_later(struct redis_pool *pool, const struct redis_command *command);

/* Something of ONE key is wrong, the server is well: remembered for store_state, and logged at most
 * once a minute. TEXT holds no secret. */
void redis_pool_complain(struct redis_pool *pool, const char *text);

void redis_pool_state(struct redis_pool *pool, struct store_state *state_r);

#endif
