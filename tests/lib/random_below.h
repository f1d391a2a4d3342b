/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers of a run that can be repeated: the same ones for the same first STATE, which is not 0. */
#ifndef MAILREEVE_RANDOM_BELOW_H
#define MAILREEVE_RANDOM_BELOW_H

#include <stdint.h>

static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32) % bound;
}

#endif
