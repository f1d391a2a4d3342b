/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared, immutable things by key, kept until they expire or their room is needed (second chance). Cut
 * into shards, each with its own lock, so that sessions do not wait for each other. Thread-safe. */
#ifndef MAILREEVE_TTLCACHE_H
#define MAILREEVE_TTLCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ttlcache;

/* What is kept, and by what key it is found again. None of these may wait or use the cache. */
struct ttlcache_kind {
	bool (*matches)(const void *item, const void *key);
	const void *(*share)(const void *item); /* one more reference */
	void (*release)(const void *item);
};

struct ttlcache *ttlcache_create(const struct ttlcache_kind *kind, size_t max_bytes);
void ttlcache_free(struct ttlcache **cache); /* nulls; NULL allowed */

/* A hash of these bytes and TAG, keyed with a secret of this cache. */
uint64_t ttlcache_hash(const struct ttlcache *cache, const void *bytes, size_t length, uint8_t tag);

/* The item with one more reference for the caller, or NULL. *EXPIRES_MS_R: when it does. */
const void *ttlcache_get(struct ttlcache *cache, const void *key, uint64_t hash, uint64_t now_ms,
	uint64_t *expires_ms_r);

/* Keeps ITEM, of SIZE bytes, with a reference of its own until EXPIRES_MS in place of what KEY, which
 * it matches, found before. */
void ttlcache_put(struct ttlcache *cache, const void *item, const void *key, size_t size,
	uint64_t hash, uint64_t expires_ms, uint64_t now_ms);

void ttlcache_flush(struct ttlcache *cache);
void ttlcache_count(struct ttlcache *cache, uint64_t *entries_r, uint64_t *bytes_r);

#endif
