/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_pool_call.h"

#include <poll.h>
#include <string.h>

#include "clock.h"
#include "mem.h"
#include "redis_error.h"
#include "redis_pool_private.h"

enum { TRIES_MAX = 8, RETRY_AFTER_MS = 2 };

/* A command until it is answered. */
struct errand {
	struct redis_ask ask;
	unsigned slot;
	struct store_host elsewhere; /* where ASK sent it; empty name: to the owner of the slot */
	unsigned tries;
	bool lost_once;
	enum { ERRAND_OPEN, ERRAND_DONE, ERRAND_FAILED } state;
};

static void fail(struct errand *errand)
{
	errand->state = ERRAND_FAILED;
}

/* Sends it to whom the error names. */
static void redirect(struct redis_pool *pool, const struct redis_seat *seat, struct errand *errand,
	bool asking, uint64_t deadline_ms)
{
	struct store_host host;
	struct redis_seat *target;
	unsigned slot;

	atomic_fetch_add(&pool->redirected, 1);
	if (!redis_redirection_parse(errand->ask.reply.error, &seat->host, &slot, &host)) {
		fail(errand);
		return;
	}
	target = redis_seat_take_at(pool, &host);
	if (target == NULL) {
		(void)redis_pool_look(pool, deadline_ms);
		target = redis_seat_take_at(pool, &host);
	}
	if (target == NULL)
		return;
	if (asking) {
		errand->elsewhere = host;
		errand->ask.asking = true;
	} else {
		redis_seat_own(target, slot);
		redis_pool_look_soon(pool);
	}
	redis_seat_give(target);
}

/* Another server is to be found: where somebody looks for it, that is waited for. */
static void rediscover(struct redis_pool *pool, struct redis_seat *seat, struct errand *errand,
	uint64_t deadline_ms)
{
	redis_node_close_links(seat->node);
	errand->lost_once = true;
	if (redis_pool_has_follower(pool))
		(void)redis_pool_look(pool, deadline_ms);
}

static void note(struct redis_seat *seat, struct errand *errand, bool final)
{
	char detail[REDIS_DETAIL_SIZE];

	redis_node_describe(LINK_ANSWERED, &errand->ask.reply, detail);
	redis_node_failed(seat->node, final, detail);
	redis_node_suspect(seat->node);
	fail(errand);
}

static void judge_error(struct redis_pool *pool, struct redis_seat *seat, struct errand *errand,
	uint64_t deadline_ms)
{
	enum redis_remedy remedy = redis_error(errand->ask.reply.error)->remedy;
	char detail[REDIS_DETAIL_SIZE];

	if (strncmp(errand->ask.reply.error, "UNCONFIRMED", 11) == 0)
		atomic_fetch_add(&pool->unconfirmed, 1);
	if (++errand->tries > TRIES_MAX)
		remedy = REDIS_DATA;
	switch (remedy) {
	case REDIS_SEND_SCRIPT:
		if (!redis_command_send_whole(errand->ask.command))
			note(seat, errand, false);
		break;
	case REDIS_MOVED:
	case REDIS_ASK:
		if (redis_pool_is_cluster(pool))
			redirect(pool, seat, errand, remedy == REDIS_ASK, deadline_ms);
		else
			note(seat, errand, true);
		break;
	case REDIS_REDISCOVER:
		if (errand->lost_once)
			note(seat, errand, false);
		else
			rediscover(pool, seat, errand, deadline_ms);
		break;
	case REDIS_RETRY:
		/* In a cluster: of several keys some have moved already. The caller divides them. */
		if (redis_pool_is_cluster(pool))
			fail(errand);
		else if (errand->tries > 1)
			note(seat, errand, false);
		else
			poll(NULL, 0, RETRY_AFTER_MS);
		break;
	case REDIS_DATA:
		redis_node_describe(LINK_ANSWERED, &errand->ask.reply, detail);
		redis_pool_complain(pool, detail);
		fail(errand);
		break;
	case REDIS_CONFIGURE:
		note(seat, errand, true);
		break;
	case REDIS_DOWN:
		note(seat, errand, false);
		break;
	}
}

static void judge_loss(struct redis_pool *pool, struct redis_seat *seat, struct errand *errand)
{
	struct redis_answer none = {.kind = ANSWER_NIL};
	char detail[REDIS_DETAIL_SIZE];

	atomic_fetch_add(&pool->lost, 1);
	if (!errand->lost_once) {
		errand->lost_once = true;
		return;
	}
	redis_node_describe(LINK_LOST, &none, detail);
	redis_node_failed(seat->node, false, detail);
	fail(errand);
}

static void judge(struct redis_pool *pool, struct redis_seat *seat, struct errand *errand,
	enum redis_node_result result, uint64_t deadline_ms)
{
	switch (result) {
	case NODE_ANSWERED:
		errand->ask.asking = false;
		errand->elsewhere.name[0] = '\0';
		if (errand->ask.reply.kind == ANSWER_ERROR)
			judge_error(pool, seat, errand, deadline_ms);
		else
			errand->state = ERRAND_DONE;
		break;
	case NODE_LOST:
		judge_loss(pool, seat, errand);
		break;
	case NODE_LATE:
		atomic_fetch_add(&pool->late, 1);
		fail(errand);
		break;
	case NODE_DOWN:
		atomic_fetch_add(&pool->refused, 1);
		fail(errand);
		break;
	}
}

