/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to a Redis Cluster under load: slots that move, that are on their way, that nobody has,
 * and a primary that is lost. */
#include <signal.h>

#include "../../tests/lib/private_group.h"
#include "../../tests/lib/store_load.h"
#include "redis_slots.h"

enum { PRIMARIES = 3 };

static struct private_group group;

static unsigned slot_of(const char *prefix, const char *key)
{
	char name[128];
	int length = snprintf(name, sizeof(name), "%sw:%s:%d", prefix, key, HOUR_MS);

	return redis_slot(name, (size_t)length);
}

/* The node that says itself that it has SLOT. */
static size_t owner_of(unsigned slot)
{
	for (size_t i = 0; i < group.node_count; i++) {
		char reply[8192];
		const char *line;
		struct redis_view *view = calloc(1, sizeof(*view));
		struct store_host self = {.name = "127.0.0.1", .port = group.nodes[i].port};
		bool mine;

		if (group.nodes[i].pid == 0) {
			free(view);
			continue;
		}
		private_redis_ask(&group.nodes[i], "CLUSTER NODES", reply, sizeof(reply));
		line = strchr(reply, '\n');
		assert_non_null(line);
		assert_true(redis_view_parse(line + 1, &self, view));
		mine = view->owner[slot] != 0 &&
		       view->primaries[view->owner[slot] - 1].host.port == self.port;
		free(view);
		if (mine)
			return i;
	}
	fail_msg("nobody has slot %u", slot);
	return 0;
}

static size_t another(size_t node)
{
	return (node + 1) % PRIMARIES;
}

/* Forth and back, all the time. */
static void f17_moved(void **state)
{
	unsigned slot = slot_of("mailreeve:", "F17");
	struct store_state now;
	struct load load;

	(void)state;
	load_start(&load, open_at(group.url, NULL, 20000), "F17", LOAD_LIMIT);
	for (int i = 1; i <= 10; i++) {
		size_t from = owner_of(slot);

		load_to(&load, 80 * i);
		/* Some calls are on the way meanwhile. */
		atomic_store(&load.gate, 80 * i + 40);
		private_cluster_move(&group, slot, from, another(from), false);
	}
	assert_int_equal(atomic_load(&load.down), 0);
	store_state(load.store, &now);
	assert_true(now.redirected > 0);
	load_settle(&load, 0);
}

/* A key that is new while its slot is on the way is made where the slot goes. */
static void f18_asked_elsewhere(void **state)
{
	unsigned slot = slot_of("mailreeve:", "F18");
	size_t from = owner_of(slot);
	struct store_state now;
	struct load load;

	(void)state;
	private_cluster_move(&group, slot, from, another(from), true);
	load_start(&load, open_at(group.url, NULL, 20000), "F18", LOAD_LIMIT);
	load_to(&load, 400);
	store_state(load.store, &now);
	assert_true(now.redirected >= 400);
	private_cluster_move(&group, slot, from, another(from), false);
	load_to(&load, 800);
	assert_int_equal(atomic_load(&load.down), 0);
	load_settle(&load, 0);
}

static enum store_status reserve_two(
	struct store *store, const char *a, const char *b, int64_t limit)
{
	struct store_charge charges[] = {
		{.key = a, .label = "a", .window_ms = HOUR_MS, .limit = limit, .units = 1},
		{.key = b, .label = "b", .window_ms = HOUR_MS, .limit = limit, .units = 1},
	};
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];

	store_id(id);
	return store_reserve(store, id, 1, charges, 2, &decision);
}

/* All keys in one slot, of which half have gone already. */
static void f19_keys_on_both_sides(void **state)
{
	static char prefix[] = "{mail}:";
	unsigned slot = slot_of(prefix, "F19a");
	size_t from = owner_of(slot);
	struct store_options options = options_at(group.url, NULL, 20000);
	struct store *store;

	(void)state;
	options.prefix = prefix;
	store = open_with(&options);
	for (int i = 0; i < 10; i++)
		assert_int_equal(reserve_two(store, "F19a", "F19b", 30), STORE_OK);
	private_cluster_move(&group, slot, from, another(from), true);
	for (int i = 0; i < 10; i++)
		assert_int_equal(reserve_two(store, "F19a", "F19b", 30), STORE_OK);
	assert_int_equal(reserve_two(store, "F19a", "F19b", 20), STORE_OVER);
	assert_int_equal(used(store, "F19a"), 20);
	private_cluster_move(&group, slot, from, another(from), false);
	for (int i = 0; i < 10; i++)
		assert_int_equal(reserve_two(store, "F19a", "F19b", 30), STORE_OK);
	assert_int_equal(reserve_two(store, "F19a", "F19b", 30), STORE_OVER);
	assert_int_equal(used(store, "F19a"), 30);
	assert_int_equal(used(store, "F19b"), 30);
	assert_true(is_up(store));
	store_close(&store);
}

