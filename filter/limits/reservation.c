/* SPDX-License-Identifier: BSD-2-Clause */
#include "reservation.h"

#include <string.h>

#include "mem.h"
#include "reservation_private.h"

/* Which of a list of charges go into a call. */
enum pick {
	PICK_ALL,
	PICK_LOCAL, /* that the local window decides on while the store does not answer */
	PICK_WARM, /* that it counts when the store has taken them */
	PICK_LEFT_OUT,
	PICK_ATTEMPTED, /* strict ones that the step was refused with, or that were left out of it */
};

struct picked {
	struct store_charge *charges;
	size_t *from; /* index in the list; behind the charges, in the same memory */
	size_t count;
};

static bool is_left_out(const struct reservation_charge *charge)
{
	return charge->watched && charge->answer.result != RESERVATION_TAKEN;
}

static bool is_picked(const struct reservation_charge *charge, enum pick pick, bool refused)
{
	switch (pick) {
	case PICK_LOCAL:
		return charge->outage == OUTAGE_LOCAL;
	case PICK_WARM:
		return charge->outage == OUTAGE_LOCAL && !charge->looked && !is_left_out(charge);
	case PICK_LEFT_OUT:
		return is_left_out(charge);
	case PICK_ATTEMPTED:
		return charge->strict && (refused || is_left_out(charge));
	case PICK_ALL:
		break;
	}
	return true;
}

static int64_t limit_of(const struct reservation_charge *charge, bool local)
{
	return local ? charge->local_limit : charge->limit;
}

/* Without units, what is there must leave room for them; one unit too much where the limit itself is asked
 * for, since a limit of 0 refuses all. */
static int64_t room_beside(const struct reservation_charge *charge, int64_t limit)
{
	if (charge->units >= limit)
		return charge->units == limit ? 1 : 0;
	return limit - charge->units;
}

static struct store_charge as_store_charge(struct reservation_charge *charge, enum pick pick)
{
	bool decides = pick == PICK_ALL || pick == PICK_LOCAL;
	int64_t limit = limit_of(charge, pick == PICK_LOCAL);

	return (struct store_charge){
		.key = charge->key,
		.label = charge->label,
		.window_ms = charge->window_ms,
		/* What has been decided on already is only counted. */
		.limit = !decides	  ? INT64_MAX
			 : charge->looked ? room_beside(charge, limit)
					  : limit,
		.units = charge->looked ? 0 : charge->units + charge->pretended,
		.title = charge->title,
		.members = charge->unique ? charge->member : NULL,
		.member_count = charge->unique,
		.watch = decides && charge->watched ? &charge->watch : NULL,
	};
}

/* REFUSED: the step was. To be freed with free_picked. */
static struct picked pick_charges(
	struct reservation_charge *charges, size_t count, enum pick pick, bool refused)
{
	struct picked picked = {0};

	for (size_t i = 0; i < count; i++) {
		if (!is_picked(&charges[i], pick, refused))
			continue;
		if (picked.charges == NULL) {
			picked.charges = mem_array(
				count - i, sizeof(*picked.charges) + sizeof(*picked.from));
			picked.from = (size_t *)(picked.charges + count - i);
		}
		picked.charges[picked.count] = as_store_charge(&charges[i], pick);
		picked.from[picked.count++] = i;
	}
	return picked;
}

static void free_picked(struct picked *picked)
{
	mem_free(picked->charges);
}

/* Taking. -------------------------------------------------------------------------------------- */

/* NULL: none yet. */
static struct reservation_hold *find_hold(
	const struct reservation *reservation, const struct reservation_charge *charge)
{
	for (size_t i = 0; i < reservation->hold_count; i++) {
		struct reservation_hold *hold = &reservation->holds[i];

		if (hold->window_ms == charge->window_ms && strcmp(hold->key, charge->key) == 0)
			return hold;
	}
	return NULL;
}

static struct reservation_hold *hold_of(
	struct reservation *reservation, const struct reservation_charge *charge)
{
	struct reservation_hold *hold = find_hold(reservation, charge);

	if (hold != NULL)
		return hold;
	reservation->holds = mem_resize(
		reservation->holds, reservation->hold_count + 1, sizeof(reservation->holds[0]));
	hold = &reservation->holds[reservation->hold_count++];
	*hold = (struct reservation_hold){.window_ms = charge->window_ms, .part = charge->part};
	memcpy(hold->key, charge->key, sizeof(hold->key));
	return hold;
}

static void add_member(struct reservation_hold *hold, const unsigned char member[STORE_MEMBER_SIZE])
{
	size_t count = (size_t)hold->units;

	/* By doubling: a message may have many recipients. */
	if ((count & (count - 1)) == 0)
		hold->members =
			mem_resize(hold->members, count == 0 ? 1 : 2 * count, STORE_MEMBER_SIZE);
	memcpy(hold->members + count * STORE_MEMBER_SIZE, member, STORE_MEMBER_SIZE);
}

