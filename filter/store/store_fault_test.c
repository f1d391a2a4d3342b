/* SPDX-License-Identifier: BSD-2-Clause */
/* The Redis half before a server that misbehaves on command: every call ends in time with a status,
 * nothing of a broken reply is believed, and good times come back. */
#include "store.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/lib/fake_resp.h"
#include "clock.h"
#include "mem.h"

enum { PATIENCE_MS = 60000, NESTED = 10000, BULKY = 100000, CROWD = 24 };

static struct fake_resp server;
static char nested[4 * NESTED];
static char bulky[BULKY];

static struct store *open_store(int64_t timeout_ms, int64_t connections)
{
	static char prefix[] = "mailreeve:";
	struct store_options options = {
		.url = server.url,
		.prefix = prefix,
		.connect_timeout_ms = 5000,
		.timeout_ms = timeout_ms,
		.connections = connections,
		.memory_bytes = 1024 * 1024,
	};
	char why[128] = "";
	struct store *store = store_open(&options, why, sizeof(why));

	assert_non_null(store);
	return store;
}

static enum store_status reserve(struct store *store, struct store_decision *decision)
{
	struct store_charge charge = {.key = "0123456789abcdef",
		.label = "label",
		.window_ms = 60000,
		.limit = 10,
		.units = 1};
	unsigned char id[STORE_ID_SIZE];

	store_id(id);
	return store_reserve(store, id, 1, &charge, 1, decision);
}

static void becomes_well(struct store *store)
{
	struct fake_resp_orders healthy = {0};
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct store_decision decision;
	struct store_state state;

	fake_resp_order(&server, &healthy);
	/* What was on its way may fail yet. */
	do {
		assert_true(clock_monotonic_ms() < give_up_ms);
		if (reserve(store, &decision) == STORE_OK)
			assert_int_equal(decision.used, 1);
		else
			decision.used = 0;
		store_state(store, &state);
	} while (decision.used == 0 || !state.up);
}

