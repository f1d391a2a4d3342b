/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows of different members, in C alone, in the memory half and in Redis, against a model that keeps
 * each use of a member as an event of its own. */
#include <inttypes.h>
#include <stdlib.h>

#include "../../tests/lib/model_time.h"
#include "../../tests/lib/plain_windows.h"
#include "../../tests/lib/random_below.h"
#include "../../tests/lib/store_case.h"

enum { KEYS = 2, IDS = 8, MEMBERS = 24, OPERATIONS = 30000, SOAK_OPERATIONS = 300000, ROUND = 300 };

/* In a cluster each step takes several calls. */
static int operations = OPERATIONS;

struct use {
	size_t id, member;
	int64_t slot, at_ms;
	bool live, gone; /* can be given back; was, or is older than its window */
};

struct unique_key {
	char key[STORE_KEY_SIZE];
	struct model_time time;
	int64_t limit;
	struct use uses[ROUND];
	size_t count;
};

static struct unique_key keys[KEYS];
static unsigned char ids[IDS][STORE_ID_SIZE], members[MEMBERS][STORE_MEMBER_SIZE];
static struct store *store;
static uint64_t now, random_state;
static bool may_go_back;
static struct {
	uint64_t taken, known, refused, left_out, given_back, committed, windows;
} total;

static uint64_t model_clock(void)
{
	return now;
}

static uint32_t below(uint32_t bound)
{
	return random_below(&random_state, bound);
}

static int64_t oldest_at(const struct unique_key *key, int64_t at)
{
	return model_slot(&key->time, at) - 60;
}

static bool counts(const struct unique_key *key, size_t member, int64_t at)
{
	for (size_t i = 0; i < key->count; i++)
		if (!key->uses[i].gone && key->uses[i].member == member &&
			key->uses[i].slot >= oldest_at(key, at))
			return true;
	return false;
}

static int64_t different_at(const struct unique_key *key, int64_t at)
{
	int64_t sum = 0;

	for (size_t member = 0; member < MEMBERS; member++)
		sum += counts(key, member, at);
	return sum;
}

static struct use *live_use(struct unique_key *key, size_t id, size_t member)
{
	for (size_t i = 0; i < key->count; i++) {
		struct use *use = &key->uses[i];

		if (use->id == id && use->member == member && use->live && !use->gone &&
			use->slot >= oldest_at(key, (int64_t)now))
			return use;
	}
	return NULL;
}

static void model_use(struct unique_key *key, size_t id, size_t member)
{
	int64_t at = model_effective_ms(&key->time, (int64_t)now);
	int64_t current = model_slot(&key->time, (int64_t)now);

	for (size_t i = 0; i < key->count; i++) {
		struct use *use = &key->uses[i];

		use->gone = use->gone || use->slot < current - 60;
		if (use->slot <= current)
			continue;
		use->slot = current;
		use->at_ms = at;
	}
	key->time.last = current;
	key->uses[key->count++] = (struct use){id, member, current, at, true, false};
}

static struct store_charge charge_of(const struct unique_key *key, const unsigned char *given)
{
	return (struct store_charge){.key = key->key,
		.label = "a@example.net",
		.window_ms = key->time.window_ms,
		.limit = key->limit,
		.members = given,
		.member_count = 1};
}

static void check_wait(const struct unique_key *key, int64_t wait)
{
	int64_t at = (int64_t)now + wait;

	if (key->limit == 0) {
		assert_int_equal(wait, 60 * key->time.step_ms);
		return;
	}
	if (model_time_is_wrong(&key->time, (int64_t)now))
		return;
	assert_true(different_at(key, at) < key->limit);
	assert_true(different_at(key, at - 1) >= key->limit);
}

/* A charge that only looks on says that it does not fit, and how. */
static void check_watch(const struct store_watch *watch, const struct unique_key *key, bool fits)
{
	assert_int_equal(watch->over, !fits);
	if (fits)
		return;
	assert_int_equal(watch->used, different_at(key, (int64_t)now));
	check_wait(key, watch->retry_after_ms);
	total.left_out++;
}

/* ID NULL: a look, which knows of no reservation. */
static bool member_fits(struct unique_key *key, const size_t *id, size_t member)
{
	return (id != NULL && live_use(key, *id, member) != NULL) ||
	       (key->limit > 0 && (counts(key, member, (int64_t)now) ||
					  different_at(key, (int64_t)now) < key->limit));
}

