/* SPDX-License-Identifier: BSD-2-Clause */
/* Of the Redis half: a step of several windows in a cluster, where a script may touch one slot only. */
#include <string.h>

#include "mem.h"
#include "redis_error.h"
#include "redis_slots.h"
#include "store_redis_private.h"

/* The charges of one slot. */
struct part {
	unsigned slot;
	struct store_charge
		*charges; /* all in one array of the spread; of an undo, the first COUNT */
	size_t *from; /* their places in the step */
	bool *charged; /* now, by a call that asked for a part */
	size_t count;
	bool taken;
};

struct spread {
	struct part *parts;
	size_t count;
	struct redis_command *commands;
	struct redis_answer *replies;
	bool *done;
	struct store_charge *charges;
	size_t *from;
	bool *charged;
};

static void free_spread(struct spread *spread)
{
	mem_free(spread->parts);
	mem_free(spread->commands);
	mem_free(spread->replies);
	mem_free(spread->done);
	mem_free(spread->charges);
	mem_free(spread->from);
	mem_free(spread->charged);
}

/* How many charges before the one at END are of its slot, which has the first of them. */
static size_t part_before(const unsigned *slots, size_t end)
{
	size_t first = 0;

	while (slots[first] != slots[end])
		first++;
	return first;
}

/* SINGLY: keys of one slot, too. The caller frees it. */
static struct spread divide(const struct redis *redis, const struct store_step *step, bool singly)
{
	struct spread spread = {
		.parts = mem_array(step->count, sizeof(*spread.parts)),
		.charges = mem_array(step->count, sizeof(*spread.charges)),
		.from = mem_array(step->count, sizeof(*spread.from)),
		.charged = mem_array(step->count, sizeof(*spread.charged)),
	};
	unsigned *slots = mem_array(step->count, sizeof(*slots));
	size_t placed = 0;

	for (size_t i = 0; i < step->count; i++) {
		char key[REDIS_KEY_SIZE];
		size_t length = redis_key(redis, &step->charges[i], key);

		slots[i] = redis_slot(key, length);
	}
	for (size_t i = 0; i < step->count; i++) {
		struct part *part = &spread.parts[spread.count];

		if (!singly && part_before(slots, i) < i)
			continue;
		*part = (struct part){.slot = slots[i],
			.charges = spread.charges + placed,
			.from = spread.from + placed,
			.charged = spread.charged + placed};
		for (size_t j = i; j < (singly ? i + 1 : step->count); j++) {
			if (slots[j] != slots[i])
				continue;
			part->charges[part->count] = step->charges[j];
			part->from[part->count++] = j;
		}
		placed += part->count;
		spread.count++;
	}
	mem_free(slots);
	/* Large, and not zeroed: each is begun anew (redis_build_step). */
	spread.commands = mem_resize(NULL, spread.count, sizeof(*spread.commands));
	spread.replies = mem_array(spread.count, sizeof(*spread.replies));
	spread.done = mem_array(spread.count, sizeof(*spread.done));
	return spread;
}

/* The caller frees the texts of the replies. */
static enum store_status call(struct redis *redis, const char *operation,
	const struct store_step *step, struct spread *spread)
{
	enum store_status status;

	for (size_t i = 0; i < spread->count; i++) {
		struct store_step own = *step;

		own.charges = spread->parts[i].charges;
		own.count = spread->parts[i].count;
		redis_build_step(redis, operation, &own, &spread->commands[i]);
	}
	status = redis_pool_call_all(redis->pool, spread->commands, spread->count,
		strcmp(operation, "part") != 0, spread->replies, spread->done);
	for (size_t i = 0; i < spread->count; i++)
		redis_command_clear(&spread->commands[i]);
	return status;
}

static void free_texts(struct spread *spread)
{
	for (size_t i = 0; i < spread->count; i++) {
		mem_free(spread->replies[i].text);
		spread->replies[i].text = NULL;
	}
}

/* Of a part that was taken, all units are to be taken back, which may have been charged by a try before
 * this one; of members only what was charged now, for what the same id held before stays held. */
static void keep_charged(struct part *part)
{
	size_t count = 0;

	for (size_t i = 0; i < part->count && part->taken; i++)
		if (part->charges[i].members == NULL || part->charged[i])
			part->charges[count++] = part->charges[i];
	part->count = count;
}

