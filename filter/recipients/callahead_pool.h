/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections to one target of call-aheads: a few are kept, and no more than ten are open at
 * once. Thread-safe. Without a thread of its own: a kept connection that nobody uses any more stays
 * until its other end closes it, or until the pool is freed. */
#ifndef MAILREEVE_CALLAHEAD_POOL_H
#define MAILREEVE_CALLAHEAD_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "callahead_link.h"
#include "callahead_target.h"
#include "callahead_tls.h"
#include "compiler.h"
#include "resolver.h"

struct callahead_pool;

/* Opens nothing yet. TARGET is copied. TLS: level and file of authorities. */
struct callahead_pool *callahead_pool_create(
	const struct callahead_target *target, const struct callahead_tls_options *tls);
/* No connection is out any more. */
void callahead_pool_free(struct callahead_pool **pool);

/* A connection that is out, for one question. */
struct callahead_lease {
	struct callahead_link *link;
	unsigned refusals; /* recipients refused on it: the holder counts them */
	bool kept; /* it served another question before */
};

/* False with a reason in WHY. RESOLVER is for a target with a name, OUR_NAME for EHLO. */
bool callahead_pool_take(struct callahead_pool *pool, struct resolver *resolver,
	const char *our_name, uint64_t deadline_ms, struct callahead_lease *lease_r,
	char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

/* Ends the lease: the connection is for others now, or (drop) of no further use. */
void callahead_pool_put_back(struct callahead_pool *pool, struct callahead_lease *lease);
void callahead_pool_drop(struct callahead_pool *pool, struct callahead_lease *lease);

/* Connections, idle ones included in OPEN. */
void callahead_pool_count(struct callahead_pool *pool, unsigned *open_r, unsigned *idle_r);

#endif
