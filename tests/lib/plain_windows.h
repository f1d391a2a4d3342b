/* SPDX-License-Identifier: BSD-2-Clause */
/* window.h as a half of the store, without a table around it, so that its clock may go back: the
 * memory half's never does. For one test file, which has a clock. */
#ifndef MAILREEVE_TESTS_PLAIN_WINDOWS_H
#define MAILREEVE_TESTS_PLAIN_WINDOWS_H

#include <assert.h>
#include <string.h>

#include "store_backend.h"
#include "window.h"

enum { PLAIN_MAX = 8 };

struct plain {
	char key[STORE_KEY_SIZE];
	struct window window;
};

static struct plain plain[PLAIN_MAX];
static size_t plain_next;

/* The window of a key, or an empty one in the place of the oldest. */
static struct window *plain_of(const struct store_charge *charge)
{
	struct plain *place;

	for (size_t i = 0; i < PLAIN_MAX; i++)
		if (strcmp(plain[i].key, charge->key) == 0)
			return &plain[i].window;
	place = &plain[plain_next++ % PLAIN_MAX];
	window_clear(&place->window);
	window_init(&place->window, charge->window_ms);
	memcpy(place->key, charge->key, STORE_KEY_SIZE);
	return &place->window;
}

static void plain_clear(void)
{
	for (size_t i = 0; i < PLAIN_MAX; i++)
		window_clear(&plain[i].window);
	memset(plain, 0, sizeof(plain));
}

static struct window_ask plain_ask(const struct store_step *step, size_t i)
{
	return (struct window_ask){step->id, step->sequence, step->charges[i].limit,
		step->charges[i].units, step->charges[i].members};
}

static enum store_status plain_reserve(
	void *half, const struct store_step *step, struct store_decision *decision_r)
{
	struct window_answer answers[PLAIN_MAX];
	int64_t now = *(const int64_t *)half;
	bool fits = true;

	assert(step->count <= PLAIN_MAX);

	for (size_t i = 0; i < step->count; i++) {
		struct window_ask ask = plain_ask(step, i);

		answers[i] = window_ask(plain_of(&step->charges[i]), &ask, now);
		if (step->charges[i].watch != NULL && !answers[i].fits) {
			*step->charges[i].watch = (struct store_watch){
				true, answers[i].used, answers[i].retry_after_ms};
			continue;
		}
		if (fits) {
			decision_r->over = i;
			decision_r->used =
				answers[i].used + (answers[i].fits ? answers[i].cost : 0);
			decision_r->retry_after_ms = answers[i].retry_after_ms;
		}
		fits = fits && answers[i].fits;
	}
	for (size_t i = 0; i < step->count && fits && !step->look; i++) {
		struct window_ask ask = plain_ask(step, i);

		if ((ask.units > 0 || ask.member != NULL) && answers[i].fits && !answers[i].counted)
			window_take(plain_of(&step->charges[i]), &ask, now);
	}
	return fits ? STORE_OK : STORE_OVER;
}

static void plain_commit(void *half, const struct store_step *step)
{
	(void)half;
	for (size_t i = 0; i < step->count; i++) {
		const struct store_charge *charge = &step->charges[i];

		window_commit(plain_of(charge), step->id);
		for (size_t j = 0; charge->members != NULL && j < charge->member_count; j++)
			window_commit_member(plain_of(charge), step->id,
				charge->members + j * STORE_MEMBER_SIZE);
	}
}

static enum store_status plain_give_back(void *half, const struct store_step *step)
{
	(void)half;
	for (size_t i = 0; i < step->count; i++) {
		const struct store_charge *charge = &step->charges[i];
		struct window_ask ask = plain_ask(step, i);

		if (charge->members == NULL)
			window_give_back(plain_of(charge), &ask);
		for (size_t j = 0; charge->members != NULL && j < charge->member_count; j++)
			window_give_back_member(plain_of(charge), step->id,
				charge->members + j * STORE_MEMBER_SIZE);
	}
	return STORE_OK;
}

static enum store_status plain_peek(void *half, const struct store_step *step, int64_t *used_r)
{
	int64_t now = *(const int64_t *)half;

	for (size_t i = 0; i < step->count; i++)
		used_r[i] = window_used(plain_of(&step->charges[i]), now);
	return STORE_OK;
}

/* Its half is a pointer to the time, an int64_t. */
static const struct store_backend plain_windows = {
	.kind = "plain",
	.reserve = plain_reserve,
	.commit = plain_commit,
	.give_back = plain_give_back,
	.peek = plain_peek,
};

#endif
