/* SPDX-License-Identifier: BSD-2-Clause */
#include "hashindex.h"

#include <stdbool.h>

#include "mem.h"

enum { FIRST_SLOTS = 16 };

struct hashindex_slot {
	uint32_t hash;
	uint32_t item; /* plus 1; 0 is an empty slot */
};

void hashindex_free(struct hashindex *index)
{
	mem_free(index->slots);
	*index = (struct hashindex){0};
}

static void place(struct hashindex *index, struct hashindex_slot slot)
{
	size_t at = slot.hash & (index->slot_count - 1);

	while (index->slots[at].item != 0)
		at = (at + 1) & (index->slot_count - 1);
	index->slots[at] = slot;
}

static void grow(struct hashindex *index)
{
	struct hashindex old = *index;

	index->slot_count = old.slot_count == 0 ? FIRST_SLOTS : old.slot_count * 2;
	index->slots = mem_array(index->slot_count, sizeof(*index->slots));
	for (size_t i = 0; i < old.slot_count; i++) {
		if (old.slots[i].item != 0)
			place(index, old.slots[i]);
	}
	mem_free(old.slots);
}

void hashindex_add(struct hashindex *index, uint32_t hash, uint32_t item)
{
	if ((index->used + 1) * 4 > index->slot_count * 3)
		grow(index);
	place(index, (struct hashindex_slot){.hash = hash, .item = item + 1});
	index->used++;
}

int64_t hashindex_next(const struct hashindex *index, uint32_t hash, size_t *position)
{
	if (index->slot_count == 0)
		return HASHINDEX_END;
	for (;;) {
		size_t at = (hash + (*position)++) & (index->slot_count - 1);
		const struct hashindex_slot *slot = &index->slots[at];

		if (slot->item == 0)
			return HASHINDEX_END;
		if (slot->hash == hash)
			return (int64_t)slot->item - 1;
	}
}

uint32_t hashindex_hash(const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	uint64_t state = HASHINDEX_SEED;

	while (length > 0)
		state = hashindex_step(state, at[--length]);
	return hashindex_finish(state);
}