static void remember(
	struct reservation *reservation, const struct reservation_charge *charges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct reservation_hold *hold;

		if (is_left_out(&charges[i]) || charges[i].looked)
			continue;
		hold = hold_of(reservation, &charges[i]);
		if (charges[i].unique)
			add_member(hold, charges[i].member);
		hold->units += charges[i].units;
		hold->last_units = charges[i].units;
		hold->last_sequence = reservation->sequence;
		hold->local = charges[i].outage == OUTAGE_LOCAL;
		hold->strict = charges[i].strict;
	}
}

/* The local window counts what was let through, whatever it says itself: so it is warm when it is
 * needed. */
static void keep_warm(const struct reservation *reservation, const struct services *services,
	struct reservation_charge *charges, size_t count)
{
	struct store_decision decision;
	struct picked picked;
	bool warm;

	if (reservation_spare(services) == NULL)
		return;
	picked = pick_charges(charges, count, PICK_WARM, false);
	/* A full local window lets go of exactness in an outage, not of mail now. */
	warm = store_reserve(reservation_spare(services), reservation->id, reservation->sequence,
		       picked.charges, picked.count, &decision) == STORE_OK;
	(void)warm;
	free_picked(&picked);
}

static struct reservation_answer waits(size_t charge)
{
	return (struct reservation_answer){
		.result = RESERVATION_DOWN, .local = true, .over = charge};
}

/* What the store decided on the picked charges; those that are watched learn it of themselves. */
static struct reservation_answer answer_of(struct reservation_charge *charges,
	const struct picked *picked, enum store_status status,
	const struct store_decision *decision, bool local)
{
	size_t at = decision->over < picked->count ? decision->over : 0;
	struct reservation_answer answer = {.result = RESERVATION_TAKEN, .local = local};

	for (size_t i = 0; i < picked->count; i++) {
		struct reservation_charge *charge = &charges[picked->from[i]];

		if (charge->watched)
			charge->answer = (struct reservation_answer){
				.result = charge->watch.over ? RESERVATION_OVER : RESERVATION_TAKEN,
				.local = local,
				.over = picked->from[i],
				.limit = limit_of(charge, local),
				.used = charge->watch.used,
				.retry_after_ms = charge->watch.retry_after_ms,
			};
	}
	if (status == STORE_OVER)
		answer = (struct reservation_answer){
			.result = RESERVATION_OVER,
			.local = local,
			.over = picked->from[at],
			.limit = limit_of(&charges[picked->from[at]], local),
			.used = decision->used,
			.retry_after_ms = decision->retry_after_ms,
		};
	return answer;
}

/* Nobody counts those of OUTAGE: the first that refuses waits, and all that are watched. */
static bool all_wait(struct reservation_charge *charges, size_t count, enum outage outage,
	struct reservation_answer *answer)
{
	bool refused = false;

	for (size_t i = 0; i < count; i++) {
		if (charges[i].outage != outage)
			continue;
		if (charges[i].watched)
			charges[i].answer = waits(i);
		else if (!refused)
			*answer = waits(i);
		refused = refused || !charges[i].watched;
	}
	return refused;
}

/* What the local window says, or the rules of the charges, while the store does not answer. RESERVATION
 * NULL: only looks. */
static struct reservation_answer answer_locally(const struct reservation *reservation,
	const struct services *services, struct reservation_charge *charges, size_t count)
{
	struct reservation_answer answer = {.result = RESERVATION_TAKEN, .local = true};
	struct store *store = reservation_spare(services);
	enum store_status status = STORE_DOWN;
	struct store_decision decision;
	struct picked picked;

	for (size_t i = 0; i < count; i++)
		charges[i].answer = answer;
	if (all_wait(charges, count, OUTAGE_TEMPFAIL, &answer))
		return answer;
	picked = pick_charges(charges, count, PICK_LOCAL, false);
	if (picked.count > 0 && store != NULL)
		status = reservation == NULL
				 ? store_look(store, picked.charges, picked.count, &decision)
				 : store_reserve(store, reservation->id, reservation->sequence,
					   picked.charges, picked.count, &decision);
	if (status == STORE_DOWN)
		all_wait(charges, count, OUTAGE_LOCAL, &answer);
	else
		answer = answer_of(charges, &picked, status, &decision, true);
	free_picked(&picked);
	return answer;
}

/* It may have counted them before the answer was lost: what is let through stays held in both, what is
 * not is taken back as far as it hears us. */
static void take_back(const struct reservation *reservation, const struct services *services,
	struct reservation_charge *charges, size_t count, bool refused)
{
	struct picked picked =
		pick_charges(charges, count, refused ? PICK_ALL : PICK_LEFT_OUT, refused);