static const struct {
	const char *name;
	struct fake_resp_orders orders;
	int64_t timeout_ms; /* 0: so long that it is never reached */
	enum store_status expected;
} faults[] = {
	{"other protocol", {.answer = "HTTP/1.1 400 Bad Request\r\n\r\n"}, 0, STORE_DOWN},
	{"zeros", {.answer = "\0\0\0\0\0\0", .length = 6}, 0, STORE_DOWN},
	{"array of 2^31 - 1", {.answer = "*2147483647\r\n"}, 0, STORE_DOWN},
	{"array of 2^32", {.answer = "*4294967296\r\n"}, 0, STORE_DOWN},
	{"array of 2^64", {.answer = "*18446744073709551616\r\n"}, 0, STORE_DOWN},
	{"array of 10^6", {.answer = "*1000000\r\n:1\r\n"}, 0, STORE_DOWN},
	{"negative array", {.answer = "*-7\r\n"}, 0, STORE_DOWN},
	{"nothing as array", {.answer = "*-1\r\n"}, 0, STORE_DOWN},
	{"nothing", {.answer = "$-1\r\n"}, 0, STORE_DOWN},
	{"deep array", {.answer = nested, .length = sizeof(nested)}, 0, STORE_DOWN},
	{"bulk of 512 MB", {.answer = bulky, .length = sizeof(bulky)}, 0, STORE_DOWN},
	{"negative bulk", {.answer = "$-100\r\n"}, 0, STORE_DOWN},
	{"status", {.answer = "+OK\r\n"}, 0, STORE_DOWN},
	{"number", {.answer = ":1\r\n"}, 0, STORE_DOWN},
	{"number out of range", {.answer = ":99999999999999999999999\r\n"}, 0, STORE_DOWN},
	{"empty array", {.answer = "*0\r\n"}, 0, STORE_DOWN},
	{"short array", {.answer = "*4\r\n:0\r\n:0\r\n:1\r\n:0\r\n"}, 0, STORE_DOWN},
	{"text in array", {.answer = "*5\r\n:0\r\n:0\r\n+1\r\n:0\r\n:0\r\n"}, 0, STORE_DOWN},
	{"arrays in array", {.answer = "*5\r\n:0\r\n:0\r\n*1\r\n:1\r\n:0\r\n:0\r\n"}, 0,
		STORE_DOWN},
	{"numbers in array", {.answer = "*5\r\n:0\r\n:0\r\n:1\r\n:0\r\n:0\r\n"}, 0, STORE_DOWN},
	{"short text", {.answer = "$7\r\n0 0 1 0\r\n"}, 0, STORE_DOWN},
	{"no text", {.answer = "$0\r\n\r\n"}, 0, STORE_DOWN},
	{"words", {.answer = "$12\r\nzero 0 1 0 0\r\n"}, 0, STORE_DOWN},
	{"status 2", {.answer = "$9\r\n2 0 1 0 0\r\n"}, 0, STORE_DOWN},
	{"status -1", {.answer = "$10\r\n-1 0 1 0 0\r\n"}, 0, STORE_DOWN},
	{"charge 1 of 1", {.answer = "$9\r\n1 1 1 9 0\r\n"}, 0, STORE_DOWN},
	{"charge -1", {.answer = "$10\r\n1 -1 1 9 0\r\n"}, 0, STORE_DOWN},
	{"fraction", {.answer = "$11\r\n0 0 1.5 0 0\r\n"}, 0, STORE_DOWN},
	{"unknown word", {.answer = "$13\r\n0 0 1 0 0 x 0\r\n"}, 0, STORE_DOWN},
	{"of a charge that refuses", {.answer = "$17\r\n0 0 1 0 0 w 0 5 5\r\n"}, 0, STORE_DOWN},
	{"of charge 1 of 1", {.answer = "$17\r\n0 0 1 0 0 w 1 5 5\r\n"}, 0, STORE_DOWN},
	{"half of a charge", {.answer = "$13\r\n0 0 1 0 0 w 0\r\n"}, 0, STORE_DOWN},
	{"of a part", {.answer = "$13\r\n0 0 1 0 0 c 0\r\n"}, 0, STORE_DOWN},
	{"text with a NUL", {.answer = "$11\r\n0 0 1 0 0\0x\r\n", .length = 18}, 0, STORE_DOWN},
	{"closed at once", {.answer = "", .after = FAKE_RESP_CLOSE}, 0, STORE_DOWN},
	{"reset at once", {.answer = "", .after = FAKE_RESP_RESET}, 0, STORE_DOWN},
	{"part, then closed", {.answer = "*5\r\n:0\r\n", .after = FAKE_RESP_CLOSE}, 0, STORE_DOWN},
	{"part, then reset", {.answer = "*5\r\n:0\r\n:", .after = FAKE_RESP_RESET}, 0, STORE_DOWN},
	{"part, then silence", {.answer = "*5\r\n:0\r\n"}, 100, STORE_DOWN},
	{"silence", {.answer = ""}, 100, STORE_DOWN},
	{"drip", {.answer = nested, .length = sizeof(nested), .after = FAKE_RESP_DRIP}, 200,
		STORE_DOWN},
	{"closed once", {.answer = "", .after = FAKE_RESP_CLOSE, .times = 1}, 0, STORE_OK},
	{"part, then closed, once",
		{.answer = "*5\r\n:0\r\n", .after = FAKE_RESP_CLOSE, .times = 1}, 0, STORE_OK},
	{"reset twice", {.answer = "", .after = FAKE_RESP_RESET, .times = 2}, 0, STORE_DOWN},
	{"NOSCRIPT", {.answer = "-NOSCRIPT No matching script.\r\n"}, 0, STORE_OK},
	{"TRYAGAIN once", {.answer = "-TRYAGAIN later\r\n", .times = 1}, 0, STORE_OK},
	{"TRYAGAIN", {.answer = "-TRYAGAIN later\r\n"}, 0, STORE_DOWN},
	{"READONLY once", {.answer = "-READONLY replica\r\n", .times = 1}, 0, STORE_OK},
	{"READONLY", {.answer = "-READONLY replica\r\n"}, 0, STORE_DOWN},
	{"MOVED", {.answer = "-MOVED 3999 127.0.0.1:6381\r\n"}, 0, STORE_DOWN},
	{"ASK", {.answer = "-ASK 3999 127.0.0.1:6381\r\n"}, 0, STORE_DOWN},
	{"CLUSTERDOWN", {.answer = "-CLUSTERDOWN The cluster is down\r\n"}, 0, STORE_DOWN},
	{"CROSSSLOT", {.answer = "-CROSSSLOT Keys\r\n"}, 0, STORE_DOWN},
	{"LOADING", {.answer = "-LOADING Redis is loading\r\n"}, 0, STORE_DOWN},
	{"MASTERDOWN", {.answer = "-MASTERDOWN Link\r\n"}, 0, STORE_DOWN},
	{"NOREPLICAS", {.answer = "-NOREPLICAS Not enough\r\n"}, 0, STORE_DOWN},
	{"BUSY", {.answer = "-BUSY Redis is busy\r\n"}, 0, STORE_DOWN},
	{"UNKILLABLE", {.answer = "-UNKILLABLE Sorry\r\n"}, 0, STORE_DOWN},
	{"OOM", {.answer = "-OOM command not allowed\r\n"}, 0, STORE_DOWN},
	{"MISCONF", {.answer = "-MISCONF Errors writing\r\n"}, 0, STORE_DOWN},
	{"maxclients", {.answer = "-ERR max number of clients reached\r\n"}, 0, STORE_DOWN},
	{"NOAUTH", {.answer = "-NOAUTH Authentication required.\r\n"}, 0, STORE_DOWN},
	{"NOPERM", {.answer = "-NOPERM this user\r\n"}, 0, STORE_DOWN},
	{"WRONGTYPE", {.answer = "-WRONGTYPE Operation\r\n"}, 0, STORE_DOWN},
	{"unknown error", {.answer = "-\x01\xff \r\n"}, 0, STORE_DOWN},
	{"empty error", {.answer = "-\r\n"}, 0, STORE_DOWN},
};

