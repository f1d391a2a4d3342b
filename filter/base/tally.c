/* SPDX-License-Identifier: BSD-2-Clause */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

static int compare_keys(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int compare_totals(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return strcmp(x->key, y->key);
}

static void index_all(struct tally *tally)
{
	hashindex_free(&tally->index);
	for (size_t i = 0; i < tally->count; i++)
		hashindex_add(&tally->index,
			hashindex_hash(tally->rows[i].key, strlen(tally->rows[i].key)),
			(uint32_t)i);
}

/* The less frequent half goes. */
static void prune(struct tally *tally)
{
	qsort(tally->rows, tally->count, sizeof(tally->rows[0]), compare_totals);
	while (tally->count > TALLY_KEYS_MAX / 2)
		mem_free(tally->rows[--tally->count].key);
	index_all(tally);
	tally->lossy = true;
}

static struct tally_row *find(struct tally *tally, const char *key)
{
	uint32_t hash = hashindex_hash(key, strlen(key));
	size_t position = 0;
	int64_t item;

	while ((item = hashindex_next(&tally->index, hash, &position)) != HASHINDEX_END)
		if (strcmp(tally->rows[item].key, key) == 0)
			return &tally->rows[item];
	if (tally->count == TALLY_KEYS_MAX)
		prune(tally);
	if (tally->rows == NULL)
		tally->rows = mem_array(TALLY_KEYS_MAX, sizeof(tally->rows[0]));
	hashindex_add(&tally->index, hash, (uint32_t)tally->count);
	tally->rows[tally->count] = (struct tally_row){.key = mem_text(key)};
	return &tally->rows[tally->count++];
}

void tally_add(struct tally *tally, const char *key, unsigned which)
{
	struct tally_row *row = find(tally, key);

	row->counts[which]++;
	row->total++;
}

void tally_sort(struct tally *tally, bool by_key)
{
	if (tally->count > 0)
		qsort(tally->rows, tally->count, sizeof(tally->rows[0]),
			by_key ? compare_keys : compare_totals);
}

void tally_clear(struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++)
		mem_free(tally->rows[i].key);
	mem_free(tally->rows);
	hashindex_free(&tally->index);
	*tally = (struct tally){.rows = NULL};
}
