/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_node.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "mem.h"
#include "redis_error.h"
#include "redis_node_private.h"

enum { WOKEN_AT_ONCE = 2 };

/* What travels in one write: commands whose replies nobody wants, and calls of other threads. */
struct batch {
	struct redis_bytes later;
	struct redis_call *calls[1 + REDIS_BATCH_MAX]; /* first the one that has the link */
	size_t call_count;
	unsigned replicas; /* that must confirm what is written */
	bool confirmed;
};

void redis_node_describe(
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

	if (result == LINK_INSECURE) {
		snprintf(detail, REDIS_DETAIL_SIZE, "%s", reply->error);
		return;
	}
	if (result != LINK_ANSWERED) {
		snprintf(detail, REDIS_DETAIL_SIZE, "%s", sentences[result]);
		return;
	}
	redis_error_show(reply->error, shown, sizeof(shown));
	advice = redis_error(reply->error)->advice;
	snprintf(detail, REDIS_DETAIL_SIZE, "%s%s%s", shown, advice == NULL ? "" : ": ",
		advice == NULL ? "" : advice);
}

static size_t take_idle(struct redis_node *node, struct redis_link **links) REQUIRES(node->lock)
{
	size_t count = node->idle_count;

	memcpy(links, node->idle, count * sizeof(*links));
	node->open_count -= count;
	node->idle_count = 0;
	node->generation++;
	return count;
}

void redis_node_close_links(struct redis_node *node)
{
	struct redis_link **links = mem_array(node->options.connections, sizeof(*links));
	size_t count;

	lock_take(&node->lock);
	count = take_idle(node, links);
	lock_give(&node->lock);
	while (count-- > 0)
		redis_link_close(&links[count]);
	mem_free(links);
}

/* The call at the head of the line, taken out of it; NULL if nobody waits. */
static struct redis_call *next_in_line(struct redis_node *node) REQUIRES(node->lock)
{
	struct redis_call *call = node->first;

	if (call == NULL)
		return NULL;
	node->first = call->next;
	if (node->first == NULL)
		node->last = NULL;
	return call;
}

static void leave_line(struct redis_node *node, const struct redis_call *call) REQUIRES(node->lock)
{
	struct redis_call **at = &node->first;

	node->last = NULL;
	while (*at != NULL) {
		if (*at == call) {
			*at = call->next;
			continue;
		}
		node->last = *at;
		at = &(*at)->next;
	}
}

/* All that wait in line, taken out of it: their thread may go on once they are told. */
static struct redis_call *refuse_line(struct redis_node *node) REQUIRES(node->lock)
{
	struct redis_call *refused = node->first;

	for (struct redis_call *call = refused; call != NULL; call = call->next)
		call->state = CALL_REFUSED;
	node->first = node->last = NULL;
	return refused;
}

void redis_node_failed(struct redis_node *node, bool final, const char *detail)
{
	struct redis_call *refused = NULL;
	bool opened;

	lock_take(&node->lock);
	opened = breaker_failed(&node->breaker, final, clock_monotonic_ms()) || !node->known;
	node->known = true;
	if (opened)
		condition_signal(&node->keeper_wanted);
	if (opened) {
		/* Nothing of before the outage is sent after it. */
		redis_bytes_clear(&node->later);
		refused = refuse_line(node);
	}
	lock_give(&node->lock);
	while (refused != NULL) {
		struct redis_call *next = refused->next;

		wakeup_tell(&refused->left_line);
		refused = next;
	}
	if (!opened)
		return;
	redis_node_close_links(node);
	node->options.changed(node->options.context, node, detail);
}

void redis_node_suspect(struct redis_node *node)
{
	lock_take(&node->lock);
	if (!node->breaker.open) {
		node->suspected = true;
		condition_signal(&node->keeper_wanted);
	}
	lock_give(&node->lock);
}

/* A link, or with NULL the place of one that is gone, goes back or to the next in line, which is to be
 * told without the lock. */
static struct redis_call *pass_on(
	struct redis_node *node, struct redis_link *link, unsigned generation) REQUIRES(node->lock)
{
	struct redis_call *call = next_in_line(node);

	if (call != NULL) {
		call->state = CALL_TURN;
		call->link = link;
		call->generation = link != NULL ? generation : node->generation;
	} else if (link != NULL) {
		node->idle[node->idle_count++] = link;
	} else {
		node->open_count--;
	}
	return call;
}

/* WELL: it answered as a server that is well does. */
static void release(struct redis_node *node, struct redis_call *call, bool keep, bool well)
{
	struct redis_link *gone = NULL;
	struct redis_call *next;

	lock_take(&node->lock);
	if (well)
		breaker_answered(&node->breaker);
	if (!keep || node->breaker.open || call->generation != node->generation) {
		gone = call->link;
		call->link = NULL;
	}
	next = pass_on(node, call->link, call->generation);
	lock_give(&node->lock);
	if (next != NULL)
		wakeup_tell(&next->left_line);
	call->link = NULL;
	redis_link_close(&gone);
}

