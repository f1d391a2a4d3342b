/* SPDX-License-Identifier: BSD-2-Clause */
/* A store under load while something happens to its Redis, and the books afterwards: nothing over the
 * limit, nothing charged that nobody asked for, a bounded number of calls that waited in vain, each
 * limit's rule for outages obeyed, one line in the log when it goes and one when it is back, and it is
 * back within two seconds. */
#ifndef MAILREEVE_TESTS_STORE_LOAD_H
#define MAILREEVE_TESTS_STORE_LOAD_H

#include <inttypes.h>
#include <stdlib.h>

#include "reservation.h"
#include "store_trouble.h"

enum { LOAD_THREADS = 8, LOAD_LIMIT = 900, LOAD_SHARE = 200, LOAD_FAULTS = 40 };

/* make soak runs everything twenty times. */
MAYBE_UNUSED static int load_rounds(void)
{
	return getenv("MAILREEVE_SOAK") != NULL ? 20 : 1;
}

/* What one fault did in all rounds. */
struct load_total {
	char key[STORE_KEY_SIZE];
	int rounds;
	int64_t calls, down, accepted, over, unanswered, most_unanswered, locally;
	bool lost_data;
};

static struct load_total load_totals[LOAD_FAULTS];

struct load {
	struct services services;
	struct store *store;
	const struct private_redis *server; /* the one that is to be back; NULL: redis */
	char key[STORE_KEY_SIZE];
	int64_t limit;
	_Atomic bool ended;
	_Atomic int64_t gate; /* how many may be accepted by now */
	_Atomic int64_t calls, accepted, refused;
	_Atomic int64_t down; /* calls that the store did not answer; of them by the rules: */
	_Atomic int64_t let_through, taken_locally, refused_locally, deferred;
	_Atomic int64_t warm; /* accepted by the store under the rule "local" */
	_Atomic unsigned next;
	struct store_state before;
	struct store_state sound; /* after load_to */
	pthread_t threads[LOAD_THREADS];
};

static struct reservation_charge load_charge(const struct load *load, enum outage rule)
{
	struct reservation_charge charge = {.label = "a@example.net",
		.window_ms = HOUR_MS,
		.limit = load->limit,
		.local_limit = LOAD_SHARE,
		.units = 1,
		.outage = rule};

	memcpy(charge.key, load->key, sizeof(charge.key));
	return charge;
}

/* The store said nothing: what the rule says holds, and nothing else. */
static void load_judge_outage(
	struct load *load, enum outage rule, const struct reservation_answer *answer)
{
	atomic_fetch_add(&load->down, 1);
	switch (rule) {
	case OUTAGE_TEMPFAIL:
		assert_int_equal(answer->result, RESERVATION_DOWN);
		atomic_fetch_add(&load->deferred, 1);
		break;
	case OUTAGE_ACCEPT:
		assert_int_equal(answer->result, RESERVATION_TAKEN);
		atomic_fetch_add(&load->let_through, 1);
		break;
	case OUTAGE_LOCAL:
		if (answer->result == RESERVATION_TAKEN) {
			atomic_fetch_add(&load->taken_locally, 1);
			break;
		}
		assert_int_equal(answer->result, RESERVATION_OVER);
		assert_int_equal(answer->limit, LOAD_SHARE);
		atomic_fetch_add(&load->refused_locally, 1);
		break;
	}
}

static void load_judge(struct load *load, enum outage rule, const struct reservation_answer *answer)
{
	atomic_fetch_add(&load->calls, 1);
	if (answer->local) {
		load_judge_outage(load, rule, answer);
		return;
	}
	if (answer->result == RESERVATION_TAKEN) {
		atomic_fetch_add(&load->warm, rule == OUTAGE_LOCAL);
		atomic_fetch_add(&load->accepted, 1);
		return;
	}
	assert_int_equal(answer->result, RESERVATION_OVER);
	assert_int_equal(answer->limit, load->limit);
	atomic_fetch_add(&load->refused, 1);
}

static void *load_run(void *argument)
{
	static const enum outage rules[] = {
		OUTAGE_TEMPFAIL, OUTAGE_LOCAL, OUTAGE_TEMPFAIL, OUTAGE_ACCEPT};
	struct load *load = argument;
	unsigned number = atomic_fetch_add(&load->next, 1);
	enum outage rule = rules[number % ARRAY_COUNT(rules)];

	while (!atomic_load(&load->ended)) {
		struct reservation reservation = {.sequence = 0};
		struct reservation_charge charge = load_charge(load, rule);
		struct reservation_answer answer;

		if (atomic_load(&load->accepted) >= atomic_load(&load->gate)) {
			/* They do not all begin at once when it opens. */
			poll(NULL, 0, 1 + (int)number);
			continue;
		}
		answer = reservation_take(&reservation, &load->services, &charge, 1);
		load_judge(load, rule, &answer);
		reservation_commit(&reservation, &load->services);
		if (answer.local || answer.result != RESERVATION_TAKEN)
			poll(NULL, 0, 1);
	}
	return NULL;
}

