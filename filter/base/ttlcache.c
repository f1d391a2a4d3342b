/* SPDX-License-Identifier: BSD-2-Clause */
#include "ttlcache.h"

#include <string.h>

#include "lock.h"
#include "mem.h"
#include "siphash.h"

enum {
	SHARDS = 16,
	TYPICAL_ENTRY = 256, /* bytes; only used to choose the number of buckets */
	BUCKETS_MIN = 16,
	BUCKETS_MAX = 65536,
	CACHE_LINE = 64
};

struct entry {
	struct entry *chain; /* next in the bucket */
	struct entry *older, *newer; /* the queue of eviction */
	const void *item;
	uint64_t hash;
	uint64_t expires_ms;
	size_t size;
	bool used; /* since the hand last passed: it gets a second chance */
};

struct shard {
	struct lock lock; /* guards all below */
	struct entry **buckets;
	struct entry *oldest;
	struct entry *newest;
	size_t entries;
	size_t bytes;
	char apart[CACHE_LINE]; /* the next shard's lock shall not share a cache line with ours */
};

struct ttlcache {
	const struct ttlcache_kind *kind;
	struct siphash_key key;
	size_t bucket_mask;
	size_t shard_bytes; /* bound of each shard */
	struct shard *shards;
};

struct ttlcache *ttlcache_create(const struct ttlcache_kind *kind, size_t max_bytes)
{
	struct ttlcache *cache = mem_alloc(sizeof(*cache));
	size_t buckets = BUCKETS_MIN;

	cache->kind = kind;
	cache->key = siphash_random_key();
	cache->shard_bytes = max_bytes / SHARDS;
	while (buckets < BUCKETS_MAX && buckets * TYPICAL_ENTRY < cache->shard_bytes)
		buckets *= 2;
	cache->bucket_mask = buckets - 1;
	cache->shards = mem_array(SHARDS, sizeof(struct shard));
	for (size_t i = 0; i < SHARDS; i++) {
		lock_init(&cache->shards[i].lock);
		cache->shards[i].buckets = mem_array(buckets, sizeof(struct entry *));
	}
	return cache;
}

void ttlcache_free(struct ttlcache **cache)
{
	if (*cache == NULL)
		return;
	ttlcache_flush(*cache);
	for (size_t i = 0; i < SHARDS; i++) {
		mem_free((*cache)->shards[i].buckets);
		lock_destroy(&(*cache)->shards[i].lock);
	}
	mem_free((*cache)->shards);
	mem_free(*cache);
	*cache = NULL;
}

uint64_t ttlcache_hash(const struct ttlcache *cache, const void *bytes, size_t length, uint8_t tag)
{
	return siphash(&cache->key, bytes, length, tag);
}

static struct shard *shard_of(struct ttlcache *cache, uint64_t hash)
{
	return &cache->shards[hash % SHARDS];
}

/* These are called with the lock of the shard held, down to make_room. */
static struct entry **bucket_of(struct ttlcache *cache, struct shard *shard, uint64_t hash)
{
	return &shard->buckets[(hash / SHARDS) & cache->bucket_mask];
}

static struct entry **find(
	struct ttlcache *cache, struct shard *shard, const void *key, uint64_t hash)
{
	struct entry **at = bucket_of(cache, shard, hash);

	while (*at != NULL) {
		const struct entry *entry = *at;

		if (entry->hash == hash && cache->kind->matches(entry->item, key))
			break;
		at = &(*at)->chain;
	}
	return at;
}

/* Where the chain of its bucket points to ENTRY. */
static struct entry **place_of(
	struct ttlcache *cache, struct shard *shard, const struct entry *entry)
{
	struct entry **at = bucket_of(cache, shard, entry->hash);

	while (*at != entry)
		at = &(*at)->chain;
	return at;
}

static void queue_add(struct shard *shard, struct entry *entry)
{
	entry->older = shard->newest;
	entry->newer = NULL;
	if (shard->newest != NULL)
		shard->newest->newer = entry;
	else
		shard->oldest = entry;
	shard->newest = entry;
}