static void stand_in_line(struct redis_node *node, struct redis_call *call) REQUIRES(node->lock)
{
	if (node->last != NULL)
		node->last->next = call;
	else
		node->first = call;
	node->last = call;
}

/* Until it is told, or has given up: then the state is still CALL_WAITING. */
static void wait_in_line(struct redis_node *node, struct redis_call *call)
{
	bool given_up;

	if (wakeup_wait_until(&call->left_line, call->deadline_ms))
		return;
	lock_take(&node->lock);
	given_up = call->state == CALL_WAITING;
	if (given_up)
		leave_line(node, call);
	lock_give(&node->lock);
	if (!given_up)
		wakeup_wait(&call->left_line);
}

/* Has a link, or the right to open one, or the reply already. False: down, or no time left. */
static bool get_turn(struct redis_node *node, struct redis_call *call)
{
	bool waits = false;

	wakeup_init(&call->left_line);
	lock_take(&node->lock);
	if (node->breaker.open) {
		call->state = CALL_REFUSED;
	} else if (node->idle_count > 0 || node->open_count < node->options.connections) {
		call->state = CALL_TURN;
		call->generation = node->generation;
		if (node->idle_count > 0)
			call->link = node->idle[--node->idle_count];
		else
			node->open_count++;
	} else {
		stand_in_line(node, call);
		waits = true;
	}
	lock_give(&node->lock);
	if (waits)
		wait_in_line(node, call);
	if (call->wakes != NULL)
		wakeup_tell(&call->wakes->left_line);
	wakeup_destroy(&call->left_line);
	return call->state == CALL_TURN || call->state == CALL_CARRIED;
}

static bool connect_new(struct redis_node *node, struct redis_call *call)
{
	uint64_t until = clock_monotonic_ms() + node->options.connect_timeout_ms;
	char address[REDIS_ADDRESS_SIZE], detail[REDIS_DETAIL_SIZE];
	enum link_result result;
	struct redis_answer reply;

	lock_take(&node->lock);
	memcpy(address, node->address, sizeof(address));
	lock_give(&node->lock);
	result = redis_place_connect(&node->place, *address == '\0' ? NULL : address,
		until < call->deadline_ms ? until : call->deadline_ms, &call->link, &reply);
	if (result == LINK_ANSWERED && call->link != NULL)
		return true;
	redis_node_describe(result, &reply, detail);
	redis_node_failed(node,
		result == LINK_REFUSED || result == LINK_ANSWERED || result == LINK_INSECURE,
		detail);
	release(node, call, false, false);
	return false;
}

static void fill_batch(struct redis_node *node, struct redis_call *first, struct batch *batch)
{
	lock_take(&node->lock);
	batch->later = node->later;
	node->later = (struct redis_bytes){.start = NULL};
	batch->calls[0] = first;
	batch->call_count = 1;
	while (batch->call_count <= REDIS_BATCH_MAX && node->first != NULL) {
		struct redis_call *call = next_in_line(node);

		call->state = CALL_CARRIED;
		batch->calls[batch->call_count++] = call;
	}
	lock_give(&node->lock);
}

/* Each that wakes up wakes another. Were all woken at once, the server, which is often of the same machine,
 * would get its turn only when all of them have run and wait for it again. */
static void finish_batch(struct batch *batch)
{
	for (size_t i = 1; i + WOKEN_AT_ONCE < batch->call_count; i++)
		batch->calls[i]->wakes = batch->calls[i + WOKEN_AT_ONCE];
	for (size_t i = 1; i < batch->call_count && i <= WOKEN_AT_ONCE; i++)
		wakeup_tell(&batch->calls[i]->left_line);
}

static void append_word(struct redis_link *link, const char *word, bool wanted)
{
	struct redis_command command;

	redis_command_init(&command);
	redis_command_add(&command, word);
	redis_link_append(link, &command, wanted);
}

static void append_wait(const struct redis_node *node, struct redis_link *link, unsigned replicas)
{
	struct redis_command command;

	redis_command_init(&command);
	redis_command_add(&command, "WAIT");
	redis_command_addf(&command, "%u", replicas);
	redis_command_addf(&command, "%llu", (unsigned long long)node->options.wait_timeout_ms);
	redis_link_append(link, &command, true);
}

static void append_call(struct redis_link *link, const struct redis_call *call, unsigned *replicas)
{
	for (size_t i = 0; i < call->count; i++) {
		const struct redis_ask *ask = call->asks[i];

		if (ask->asking)
			append_word(link, "ASKING", false);
		redis_link_append(link, ask->command, true);
		if (ask->replicas > *replicas)
			*replicas = ask->replicas;
	}
}

