/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_pool.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "redis_error.h"
#include "redis_pool_private.h"

enum { COMPLAIN_EVERY_MS = 60000, FOREVER_MS = 3600000 };

/* What travels in one write: commands whose replies nobody wants, and calls of other threads. */
struct batch {
	struct redis_bytes later[REDIS_BATCH_MAX];
	size_t later_count;
	struct redis_call *calls[REDIS_BATCH_MAX];
	size_t call_count;
};

void redis_pool_describe(
	enum link_result result, const struct redis_answer *reply, char detail[REDIS_DETAIL_SIZE])
{
	static const char *const sentences[] = {
		[LINK_TIMEOUT] = "no answer in time",
		[LINK_REFUSED] = "no connection",
		[LINK_LOST] = "connection lost",
		[LINK_GARBAGE] = "the answer is not a Redis reply",
	};
	const char *advice;
	char shown[80];

	if (result != LINK_ANSWERED) {
		snprintf(detail, REDIS_DETAIL_SIZE, "%s", sentences[result]);
		return;
	}
	redis_error_show(reply->error, shown, sizeof(shown));
	advice = redis_error(reply->error)->advice;
	snprintf(detail, REDIS_DETAIL_SIZE, "%s%s%s", shown, advice == NULL ? "" : ": ",
		advice == NULL ? "" : advice);
}

static size_t take_idle(struct redis_pool *pool, struct redis_link **links) REQUIRES(pool->lock)
{
	size_t count = pool->idle_count;

	memcpy(links, pool->idle, count * sizeof(*links));
	pool->open_count -= count;
	pool->idle_count = 0;
	pool->generation++;
	return count;
}

void redis_pool_close_links(struct redis_pool *pool)
{
	struct redis_link **links = mem_array(pool->links_max, sizeof(*links));
	size_t count;

	lock_take(&pool->lock);
	count = take_idle(pool, links);
	lock_give(&pool->lock);
	while (count-- > 0)
		redis_link_close(&links[count]);
	mem_free(links);
}

/* The call at the head of the line, taken out of it; NULL if nobody waits. */
static struct redis_call *next_in_line(struct redis_pool *pool) REQUIRES(pool->lock)
{
	struct redis_call *call = pool->first;

	if (call == NULL)
		return NULL;
	pool->first = call->next;
	if (pool->first == NULL)
		pool->last = NULL;
	return call;
}

static void leave_line(struct redis_pool *pool, const struct redis_call *call) REQUIRES(pool->lock)
{
	struct redis_call **at = &pool->first;

	pool->last = NULL;
	while (*at != NULL) {
		if (*at == call) {
			*at = call->next;
			continue;
		}
		pool->last = *at;
		at = &(*at)->next;
	}
}

void redis_pool_failed(struct redis_pool *pool, bool final, const char *detail)
{
	struct redis_call *call;
	bool opened;

	lock_take(&pool->lock);
	snprintf(pool->detail, sizeof(pool->detail), "%s", detail);
	opened = breaker_failed(&pool->breaker, final, clock_monotonic_ms()) || !pool->known;
	pool->known = true;
	pool->outages += opened;
	if (opened)
		condition_signal(&pool->keeper_wanted);
	/* Nothing of before the outage is sent after it. */
	while (opened && pool->later_count > 0)
		mem_free(pool->later[--pool->later_count].start);
	while (opened && (call = next_in_line(pool)) != NULL) {
		call->state = CALL_REFUSED;
		condition_signal(&call->moved);
	}
	lock_give(&pool->lock);
	if (!opened)
		return;
	redis_pool_close_links(pool);
	log_warning("store: Redis at %s is down: %s", pool->place.shown, detail);
}

/* A link, or with NULL the place of one that is gone, goes to the next in line or back. */
static void pass_on(struct redis_pool *pool, struct redis_link *link, unsigned generation)
	REQUIRES(pool->lock)
{
	struct redis_call *call = next_in_line(pool);

	if (call != NULL) {
		call->state = CALL_TURN;
		call->link = link;
		call->generation = link != NULL ? generation : pool->generation;
		condition_signal(&call->moved);
	} else if (link != NULL) {
		pool->idle[pool->idle_count++] = link;
	} else {
		pool->open_count--;
	}
}

static void release(struct redis_pool *pool, struct redis_call *call, bool keep)
{
	struct redis_link *gone = NULL;

	lock_take(&pool->lock);
	if (keep)
		breaker_answered(&pool->breaker);
	if (!keep || pool->breaker.open || call->generation != pool->generation) {
		gone = call->link;
		call->link = NULL;
	}
	pass_on(pool, call->link, call->generation);
	lock_give(&pool->lock);
	call->link = NULL;
	redis_link_close(&gone);
}