static void do_reserve(void)
{
	struct store_charge charges[KEYS];
	struct store_watch watches[KEYS];
	size_t id = below(IDS), member = below(MEMBERS);
	struct store_decision decision;
	enum store_status status;
	bool fit[KEYS], fits = true, look = below(8) == 0;

	for (size_t k = 0; k < KEYS; k++) {
		charges[k] = charge_of(&keys[k], members[member]);
		charges[k].watch = below(3) == 0 ? &watches[k] : NULL;
		fit[k] = member_fits(&keys[k], look ? NULL : &id, member);
		fits = fits && (fit[k] || charges[k].watch != NULL);
	}
	status = look ? store_look(store, charges, KEYS, &decision)
		      : store_reserve(store, ids[id], 1, charges, KEYS, &decision);
	assert_int_equal(status, fits ? STORE_OK : STORE_OVER);
	for (size_t k = 0; k < KEYS; k++)
		if (charges[k].watch != NULL)
			check_watch(&watches[k], &keys[k], fit[k]);
	if (!fits) {
		assert_null(charges[decision.over].watch);
		assert_int_equal(decision.used, different_at(&keys[decision.over], (int64_t)now));
		check_wait(&keys[decision.over], decision.retry_after_ms);
		total.refused++;
	}
	if (!fits || look)
		return;
	for (size_t k = 0; k < KEYS; k++) {
		if (!fit[k] || live_use(&keys[k], id, member) != NULL)
			continue;
		total.known += counts(&keys[k], member, (int64_t)now);
		total.taken++;
		model_use(&keys[k], id, member);
	}
	if (fit[0] || fit[1])
		assert_int_equal(decision.used, different_at(&keys[decision.over], (int64_t)now));
}

static void do_end(void)
{
	unsigned char given[2 * STORE_MEMBER_SIZE];
	size_t k = below(KEYS), id = below(IDS), first = below(MEMBERS), second = below(MEMBERS);
	struct store_charge one = charge_of(&keys[k], given);
	bool commit = below(3) == 0;

	memcpy(given, members[first], STORE_MEMBER_SIZE);
	memcpy(given + STORE_MEMBER_SIZE, members[second], STORE_MEMBER_SIZE);
	one.member_count = 2;
	if (commit)
		store_commit(store, ids[id], &one, 1);
	else
		assert_int_equal(store_give_back(store, ids[id], 0, &one, 1), STORE_OK);
	total.committed += commit;
	total.given_back += !commit;
	for (size_t i = 0; i < keys[k].count; i++) {
		struct use *use = &keys[k].uses[i];

		if (use->id != id || !use->live || (use->member != first && use->member != second))
			continue;
		use->live = false;
		use->gone = use->gone || !commit;
	}
}

static void do_peek(void)
{
	struct store_charge charges[KEYS];
	int64_t used_now[KEYS];

	for (size_t k = 0; k < KEYS; k++)
		charges[k] = charge_of(&keys[k], NULL);
	assert_int_equal(store_peek(store, charges, KEYS, used_now), STORE_OK);
	for (size_t k = 0; k < KEYS; k++)
		assert_int_equal(used_now[k], different_at(&keys[k], (int64_t)now));
}

static void move_clock(void)
{
	uint32_t length = (uint32_t)keys[below(KEYS)].time.window_ms;

	switch (below(may_go_back ? 9 : 6)) {
	case 0:
		now += below(length);
		break;
	case 1:
		now += length / 60 - now % (length / 60); /* the edge of a slot */
		break;
	case 2:
		now += below(30) == 0 ? 3 * (uint64_t)length : 1;
		break;
	case 6:
		now -= below(length / 10);
		break;
	case 7:
		now -= below(20) == 0 ? 10 * (uint64_t)length : 1;
		break;
	default:
		now += below(length / 20);
	}
}

/* No rolling window ever held more different members than the limit, of those that stayed. */
static void check_history(const struct unique_key *key)
{
	for (size_t i = 0; i < key->count; i++) {
		int64_t end = key->uses[i].at_ms;
		bool seen[MEMBERS] = {false};
		int64_t sum = 0;

		for (size_t j = 0; j < key->count; j++) {
			const struct use *use = &key->uses[j];

			if (use->gone || use->at_ms > end ||
				use->at_ms <= end - key->time.window_ms || seen[use->member])
				continue;
			seen[use->member] = true;
			sum++;
		}
		assert_true(sum <= key->limit);
		total.windows++;
	}
}

static void new_round(void)
{
	memset(keys, 0, sizeof(keys));
	for (size_t k = 0; k < KEYS; k++) {
		new_key(keys[k].key);
		keys[k].time =
			model_time_of(60000 * (1 + below(3) * below(100)) - below(2) * below(59));
		keys[k].limit = below(20) == 0 ? 0 : 1 + below(MEMBERS + 4);
	}
	for (size_t i = 0; i < IDS; i++)
		store_id(ids[i]);
}