/* What was confirmed by too few replicas counts as not answered. */
static void judge_confirmation(struct redis_call *call, enum link_result result, int64_t replicas)
{
	for (size_t i = 0; i < call->count && call->result == LINK_ANSWERED; i++) {
		struct redis_ask *ask = call->asks[i];

		if (ask->replicas == 0 || ask->reply.kind == ANSWER_ERROR ||
			(result == LINK_ANSWERED && replicas >= ask->replicas))
			continue;
		if (result != LINK_ANSWERED) {
			call->result = result;
			return;
		}
		mem_free(ask->reply.text);
		memset(&ask->reply, 0, sizeof(ask->reply));
		ask->reply.kind = ANSWER_ERROR;
		snprintf(ask->reply.error, sizeof(ask->reply.error),
			"UNCONFIRMED %lld of %u replicas confirmed it in time", (long long)replicas,
			ask->replicas);
	}
}

static enum link_result receive_confirmation(
	struct redis_link *link, struct batch *batch, uint64_t deadline_ms)
{
	struct redis_answer reply = {.kind = ANSWER_NIL};
	enum link_result result = redis_link_receive(link, deadline_ms, &reply);
	int64_t replicas = reply.kind == ANSWER_NUMBERS && reply.count == 1 ? reply.numbers[0] : 0;

	mem_free(reply.text);
	batch->confirmed = replicas >= batch->replicas;
	for (size_t i = 0; i < batch->call_count; i++)
		judge_confirmation(batch->calls[i], result, replicas);
	return result;
}

static enum link_result receive_all(
	struct redis_link *link, struct batch *batch, uint64_t deadline_ms)
{
	enum link_result result = LINK_ANSWERED;

	for (size_t i = 0; i < batch->call_count; i++) {
		struct redis_call *call = batch->calls[i];

		for (size_t j = 0; j < call->count && result == LINK_ANSWERED; j++)
			result = redis_link_receive(link, deadline_ms, &call->asks[j]->reply);
		call->result = result;
	}
	if (batch->replicas > 0 && result == LINK_ANSWERED)
		result = receive_confirmation(link, batch, deadline_ms);
	return result;
}

/* Uses the link of CALL for it and for those in line behind it. */
static void carry(struct redis_node *node, struct redis_call *call)
{
	struct batch batch = {.confirmed = true};
	enum link_result result;

	fill_batch(node, call, &batch);
	if (batch.later.commands > 0)
		redis_link_append_bytes(call->link, &batch.later);
	redis_bytes_clear(&batch.later);
	for (size_t i = 0; i < batch.call_count; i++)
		append_call(call->link, batch.calls[i], &batch.replicas);
	if (batch.replicas > 0)
		append_wait(node, call->link, batch.replicas);
	result = receive_all(call->link, &batch, call->deadline_ms);
	release(node, call, result == LINK_ANSWERED, result == LINK_ANSWERED && batch.confirmed);
	finish_batch(&batch);
}

/* Until it has its replies; false: it has none, and the failure is noted already. */
static bool run(struct redis_node *node, struct redis_call *call)
{
	if (!get_turn(node, call))
		return false;
	if (call->state == CALL_CARRIED)
		return true;
	if (clock_monotonic_ms() >= call->deadline_ms) {
		release(node, call, call->link != NULL, call->link != NULL);
		call->state = CALL_WAITING;
		return false;
	}
	if (call->link == NULL && !connect_new(node, call)) {
		call->state = CALL_REFUSED;
		return false;
	}
	carry(node, call);
	return true;
}

static void free_replies(struct redis_ask *const *asks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free(asks[i]->reply.text);
		asks[i]->reply.text = NULL;
	}
}

enum redis_node_result redis_node_run(
	struct redis_node *node, struct redis_ask *const *asks, size_t count, uint64_t deadline_ms)
{
	struct redis_call call = {.asks = asks, .count = count, .deadline_ms = deadline_ms};
	char detail[REDIS_DETAIL_SIZE];

	for (size_t i = 0; i < count; i++)
		memset(&asks[i]->reply, 0, sizeof(asks[i]->reply));
	if (!run(node, &call))
		return call.state == CALL_REFUSED ? NODE_DOWN : NODE_LATE;
	if (call.result == LINK_ANSWERED)
		return NODE_ANSWERED;
	free_replies(asks, count);
	if (call.result == LINK_LOST) {
		redis_node_close_links(node);
		return NODE_LOST;
	}
	redis_node_describe(call.result, &asks[0]->reply, detail);
	redis_node_failed(node, false, detail);
	return NODE_LATE;
}

void redis_node_send_later(struct redis_node *node, const struct redis_command *command)
{
	lock_take(&node->lock);
	if (!node->breaker.open && node->later.commands < REDIS_LATER_MAX &&
		node->later.length < REDIS_LATER_BYTES_MAX) {
		redis_bytes_add(&node->later, command);
		if (node->later.commands == REDIS_LATER_WAKE)
			condition_signal(&node->keeper_wanted);
	}
	lock_give(&node->lock);
}

const struct redis_place *redis_node_place(const struct redis_node *node)
{
	return &node->place;
}
