/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection_table.h"

#include <assert.h>
#include <string.h>

static bool same_network(const struct network *a, const struct network *b)
{
	return a->prefix == b->prefix && ipaddr_equal(&a->address, &b->address);
}

static struct connection_count *set_of(
	struct connection_table *table, const struct network *network) REQUIRES(&table->lock)
{
	uint64_t hash;

	if (!table->keyed) {
		table->key = siphash_random_key();
		table->keyed = true;
	}
	hash = siphash(&table->key, network->address.bytes, sizeof(network->address.bytes),
		(uint8_t)network->prefix);
	return table->counts[hash % CONNECTION_SETS];
}

static struct connection_count *find(struct connection_table *table, const struct network *network)
	REQUIRES(&table->lock)
{
	struct connection_count *set = set_of(table, network);

	for (int i = 0; i < CONNECTION_WAYS; i++)
		if (set[i].network.address.family != IP_NONE &&
			same_network(&set[i].network, network))
			return &set[i];
	return NULL;
}

/* A free place, or that of the quietest network without an open connection; NULL if all are busy. */
static struct connection_count *claim(struct connection_table *table, const struct network *network)
	REQUIRES(&table->lock)
{
	struct connection_count *set = set_of(table, network);
	struct connection_count *quietest = NULL;

	for (int i = 0; i < CONNECTION_WAYS; i++) {
		if (set[i].open > 0)
			continue;
		if (quietest == NULL || set[i].network.address.family == IP_NONE ||
			set[i].seen_ms < quietest->seen_ms)
			quietest = &set[i];
		if (set[i].network.address.family == IP_NONE)
			break;
	}
	if (quietest != NULL)
		*quietest = (struct connection_count){.network = *network};
	return quietest;
}

/* Lets the slots that have left the window go. */
static void advance(struct connection_count *count, int64_t window_ms, uint64_t now_ms)
{
	int64_t slot_ms = window_ms / (CONNECTION_SLOTS - 1);
	uint64_t now;

	if (slot_ms < 1)
		slot_ms = 1;
	now = now_ms / (uint64_t)slot_ms;
	if (count->slot_ms != slot_ms || now >= count->newest + CONNECTION_SLOTS) {
		memset(count->slots, 0, sizeof(count->slots));
		count->slot_ms = slot_ms;
		count->newest = now;
	}
	while (count->newest < now) {
		count->newest++;
		count->slots[count->newest % CONNECTION_SLOTS] = 0;
	}
}

static uint64_t begun(const struct connection_count *count)
{
	uint64_t sum = 0;

	for (int i = 0; i < CONNECTION_SLOTS; i++)
		sum += count->slots[i];
	return sum;
}

static struct connection_use use_of(
	struct connection_count *count, const struct connection_bounds *bounds, uint64_t now_ms)
{
	struct connection_use use = {0};

	if (count == NULL)
		return use;
	if (bounds->rate.count > 0)
		advance(count, bounds->rate.window_ms, now_ms);
	use.open = count->open;
	use.begun = begun(count);
	use.over_concurrent = bounds->concurrent > 0 && use.open >= (uint64_t)bounds->concurrent;
	use.over_rate = bounds->rate.count > 0 && use.begun >= (uint64_t)bounds->rate.count;
	return use;
}

struct connection_use connection_table_look(struct connection_table *table,
	const struct network *network, const struct connection_bounds *bounds, uint64_t now_ms)
{
	struct connection_use use;

	lock_take(&table->lock);
	use = use_of(find(table, network), bounds, now_ms);
	lock_give(&table->lock);
	return use;
}

struct connection_use connection_table_enter(struct connection_table *table,
	const struct network *network, const struct connection_bounds *bounds, uint64_t now_ms)
{
	struct connection_count *count;
	struct connection_use use;

	lock_take(&table->lock);
	count = find(table, network);
	if (count == NULL)
		count = claim(table, network);
	use = use_of(count, bounds, now_ms);
	if (count != NULL) {
		use.counted = true;
		count->open++;
		count->seen_ms = now_ms;
		if (bounds->rate.count > 0 && !use.over_concurrent && !use.over_rate)
			count->slots[count->newest % CONNECTION_SLOTS]++;
	}
	lock_give(&table->lock);
	return use;
}

void connection_table_leave(struct connection_table *table, const struct network *network)
{
	struct connection_count *count;

	lock_take(&table->lock);
	count = find(table, network);
	assert(count != NULL && count->open > 0);
	if (count != NULL && count->open > 0)
		count->open--;
	lock_give(&table->lock);
}
