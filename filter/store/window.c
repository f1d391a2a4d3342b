/* SPDX-License-Identifier: BSD-2-Clause */
#include "window.h"

#include <string.h>

#include "mem.h"
#include "window_private.h"

void window_init(struct window *window, int64_t window_ms)
{
	memset(window, 0, sizeof(*window));
	window->step_ms = (window_ms + WINDOW_SLOTS - 1) / WINDOW_SLOTS;
	if (window->step_ms < 1)
		window->step_ms = 1;
}

void window_clear(struct window *window)
{
	for (size_t i = 0; i < window->reservation_count; i++)
		mem_free(window->reservations[i].runs);
	mem_free(window->reservations);
	mem_free(window->slots);
	window->reservations = NULL;
	window->slots = NULL;
	window->reservation_count = 0;
	window->slot_count = 0;
	window_members_clear(window);
}

/* The slot of now, or that of the last change when it is ahead by no more than a clock may be. */
static int64_t current_slot(const struct window *window, int64_t now_ms)
{
	int64_t now = now_ms / window->step_ms;
	int64_t ahead = window->last - now;

	return ahead > 0 && ahead <= 2 * WINDOW_SLOTS ? window->last : now;
}

int64_t window_used(const struct window *window, int64_t now_ms)
{
	int64_t oldest = current_slot(window, now_ms) - WINDOW_SLOTS;
	int64_t used = 0;

	for (size_t i = 0; i < window->slot_count; i++)
		if (window->slots[i].number >= oldest)
			used += window->slots[i].units;
	return used;
}

static struct window_reservation *find(const struct window *window, const unsigned char *id)
{
	for (size_t i = 0; i < window->reservation_count; i++)
		if (memcmp(window->reservations[i].id, id, WINDOW_ID_SIZE) == 0)
			return &window->reservations[i];
	return NULL;
}

/* Until enough of the oldest slots have left for NEEDED units. */
static int64_t wait_ms(const struct window *window, int64_t needed, int64_t now_ms)
{
	int64_t current = current_slot(window, now_ms);
	int64_t freed = 0;

	for (size_t i = 0; i < window->slot_count; i++) {
		int64_t number = window->slots[i].number;

		if (number < current - WINDOW_SLOTS)
			continue;
		freed += window->slots[i].units;
		if (number > current)
			number = current;
		if (freed >= needed)
			return (number + WINDOW_SLOTS + 1) * window->step_ms - now_ms;
	}
	return WINDOW_SLOTS * window->step_ms;
}

static bool is_counted(const struct window *window, const struct window_ask *ask, int64_t oldest)
{
	const struct window_reservation *reservation;

	if (ask->member != NULL)
		return window_member_is_held(window, ask->id, ask->member, oldest);
	reservation = find(window, ask->id);
	return ask->units > 0 && reservation != NULL && ask->sequence <= reservation->last;
}

struct window_answer window_ask(
	const struct window *window, const struct window_ask *ask, int64_t now_ms)
{
	int64_t oldest = current_slot(window, now_ms) - WINDOW_SLOTS;
	int64_t units = ask->member != NULL ? 1 : ask->units;
	struct window_answer answer = {
		.counted = is_counted(window, ask, oldest), .used = window_used(window, now_ms)};
	/* A known member costs nothing, and that always fits. */
	bool known = answer.counted || (ask->member != NULL && window_member_newest(window,
								       ask->member, oldest) >= 0);

	answer.cost = known ? 0 : units;
	answer.fits =
		answer.counted || (ask->limit > 0 && (known || answer.used + units <= ask->limit));
	if (answer.fits)
		return answer;
	answer.retry_after_ms = WINDOW_SLOTS * window->step_ms;
	if (ask->limit > 0 && units <= ask->limit)
		answer.retry_after_ms = wait_ms(window, answer.used + units - ask->limit, now_ms);
	return answer;
}

static void remove_reservation(struct window *window, struct window_reservation *reservation)
{
	mem_free(reservation->runs);
	*reservation = window->reservations[--window->reservation_count];
}

static void insert_run(
	struct window_reservation *reservation, size_t at, const struct window_run *run)
{
	size_t count = reservation->run_count;

	reservation->runs = mem_resize(reservation->runs, count + 1, sizeof(*run));
	memmove(reservation->runs + at + 1, reservation->runs + at, (count - at) * sizeof(*run));
	reservation->runs[at] = *run;
	reservation->run_count = count + 1;
}

static void remove_run(struct window_reservation *reservation, size_t at)
{
	reservation->run_count--;
	memmove(reservation->runs + at, reservation->runs + at + 1,
		(reservation->run_count - at) * sizeof(*reservation->runs));
}

/* Where there are too many, two of the oldest in one slot become one, which only leaves as a whole: a
 * single call is given back soon or not at all. */
static void fold_runs(struct window_reservation *reservation)
{
	for (size_t i = 1;
		i < reservation->run_count && reservation->run_count > WINDOW_RUNS_MAX;) {
		struct window_run *run = &reservation->runs[i - 1];
		const struct window_run *next = &reservation->runs[i];

		if (run->slot != next->slot) {
			i++;
			continue;
		}
		*run = (struct window_run){
			0, 1, run->slot, run->count * run->units + next->count * next->units};
		remove_run(reservation, i);
	}
}

static void forget_old(struct window *window, int64_t oldest)
{
	size_t old = 0;

	while (old < window->slot_count && window->slots[old].number < oldest)
		old++;
	window->slot_count -= old;
	if (old > 0)
		memmove(window->slots, window->slots + old,
			window->slot_count * sizeof(*window->slots));
	for (size_t i = window->reservation_count; i-- > 0;) {
		struct window_reservation *reservation = &window->reservations[i];

		for (size_t j = reservation->run_count; j-- > 0;)
			if (reservation->runs[j].slot < oldest)
				remove_run(reservation, j);
		if (reservation->at < oldest)
			remove_reservation(window, reservation);
	}
}