static struct store *load_local_store(void)
{
	struct store_options options = options_at(NULL, NULL, 5000);

	return open_with(&options);
}

static void load_start(struct load *load, struct store *store, const char *key, int64_t limit)
{
	memset(load, 0, sizeof(*load));
	load->store = store;
	load->services.store = store;
	load->services.local = load_local_store();
	load->limit = limit;
	snprintf(load->key, sizeof(load->key), "%s", key);
	store_state(store, &load->before);
	for (size_t i = 0; i < LOAD_THREADS; i++)
		assert_int_equal(pthread_create(&load->threads[i], NULL, load_run, load), 0);
}

static void load_await(const _Atomic int64_t *number, int64_t least, const char *what)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (atomic_load(number) < least) {
		if (clock_monotonic_ms() > give_up_ms)
			fail_msg("%s: %" PRId64 " of %" PRId64 "; said last: %s", what,
				atomic_load(number), least, said.last);
		poll(NULL, 0, 1);
	}
}

/* Until COUNT are accepted in all. */
MAYBE_UNUSED static void load_to(struct load *load, int64_t count)
{
	atomic_store(&load->gate, count);
	load_await(&load->accepted, count, "accepted");
	store_state(load->store, &load->sound);
}

/* And nobody is on the way. */
MAYBE_UNUSED static void load_to_quiet(struct load *load, int64_t count)
{
	struct store_state now = {.calls = 0};
	uint64_t before;

	load_to(load, count);
	do {
		before = now.calls;
		poll(NULL, 0, 20);
		store_state(load->store, &now);
	} while (now.calls != before);
}

/* The gate is open, and calls fail. */
MAYBE_UNUSED static void load_until_down(struct load *load)
{
	atomic_store(&load->gate, INT64_MAX);
	load_await(&load->down, atomic_load(&load->down) + 1, "down");
}

/* Calls that are refused at once, without waiting. */
MAYBE_UNUSED static void load_refused(struct load *load, uint64_t count)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct store_state now, then;

	atomic_store(&load->gate, INT64_MAX);
	store_state(load->store, &then);
	do {
		store_state(load->store, &now);
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 1);
	} while (now.refused < then.refused + count);
}

static void load_stop(struct load *load)
{
	atomic_store(&load->ended, true);
	for (size_t i = 0; i < LOAD_THREADS; i++)
		assert_int_equal(pthread_join(load->threads[i], NULL), 0);
}

MAYBE_UNUSED static void wait_up(struct store *store)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (!is_up(store)) {
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 1);
	}
}

/* The server does our work, as somebody finds who asks in his turn, in the slot of the load's key. */
static bool load_server_works(const struct load *load)
{
	char words[128], reply[128];

	snprintf(words, sizeof(words), "SETEX {mailreeve:w:%s:%d}yardstick 60 1", load->key,
		HOUR_MS);
	private_redis_ask(
		load->server == NULL ? &redis : load->server, words, reply, sizeof(reply));
	return strncmp(reply, "+OK", 3) == 0;
}

/* Back to normal within two seconds: not by the clock, which runs on while a loaded machine lets nobody
 * work, but by the count of how often this thread, every 100 ms, found the server at work before the store
 * did. A half more than two seconds hold. */
static void load_recover(const struct load *load)
{
	enum { EVERY_MS = 100, MOST = 30 };
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	int worked = 0;

	while (!is_up(load->store)) {
		assert_true(clock_monotonic_ms() < give_up_ms);
		worked += load_server_works(load);
		if (worked > MOST)
			fail_msg("%s: the server works, and the store is still down: %s", load->key,
				said.last);
		poll(NULL, 0, EVERY_MS);
	}
}

/* The books of what the rules for outages did. */
static void load_settle_locally(struct load *load)
{
	int64_t locally = atomic_load(&load->taken_locally);
	int64_t kept = used(load->services.local, load->key);

	assert_true(locally <= LOAD_SHARE);
	assert_int_equal(kept, atomic_load(&load->warm) + locally);
	/* Before its share is full nobody is refused by it. */
	if (atomic_load(&load->refused_locally) > 0)
		assert_true(kept >= LOAD_SHARE);
	store_close(&load->services.local);
}

static void load_add_total(const struct load *load, bool lost_data)
{
	int64_t accepted = atomic_load(&load->accepted);
	struct load_total *total = load_totals;

	while (total->rounds > 0 && strcmp(total->key, load->key) != 0)
		total++;
	assert_true(total < load_totals + LOAD_FAULTS);
	memcpy(total->key, load->key, sizeof(total->key));
	total->rounds++;
	total->lost_data = lost_data;
	total->calls += atomic_load(&load->calls);
	total->down += atomic_load(&load->down);
	total->locally += atomic_load(&load->taken_locally) + atomic_load(&load->let_through);
	total->accepted += accepted;
	if (accepted > load->limit)
		total->over += accepted - load->limit;
	else
		total->unanswered += load->limit - accepted;
	if (load->limit - accepted > total->most_unanswered)
		total->most_unanswered = load->limit - accepted;
}

