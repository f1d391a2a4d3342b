/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of what was taken: committed or given back, as a whole, a part or the last steps of it. */
#include "mem.h"
#include "reservation_private.h"

/* Which holds a call is about. */
enum group { GROUP_ALL, GROUP_LENIENT, GROUP_STRICT, GROUP_LAST_STEP };

struct ending {
	struct store *store;
	bool local; /* it is the local window */
	enum group group;
	bool commit;
	unsigned sequence; /* with GROUP_LAST_STEP */
	bool of_part; /* of PART alone */
	unsigned part;
};

static bool is_meant(const struct reservation_hold *hold, const struct ending *ending)
{
	if (hold->units == 0 || (ending->local && !hold->local) ||
		(ending->of_part && hold->part != ending->part))
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

/* One call for all holds, and more where they have more members than go into one. */
static void end_in(const struct reservation *reservation, const struct ending *ending)
{
	struct store_charge *charges = mem_array(reservation->hold_count, sizeof(*charges));
	size_t members = 0, count;

	do {
		count = 0;
		for (size_t i = 0; i < reservation->hold_count; i++)
			count += is_meant(&reservation->holds[i], ending) &&
				 part_of(&reservation->holds[i], ending, members, &charges[count]);
		if (count > 0 && ending->commit)
			store_commit(ending->store, reservation->id, charges, count);
		else if (count > 0)
			store_give_back(
				ending->store, reservation->id, ending->sequence, charges, count);
		members += STORE_CHARGE_MEMBERS_MAX;
	} while (count > 0);
	mem_free(charges);
}

static bool is_any_meant(const struct reservation *reservation, const struct ending *ending)
{
	for (size_t i = 0; i < reservation->hold_count; i++)
		if (is_meant(&reservation->holds[i], ending))
			return true;
	return false;
}

static void end_in_both(const struct reservation *reservation, const struct services *services,
	struct ending ending)
{
	if (reservation->pretends || !is_any_meant(reservation, &ending))
		return;
	ending.store = services->store;
	end_in(reservation, &ending);
	ending.store = reservation_spare(services);
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

/* Its id goes on, with the sequence that it has come to. */
static void forget_part(struct reservation *reservation, unsigned part)
{
	size_t left = 0;

	for (size_t i = 0; i < reservation->hold_count; i++) {
		if (reservation->holds[i].part == part)
			mem_free(reservation->holds[i].members);
		else
			reservation->holds[left++] = reservation->holds[i];
	}
	reservation->hold_count = left;
}

static void commit(const struct reservation *reservation, const struct services *services,
	struct ending ending)
{
	ending.commit = true;
	end_in_both(reservation, services, ending);
}

static void give_back(const struct reservation *reservation, const struct services *services,
	struct ending ending)
{
	ending.group = GROUP_LENIENT;
	end_in_both(reservation, services, ending);
	ending.group = GROUP_STRICT;
	commit(reservation, services, ending);
}

void reservation_commit(struct reservation *reservation, const struct services *services)
{
	commit(reservation, services, (struct ending){.group = GROUP_ALL});
	forget(reservation);
}

void reservation_give_back(struct reservation *reservation, const struct services *services)
{
	give_back(reservation, services, (struct ending){.of_part = false});
	forget(reservation);
}

void reservation_commit_part(
	struct reservation *reservation, const struct services *services, unsigned part)
{
	commit(reservation, services,
		(struct ending){.group = GROUP_ALL, .of_part = true, .part = part});
	forget_part(reservation, part);
}

void reservation_give_back_part(
	struct reservation *reservation, const struct services *services, unsigned part)
{
	give_back(reservation, services, (struct ending){.of_part = true, .part = part});
	forget_part(reservation, part);
}
