/* SPDX-License-Identifier: BSD-2-Clause */
#include "siphash.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct siphash_key siphash_random_key(void)
{
	struct siphash_key key;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		abort();
	return key;
}

static uint64_t rotate(uint64_t word, unsigned bits)
{
	return (word << bits) | (word >> (64U - bits));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *bytes, size_t length, uint8_t tag)
{
	uint64_t v[4] = {
		key->low ^ 0x736f6d6570736575U,
		key->high ^ 0x646f72616e646f6dU,
		key->low ^ 0x6c7967656e657261U,
		key->high ^ 0x7465646279746573U,
	};
	const uint8_t *at = bytes;
	uint64_t word;
	size_t left = length;

	for (; left >= 8; at += 8, left -= 8) {
		memcpy(&word, at, 8);
		sip_word(v, le64toh(word));
	}
	word = 0;
	memcpy(&word, at, left);
	word = le64toh(word);
	word |= (uint64_t)tag << (8 * left);
	if (left == 7) {
		sip_word(v, word);
		word = 0;
	}
	sip_word(v, word | (uint64_t)(length + 1) << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
