/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-1-3 (Aumasson, Bernstein): a hash keyed with a secret, for tables whose keys strangers
 * choose, so that nobody can make them collide. Pure; thread-safe. */
#ifndef MAILREEVE_SIPHASH_H
#define MAILREEVE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t low, high;
};

/* A key from the system's random source. */
struct siphash_key siphash_random_key(void);

/* The hash of LENGTH bytes followed by TAG. */
uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t length, uint8_t tag);

#endif
