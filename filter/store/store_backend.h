/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands behind store.h: the functions of one half. store_dispatch.c checks and normalises arguments
 * (1 <= count, windows, limits and units within the bounds of window.h, no key
 * and window twice) before it calls them. Thread-safe like store.h. */
#ifndef MAILREEVE_STORE_BACKEND_H
#define MAILREEVE_STORE_BACKEND_H

#include <stdatomic.h>

#include "store.h"
#include "store_url.h"

/* A clock that only tests set; NULL: the half's own (monotonic; TIME of Redis). Milliseconds. */
typedef uint64_t store_clock(void);

struct store_step {
	const unsigned char *id; /* STORE_ID_SIZE bytes */
	unsigned sequence;
	const struct store_charge *charges;
	size_t count;
	bool look; /* of a reserve: takes nothing */
};

struct store_value {
	const char *name;
	const void *bytes;
	size_t length;
	int64_t keep_ms;
};

struct store_backend {
	const char *kind;
	void *(*open)(struct store *store, const struct store_options *options,
		const struct store_url *url, char *why, size_t why_size);
	void (*close)(void *half);
	enum store_status (*reserve)(
		void *half, const struct store_step *step, struct store_decision *decision_r);
	void (*commit)(void *half, const struct store_step *step);
	enum store_status (*give_back)(void *half, const struct store_step *step);
	enum store_status (*peek)(void *half, const struct store_step *step, int64_t *used_r);
	enum store_status (*forget)(void *half, const struct store_step *step);
	enum store_status (*list)(void *half, store_visit *visit, void *context);
	enum store_status (*put)(void *half, const struct store_value *value);
	enum store_status (*get)(void *half, const char *name, void **value_r, size_t *length_r);
	enum store_status (*claim)(void *half, const char *name, int64_t keep_ms, bool *claimed_r);
	enum store_status (*table_set)(void *half, const char *table, const struct store_row *row);
	enum store_status (*table_delete)(
		void *half, const char *table, const char *name, bool *found_r);
	/* All rows as lines: end, name and value of each. *TEXT_R may stay NULL. */
	enum store_status (*table_read)(void *half, const char *table, char **text_r);
	enum store_status (*set_has)(void *half, const char *key, const char *const *members,
		size_t count, enum store_set *set_r);
	void (*state)(void *half, struct store_state *state_r);
};

struct store {
	const struct store_backend *backend;
	void *half; /* owned */
	store_clock *clock; /* tests only */
	_Atomic uint64_t calls, failures;
};

enum {
	STORE_VALUE_MAX = 16 * 1024,
	STORE_TABLE_MAX = 48 * 1024 /* bytes of a table's rows */
};

extern const struct store_backend store_memory;
extern const struct store_backend store_redis;

#endif
