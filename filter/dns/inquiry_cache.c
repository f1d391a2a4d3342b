/* SPDX-License-Identifier: BSD-2-Clause */
/* Finished inquiries are kept for who asks the same, as long as all that they were answered with would
 * still be in the cache: to evaluate it again costs more than all else about a message. */
#include "inquiry_private.h"

#include <string.h>

#include "clock.h"

struct key {
	const struct inquiry_kind *kind;
	const void *bytes;
	size_t length;
};

static bool matches(const void *item, const void *wanted)
{
	const struct inquiry *inquiry = item;
	const struct key *key = wanted;

	return inquiry->kind == key->kind && inquiry->key_length == key->length &&
	       memcmp(inquiry->key, key->bytes, key->length) == 0;
}

static const void *share(const void *item)
{
	/* Only the count changes. */
	struct inquiry *inquiry = (struct inquiry *)(uintptr_t)item;

	atomic_fetch_add_explicit(&inquiry->references, 1, memory_order_relaxed);
	return inquiry;
}

static void give_up(const void *item)
{
	inquiry_release((struct inquiry *)(uintptr_t)item);
}

static struct ttlcache *cache_of(struct resolver *resolver)
{
	static const struct ttlcache_kind kind = {
		.matches = matches, .share = share, .release = give_up};
	struct ttlcache *cache = atomic_load_explicit(&resolver->inquiries, memory_order_acquire);
	struct ttlcache *made;

	if (cache != NULL)
		return cache;
	made = ttlcache_create(&kind, resolver->inquiries_bytes);
	if (atomic_compare_exchange_strong(&resolver->inquiries, &cache, made))
		return made;
	ttlcache_free(&made);
	return cache;
}

struct inquiry *inquiry_about(
	struct resolver *resolver, const struct inquiry_kind *kind, const void *key, size_t length)
{
	const struct key wanted = {.kind = kind, .bytes = key, .length = length};
	struct ttlcache *cache = cache_of(resolver);
	uint64_t hash = ttlcache_hash(cache, key, length, 0);
	uint64_t expires_ms;
	struct inquiry *inquiry = (struct inquiry *)(uintptr_t)ttlcache_get(
		cache, &wanted, hash, clock_monotonic_ms(), &expires_ms);

	if (inquiry != NULL) {
		resolver_count(&resolver->counters.questions, inquiry->count);
		resolver_count(&resolver->counters.cache_hits, inquiry->count);
		inquiry_trace_note(inquiry);
		return inquiry;
	}
	inquiry = inquiry_make(resolver, kind, key, length);
	inquiry->key_hash = hash;
	return inquiry;
}

/* Only what came from the cache at once: that is asked for more than once, and it cost nothing that
 * would have to be counted again. */
void inquiry_cache_keep(const struct inquiry *inquiry)
{
	const struct key key = {
		.kind = inquiry->kind, .bytes = inquiry->key, .length = inquiry->key_length};
	size_t size = sizeof(*inquiry) + inquiry->kind->state_size + inquiry->key_length;

	if (inquiry->key_length == 0 ||
		(inquiry->kind->beyond_key != NULL && inquiry->kind->beyond_key(inquiry->state)))
		return;
	for (size_t i = 0; i < inquiry->count; i++) {
		const struct dns_answer *answer = inquiry->asks[i].answer;

		if (answer == NULL || dns_is_temporary(answer->status))
			return;
		size += dns_answer_size(answer);
	}
	ttlcache_put(cache_of(inquiry->resolver), inquiry, &key, size, inquiry->key_hash,
		inquiry->expires_ms, clock_monotonic_ms());
}
