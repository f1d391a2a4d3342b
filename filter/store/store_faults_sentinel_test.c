/* SPDX-License-Identifier: BSD-2-Clause */
/* One server takes over from another, under load: found by the sentinels, not in step, or cut off. */
#include <signal.h>

#include "../../tests/lib/private_group.h"
#include "../../tests/lib/store_load.h"
#include "../../tests/lib/wire_fault.h"

static struct private_group group;
static struct wire_fault wire;

static struct store *open_confirmed(const char *url)
{
	struct store_options options = options_at(url, NULL, 5000);

	options.wait_replicas = 1;
	options.wait_timeout_ms = 300;
	return open_with(&options);
}

/* A replica may be late now and then. */
static void reserve_confirmed(struct store *store, const char *key)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (reserve(store, key, INT64_MAX) != STORE_OK)
		assert_true(clock_monotonic_ms() < give_up_ms);
}

static int primary_of(struct store *store)
{
	struct store_state state;
	int port = 0;

	store_state(store, &state);
	(void)sscanf(state.primary, "127.0.0.1:%d", &port);
	return port;
}

static const struct private_redis *server_at(int port)
{
	for (size_t i = 0; i < group.node_count; i++)
		if (group.nodes[i].port == port)
			return &group.nodes[i];
	fail_msg("no server has port %d", port);
	return NULL;
}

/* Killed: a replica takes over. What was accepted had been confirmed by one, and the one that is
 * farthest is chosen, so nothing is over. */
static void f21_sentinel_failover(void **state)
{
	uint64_t named_ms, followed_ms, give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct store_state now;
	struct load load;
	int old, new;

	(void)state;
	private_sentinels_start(&group, 2, NULL, NULL);
	old = group.nodes[0].port;
	load_start(&load, open_confirmed(group.url), "F21", LOAD_LIMIT);
	load_to(&load, 300);
	assert_int_equal(primary_of(load.store), old);
	private_redis_stop(&group.nodes[0]);
	load_until_down(&load);
	while ((new = private_sentinels_primary(&group)) == old || new == 0) {
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 5);
	}
	load.server = server_at(new);
	named_ms = clock_monotonic_ms();
	load_recover(&load);
	assert_int_equal(primary_of(load.store), new);
	followed_ms = clock_monotonic_ms();
	print_message("F21: followed %" PRIu64 " ms after most sentinels named the new primary\n",
		followed_ms - named_ms);
	store_state(load.store, &now);
	assert_int_equal(now.failovers, 1);
	load_settle(&load, -1);
	private_group_remove(&group);
}

/* The primary is alive and gives way: nobody is told that the store is down. */
static void f21_switched_by_hand(void **state)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct store_state now;
	struct store *store;
	char reply[128];
	int old;

	(void)state;
	private_sentinels_start(&group, 1, NULL, NULL);
	store = open_confirmed(group.url);
	old = primary_of(store);
	reserve_confirmed(store, "hand");
	/* Until the sentinels know the replica well enough. */
	do {
		assert_true(clock_monotonic_ms() < give_up_ms);
		private_redis_command(
			&group.sentinels[0], "SENTINEL FAILOVER mail", reply, sizeof(reply));
		poll(NULL, 0, 20);
	} while (reply[0] != '+');
	while (primary_of(store) == old) {
		assert_true(clock_monotonic_ms() < give_up_ms);
		(void)reserve(store, "hand", INT64_MAX);
		poll(NULL, 0, 5);
	}
	wait_up(store);
	assert_true(used(store, "hand") > 0);
	await_lines(&said.up, said.down);
	assert_int_equal(said.down, said.up);
	store_state(store, &now);
	assert_int_equal(now.failovers, 1);
	store_close(&store);
	private_group_remove(&group);
}

static void follow(size_t replica, int port)
{
	char words[64], reply[128];

	snprintf(words, sizeof(words), "REPLICAOF 127.0.0.1 %d", port);
	private_redis_command(&group.nodes[replica], words, reply, sizeof(reply));
	assert_memory_equal(reply, "+OK", 3);
}

