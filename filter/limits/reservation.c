/* SPDX-License-Identifier: BSD-2-Clause */
#include "reservation.h"

#include <string.h>

#include "mem.h"

/* What is held under one key. */
struct reservation_hold {
	char key[STORE_KEY_SIZE];
	int64_t window_ms;
	int64_t units; /* of members: how many */
	int64_t last_units; /* of the last step that touched it */
	unsigned char *members; /* owned; UNITS times STORE_MEMBER_SIZE bytes, or NULL */
	unsigned last_sequence;
	bool local; /* counted in the local window too */
	bool strict;
	bool attempted; /* was refused, and counted as an attempt */
};

/* The local window, where it is another one than the store. */
static struct store *spare(const struct services *services)
{
	return services->local == services->store ? NULL : services->local;
}

/* Which of a list of charges go into a call. */
enum pick { PICK_ALL, PICK_LOCAL, PICK_STRICT };

struct picked {
	struct store_charge charges[STORE_CHARGES_MAX];
	size_t from[STORE_CHARGES_MAX]; /* index in the list */
	size_t count;
};

static bool is_picked(const struct reservation_charge *charge, enum pick pick)
{
	switch (pick) {
	case PICK_LOCAL:
		return charge->outage == OUTAGE_LOCAL;
	case PICK_STRICT:
		return charge->strict;
	case PICK_ALL:
		break;
	}
	return true;
}

static void pick_charges(const struct reservation_charge *charges, size_t count, enum pick pick,
	struct picked *picked)
{
	picked->count = 0;
	for (size_t i = 0; i < count && picked->count < STORE_CHARGES_MAX; i++) {
		const struct reservation_charge *charge = &charges[i];

		if (!is_picked(charge, pick))
			continue;
		picked->charges[picked->count] = (struct store_charge){
			.key = charge->key,
			.label = charge->label,
			.window_ms = charge->window_ms,
			.limit = pick == PICK_LOCAL ? charge->local_limit : charge->limit,
			.units = charge->units,
			.title = charge->title,
			.members = charge->unique ? charge->member : NULL,
			.member_count = charge->unique,
		};
		picked->from[picked->count++] = i;
	}
}

static void lift_limits(struct picked *picked)
{
	for (size_t i = 0; i < picked->count; i++)
		picked->charges[i].limit = INT64_MAX;
}

/* Taking. -------------------------------------------------------------------------------------- */

static struct reservation_hold *hold_of(
	struct reservation *reservation, const struct reservation_charge *charge)
{
	struct reservation_hold *hold;

	for (size_t i = 0; i < reservation->hold_count; i++) {
		hold = &reservation->holds[i];
		if (hold->window_ms == charge->window_ms && strcmp(hold->key, charge->key) == 0)
			return hold;
	}
	reservation->holds = mem_resize(
		reservation->holds, reservation->hold_count + 1, sizeof(reservation->holds[0]));
	hold = &reservation->holds[reservation->hold_count++];
	*hold = (struct reservation_hold){.window_ms = charge->window_ms};
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
		struct reservation_hold *hold = hold_of(reservation, &charges[i]);

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
	const struct reservation_charge *charges, size_t count)
{
	struct store_decision decision;
	struct picked picked;
	bool warm;

	if (spare(services) == NULL)
		return;
	pick_charges(charges, count, PICK_LOCAL, &picked);
	lift_limits(&picked);
	/* A full local window lets go of exactness in an outage, not of mail now. */
	warm = store_reserve(spare(services), reservation->id, reservation->sequence,
		       picked.charges, picked.count, &decision) == STORE_OK;
	(void)warm;
}

/* A refused attempt counts against strict limits all the same. */
static void count_attempt(struct reservation *reservation, const struct services *services,
	const struct reservation_charge *charges, size_t count)
{
	unsigned char id[STORE_ID_SIZE];
	struct store_decision decision;
	struct picked picked;

	pick_charges(charges, count, PICK_STRICT, &picked);
	if (picked.count == 0)
		return;
	lift_limits(&picked);
	store_id(id);
	if (store_reserve(services->store, id, 1, picked.charges, picked.count, &decision) !=
		STORE_OK)
		return;
	store_commit(services->store, id, picked.charges, picked.count);
	for (size_t i = 0; i < picked.count; i++)
		hold_of(reservation, &charges[picked.from[i]])->attempted = true;
}

