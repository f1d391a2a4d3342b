/* SPDX-License-Identifier: BSD-2-Clause */
/* Of the Redis half: a step of several windows in a cluster, where a script may touch one slot only. */
#include <string.h>

#include "mem.h"
#include "redis_error.h"
#include "redis_slots.h"
#include "store_redis_private.h"

enum { CHARGED_AT = 5 /* in an answer of window.lua to part */ };

/* The charges of one slot. */
struct part {
	unsigned slot;
	struct store_charge charges[STORE_CHARGES_MAX];
	size_t from[STORE_CHARGES_MAX]; /* their places in the step */
	size_t count;
};

struct spread {
	struct part parts[STORE_CHARGES_MAX];
	struct redis_command commands[STORE_CHARGES_MAX];
	struct redis_answer replies[STORE_CHARGES_MAX];
	bool done[STORE_CHARGES_MAX];
	size_t count;
};

static struct part *part_of(struct spread *spread, unsigned slot, bool singly)
{
	struct part *part;

	for (size_t i = 0; i < spread->count && !singly; i++)
		if (spread->parts[i].slot == slot)
			return &spread->parts[i];
	part = &spread->parts[spread->count++];
	part->slot = slot;
	return part;
}

/* SINGLY: keys of one slot, too. The caller frees it. */
static struct spread *divide(const struct redis *redis, const struct store_step *step, bool singly)
{
	struct spread *spread = mem_alloc(sizeof(*spread));

	for (size_t i = 0; i < step->count; i++) {
		char key[REDIS_KEY_SIZE];
		size_t length = redis_key(redis, &step->charges[i], key);
		struct part *part = part_of(spread, redis_slot(key, length), singly);

		part->charges[part->count] = step->charges[i];
		part->from[part->count++] = i;
	}
	return spread;
}

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
		mem_free(spread->replies[i].text);
	return status;
}

/* Of a part that was taken, only what was charged now is to be taken back: a member that the same id held
 * before stays held. */
static void keep_charged(struct part *part, const struct redis_answer *reply)
{
	int64_t charged = reply->count > CHARGED_AT ? reply->numbers[CHARGED_AT] : 0;
	size_t count = 0;

	for (size_t i = 0; i < part->count; i++)
		if (part->charges[i].members == NULL || (charged >> i & 1) != 0)
			part->charges[count++] = part->charges[i];
	part->count = count;
}

/* Takes back what some parts took, as if the step had never been asked for. */
static void undo(struct redis *redis, const struct store_step *step, struct spread *spread,
	const bool *taken)
{
	size_t count = 0;

	for (size_t i = 0; i < spread->count; i++) {
		if (!taken[i])
			continue;
		keep_charged(&spread->parts[i], &spread->replies[i]);
		if (spread->parts[i].count > 0)
			spread->parts[count++] = spread->parts[i];
	}
	spread->count = count;
	if (count > 0)
		(void)call(redis, "undo", step, spread);
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
	bool taken[STORE_CHARGES_MAX] = {false};
	enum store_status status = call(redis, step->look ? "look" : "part", step, spread);
	bool down = status == STORE_DOWN;
	bool first = true;

	*between_r = was_between(spread);
	for (size_t i = 0; i < spread->count; i++) {
		struct store_decision other = {0};
		enum store_status own = STORE_DOWN;

		if (spread->done[i])
			own = redis_read_decision(
				redis, &spread->replies[i], spread->parts[i].count, &other);
		taken[i] = own == STORE_OK && !step->look;
		if (own == STORE_DOWN) {
			down = true;
			continue;
		}
		other.over = spread->parts[i].from[other.over];
		if (first || tells_more(step, own, &other, status, decision_r)) {
			*decision_r = other;
			status = own;
		}
		first = false;
	}
	if (down)
		status = STORE_DOWN;
	if (status == STORE_OVER || *between_r)
		undo(redis, step, spread, taken);
	return status;
}

enum store_status redis_spread_reserve(
	struct redis *redis, const struct store_step *step, struct store_decision *decision_r)
{
	struct spread *spread = divide(redis, step, false);
	bool between;
	enum store_status status = reserve(redis, step, spread, decision_r, &between);

	if (between) {
		mem_free(spread);
		spread = divide(redis, step, true);
		status = reserve(redis, step, spread, decision_r, &between);
	}
	mem_free(spread);
	return status;
}

enum store_status redis_spread(
	struct redis *redis, const char *operation, const struct store_step *step, int64_t *used_r)
{
	struct spread *spread = divide(redis, step, false);
	enum store_status status = call(redis, operation, step, spread);

	if (status == STORE_DOWN && was_between(spread)) {
		mem_free(spread);
		spread = divide(redis, step, true);
		status = call(redis, operation, step, spread);
	}
	for (size_t i = 0; i < spread->count && status == STORE_OK; i++) {
		const struct part *part = &spread->parts[i];
		int64_t used[STORE_CHARGES_MAX];

		if (used_r == NULL)
			continue;
		status = redis_read_used(redis, &spread->replies[i], part->count, used);
		for (size_t j = 0; j < part->count && status == STORE_OK; j++)
			used_r[part->from[j]] = used[j];
	}
	mem_free(spread);
	return status;
}