static void await_link(size_t replica)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	char reply[4096];

	do {
		assert_true(clock_monotonic_ms() < give_up_ms);
		private_redis_ask(&group.nodes[replica], "INFO replication", reply, sizeof(reply));
	} while (strstr(reply, "master_link_status:up") == NULL);
}

/* A primary, one that follows it, and one that follows that one, without sentinels; the store reaches the
 * first through a wire. So what is confirmed is what node 1 has. */
static void start_chain(void)
{
	private_sentinels_start(&group, 2, NULL, NULL);
	for (size_t i = 0; i < GROUP_SENTINELS; i++)
		private_redis_stop(&group.sentinels[i]);
	follow(2, group.nodes[1].port);
	await_link(1);
	await_link(2);
	wire_fault_start(&wire, group.nodes[0].socket);
}

/* The wire leads to node 1 from now on. */
static void take_over(void)
{
	char reply[128];

	private_redis_command(&group.nodes[1], "REPLICAOF NO ONE", reply, sizeof(reply));
	wire_fault_stop(&wire);
	wire_fault_start_at(&wire, group.nodes[1].socket, "127.0.0.1", wire.port);
}

static void stop_chain(void)
{
	wire_fault_stop(&wire);
	private_group_remove(&group);
}

/* What the new primary has never heard of was not accepted either. */
static void f22_promoted_while_not_in_step(void **state)
{
	struct load load;

	(void)state;
	start_chain();
	load_start(&load, open_confirmed(wire.url), "F22", LOAD_LIMIT);
	load.server = &group.nodes[1];
	load_to(&load, 300);
	follow(1, 1);
	load_until_down(&load);
	load_refused(&load, 100);
	await_said("UNCONFIRMED");
	private_redis_stop(&group.nodes[0]);
	take_over();
	load_settle(&load, -1);
	stop_chain();
}

/* The old primary lives on, alone with us, and does not know that another took over. */
static void f23_old_primary_cut_off(void **state)
{
	static const char careful[] = "CONFIG SET min-replicas-to-write 1";
	struct load load;

	(void)state;
	start_chain();
	private_redis_command(&group.nodes[0], careful, said.last, sizeof(said.last));
	load_start(&load, open_confirmed(wire.url), "F23", LOAD_LIMIT);
	load.server = &group.nodes[1];
	load_to(&load, 300);
	private_redis_command(&group.nodes[1], "REPLICAOF NO ONE", said.last, sizeof(said.last));
	load_until_down(&load);
	load_refused(&load, 100);
	take_over();
	load_settle(&load, -1);
	stop_chain();
}

/* Fewer than wait_replicas confirm: down, with the reason, until there are enough. */
static void replicas_that_confirm(void **state)
{
	struct store *store;

	(void)state;
	start_chain();
	store = open_confirmed(wire.url);
	reserve_confirmed(store, "confirmed");
	follow(1, 1);
	/* One call is enough, though what follows it needs no confirmation. */
	assert_int_equal(reserve(store, "confirmed", 10), STORE_DOWN);
	(void)used(store, "confirmed");
	wait_until(store, false);
	await_said("wait_replicas");
	assert_int_equal(reserve(store, "confirmed", 10), STORE_DOWN);
	follow(1, group.nodes[0].port);
	wait_until(store, true);
	reserve_confirmed(store, "confirmed");
	await_lines(&said.up, said.down);
	assert_int_equal(said.down, said.up);
	store_close(&store);
	stop_chain();
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(f21_sentinel_failover, forget),
		cmocka_unit_test_setup(f21_switched_by_hand, forget),
		cmocka_unit_test_setup(f22_promoted_while_not_in_step, forget),
		cmocka_unit_test_setup(f23_old_primary_cut_off, forget),
		cmocka_unit_test_setup(replicas_that_confirm, forget),
	};

	return load_run_rounds(cases, NULL, NULL);
}