static void queue_remove(struct shard *shard, struct entry *entry)
{
	if (entry->older != NULL)
		entry->older->newer = entry->newer;
	else
		shard->oldest = entry->newer;
	if (entry->newer != NULL)
		entry->newer->older = entry->older;
	else
		shard->newest = entry->older;
}

/* What is dropped is chained to *DROPPED and freed without the lock. */
static void drop(struct shard *shard, struct entry **at, struct entry **dropped)
{
	struct entry *entry = *at;

	*at = entry->chain;
	queue_remove(shard, entry);
	shard->entries--;
	shard->bytes -= entry->size;
	entry->chain = *dropped;
	*dropped = entry;
}

static void free_entries(const struct ttlcache *cache, struct entry *dropped)
{
	while (dropped != NULL) {
		struct entry *next = dropped->chain;

		cache->kind->release(dropped->item);
		mem_free(dropped);
		dropped = next;
	}
}

/* Throws out the oldest that were not used since the hand last passed, until SIZE fits. */
static void make_room(struct ttlcache *cache, struct shard *shard, size_t size, uint64_t now_ms,
	struct entry **dropped)
{
	while (shard->oldest != NULL && shard->bytes + size > cache->shard_bytes) {
		struct entry *entry = shard->oldest;

		if (entry->used && entry->expires_ms > now_ms) {
			entry->used = false;
			queue_remove(shard, entry);
			queue_add(shard, entry);
			continue;
		}
		drop(shard, place_of(cache, shard, entry), dropped);
	}
}

const void *ttlcache_get(struct ttlcache *cache, const void *key, uint64_t hash, uint64_t now_ms,
	uint64_t *expires_ms_r)
{
	struct shard *shard = shard_of(cache, hash);
	const void *item = NULL;
	struct entry *dropped = NULL;
	struct entry **at;

	lock_take(&shard->lock);
	at = find(cache, shard, key, hash);
	if (*at != NULL && (*at)->expires_ms <= now_ms) {
		drop(shard, at, &dropped);
	} else if (*at != NULL) {
		(*at)->used = true;
		*expires_ms_r = (*at)->expires_ms;
		item = cache->kind->share((*at)->item);
	}
	lock_give(&shard->lock);
	free_entries(cache, dropped);
	return item;
}

void ttlcache_put(struct ttlcache *cache, const void *item, const void *key, size_t size,
	uint64_t hash, uint64_t expires_ms, uint64_t now_ms)
{
	struct shard *shard = shard_of(cache, hash);
	struct entry *dropped = NULL;
	struct entry *entry, **at;

	size += sizeof(*entry);
	if (size > cache->shard_bytes || expires_ms <= now_ms)
		return;
	entry = mem_alloc(sizeof(*entry));
	entry->item = cache->kind->share(item);
	entry->hash = hash;
	entry->expires_ms = expires_ms;
	entry->size = size;
	lock_take(&shard->lock);
	at = find(cache, shard, key, hash);
	if (*at != NULL)
		drop(shard, at, &dropped);
	make_room(cache, shard, size, now_ms, &dropped);
	at = bucket_of(cache, shard, hash);
	entry->chain = *at;
	*at = entry;
	queue_add(shard, entry);
	shard->entries++;
	shard->bytes += size;
	lock_give(&shard->lock);
	free_entries(cache, dropped);
}

void ttlcache_flush(struct ttlcache *cache)
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shards[i];
		struct entry *dropped = NULL;

		lock_take(&shard->lock);
		while (shard->oldest != NULL)
			drop(shard, place_of(cache, shard, shard->oldest), &dropped);
		lock_give(&shard->lock);
		free_entries(cache, dropped);
	}
}

void ttlcache_count(struct ttlcache *cache, uint64_t *entries_r, uint64_t *bytes_r)
{
	*entries_r = 0;
	*bytes_r = 0;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shards[i];

		lock_take(&shard->lock);
		*entries_r += shard->entries;
		*bytes_r += shard->bytes;
		lock_give(&shard->lock);
	}
}
