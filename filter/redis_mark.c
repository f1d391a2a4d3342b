/* SPDX-License-Identifier: BSD-2-Clause */
/* A mark beside the counts: when it is another, or gone, they are gone with it. Whoever finds none makes
 * one, and all hosts read it. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "redis_pool_private.h"

static bool ask(struct redis_pool *pool, struct redis_node *node, struct redis_command *command,
	struct redis_answer *reply_r)
{
	struct redis_ask ask = {.command = command};
	struct redis_ask *const asks[] = {&ask};
	bool answered =
		redis_node_run(node, asks, 1,
			clock_monotonic_ms() + pool->node_options.timeout_ms) == NODE_ANSWERED;

	*reply_r = ask.reply;
	return answered && ask.reply.kind != ANSWER_ERROR;
}

static void make(struct redis_pool *pool, struct redis_node *node)
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
	redis_command_addf(&command, "%sborn", pool->prefix);
	redis_command_add(&command, text);
	redis_command_add(&command, "NX");
	(void)ask(pool, node, &command, &reply);
	mem_free(reply.text);
}

/* The mark as the server has it; empty: none. False where it cannot be read. */
static bool get(struct redis_pool *pool, struct redis_node *node, char mark[40])
{
	struct redis_command command;
	struct redis_answer reply;
	bool read;

	redis_command_init(&command);
	redis_command_add(&command, "GETRANGE");
	redis_command_addf(&command, "%sborn", pool->prefix);
	redis_command_add(&command, "0");
	redis_command_add(&command, "31");
	read = ask(pool, node, &command, &reply) && reply.kind == ANSWER_TEXT;
	if (read)
		snprintf(mark, 40, "%.39s", reply.text);
	mem_free(reply.text);
	return read;
}

void redis_mark_watch(struct redis_pool *pool, struct redis_node *node)
{
	char mark[40] = "";
	bool lost;

	if (!get(pool, node, mark))
		return;
	if (mark[0] == '\0') {
		make(pool, node);
		if (!get(pool, node, mark))
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
			redis_node_place(node)->shown);
}