	if (picked.count > 0)
		store_give_back(services->store, reservation->id, reservation->sequence,
			picked.charges, picked.count);
	free_picked(&picked);
}

struct reservation_answer reservation_take(struct reservation *reservation,
	const struct services *services, struct reservation_charge *charges, size_t count)
{
	struct reservation_answer answer = {.result = RESERVATION_TAKEN};
	struct store_decision decision;
	enum store_status status;
	struct picked picked;
	bool refused;

	if (count == 0)
		return answer;
	if (reservation->sequence == 0)
		store_id(reservation->id);
	reservation->sequence++;
	picked = pick_charges(charges, count, PICK_ALL, false);
	status = store_reserve(services->store, reservation->id, reservation->sequence,
		picked.charges, picked.count, &decision);
	answer = status == STORE_DOWN ? answer_locally(reservation, services, charges, count)
				      : answer_of(charges, &picked, status, &decision, false);
	free_picked(&picked);
	refused = answer.result != RESERVATION_TAKEN;
	if (status == STORE_DOWN)
		take_back(reservation, services, charges, count, refused);
	if (refused)
		return answer;
	if (status == STORE_OK)
		keep_warm(reservation, services, charges, count);
	remember(reservation, charges, count);
	return answer;
}

void reservation_count_attempts(struct reservation *reservation, const struct services *services,
	struct reservation_charge *charges, size_t count, const struct reservation_answer *answer)
{
	unsigned char id[STORE_ID_SIZE];
	struct store_decision decision;
	struct picked picked;

	if (answer->local)
		return;
	picked = pick_charges(charges, count, PICK_ATTEMPTED, answer->result != RESERVATION_TAKEN);
	if (picked.count == 0)
		return;
	store_id(id);
	if (store_reserve(services->store, id, 1, picked.charges, picked.count, &decision) ==
		STORE_OK) {
		store_commit(services->store, id, picked.charges, picked.count);
		for (size_t i = 0; i < picked.count; i++)
			hold_of(reservation, &charges[picked.from[i]])->attempted = true;
	}
	free_picked(&picked);
}

struct reservation_answer reservation_look(
	const struct services *services, struct reservation_charge *charges, size_t count)
{
	struct reservation_answer answer = {.result = RESERVATION_TAKEN};
	struct store_decision decision;
	enum store_status status;
	struct picked picked;

	if (count == 0)
		return answer;
	picked = pick_charges(charges, count, PICK_ALL, false);
	status = store_look(services->store, picked.charges, picked.count, &decision);
	answer = status == STORE_DOWN ? answer_locally(NULL, services, charges, count)
				      : answer_of(charges, &picked, status, &decision, false);
	free_picked(&picked);
	return answer;
}

struct reservation_answer reservation_pretend(struct reservation *reservation,
	const struct services *services, struct reservation_charge *charges, size_t count)
{
	struct reservation_answer answer;

	for (size_t i = 0; i < count; i++) {
		const struct reservation_hold *hold = find_hold(reservation, &charges[i]);

		if (hold != NULL && !charges[i].unique && !charges[i].looked)
			charges[i].pretended = hold->units;
	}
	answer = reservation_look(services, charges, count);
	for (size_t i = 0; i < count; i++)
		charges[i].answer.used += charges[i].pretended;
	if (answer.result == RESERVATION_OVER)
		answer.used += charges[answer.over].pretended;
	reservation->pretends = true;
	reservation->sequence++;
	if (answer.result == RESERVATION_TAKEN)
		remember(reservation, charges, count);
	return answer;
}

bool reservation_holds(const struct reservation *reservation, const char *key)
{
	for (size_t i = 0; i < reservation->hold_count; i++)
		if (reservation->holds[i].units > 0 && strcmp(reservation->holds[i].key, key) == 0)
			return true;
	return false;
}

bool reservation_has_tried(const struct reservation *reservation, const char *key)
{
	for (size_t i = 0; i < reservation->hold_count; i++)
		if (reservation->holds[i].attempted && strcmp(reservation->holds[i].key, key) == 0)
			return true;
	return false;
}

bool reservation_holds_member(const struct reservation *reservation, const char *key,
	const unsigned char member[STORE_MEMBER_SIZE])
{
	for (size_t i = 0; i < reservation->hold_count; i++) {
		const struct reservation_hold *hold = &reservation->holds[i];

		if (hold->members == NULL || strcmp(hold->key, key) != 0)
			continue;
		for (size_t j = 0; j < (size_t)hold->units; j++)
			if (memcmp(hold->members + j * STORE_MEMBER_SIZE, member,
				    STORE_MEMBER_SIZE) == 0)
				return true;
	}
	return false;
}