/* Waits in line. Afterwards the state is anything but CALL_CARRIED. */
static void wait_in_line(struct redis_pool *pool, struct redis_call *call) REQUIRES(pool->lock)
{
	if (pool->last != NULL)
		pool->last->next = call;
	else
		pool->first = call;
	pool->last = call;
	while (call->state == CALL_WAITING || call->state == CALL_CARRIED) {
		bool carried = call->state == CALL_CARRIED;
		uint64_t until = carried ? clock_monotonic_ms() + FOREVER_MS : call->deadline_ms;

		if (condition_wait(&call->moved, &pool->lock, until) || call->state != CALL_WAITING)
			continue;
		leave_line(pool, call);
		return;
	}
}

/* Has a link, or the right to open one, or the reply already. False: down, or no time left. */
static bool get_turn(struct redis_pool *pool, struct redis_call *call, char *address)
{
	condition_init(&call->moved);
	lock_take(&pool->lock);
	if (pool->breaker.open) {
		call->state = CALL_REFUSED;
	} else if (pool->idle_count > 0 || pool->open_count < pool->links_max) {
		call->state = CALL_TURN;
		call->generation = pool->generation;
		if (pool->idle_count > 0)
			call->link = pool->idle[--pool->idle_count];
		else
			pool->open_count++;
	} else {
		wait_in_line(pool, call);
	}
	memcpy(address, pool->address, sizeof(pool->address));
	lock_give(&pool->lock);
	condition_destroy(&call->moved);
	return call->state == CALL_TURN || call->state == CALL_DONE;
}

static bool connect_new(struct redis_pool *pool, const char *address, struct redis_call *call)
{
	uint64_t until = clock_monotonic_ms() + pool->connect_timeout_ms;
	struct redis_answer reply;
	enum link_result result =
		redis_place_connect(&pool->place, *address == '\0' ? NULL : address,
			until < call->deadline_ms ? until : call->deadline_ms, &call->link, &reply);
	char detail[REDIS_DETAIL_SIZE];

	if (result == LINK_ANSWERED && call->link != NULL)
		return true;
	redis_pool_describe(result, &reply, detail);
	redis_pool_failed(pool, result == LINK_REFUSED || result == LINK_ANSWERED, detail);
	release(pool, call, false);
	return false;
}

static void fill_batch(struct redis_pool *pool, struct batch *batch)
{
	lock_take(&pool->lock);
	batch->later_count =
		pool->later_count < REDIS_BATCH_MAX ? pool->later_count : REDIS_BATCH_MAX;
	memcpy(batch->later, pool->later, batch->later_count * sizeof(*batch->later));
	pool->later_count -= batch->later_count;
	memmove(pool->later, pool->later + batch->later_count,
		pool->later_count * sizeof(*pool->later));
	batch->call_count = 0;
	while (batch->call_count < REDIS_BATCH_MAX && pool->first != NULL) {
		struct redis_call *call = next_in_line(pool);

		call->state = CALL_CARRIED;
		batch->calls[batch->call_count++] = call;
	}
	lock_give(&pool->lock);
}

static void finish_batch(struct redis_pool *pool, struct batch *batch)
{
	if (batch->call_count == 0)
		return;
	lock_take(&pool->lock);
	for (size_t i = 0; i < batch->call_count; i++) {
		batch->calls[i]->state = CALL_DONE;
		condition_signal(&batch->calls[i]->moved);
	}
	lock_give(&pool->lock);
}

/* Uses the link of CALL for it and for those in line behind it. */
static void carry(struct redis_pool *pool, struct redis_call *call)
{
	struct batch batch;

	fill_batch(pool, &batch);
	for (size_t i = 0; i < batch.later_count; i++) {
		redis_link_append_bytes(call->link, batch.later[i].start, batch.later[i].length);
		mem_free(batch.later[i].start);
	}
	redis_link_append(call->link, call->command, true);
	for (size_t i = 0; i < batch.call_count; i++)
		redis_link_append(call->link, batch.calls[i]->command, true);
	call->result = redis_link_receive(call->link, call->deadline_ms, call->reply);
	for (size_t i = 0; i < batch.call_count; i++) {
		const struct redis_call *before = i == 0 ? call : batch.calls[i - 1];

		batch.calls[i]->result = before->result != LINK_ANSWERED
						 ? before->result
						 : redis_link_receive(call->link, call->deadline_ms,
							   batch.calls[i]->reply);
	}
	release(pool, call,
		(batch.call_count == 0 ? call : batch.calls[batch.call_count - 1])->result ==
			LINK_ANSWERED);
	finish_batch(pool, &batch);
}