static void run_model(const char *what)
{
	memset(&total, 0, sizeof(total));
	random_state = 88172645463325252;
	now = 1700000000000;
	store->clock = model_clock;
	for (size_t i = 0; i < MEMBERS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%zu@example.org", i);
		store_member(members[i], name);
	}
	for (int i = 0; i < operations; i++) {
		if (i % ROUND == 0)
			new_round();
		if (below(4) == 0)
			move_clock();
		switch (below(8)) {
		case 0:
			do_peek();
			break;
		case 1:
		case 2:
			do_end();
			break;
		default:
			do_reserve();
		}
		if (i % ROUND == ROUND - 1)
			for (size_t k = 0; k < KEYS; k++)
				check_history(&keys[k]);
	}
	print_message("%s: %d operations: %" PRIu64 " uses, %" PRIu64 " of known members, %" PRIu64
		      " refused, %" PRIu64 " left out, %" PRIu64 " given back, %" PRIu64
		      " committed, %" PRIu64 " rolling windows\n",
		what, operations, total.taken, total.known, total.refused, total.left_out,
		total.given_back, total.committed, total.windows);
}

static void window_equals_the_model(void **state)
{
	struct store own = {.backend = &plain_windows, .half = &now};

	(void)state;
	store = &own;
	may_go_back = true;
	run_model("window");
	plain_clear();
}

static void store_equals_the_model(void **state)
{
	(void)state;
	/* The memory half has a clock that never goes back. In a cluster a window may have seen a later time
	 * than the model: from a step that was refused by another window, and taken back. */
	may_go_back = url != NULL && !in_cluster();
	operations = getenv("MAILREEVE_SOAK") != NULL ? SOAK_OPERATIONS : OPERATIONS;
	if (in_cluster())
		operations /= 6;
	store = open_store();
	run_model(url == NULL ? "memory" : in_cluster() ? "Cluster" : "Redis");
	store_close(&store);
}

/* No key of ours counts both, but where an administrator changed what a limit counts: then all of it
 * counts, and each is given back as what it is. */
static void units_and_members_of_one_key(void **state)
{
	static const char steps[] = "umumuUMu";
	unsigned char id[STORE_ID_SIZE], one[STORE_MEMBER_SIZE];
	struct store_decision decision;
	char key[STORE_KEY_SIZE];
	struct store_charge units = charge(key, 100, 5), member = charge(key, 100, 0);

	(void)state;
	store = open_still();
	new_key(key);
	store_id(id);
	store_member(one, "a@example.org");
	member.members = one;
	member.member_count = 1;
	for (unsigned i = 0; steps[i] != '\0'; i++) {
		bool of_units = steps[i] == 'u' || steps[i] == 'U';

		/* A large letter: in the next slot. */
		atomic_fetch_add(&fake_now, steps[i] < 'a' ? MINUTE_MS : 0);
		assert_int_equal(
			store_reserve(store, id, i + 1, of_units ? &units : &member, 1, &decision),
			STORE_OK);
		assert_int_equal(decision.used, used(store, key));
	}
	assert_int_equal(used(store, key), 26);
	assert_int_equal(store_give_back(store, id, 1, &units, 1), STORE_OK);
	assert_int_equal(used(store, key), 21);
	assert_int_equal(store_give_back(store, id, 0, &member, 1), STORE_OK);
	assert_int_equal(used(store, key), 20);
	units.units = 81;
	assert_int_equal(store_reserve(store, id, 9, &units, 1, &decision), STORE_OVER);
	units.units = 80;
	assert_int_equal(store_reserve(store, id, 9, &units, 1, &decision), STORE_OK);
	assert_int_equal(store_reserve(store, id, 9, &member, 1, &decision), STORE_OVER);
	assert_int_equal(store_give_back(store, id, 0, &units, 1), STORE_OK);
	assert_int_equal(used(store, key), 0);
	store_close(&store);
}

/* Far more sessions hold one member than are kept apart: it counts once, and stays counted. */
static void a_member_that_many_hold(void **state)
{
	enum { CROWD = 300 };
	static unsigned char crowd[CROWD][STORE_ID_SIZE];
	unsigned char one[STORE_MEMBER_SIZE];
	struct store_decision decision;
	char key[STORE_KEY_SIZE];
	struct store_charge charges = charge(key, 2, 0);

	(void)state;
	store = open_still();
	new_key(key);
	store_member(one, "a@example.org");
	charges.members = one;
	charges.member_count = 1;
	for (size_t i = 0; i < CROWD; i++) {
		store_id(crowd[i]);
		assert_int_equal(
			store_reserve(store, crowd[i], 1, &charges, 1, &decision), STORE_OK);
		assert_int_equal(decision.used, 1);
	}
	for (size_t i = CROWD; i-- > 0;)
		assert_int_equal(store_give_back(store, crowd[i], 0, &charges, 1), STORE_OK);
	assert_int_equal(used(store, key), 1);
	atomic_fetch_add(&fake_now, HOUR_MS + 2 * MINUTE_MS);
	assert_int_equal(used(store, key), 0);
	store_close(&store);
}

