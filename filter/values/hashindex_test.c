/* SPDX-License-Identifier: BSD-2-Clause */
#include "hashindex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_empty(void **state)
{
	struct hashindex index = {0};
	size_t position = 0;

	(void)state;
	assert_int_equal(hashindex_next(&index, 7, &position), HASHINDEX_END);
	hashindex_free(&index);
}

/* Items of one hash come in the order they were added, whatever lies between them. */
static void test_equal_hashes(void **state)
{
	enum { HASHES = 50, ROUNDS = 40 };
	struct hashindex index = {0};

	(void)state;
	for (uint32_t i = 0; i < HASHES * ROUNDS; i++)
		hashindex_add(&index, (i % HASHES) << 20, i);
	for (uint32_t hash = 0; hash < HASHES; hash++) {
		size_t position = 0;
		unsigned seen = 0;
		int64_t item;

		while ((item = hashindex_next(&index, hash << 20, &position)) != HASHINDEX_END) {
			assert_int_equal(item % HASHES, hash);
			seen++;
		}
		assert_int_equal(seen, ROUNDS);
	}
	hashindex_free(&index);
	assert_int_equal(index.slot_count, 0);
}

static void test_wraps_round(void **state)
{
	struct hashindex index = {0};
	size_t position = 0;

	(void)state;
	hashindex_add(&index, UINT32_MAX, 1);
	hashindex_add(&index, UINT32_MAX, 2);
	hashindex_add(&index, 0, 3);
	assert_int_equal(hashindex_next(&index, UINT32_MAX, &position), 1);
	assert_int_equal(hashindex_next(&index, UINT32_MAX, &position), 2);
	assert_int_equal(hashindex_next(&index, UINT32_MAX, &position), HASHINDEX_END);
	position = 0;
	assert_int_equal(hashindex_next(&index, 0, &position), 3);
	hashindex_free(&index);
}

/* The walk over the suffixes gives the hash of each of them. */
static void test_suffixes(void **state)
{
	static const char text[] = ".mail.example.com";
	uint64_t hash = HASHINDEX_SEED;

	(void)state;
	for (size_t i = strlen(text); i > 0; i--) {
		hash = hashindex_step(hash, (unsigned char)text[i - 1]);
		assert_int_equal(
			hashindex_finish(hash), hashindex_hash(text + i - 1, strlen(text) - i + 1));
	}
	assert_int_not_equal(hashindex_hash("a", 1), hashindex_hash("b", 1));
	assert_int_not_equal(hashindex_hash("ab", 2), hashindex_hash("ba", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_equal_hashes),
		cmocka_unit_test(test_wraps_round),
		cmocka_unit_test(test_suffixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
