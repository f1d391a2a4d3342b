/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the DNS by question, kept until they expire or their room is needed (second chance).
 * Cut into shards, each with its own lock, so that sessions do not wait for each other.
 * Thread-safe. */
#ifndef MAILREEVE_DNSCACHE_H
#define MAILREEVE_DNSCACHE_H

#include <stddef.h>
#include <stdint.h>

#include "dns.h"

struct dnscache;

struct dnscache *dnscache_create(size_t max_bytes);
void dnscache_free(struct dnscache **cache); /* nulls; NULL allowed */

/* The hash of a question, keyed with a secret of this cache. NAME is canonical (dns_name.h). */
uint64_t dnscache_hash(const struct dnscache *cache, const char *name, enum dns_type type);

/* The answer with one more reference for the caller, or NULL. */
const struct dns_answer *dnscache_get(struct dnscache *cache, const char *name, enum dns_type type,
	uint64_t hash, uint64_t now_ms);

/* Keeps ANSWER (with a reference of its own) for LIFETIME_MS in place of an older one. */
void dnscache_put(struct dnscache *cache, const struct dns_answer *answer, uint64_t hash,
	uint64_t lifetime_ms, uint64_t now_ms);

void dnscache_flush(struct dnscache *cache);
void dnscache_count(struct dnscache *cache, uint64_t *entries_r, uint64_t *bytes_r);

#endif