/* Of all rounds; at the end of a program. */
static void load_print_totals(void)
{
	for (size_t i = 0; i < LOAD_FAULTS && load_totals[i].rounds > 0; i++) {
		const struct load_total *total = &load_totals[i];

		print_message("total %s: %d faults, %" PRId64 " calls, %" PRId64
			      " accepted, over-admitted %" PRId64 "%s, under-admitted %" PRId64
			      " (at most %" PRId64 " of %d), %" PRId64
			      " calls by the rule for outages\n",
			total->key, total->rounds, total->calls, total->accepted, total->over,
			total->lost_data ? " (the data was gone)" : "", total->unanswered,
			total->most_unanswered, LOAD_LIMIT, total->down);
	}
}

/* All rounds of CASES, and their totals. What fails in a thread of a load ends all, with its reason: cmocka
 * would end without a word. For one case: ONLY='f13*'. */
#define load_run_rounds(cases, set_up, tear_down)                                                  \
	load_rounds_of(cases, ARRAY_COUNT(cases), set_up, tear_down)

MAYBE_UNUSED static int load_rounds_of(const struct CMUnitTest *cases, size_t count,
	CMFixtureFunction set_up, CMFixtureFunction tear_down)
{
	int failed = 0;

	if (setenv("CMOCKA_TEST_ABORT", "1", 0) != 0)
		return 1;
	if (getenv("ONLY") != NULL)
		cmocka_set_test_filter(getenv("ONLY"));
	for (int round = 0; round < load_rounds() && failed == 0; round++)
		failed = _cmocka_run_group_tests("faults", cases, count, set_up, tear_down);
	load_print_totals();
	return failed;
}

/* Stops and closes one that is not filled up. */
MAYBE_UNUSED static void load_end_unsettled(struct load *load)
{
	load_stop(load);
	load_add_total(load, true);
	load_settle_locally(load);
}

/* Whatever was remembered of it has a reason. */
static void assert_reasoned(const char *detail)
{
	size_t length = strlen(detail);

	if (length >= 2 && strcmp(detail + length - 2, ": ") == 0)
		fail_msg("\"%s\" and no reason", detail);
}

static void load_settle_log(const struct load *load, const struct store_state *now, int outages)
{
	assert_reasoned(now->detail);
	assert_reasoned(said.last);
	if (outages < 0) {
		await_lines(&said.up, said.down);
		assert_int_equal(said.up, said.down);
		return;
	}
	await_lines(&said.up, outages);
	assert_int_equal(said.down, outages);
	assert_int_equal(said.up, outages);
	assert_int_equal(now->outages - load->before.outages, outages);
}

/* Fills up what is left of the limit and closes the books. OUTAGES: pairs of lines in the log. */
static void load_settle(struct load *load, int outages)
{
	struct store_state now;
	int64_t charged, unanswered;

	load_recover(load);
	atomic_store(&load->gate, INT64_MAX);
	load_await(&load->refused, atomic_load(&load->refused) + 1, "refused");
	load_stop(load);
	charged = used(load->store, load->key);
	store_state(load->store, &now);
	unanswered = (int64_t)(now.late + now.lost + now.unconfirmed - load->before.late -
			       load->before.lost - load->before.unconfirmed);
	print_message("%s: %" PRId64 " of %" PRId64 " accepted, %" PRId64 " charged; %" PRId64
		      " calls down (%" PRId64 " deferred, %" PRId64 " let through, %" PRId64
		      " of the local share), %" PRIu64 " late, %" PRIu64 " lost, %" PRIu64
		      " unconfirmed, %" PRIu64 " redirected\n",
		load->key, atomic_load(&load->accepted), load->limit, charged,
		atomic_load(&load->down), atomic_load(&load->deferred),
		atomic_load(&load->let_through), atomic_load(&load->taken_locally),
		now.late - load->before.late, now.lost - load->before.lost,
		now.unconfirmed - load->before.unconfirmed,
		now.redirected - load->before.redirected);
	assert_true(atomic_load(&load->accepted) <= load->limit);
	assert_int_equal(charged, load->limit);
	/* What is charged was answered, or its answer was lost: nothing was sent a second time. */
	assert_true(charged - atomic_load(&load->accepted) <= unanswered);
	load_settle_log(load, &now, outages);
	load_add_total(load, false);
	load_settle_locally(load);
	store_close(&load->store);
}

/* Calls that waited for their deadline since all was well: those that were on their way, what opens the
 * breaker, and some that find out whether it may close, of the many that are refused at once meanwhile. */
MAYBE_UNUSED static void assert_few_late(struct load *load)
{
	enum { ONE_OF = 50 };
	struct store_state now;

	store_state(load->store, &now);
	assert_in_range(now.late - load->sound.late, 0,
		2 * LOAD_THREADS + 3 + (now.refused - load->sound.refused) / ONE_OF);
}

#endif