/* False: there is no reply, and the failure is noted already. */
static bool run(struct redis_pool *pool, struct redis_call *call)
{
	char address[REDIS_ADDRESS_SIZE];

	if (!get_turn(pool, call, address))
		return false;
	if (call->state == CALL_DONE)
		return true;
	if (clock_monotonic_ms() >= call->deadline_ms) {
		release(pool, call, call->link != NULL);
		return false;
	}
	if (call->link == NULL && !connect_new(pool, address, call))
		return false;
	carry(pool, call);
	return true;
}

static void send_whole_script(const struct redis_pool *pool, struct redis_command *command)
{
	command->arguments[0] = "EVAL";
	command->lengths[0] = strlen("EVAL");
	command->arguments[1] = pool->script;
	command->lengths[1] = strlen(pool->script);
}

/* What to do after a call that brought no good reply; true: try again. */
static bool after_failure(struct redis_pool *pool, const struct redis_call *call, bool may_retry)
{
	enum redis_remedy remedy = REDIS_DOWN;
	char detail[REDIS_DETAIL_SIZE];

	redis_pool_describe(call->result, call->reply, detail);
	if (call->result == LINK_ANSWERED)
		remedy = redis_error(call->reply->error)->remedy;
	else if (call->result == LINK_LOST)
		remedy = REDIS_REDISCOVER;
	if (remedy == REDIS_REDISCOVER)
		redis_pool_close_links(pool);
	if (may_retry && (remedy == REDIS_REDISCOVER || remedy == REDIS_RETRY))
		return true;
	if (remedy == REDIS_DATA)
		redis_pool_complain(pool, detail);
	else
		redis_pool_failed(pool, remedy == REDIS_CONFIGURE, detail);
	return false;
}

enum store_status redis_pool_call(
	struct redis_pool *pool, struct redis_command *command, struct redis_answer *reply_r)
{
	uint64_t deadline_ms = clock_monotonic_ms() + pool->timeout_ms;
	bool retried = false;

	for (;;) {
		struct redis_call call = {
			.command = command, .reply = reply_r, .deadline_ms = deadline_ms};

		memset(reply_r, 0, sizeof(*reply_r));
		if (!run(pool, &call))
			return STORE_DOWN;
		if (call.result == LINK_ANSWERED && reply_r->kind != ANSWER_ERROR)
			return STORE_OK;
		mem_free(reply_r->text);
		reply_r->text = NULL;
		if (call.result == LINK_ANSWERED && strcmp(command->arguments[0], "EVALSHA") == 0 &&
			redis_error(reply_r->error)->remedy == REDIS_SEND_SCRIPT) {
			send_whole_script(pool, command);
			continue;
		}
		if (!after_failure(pool, &call, !retried))
			return STORE_DOWN;
		retried = true;
	}
}

void redis_pool_send_later(struct redis_pool *pool, const struct redis_command *command)
{
	struct redis_bytes bytes;

	bytes.start = redis_link_format(command, &bytes.length);
	lock_take(&pool->lock);
	if (!pool->breaker.open && pool->later_count < REDIS_LATER_MAX) {
		pool->later[pool->later_count++] = bytes;
		bytes.start = NULL;
		if (pool->later_count == REDIS_LATER_WAKE)
			condition_signal(&pool->keeper_wanted);
	}
	lock_give(&pool->lock);
	mem_free(bytes.start);
}

void redis_pool_complain(struct redis_pool *pool, const char *text)
{
	uint64_t now = clock_monotonic_ms();
	bool quiet;

	lock_take(&pool->lock);
	snprintf(pool->detail, sizeof(pool->detail), "%s", text);
	quiet = pool->complained_ms != 0 && now - pool->complained_ms < COMPLAIN_EVERY_MS;
	if (!quiet)
		pool->complained_ms = now;
	lock_give(&pool->lock);
	if (!quiet)
		log_warning("store: Redis at %s: %s", pool->place.shown, text);
}

void redis_pool_state(struct redis_pool *pool, struct store_state *state_r)
{
	lock_take(&pool->lock);
	state_r->up = !pool->breaker.open;
	state_r->outages = pool->outages;
	snprintf(state_r->detail, sizeof(state_r->detail), "%.127s", pool->detail);
	lock_give(&pool->lock);
}
