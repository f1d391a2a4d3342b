/* SPDX-License-Identifier: BSD-2-Clause */
#include "dnscache.h"

#include <string.h>

struct question_key {
	const char *name;
	enum dns_type type;
};

static bool matches(const void *item, const void *key)
{
	const struct dns_answer *answer = item;
	const struct question_key *question = key;

	return answer->type == question->type && strcmp(answer->name, question->name) == 0;
}

static const void *share(const void *item)
{
	return dns_answer_share(item);
}

static void release(const void *item)
{
	const struct dns_answer *answer = item;

	dns_answer_release(&answer);
}

struct ttlcache *dnscache_create(size_t max_bytes)
{
	static const struct ttlcache_kind kind = {
		.matches = matches, .share = share, .release = release};

	return ttlcache_create(&kind, max_bytes);
}

uint64_t dnscache_hash(const struct ttlcache *cache, const char *name, enum dns_type type)
{
	return ttlcache_hash(cache, name, strlen(name), (uint8_t)type);
}

const struct dns_answer *dnscache_get(struct ttlcache *cache, const char *name, enum dns_type type,
	uint64_t hash, uint64_t now_ms, uint64_t *expires_ms_r)
{
	const struct question_key key = {.name = name, .type = type};

	return ttlcache_get(cache, &key, hash, now_ms, expires_ms_r);
}

void dnscache_put(struct ttlcache *cache, const struct dns_answer *answer, uint64_t hash,
	uint64_t expires_ms, uint64_t now_ms)
{
	const struct question_key key = {.name = answer->name, .type = answer->type};

	ttlcache_put(cache, answer, &key, dns_answer_size(answer), hash, expires_ms, now_ms);
}