/* Several windows on several nodes: one that refuses leaves the others as they were. */
static void a_step_over_all_nodes(void **state)
{
	enum { KEYS = 12 };
	struct store *store = open_at(group.url, NULL, 20000);
	struct store_charge charges[KEYS];
	char keys[KEYS][STORE_KEY_SIZE];
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];
	int64_t units[KEYS];

	(void)state;
	for (size_t i = 0; i < KEYS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "spread%zu", i);
		charges[i] = (struct store_charge){.key = keys[i],
			.label = "spread",
			.window_ms = HOUR_MS,
			.limit = i == 7 ? 10 : 100,
			.units = 1};
	}
	for (int i = 0; i < 20; i++) {
		store_id(id);
		assert_int_equal(store_reserve(store, id, 1, charges, KEYS, &decision),
			i < 10 ? STORE_OK : STORE_OVER);
		assert_int_equal(decision.over, 7);
	}
	assert_int_equal(store_peek(store, charges, KEYS, units), STORE_OK);
	for (size_t i = 0; i < KEYS; i++)
		assert_int_equal(units[i], 10);
	assert_int_equal(store_give_back(store, id, 0, charges, KEYS), STORE_OK);
	assert_int_equal(store_forget(store, charges, KEYS), STORE_OK);
	assert_int_equal(store_peek(store, charges, KEYS, units), STORE_OK);
	for (size_t i = 0; i < KEYS; i++)
		assert_int_equal(units[i], 0);
	store_close(&store);
}

/* A node that was not there when the store was opened. */
static void a_node_more(void **state)
{
	unsigned slot = slot_of("mailreeve:", "more");
	size_t added, from = owner_of(slot);
	struct load load;

	(void)state;
	load_start(&load, open_at(group.url, NULL, 20000), "more", LOAD_LIMIT);
	load_to(&load, 200);
	added = private_cluster_add(&group);
	atomic_store(&load.gate, 300);
	private_cluster_move(&group, slot, from, added, false);
	load_to(&load, 400);
	assert_int_equal(atomic_load(&load.down), 0);
	load_settle(&load, 0);
}

/* Its replica takes over, with what it was sent. */
static void a_primary_lost(void **state)
{
	size_t node = owner_of(slot_of("mailreeve:", "lost"));
	struct store_state now;
	struct load load;

	(void)state;
	assert_true(node < PRIMARIES);
	load_start(&load, open_at(group.url, NULL, 5000), "lost", LOAD_LIMIT);
	load_to_quiet(&load, 300);
	/* What was sent to the replica is there. */
	private_redis_command(&group.nodes[node], "WAIT 1 5000", said.last, sizeof(said.last));
	assert_string_equal(said.last, ":1");
	private_redis_stop(&group.nodes[node]);
	load_until_down(&load);
	load.server = &group.nodes[node + PRIMARIES];
	load_recover(&load);
	store_state(load.store, &now);
	assert_int_equal(now.failovers, 1);
	load_settle(&load, 1);
}

/* Nobody has some slots: then no node serves, until that one is back. */
static void f20_cluster_down(void **state)
{
	size_t node = owner_of(slot_of("mailreeve:", "F20"));
	size_t victim = 0;
	struct load load;

	(void)state;
	load_start(&load, open_at(group.url, NULL, 5000), "F20", LOAD_LIMIT);
	load_to(&load, 300);
	while (victim == node || group.nodes[victim].pid == 0)
		victim++;
	assert_true(victim < PRIMARIES);
	private_redis_stop(&group.nodes[victim + PRIMARIES]);
	private_redis_stop(&group.nodes[victim]);
	load_until_down(&load);
	load_refused(&load, 100);
	load.server = &group.nodes[node];
	private_redis_restart(&group.nodes[victim]);
	load_settle(&load, 1);
}

static int start_cluster(void **state)
{
	(void)state;
	private_cluster_start(&group, PRIMARIES, 1, NULL);
	return 0;
}

static int stop_cluster(void **state)
{
	(void)state;
	private_group_remove(&group);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(f17_moved, forget),
		cmocka_unit_test_setup(f18_asked_elsewhere, forget),
		cmocka_unit_test_setup(f19_keys_on_both_sides, forget),
		cmocka_unit_test_setup(a_step_over_all_nodes, forget),
		cmocka_unit_test_setup(a_node_more, forget),
		cmocka_unit_test_setup(a_primary_lost, forget),
		cmocka_unit_test_setup(f20_cluster_down, forget),
	};

	return load_run_rounds(cases, start_cluster, stop_cluster);
}
