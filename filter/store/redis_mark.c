/* SPDX-License-Identifier: BSD-2-Clause */
/* A mark beside the counts: when it is another, or gone, they are gone with it. Whoever finds none makes
 * one, and all hosts read it. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "redis_pool_private.h"

/* Whom to ask: a server as all calls do, or over a link of one's own. */
struct way {
	struct redis_pool *pool;
	struct redis_node *node; /* NULL: LINK */
	struct redis_link *link;
	enum link_result result; /* of LINK, the last */
};

static bool ask(struct way *way, struct redis_command *command, struct redis_answer *reply_r)
{
	uint64_t deadline_ms = clock_monotonic_ms() + way->pool->node_options.timeout_ms;
	struct redis_ask one = {.command = command};
	struct redis_ask *const asks[] = {&one};
	bool answered;

	if (way->node == NULL) {
		memset(reply_r, 0, sizeof(*reply_r));
		redis_link_append(way->link, command, true);
		way->result = redis_link_receive(way->link, deadline_ms, reply_r);
		return way->result == LINK_ANSWERED && reply_r->kind != ANSWER_ERROR;
	}
	answered = redis_node_run(way->node, asks, 1, deadline_ms) == NODE_ANSWERED;
	*reply_r = one.reply;
	return answered && one.reply.kind != ANSWER_ERROR;
}

static void make(struct way *way)
{
	unsigned char id[STORE_ID_SIZE];
	char text[2 * STORE_ID_SIZE + 1];
	struct redis_command command;
	struct redis_answer reply;

	store_id(id);
	for (size_t i = 0; i < STORE_ID_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
	redis_command_init(&command);
	redis_command_add(&command, "SET");
	redis_command_addf(&command, "%sborn", way->pool->prefix);
	redis_command_add(&command, text);
	redis_command_add(&command, "NX");
	(void)ask(way, &command, &reply);
	mem_free(reply.text);
}

/* The mark as the server has it; empty: none. False where it cannot be read. */
static bool get(struct way *way, char mark[40])
{
	struct redis_command command;
	struct redis_answer reply;
	bool read;

	redis_command_init(&command);
	redis_command_add(&command, "GETRANGE");
	redis_command_addf(&command, "%sborn", way->pool->prefix);
	redis_command_add(&command, "0");
	redis_command_add(&command, "31");
	read = ask(way, &command, &reply) && reply.kind == ANSWER_TEXT;
	if (read)
		snprintf(mark, 40, "%.39s", reply.text);
	mem_free(reply.text);
	return read;
}

static void compare(struct way *way, const char *shown)
{
	struct redis_pool *pool = way->pool;
	char mark[40] = "";
	bool lost;

	if (!get(way, mark))
		return;
	if (mark[0] == '\0') {
		make(way);
		if (way->result != LINK_ANSWERED || !get(way, mark))
			return;
	}
	lock_take(&pool->lock);
	lost = pool->mark[0] != '\0' && strcmp(pool->mark, mark) != 0;
	memcpy(pool->mark, mark, sizeof(pool->mark));
	pool->losses += lost;
	lock_give(&pool->lock);
	if (lost)
		log_warning(
			"store: Redis at %s has lost its counts (it was emptied, restarted without "
			"its data, or a replica that did not have them took over): limits count "
			"anew",
			shown);
}

void redis_mark_watch(struct redis_pool *pool, struct redis_node *node)
{
	struct way way = {.pool = pool, .node = node, .result = LINK_ANSWERED};

	compare(&way, redis_node_place(node)->shown);
}

enum link_result redis_mark_check(
	struct redis_pool *pool, struct redis_link *link, const char *shown)
{
	struct way way = {.pool = pool, .link = link, .result = LINK_ANSWERED};

	compare(&way, shown);
	return way.result;
}