static void survives_each_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		int64_t timeout_ms = faults[i].timeout_ms == 0 ? 20000 : faults[i].timeout_ms;
		struct store *store = open_store(timeout_ms, 2);
		struct store_decision decision;
		enum store_status status;

		fake_resp_order(&server, &faults[i].orders);
		status = reserve(store, &decision);
		if (status != faults[i].expected)
			fail_msg("%s: status %d", faults[i].name, (int)status);
		becomes_well(store);
		store_close(&store);
	}
}

static void numbers_are_kept_within_bounds(void **state)
{
	struct fake_resp_orders orders = {
		.answer = "$47\r\n1 0 99999999999999999999 9223372036854775807 0 \r\n"};
	struct store *store = open_store(20000, 1);
	struct store_decision decision;

	(void)state;
	fake_resp_order(&server, &orders);
	assert_int_equal(reserve(store, &decision), STORE_OVER);
	assert_true(decision.used <= INT64_MAX / 2);
	assert_true(decision.retry_after_ms < INT64_C(200000000000));
	becomes_well(store);
	store_close(&store);
}

/* The same command, with the same id and sequence, is what is sent again. */
static void a_retry_is_the_same_call(void **state)
{
	struct fake_resp_orders once = {.answer = "", .after = FAKE_RESP_CLOSE, .times = 1};
	struct store *store = open_store(20000, 1);
	struct store_decision decision;
	int before = fake_resp_asked(&server);

	(void)state;
	fake_resp_order(&server, &once);
	assert_int_equal(reserve(store, &decision), STORE_OK);
	assert_int_equal(fake_resp_asked(&server), before + 2);
	assert_memory_equal(server.last[0], server.last[1], sizeof(server.last[0]));
	store_close(&store);
}

/* The answer to a call that timed out never becomes the answer to another. */
static void a_late_reply_is_not_believed(void **state)
{
	struct fake_resp_orders late = {
		.answer = "*5\r\n:0\r\n:0\r\n:77\r\n:0\r\n:0\r\n", .after = FAKE_RESP_LATE};
	struct store *store = open_store(100, 1);
	struct store_decision decision;

	(void)state;
	fake_resp_order(&server, &late);
	assert_int_equal(reserve(store, &decision), STORE_DOWN);
	becomes_well(store);
	for (int i = 0; i < 20; i++)
		if (reserve(store, &decision) == STORE_OK)
			assert_int_equal(decision.used, 1);
	store_close(&store);
}

static void nothing_is_sent_while_it_is_open(void **state)
{
	struct fake_resp_orders loading = {
		.answer = "-LOADING Redis is loading\r\n", .probes_too = true};
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct store *store = open_store(20000, 2);
	struct store_decision decision;
	struct store_state now;
	int asked;

	(void)state;
	fake_resp_order(&server, &loading);
	do {
		assert_int_equal(reserve(store, &decision), STORE_DOWN);
		store_state(store, &now);
		assert_true(clock_monotonic_ms() < give_up_ms);
	} while (now.up);
	asked = fake_resp_asked(&server);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(reserve(store, &decision), STORE_DOWN);
	assert_int_equal(fake_resp_asked(&server), asked);
	store_state(store, &now);
	assert_int_equal(now.outages, 1);
	assert_non_null(strstr(now.detail, "LOADING"));
	becomes_well(store);
	store_close(&store);
}