static struct reservation_answer over(
	const struct picked *picked, const struct store_decision *decision, bool local)
{
	size_t at = decision->over < picked->count ? decision->over : 0;

	return (struct reservation_answer){
		.result = RESERVATION_OVER,
		.local = local,
		.over = picked->from[at],
		.limit = picked->charges[at].limit,
		.used = decision->used,
		.retry_after_ms = decision->retry_after_ms,
	};
}

static struct reservation_answer waits(size_t charge)
{
	return (struct reservation_answer){
		.result = RESERVATION_DOWN, .local = true, .over = charge};
}

static struct reservation_answer take_locally(const struct reservation *reservation,
	const struct services *services, const struct reservation_charge *charges, size_t count)
{
	struct store_decision decision;
	struct picked picked;

	for (size_t i = 0; i < count; i++)
		if (charges[i].outage == OUTAGE_TEMPFAIL)
			return waits(i);
	pick_charges(charges, count, PICK_LOCAL, &picked);
	if (picked.count == 0)
		return (struct reservation_answer){.result = RESERVATION_TAKEN, .local = true};
	if (spare(services) == NULL)
		return waits(picked.from[0]);
	switch (store_reserve(spare(services), reservation->id, reservation->sequence,
		picked.charges, picked.count, &decision)) {
	case STORE_OVER:
		return over(&picked, &decision, true);
	case STORE_DOWN:
		return waits(picked.from[0]);
	case STORE_OK:
		break;
	}
	return (struct reservation_answer){.result = RESERVATION_TAKEN, .local = true};
}

struct reservation_answer reservation_take(struct reservation *reservation,
	const struct services *services, const struct reservation_charge *charges, size_t count)
{
	struct reservation_answer answer = {.result = RESERVATION_TAKEN};
	struct store_decision decision;
	struct picked picked;

	if (count == 0)
		return answer;
	if (reservation->sequence == 0)
		store_id(reservation->id);
	reservation->sequence++;
	pick_charges(charges, count, PICK_ALL, &picked);
	switch (store_reserve(services->store, reservation->id, reservation->sequence,
		picked.charges, picked.count, &decision)) {
	case STORE_OK:
		keep_warm(reservation, services, charges, count);
		break;
	case STORE_OVER:
		count_attempt(reservation, services, charges, count);
		return over(&picked, &decision, false);
	case STORE_DOWN:
		/* It may have counted them before the answer was lost: what is let through stays
		 * held in both, what is not is taken back as far as it hears us. */
		answer = take_locally(reservation, services, charges, count);
		if (answer.result == RESERVATION_TAKEN)
			break;
		store_give_back(services->store, reservation->id, reservation->sequence,
			picked.charges, picked.count);
		return answer;
	}
	remember(reservation, charges, count);
	return answer;
}

static struct reservation_answer look_in(
	struct store *store, const struct picked *picked, bool local, enum store_status *status_r)
{
	struct store_decision decision;

	*status_r = store_look(store, picked->charges, picked->count, &decision);
	if (*status_r == STORE_OVER)
		return over(picked, &decision, local);
	return (struct reservation_answer){.result = RESERVATION_TAKEN, .local = local};
}

