/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of call-aheads in the store. Thread-safe; a store that is down holds nothing. */
#ifndef MAILREEVE_CALLAHEAD_CACHE_H
#define MAILREEVE_CALLAHEAD_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "callahead_dialogue.h"
#include "compiler.h"
#include "path.h"
#include "store.h"

enum { CALLAHEAD_NAME_SIZE = STORE_KEY_SIZE + 16 };

/* Names in the store, from target, domain and address. */
struct callahead_names {
	char address[CALLAHEAD_NAME_SIZE]; /* k known, u unknown */
	char domain[CALLAHEAD_NAME_SIZE]; /* a takes any recipient, n does not */
	char refused[CALLAHEAD_NAME_SIZE]; /* u: refused before */
};
void callahead_names(struct callahead_names *names_r, const char *target, const struct path *path);

/* The letter that is kept under NAME, or 0 (none, a strange value, the store is down). */
char callahead_cache_get(struct store *store, const char *name);
void callahead_cache_put(struct store *store, const char *name, char letter, int64_t keep_ms);
/* False while the store does not answer. */
bool callahead_cache_forget(struct store *store, const char *name) MUST_CHECK;

#endif