/* Commits travel with later calls, in bounded number, and never disturb their replies. */
static void commits_do_not_disturb(void **state)
{
	struct store *store = open_store(20000, 2);
	struct store_charge charge = {.key = "0123456789abcdef",
		.label = "label",
		.window_ms = 60000,
		.limit = 10,
		.units = 1};
	struct store_decision decision;
	unsigned char id[STORE_ID_SIZE];

	(void)state;
	store_id(id);
	for (int i = 0; i < 2000; i++) {
		for (int j = 0; j < i % 50; j++)
			store_commit(store, id, &charge, 1);
		assert_int_equal(reserve(store, &decision), STORE_OK);
		assert_int_equal(decision.used, 1);
	}
	for (int i = 0; i < 5000; i++)
		store_commit(store, id, &charge, 1);
	assert_int_equal(reserve(store, &decision), STORE_OK);
	store_close(&store);
}

/* It forgets for the probe, and then says nothing more. */
static void a_server_stands_still_between_two_commands(void **state)
{
	const struct fake_resp_orders half = {.answer = "$9\r\n0 0 1 0 0\r\n",
		.after = FAKE_RESP_LATE,
		.probes_too = true,
		.only = "\r\nreserve\r\n"};
	struct store *store;
	struct store_state now;

	(void)state;
	fake_resp_order(&server, &half);
	store = open_store(100, 4);
	store_state(store, &now);
	assert_false(now.up);
	becomes_well(store);
	store_close(&store);
}

static void a_server_that_is_gone_comes_back(void **state)
{
	struct store *store = open_store(20000, 4);
	struct store_charge charge = {.key = "0123456789abcdef",
		.label = "label",
		.window_ms = 60000,
		.limit = 10,
		.units = 1};
	unsigned char id[STORE_ID_SIZE];
	struct store_decision decision;
	struct store_state now;
	int port = server.port;

	(void)state;
	store_id(id);
	fake_resp_stop(&server);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(reserve(store, &decision), STORE_DOWN);
		store_commit(store, id, &charge, 1);
	}
	store_state(store, &now);
	assert_false(now.up);
	assert_int_equal(now.outages, 1);
	assert_int_equal(now.failures, 1000);
	fake_resp_start(&server, port);
	becomes_well(store);
	assert_true(fake_resp_asked(&server) < 20);
	store_state(store, &now);
	assert_int_equal(now.outages, 1);
	store_close(&store);
}

struct crowd {
	struct store *store;
	_Atomic bool ended;
	_Atomic uint64_t calls, good, wrong;
};

static void *call_until_ended(void *argument)
{
	struct crowd *crowd = argument;
	struct store_decision decision;

	while (!atomic_load(&crowd->ended)) {
		enum store_status status = reserve(crowd->store, &decision);

		crowd->calls++;
		crowd->good += status == STORE_OK;
		crowd->wrong += status == STORE_OVER || (status == STORE_OK && decision.used != 1);
	}
	return NULL;
}

static void await(_Atomic uint64_t *number, uint64_t least)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (*number < least) {
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 1);
	}
}

/* Calls that travel together share a fault, and nothing else. */
static void a_crowd_survives_each_fault(void **state)
{
	struct crowd crowd = {.store = open_store(100, 2)};
	pthread_t threads[CROWD];

	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_until_ended, &crowd), 0);
	for (size_t i = 0; i < ARRAY_COUNT(faults); i += 5) {
		uint64_t good, calls;

		becomes_well(crowd.store);
		good = crowd.good;
		await(&crowd.good, good + CROWD);
		fake_resp_order(&server, &faults[i].orders);
		calls = crowd.calls;
		await(&crowd.calls, calls + CROWD);
	}
	becomes_well(crowd.store);
	atomic_store(&crowd.ended, true);
	for (size_t i = 0; i < CROWD; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(crowd.wrong, 0);
	assert_true(crowd.good > 0);
	store_close(&crowd.store);
}

static int start(void **state)
{
	(void)state;
	for (size_t i = 0; i < NESTED; i++)
		memcpy(nested + 4 * i, "*1\r\n", 4);
	memset(bulky, 'x', sizeof(bulky));
	memcpy(bulky, "$536870912\r\n", 12);
	fake_resp_start(&server, 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fake_resp_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(survives_each_fault),
		cmocka_unit_test(numbers_are_kept_within_bounds),
		cmocka_unit_test(a_retry_is_the_same_call),
		cmocka_unit_test(a_late_reply_is_not_believed),
		cmocka_unit_test(nothing_is_sent_while_it_is_open),
		cmocka_unit_test(commits_do_not_disturb),
		cmocka_unit_test(a_server_stands_still_between_two_commands),
		cmocka_unit_test(a_server_that_is_gone_comes_back),
		cmocka_unit_test(a_crowd_survives_each_fault),
	};

	return cmocka_run_group_tests(cases, start, stop);
}
