/* SPDX-License-Identifier: BSD-2-Clause */
#include "dnscache.h"

#include <stdbool.h>
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
	const struct dns_answer *answer;
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

struct dnscache {
	struct siphash_key key;
	size_t bucket_mask;
	size_t shard_bytes; /* bound of each shard */
	struct shard *shards;
};

struct dnscache *dnscache_create(size_t max_bytes)
{
	struct dnscache *cache = mem_alloc(sizeof(*cache));
	size_t buckets = BUCKETS_MIN;

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

void dnscache_free(struct dnscache **cache)
{
	if (*cache == NULL)
		return;
	dnscache_flush(*cache);
	for (size_t i = 0; i < SHARDS; i++) {
		mem_free((*cache)->shards[i].buckets);
		lock_destroy(&(*cache)->shards[i].lock);
	}
	mem_free((*cache)->shards);
	mem_free(*cache);
	*cache = NULL;
}

uint64_t dnscache_hash(const struct dnscache *cache, const char *name, enum dns_type type)
{
	return siphash(&cache->key, name, strlen(name), (uint8_t)type);
}

static struct shard *shard_of(struct dnscache *cache, uint64_t hash)
{
	return &cache->shards[hash % SHARDS];
}

/* These are called with the lock of the shard held, down to make_room. */
static struct entry **bucket_of(struct dnscache *cache, struct shard *shard, uint64_t hash)
{
	return &shard->buckets[(hash / SHARDS) & cache->bucket_mask];
}

static struct entry **find(struct dnscache *cache, struct shard *shard, const char *name,
	enum dns_type type, uint64_t hash)
{
	struct entry **at = bucket_of(cache, shard, hash);

	while (*at != NULL) {
		const struct entry *entry = *at;

		if (entry->hash == hash && entry->answer->type == type &&
			strcmp(entry->answer->name, name) == 0)
			break;
		at = &(*at)->chain;
	}
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

static void free_entry(struct entry *entry)
{
	dns_answer_release(&entry->answer);
	mem_free(entry);
}

static void drop(struct shard *shard, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->chain;
	queue_remove(shard, entry);
	shard->entries--;
	shard->bytes -= entry->size;
	free_entry(entry);
}

/* Throws out the oldest that were not used since the hand last passed, until SIZE fits. */
static void make_room(struct dnscache *cache, struct shard *shard, size_t size, uint64_t now_ms)
{
	while (shard->oldest != NULL && shard->bytes + size > cache->shard_bytes) {
		struct entry *entry = shard->oldest;
		struct entry **at = bucket_of(cache, shard, entry->hash);

		if (entry->used && entry->expires_ms > now_ms) {
			entry->used = false;
			queue_remove(shard, entry);
			queue_add(shard, entry);
			continue;
		}
		while (*at != entry)
			at = &(*at)->chain;
		drop(shard, at);
	}
}

const struct dns_answer *dnscache_get(struct dnscache *cache, const char *name, enum dns_type type,
	uint64_t hash, uint64_t now_ms)
{
	struct shard *shard = shard_of(cache, hash);
	const struct dns_answer *answer = NULL;
	struct entry **at;

	lock_take(&shard->lock);
	at = find(cache, shard, name, type, hash);
	if (*at != NULL && (*at)->expires_ms <= now_ms) {
		drop(shard, at);
	} else if (*at != NULL) {
		(*at)->used = true;
		answer = dns_answer_share((*at)->answer);
	}
	lock_give(&shard->lock);
	return answer;
}

void dnscache_put(struct dnscache *cache, const struct dns_answer *answer, uint64_t hash,
	uint64_t lifetime_ms, uint64_t now_ms)
{
	struct shard *shard = shard_of(cache, hash);
	size_t size = sizeof(struct entry) + dns_answer_size(answer);
	struct entry *entry, **at;

	if (size > cache->shard_bytes || lifetime_ms == 0)
		return;
	entry = mem_alloc(sizeof(*entry));
	entry->answer = dns_answer_share(answer);
	entry->hash = hash;
	entry->expires_ms = now_ms + lifetime_ms;
	entry->size = size;
	lock_take(&shard->lock);
	at = find(cache, shard, answer->name, answer->type, hash);
	if (*at != NULL)
		drop(shard, at);
	make_room(cache, shard, size, now_ms);
	at = bucket_of(cache, shard, hash);
	entry->chain = *at;
	*at = entry;
	queue_add(shard, entry);
	shard->entries++;
	shard->bytes += size;
	lock_give(&shard->lock);
}

void dnscache_flush(struct dnscache *cache)
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &cache->shards[i];
		struct entry *entry, *next;

		lock_take(&shard->lock);
		entry = shard->oldest;
		shard->oldest = NULL;
		shard->newest = NULL;
		memset(shard->buckets, 0, (cache->bucket_mask + 1) * sizeof(struct entry *));
		shard->entries = 0;
		shard->bytes = 0;
		lock_give(&shard->lock);
		for (; entry != NULL; entry = next) {
			next = entry->newer;
			free_entry(entry);
		}
	}
}

void dnscache_count(struct dnscache *cache, uint64_t *entries_r, uint64_t *bytes_r)
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