/* Takes back what some parts took, as if the step had never been asked for. */
static void undo(struct redis *redis, const struct store_step *step, struct spread *spread)
{
	size_t count = 0;

	for (size_t i = 0; i < spread->count; i++) {
		keep_charged(&spread->parts[i]);
		if (spread->parts[i].count > 0)
			spread->parts[count++] = spread->parts[i];
	}
	spread->count = count;
	if (count > 0)
		(void)call(redis, "undo", step, spread);
	free_texts(spread);
}

static double share(const struct store_charge *charge, int64_t used)
{
	return charge->limit > 0 ? (double)used / (double)charge->limit : 1e300;
}

/* Whether the decision of another part tells more. */
static bool tells_more(const struct store_step *step, enum store_status status,
	const struct store_decision *other, enum store_status so_far,
	const struct store_decision *decision)
{
	if (status != so_far)
		return status == STORE_OVER;
	if (status == STORE_OVER)
		return other->retry_after_ms > decision->retry_after_ms;
	return share(&step->charges[other->over], other->used) >
	       share(&step->charges[decision->over], decision->used);
}

/* A slot is on its way to another node, and some of its keys are there already. */
static bool was_between(const struct spread *spread)
{
	for (size_t i = 0; i < spread->count; i++)
		if (!spread->done[i] && spread->replies[i].kind == ANSWER_ERROR &&
			redis_error(spread->replies[i].error)->remedy == REDIS_RETRY)
			return true;
	return false;
}

static enum store_status reserve(struct redis *redis, const struct store_step *step,
	struct spread *spread, struct store_decision *decision_r, bool *between_r)
{
	enum store_status status = call(redis, step->look ? "look" : "part", step, spread);
	bool down = status == STORE_DOWN;
	bool first = true;

	*between_r = was_between(spread);
	for (size_t i = 0; i < spread->count; i++) {
		struct part *part = &spread->parts[i];
		struct store_decision other = {0};
		enum store_status own = STORE_DOWN;

		if (spread->done[i])
			own = redis_read_decision(redis, &spread->replies[i], part->charges,
				part->count, &other, part->charged);
		part->taken = own == STORE_OK && !step->look;
		if (own == STORE_DOWN) {
			down = true;
			continue;
		}
		other.over = part->from[other.over];
		if (first || tells_more(step, own, &other, status, decision_r)) {
			*decision_r = other;
			status = own;
		}
		first = false;
	}
	free_texts(spread);
	if (down)
		status = STORE_DOWN;
	if (status == STORE_OVER || *between_r)
		undo(redis, step, spread);
	return status;
}

enum store_status redis_spread_reserve(
	struct redis *redis, const struct store_step *step, struct store_decision *decision_r)
{
	struct spread spread = divide(redis, step, false);
	bool between;
	enum store_status status = reserve(redis, step, &spread, decision_r, &between);

	free_spread(&spread);
	if (!between)
		return status;
	spread = divide(redis, step, true);
	status = reserve(redis, step, &spread, decision_r, &between);
	free_spread(&spread);
	return status;
}

static enum store_status read_used(
	struct redis *redis, const struct spread *spread, int64_t *own, int64_t *used_r)
{
	enum store_status status = STORE_OK;

	for (size_t i = 0; i < spread->count && status == STORE_OK; i++) {
		const struct part *part = &spread->parts[i];

		status = redis_read_used(redis, &spread->replies[i], part->count, own);
		for (size_t j = 0; j < part->count && status == STORE_OK; j++)
			used_r[part->from[j]] = own[j];
	}
	return status;
}

static enum store_status run(struct redis *redis, const char *operation,
	const struct store_step *step, bool singly, int64_t *used_r, bool *between_r)
{
	struct spread spread = divide(redis, step, singly);
	enum store_status status = call(redis, operation, step, &spread);
	int64_t *own = mem_array(step->count, sizeof(*own));

	*between_r = status == STORE_DOWN && was_between(&spread);
	if (status == STORE_OK && used_r != NULL)
		status = read_used(redis, &spread, own, used_r);
	mem_free(own);
	free_texts(&spread);
	free_spread(&spread);
	return status;
}

enum store_status redis_spread(
	struct redis *redis, const char *operation, const struct store_step *step, int64_t *used_r)
{
	bool between;
	enum store_status status = run(redis, operation, step, false, used_r, &between);

	return between ? run(redis, operation, step, true, used_r, &between) : status;
}