static enum store_status use(const char *key, int number, int64_t limit)
{
	unsigned char one[STORE_MEMBER_SIZE], id[STORE_ID_SIZE];
	struct store_charge charges = charge(key, limit, 0);
	struct store_decision decision;
	enum store_status status;
	char name[32];

	snprintf(name, sizeof(name), "%d@example.org", number);
	store_member(one, name);
	store_id(id);
	charges.members = one;
	charges.member_count = 1;
	status = store_reserve(store, id, 1, &charges, 1, &decision);
	/* Some stay held. */
	if (status == STORE_OK && number % 3 != 0)
		store_commit(store, id, &charges, 1);
	return status;
}

/* One that is too large to be read whole at each call: refusals, refreshes and the end of its slots. */
static void a_large_window_moves_on(void **state)
{
	enum { MANY = 300, KEPT = 100 };
	char key[STORE_KEY_SIZE];

	(void)state;
	store = open_still();
	new_key(key);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(use(key, i, MANY), STORE_OK);
	for (int minutes = 0; minutes < 30; minutes += 10) {
		atomic_fetch_add(&fake_now, 10 * MINUTE_MS);
		assert_int_equal(use(key, MANY, MANY), STORE_OVER);
		for (int i = 0; i < KEPT; i++)
			assert_int_equal(use(key, i, MANY), STORE_OK);
		assert_int_equal(use(key, MANY, MANY), STORE_OVER);
		assert_int_equal(used(store, key), MANY);
	}
	atomic_fetch_add(&fake_now, 31 * MINUTE_MS);
	assert_int_equal(used(store, key), KEPT);
	for (int i = MANY; i < 2 * MANY - KEPT; i++)
		assert_int_equal(use(key, i, MANY), STORE_OK);
	assert_int_equal(use(key, 2 * MANY, MANY), STORE_OVER);
	assert_int_equal(used(store, key), MANY);
	atomic_fetch_add(&fake_now, 61 * MINUTE_MS);
	assert_int_equal(used(store, key), 0);
	assert_int_equal(use(key, 1, MANY), STORE_OK);
	assert_int_equal(used(store, key), 1);
	store_close(&store);
}

/* A limit of a window that keeps each member is bounded, so that the window is. */
static void members_are_bounded(void **state)
{
	unsigned char one[STORE_MEMBER_SIZE], id[STORE_ID_SIZE];
	struct store_decision decision;
	char key[STORE_KEY_SIZE], name[32];
	struct store_charge charges = charge(key, INT64_MAX, 0);

	(void)state;
	store = open_still();
	new_key(key);
	store_id(id);
	charges.members = one;
	charges.member_count = 1;
	for (int i = 0; i < STORE_UNIQUE_MAX; i++) {
		snprintf(name, sizeof(name), "%d@example.org", i);
		store_member(one, name);
		if (store_reserve(store, id, 1, &charges, 1, &decision) != STORE_OK)
			fail_msg("member %d", i);
	}
	store_member(one, "one more@example.org");
	assert_int_equal(store_reserve(store, id, 1, &charges, 1, &decision), STORE_OVER);
	store_member(one, "7@example.org");
	store_id(id);
	assert_int_equal(store_reserve(store, id, 1, &charges, 1, &decision), STORE_OK);
	charges.member_count = 2;
	assert_int_equal(store_reserve(store, id, 1, &charges, 1, &decision), STORE_DOWN);
	charges.member_count = STORE_CHARGE_MEMBERS_MAX + 1;
	assert_int_equal(store_give_back(store, id, 0, &charges, 1), STORE_DOWN);
	assert_int_equal(used(store, key), STORE_UNIQUE_MAX);
	store_close(&store);
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test(store_equals_the_model),
		cmocka_unit_test(units_and_members_of_one_key),
		cmocka_unit_test(a_member_that_many_hold),
		cmocka_unit_test(a_large_window_moves_on),
		cmocka_unit_test(members_are_bounded),
	};
	static const struct CMUnitTest plain_cases[] = {cmocka_unit_test(window_equals_the_model)};
	int failed = cmocka_run_group_tests_name("window", plain_cases, NULL, NULL);

	return failed + run_on_most_stores(cases);
}