static struct redis_seat *seat_for(struct redis_pool *pool, const struct errand *errand)
{
	if (errand->elsewhere.name[0] != '\0')
		return redis_seat_take_at(pool, &errand->elsewhere);
	return redis_seat_take(pool, errand->slot);
}

/* Errands of one call, and room for those of them that travel together. */
struct errands {
	struct errand *all;
	struct errand **taken;
	struct redis_ask **asks;
	size_t count;
};

/* Brings the open errands of the server of the first one there, all at once. */
static void run_some(struct redis_pool *pool, const struct errands *errands, uint64_t deadline_ms)
{
	struct redis_seat *seat = NULL;
	enum redis_node_result result;
	size_t number = 0;

	for (size_t i = 0; i < errands->count; i++) {
		struct errand *errand = &errands->all[i];
		struct redis_seat *own;

		if (errand->state != ERRAND_OPEN)
			continue;
		own = seat_for(pool, errand);
		if (own == NULL) {
			atomic_fetch_add(&pool->refused, 1);
			fail(errand);
			continue;
		}
		if (seat == NULL || seat == own) {
			errands->taken[number] = errand;
			errands->asks[number++] = &errand->ask;
		}
		if (seat != NULL)
			redis_seat_give(own);
		else
			seat = own;
	}
	if (seat == NULL)
		return;
	result = redis_node_run(seat->node, errands->asks, number, deadline_ms);
	for (size_t i = 0; i < number; i++)
		judge(pool, seat, errands->taken[i], result, deadline_ms);
	redis_seat_give(seat);
}

/* Something is open, and nothing has failed that ends it. */
static bool goes_on(const struct errands *errands, bool to_the_end)
{
	bool open = false;

	for (size_t i = 0; i < errands->count; i++) {
		if (errands->all[i].state == ERRAND_FAILED && !to_the_end)
			return false;
		open |= errands->all[i].state == ERRAND_OPEN;
	}
	return open;
}

static void late(struct redis_pool *pool, const struct errands *errands)
{
	for (size_t i = 0; i < errands->count; i++)
		if (errands->all[i].state == ERRAND_OPEN) {
			atomic_fetch_add(&pool->late, 1);
			fail(&errands->all[i]);
		}
}

static void run_all(struct redis_pool *pool, const struct errands *errands, bool to_the_end)
{
	uint64_t deadline_ms = clock_monotonic_ms() + pool->node_options.timeout_ms;

	while (goes_on(errands, to_the_end)) {
		if (clock_monotonic_ms() >= deadline_ms)
			late(pool, errands);
		else
			run_some(pool, errands, deadline_ms);
	}
}

static void run_one(struct redis_pool *pool, struct errand *errand)
{
	struct errand *taken;
	struct redis_ask *ask;

	run_all(pool, &(struct errands){errand, &taken, &ask, 1}, false);
}

static void begin(
	const struct redis_pool *pool, struct redis_command *command, struct errand *errand)
{
	memset(errand, 0, sizeof(*errand));
	errand->ask.command = command;
	errand->ask.replicas = command->spends ? pool->wait_replicas : 0;
	errand->slot = redis_pool_slot(pool, command);
}

/* True if it was answered. */
static bool end(struct errand *errand, struct redis_answer *reply_r)
{
	*reply_r = errand->ask.reply;
	if (errand->state == ERRAND_DONE)
		return true;
	mem_free(reply_r->text);
	reply_r->text = NULL;
	return false;
}

enum store_status redis_pool_call_all(struct redis_pool *pool, struct redis_command *commands,
	size_t count, bool to_the_end, struct redis_answer *replies_r, bool *done_r)
{
	struct errands errands = {
		.all = mem_array(count, sizeof(*errands.all)),
		.taken = mem_array(count, sizeof(*errands.taken)),
		.asks = mem_array(count, sizeof(*errands.asks)),
		.count = count,
	};
	enum store_status status = STORE_OK;

	for (size_t i = 0; i < count; i++)
		begin(pool, &commands[i], &errands.all[i]);
	run_all(pool, &errands, to_the_end);
	for (size_t i = 0; i < count; i++) {
		done_r[i] = end(&errands.all[i], &replies_r[i]);
		if (!done_r[i])
			status = STORE_DOWN;
	}
	mem_free(errands.all);
	mem_free(errands.taken);
	mem_free(errands.asks);
	return status;
}

enum store_status redis_pool_call(
	struct redis_pool *pool, struct redis_command *command, struct redis_answer *reply_r)
{
	struct errand errand;

	begin(pool, command, &errand);
	run_one(pool, &errand);
	return end(&errand, reply_r) ? STORE_OK : STORE_DOWN;
}

enum store_status redis_pool_call_at(struct redis_pool *pool, const struct store_host *server,
	struct redis_command *command, struct redis_answer *reply_r)
{
	struct errand errand;

	begin(pool, command, &errand);
	errand.elsewhere = *server;
	run_one(pool, &errand);
	return end(&errand, reply_r) ? STORE_OK : STORE_DOWN;
}
