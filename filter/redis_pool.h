/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections of one Redis store: a free list that belongs to no thread, a breaker, and one
 * thread of its own that probes a server that is down, so that no caller pays for it. Thread-safe. */
#ifndef MAILREEVE_REDIS_POOL_H
#define MAILREEVE_REDIS_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "redis_link.h"
#include "store.h"
#include "store_url.h"

struct redis_pool;

/* Is a working server there? Run on a fresh link by the probe; REPLY_R is its last reply. */
typedef enum link_result redis_pool_check(
	void *context, struct redis_link *link, uint64_t deadline_ms, struct redis_answer *reply_r);

/* SCRIPT is borrowed. Tries to connect once; a server that is down is found later. NULL without a thread. The
 * caller owns the pool. */
struct redis_pool *redis_pool_open(const struct store_options *options, const struct store_url *url,
	const char *script, redis_pool_check *check, void *check_context);
void redis_pool_close(struct redis_pool **pool);

/* Sends COMMAND and waits for its reply within the store's deadline. Where it is an EVALSHA, the
 * script is sent whole when the server does not know it. At most one retry, so COMMAND must be one
 * that may run twice. With STORE_OK the reply is no error; the caller frees its text. */
enum store_status redis_pool_call(
	struct redis_pool *pool, struct redis_command *command, struct redis_answer *reply_r);

/* Sends COMMAND with a later call, or within about a second, and ignores its reply. It may be lost. */
void redis_pool_send_later(struct redis_pool *pool, const struct redis_command *command);

/* Something of ONE key is wrong, the server is well: remembered for store_state, and logged at most
 * once a minute. TEXT holds no secret. */
void redis_pool_complain(struct redis_pool *pool, const char *text);

void redis_pool_state(struct redis_pool *pool, struct store_state *state_r);

#endif