struct reservation_answer reservation_look(
	const struct services *services, const struct reservation_charge *charges, size_t count)
{
	struct reservation_answer answer = {.result = RESERVATION_TAKEN};
	enum store_status status;
	struct picked picked;

	if (count == 0)
		return answer;
	pick_charges(charges, count, PICK_ALL, &picked);
	answer = look_in(services->store, &picked, false, &status);
	if (status != STORE_DOWN)
		return answer;
	for (size_t i = 0; i < count; i++)
		if (charges[i].outage == OUTAGE_TEMPFAIL)
			return waits(i);
	pick_charges(charges, count, PICK_LOCAL, &picked);
	if (picked.count == 0)
		return (struct reservation_answer){.result = RESERVATION_TAKEN, .local = true};
	answer = spare(services) == NULL ? waits(picked.from[0])
					 : look_in(spare(services), &picked, true, &status);
	return status != STORE_DOWN ? answer : waits(picked.from[0]);
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

/* Ending. -------------------------------------------------------------------------------------- */

/* Which holds a call is about. */
enum group { GROUP_ALL, GROUP_LENIENT, GROUP_STRICT, GROUP_LAST_STEP };

struct ending {
	struct store *store;
	bool local; /* it is the local window */
	enum group group;
	bool commit;
	unsigned sequence; /* with GROUP_LAST_STEP */
};

static bool is_meant(const struct reservation_hold *hold, const struct ending *ending)
{
	if (hold->units == 0 || (ending->local && !hold->local))
		return false;
	switch (ending->group) {
	case GROUP_LENIENT:
		return !hold->strict;
	case GROUP_STRICT:
		return hold->strict;
	case GROUP_LAST_STEP:
		return !hold->strict && hold->last_sequence == ending->sequence;
	case GROUP_ALL:
		break;
	}
	return true;
}

/* The part of a hold that goes into one call: all units at the first, or the next of its members. */
static bool part_of(const struct reservation_hold *hold, const struct ending *ending,
	size_t members_before, struct store_charge *charge)
{
	bool last = ending->group == GROUP_LAST_STEP;
	size_t units = (size_t)(last ? hold->last_units : hold->units);

	if (units <= members_before || (hold->members == NULL && members_before > 0))
		return false;
	*charge = (struct store_charge){
		.key = hold->key,
		.label = "",
		.window_ms = hold->window_ms,
		.units = (int64_t)units,
	};
	if (hold->members == NULL)
		return true;
	units -= members_before;
	charge->member_count = units < STORE_CHARGE_MEMBERS_MAX ? units : STORE_CHARGE_MEMBERS_MAX;
	charge->members = hold->members + members_before * STORE_MEMBER_SIZE;
	if (last)
		charge->members = hold->members + (size_t)(hold->units - 1) * STORE_MEMBER_SIZE;
	return true;
}

/* One call for as many holds from START on as fit; returns where the next call starts. */
static size_t end_some(const struct reservation *reservation, const struct ending *ending,
	size_t members_before, size_t start, bool *any_r)
{
	struct store_charge charges[STORE_CHARGES_MAX];
	size_t count = 0;
	size_t i;

	for (i = start; i < reservation->hold_count && count < STORE_CHARGES_MAX; i++) {
		const struct reservation_hold *hold = &reservation->holds[i];

		count += is_meant(hold, ending) &&
			 part_of(hold, ending, members_before, &charges[count]);
	}
	*any_r = *any_r || count > 0;
	if (count > 0 && ending->commit)
		store_commit(ending->store, reservation->id, charges, count);
	else if (count > 0)
		store_give_back(ending->store, reservation->id, ending->sequence, charges, count);
	return i;
}

static void end_in(const struct reservation *reservation, const struct ending *ending)
{
	size_t members = 0;
	bool any;

	do {
		size_t start = 0;

		any = false;
		while (start < reservation->hold_count)
			start = end_some(reservation, ending, members, start, &any);
		members += STORE_CHARGE_MEMBERS_MAX;
	} while (any);
}

static void end_in_both(const struct reservation *reservation, const struct services *services,
	struct ending ending)
{
	ending.store = services->store;
	end_in(reservation, &ending);
	ending.store = spare(services);
	ending.local = true;
	if (ending.store != NULL)
		end_in(reservation, &ending);
}

void reservation_give_back_after(
	struct reservation *reservation, const struct services *services, unsigned sequence)
{
	for (unsigned step = sequence + 1; step <= reservation->sequence; step++)
		end_in_both(reservation, services,
			(struct ending){.group = GROUP_LAST_STEP, .sequence = step});
	for (size_t i = 0; i < reservation->hold_count; i++) {
		struct reservation_hold *hold = &reservation->holds[i];

		if (hold->last_sequence <= sequence || hold->strict)
			continue;
		hold->units -= hold->last_units;
		hold->last_units = 0;
		hold->last_sequence = 0;
	}
}

static void forget(struct reservation *reservation)
{
	for (size_t i = 0; i < reservation->hold_count; i++)
		mem_free(reservation->holds[i].members);
	mem_free(reservation->holds);
	*reservation = (struct reservation){0};
}

void reservation_commit(struct reservation *reservation, const struct services *services)
{
	end_in_both(reservation, services, (struct ending){.group = GROUP_ALL, .commit = true});
	forget(reservation);
}

void reservation_give_back(struct reservation *reservation, const struct services *services)
{
	end_in_both(reservation, services, (struct ending){.group = GROUP_LENIENT});
	end_in_both(reservation, services, (struct ending){.group = GROUP_STRICT, .commit = true});
	forget(reservation);
}