void window_slot_add(struct window *window, int64_t number, int64_t units)
{
	size_t count = window->slot_count;
	size_t at = count;

	while (at > 0 && window->slots[at - 1].number >= number)
		at--;
	if (at == count || window->slots[at].number != number) {
		window->slots = mem_resize(window->slots, count + 1, sizeof(*window->slots));
		memmove(window->slots + at + 1, window->slots + at,
			(count - at) * sizeof(*window->slots));
		window->slots[at] = (struct window_slot){.number = number};
		window->slot_count = count + 1;
	}
	window->slots[at].units += units;
}

/* What was counted under a clock that was far ahead counts as of now: it may be real. */
static void fold_future(struct window *window, int64_t current)
{
	int64_t units = 0;

	while (window->slot_count > 0 && window->slots[window->slot_count - 1].number > current)
		units += window->slots[--window->slot_count].units;
	if (units > 0)
		window_slot_add(window, current, units);
	for (size_t i = 0; i < window->reservation_count; i++) {
		struct window_reservation *reservation = &window->reservations[i];

		if (reservation->at > current)
			reservation->at = current;
		for (size_t j = 0; j < reservation->run_count; j++)
			if (reservation->runs[j].slot > current)
				reservation->runs[j].slot = current;
	}
}

static struct window_reservation *find_or_add(struct window *window, const unsigned char *id)
{
	struct window_reservation *reservation = find(window, id);
	size_t count = window->reservation_count;

	if (reservation != NULL)
		return reservation;
	window->reservations =
		mem_resize(window->reservations, count + 1, sizeof(*window->reservations));
	window->reservation_count = count + 1;
	reservation = &window->reservations[count];
	memset(reservation, 0, sizeof(*reservation));
	memcpy(reservation->id, id, WINDOW_ID_SIZE);
	return reservation;
}

/* Brings the window to NOW_MS and returns the current slot. */
static int64_t move_on(struct window *window, int64_t now_ms)
{
	int64_t current = current_slot(window, now_ms);

	forget_old(window, current - WINDOW_SLOTS);
	if (window->last > current)
		fold_future(window, current);
	if (window->last != current)
		window_members_move_on(window, current - WINDOW_SLOTS, current);
	window->last = current;
	return current;
}

void window_take(struct window *window, const struct window_ask *ask, int64_t now_ms)
{
	struct window_run run = {ask->sequence, 1, move_on(window, now_ms), ask->units};
	struct window_reservation *reservation;
	struct window_run *newest;

	if (ask->member != NULL) {
		window_member_take(window, ask, run.slot, run.slot - WINDOW_SLOTS);
		return;
	}
	window_slot_add(window, run.slot, ask->units);
	reservation = find_or_add(window, ask->id);
	reservation->last = ask->sequence;
	reservation->at = run.slot;
	newest = reservation->run_count > 0 ? &reservation->runs[reservation->run_count - 1] : NULL;
	if (newest != NULL && newest->first + newest->count == run.first &&
		newest->slot == run.slot && newest->units == run.units) {
		newest->count++;
		return;
	}
	insert_run(reservation, reservation->run_count, &run);
	fold_runs(reservation);
}

void window_commit(struct window *window, const unsigned char *id)
{
	struct window_reservation *reservation = find(window, id);

	if (reservation != NULL)
		remove_reservation(window, reservation);
}

void window_slot_subtract(struct window *window, int64_t number, int64_t units)
{
	for (size_t i = 0; i < window->slot_count; i++) {
		struct window_slot *slot = &window->slots[i];

		if (slot->number != number)
			continue;
		slot->units -= units;
		if (slot->units > 0)
			return;
		window->slot_count--;
		memmove(slot, slot + 1, (window->slot_count - i) * sizeof(*slot));
		return;
	}
}

static void give_back_all(struct window *window, struct window_reservation *reservation)
{
	for (size_t i = 0; i < reservation->run_count; i++) {
		const struct window_run *run = &reservation->runs[i];

		window_slot_subtract(window, run->slot, run->count * run->units);
	}
	remove_reservation(window, reservation);
}

void window_give_back(struct window *window, const struct window_ask *ask)
{
	struct window_reservation *reservation = find(window, ask->id);
	struct window_run run, part;
	size_t i = 0;

	if (reservation == NULL)
		return;
	if (ask->sequence == 0) {
		give_back_all(window, reservation);
		return;
	}
	while (i < reservation->run_count &&
		(ask->sequence < reservation->runs[i].first ||
			ask->sequence >= reservation->runs[i].first + reservation->runs[i].count))
		i++;
	if (i == reservation->run_count)
		return;
	run = reservation->runs[i];
	window_slot_subtract(window, run.slot, ask->units < run.units ? ask->units : run.units);
	remove_run(reservation, i);
	part = run;
	part.first = ask->sequence + 1;
	part.count = run.first + run.count - part.first;
	if (part.count > 0)
		insert_run(reservation, i, &part);
	run.count = ask->sequence - run.first;
	if (run.count > 0)
		insert_run(reservation, i, &run);
	fold_runs(reservation);
}

int64_t window_end_ms(const struct window *window)
{
	return (window->last + WINDOW_SLOTS + 1) * window->step_ms;
}

size_t window_bytes(const struct window *window)
{
	size_t bytes = window->slot_count * sizeof(*window->slots) +
		       window->reservation_count * sizeof(*window->reservations);

	for (size_t i = 0; i < window->reservation_count; i++)
		bytes += window->reservations[i].run_count * sizeof(struct window_run);
	return bytes + window_members_bytes(window);
}
