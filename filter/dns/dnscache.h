/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the DNS by question, until they expire. Thread-safe. */
#ifndef MAILREEVE_DNSCACHE_H
#define MAILREEVE_DNSCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "dns.h"
#include "ttlcache.h"

/* A cache for these, to be freed, flushed and counted as any other. */
struct ttlcache *dnscache_create(size_t max_bytes);

/* The hash of a question, keyed with a secret of this cache. NAME is canonical (dns_name.h). */
uint64_t dnscache_hash(const struct ttlcache *cache, const char *name, enum dns_type type);

/* The answer with one more reference for the caller, or NULL. */
const struct dns_answer *dnscache_get(struct ttlcache *cache, const char *name, enum dns_type type,
	uint64_t hash, uint64_t now_ms, uint64_t *expires_ms_r);

/* Keeps ANSWER, with a reference of its own, until EXPIRES_MS in place of an older one. */
void dnscache_put(struct ttlcache *cache, const struct dns_answer *answer, uint64_t hash,
	uint64_t expires_ms, uint64_t now_ms);

#endif
