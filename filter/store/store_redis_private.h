/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the Redis half share. */
#ifndef MAILREEVE_STORE_REDIS_PRIVATE_H
#define MAILREEVE_STORE_REDIS_PRIVATE_H

#include "redis_pool_call.h"
#include "store_backend.h"

enum { PREFIX_SIZE = 65, REDIS_KEY_SIZE = PREFIX_SIZE + STORE_KEY_SIZE + 24 };

struct redis {
	struct store *store;
	struct redis_pool *pool;
	char sha[41];
	char prefix[PREFIX_SIZE];
};

/* The answer has not the form that it must have: complains, and is STORE_DOWN. */
enum store_status redis_odd_reply(struct redis *redis);

/* The Redis key of a charge's window; its length. */
size_t redis_key(
	const struct redis *redis, const struct store_charge *charge, char key[REDIS_KEY_SIZE]);

/* The call of window.lua for a step; ended with redis_command_clear. */
void redis_build_step(const struct redis *redis, const char *operation,
	const struct store_step *step, struct redis_command *command);

/* What it answers to a reserve or look of COUNT charges, and to a peek. CHARGED_R[count], of a part: set
 * for each that was charged now; else NULL. */
enum store_status redis_read_decision(struct redis *redis, const struct redis_answer *reply,
	const struct store_charge *charges, size_t count, struct store_decision *decision_r,
	bool *charged_r);
enum store_status redis_read_used(
	struct redis *redis, const struct redis_answer *reply, size_t count, int64_t *used_r);

/* In a cluster: the steps of several windows, one call for each slot; those of one node travel together.
 * A reserve that is refused by one is taken back from the others. USED_R: of a peek. */
enum store_status redis_spread_reserve(
	struct redis *redis, const struct store_step *step, struct store_decision *decision_r);
enum store_status redis_spread(
	struct redis *redis, const char *operation, const struct store_step *step, int64_t *used_r);

/* As in store_backend.h. */
enum store_status redis_claim(void *half, const char *name, int64_t keep_ms, bool *claimed_r);
enum store_status redis_table_set(void *half, const char *table, const struct store_row *row);
enum store_status redis_table_delete(
	void *half, const char *table, const char *name, bool *found_r);
enum store_status redis_table_read(void *half, const char *table, char **text_r);
enum store_status redis_list(void *half, store_visit *visit, void *context);

#endif
