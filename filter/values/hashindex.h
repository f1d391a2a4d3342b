/* SPDX-License-Identifier: BSD-2-Clause */
/* From a hash to the numbers of the items that have it; the items themselves lie with the caller, who
 * compares them. Grows by doubling, 8 bytes a slot. Readers need no lock once nobody adds. */
#ifndef MAILREEVE_HASHINDEX_H
#define MAILREEVE_HASHINDEX_H

#include <stddef.h>
#include <stdint.h>

enum { HASHINDEX_END = -1 };

/* All zero is an empty index. */
struct hashindex {
	struct hashindex_slot *slots; /* owned */
	size_t slot_count; /* a power of two */
	size_t used;
};

void hashindex_free(struct hashindex *index);

/* ITEM below 2^32 - 1. The same pair may be added again, then it is there twice. */
void hashindex_add(struct hashindex *index, uint32_t hash, uint32_t item);

/* The next item with this hash, or HASHINDEX_END. *POSITION is 0 at first. */
int64_t hashindex_next(const struct hashindex *index, uint32_t hash, size_t *position);

/* A hash that walks from the last byte to the first, so that all suffixes of a text cost one pass:
 * start with HASHINDEX_SEED, step for each byte, finish at each suffix that matters. */
#define HASHINDEX_SEED UINT64_C(0xcbf29ce484222325)

static inline uint64_t hashindex_step(uint64_t state, unsigned char byte)
{
	return (state ^ byte) * UINT64_C(0x100000001b3);
}

static inline uint32_t hashindex_finish(uint64_t state)
{
	state ^= state >> 32;
	state *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(state >> 32);
}

/* A hash of two words. */
static inline uint32_t hashindex_mix(uint64_t a, uint64_t b)
{
	a *= UINT64_C(0xff51afd7ed558ccd);
	a ^= a >> 32;
	return hashindex_finish((a + b) * UINT64_C(0xc4ceb9fe1a85ec53));
}

uint32_t hashindex_hash(const void *bytes, size_t length);

#endif
