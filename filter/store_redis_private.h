/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the Redis half share. */
#ifndef MAILREEVE_STORE_REDIS_PRIVATE_H
#define MAILREEVE_STORE_REDIS_PRIVATE_H

#include "redis_pool.h"
#include "store_backend.h"

enum { PREFIX_SIZE = 65 };

struct redis {
	struct store *store;
	struct redis_pool *pool;
	char sha[41];
	char prefix[PREFIX_SIZE];
};

/* The answer has not the form that it must have: complains, and is STORE_DOWN. */
enum store_status redis_odd_reply(struct redis *redis);

/* As in store_backend.h. */
enum store_status redis_claim(void *half, const char *name, int64_t keep_ms, bool *claimed_r);
enum store_status redis_table_set(void *half, const char *table, const struct store_row *row);
enum store_status redis_table_delete(
	void *half, const char *table, const char *name, bool *found_r);
enum store_status redis_table_read(void *half, const char *table, char **text_r);
enum store_status redis_list(void *half, store_visit *visit, void *context);

#endif
