/* SPDX-License-Identifier: BSD-2-Clause */
/* Of the Redis half: claims, small tables, and the list of all windows. Their scripts are sent whole:
 * they run seldom. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "store_list_lua.h"
#include "store_redis_private.h"
#include "store_table_lua.h"
#include "window.h"

enum { LIST_COUNT = 100 /* keys a call looks at */, OWNER_SIZE = 2 * STORE_ID_SIZE + 1 };

/* Ours all the same: the reply to the first try was lost, and this is the one to the second. */
static enum store_status is_ours(
	struct redis *redis, const char *name, const char *owner, bool *ours_r)
{
	struct redis_command command;
	struct redis_answer reply;

	redis_command_init(&command);
	redis_command_add(&command, "GETRANGE");
	redis_command_addf(&command, "%sc:%s", redis->prefix, name);
	redis_command_add(&command, "0");
	redis_command_addf(&command, "%d", OWNER_SIZE - 2);
	if (redis_pool_call(redis->pool, &command, &reply) != STORE_OK)
		return STORE_DOWN;
	*ours_r = reply.kind == ANSWER_TEXT && reply.length == strlen(owner) &&
		  memcmp(reply.text, owner, reply.length) == 0;
	mem_free(reply.text);
	return STORE_OK;
}

enum store_status redis_claim(void *half, const char *name, int64_t keep_ms, bool *claimed_r)
{
	struct redis *redis = half;
	struct redis_command command;
	struct redis_answer reply;
	unsigned char id[STORE_ID_SIZE];
	char owner[OWNER_SIZE];

	store_id(id);
	for (size_t i = 0; i < STORE_ID_SIZE; i++)
		snprintf(owner + 2 * i, 3, "%02x", id[i]);
	redis_command_init(&command);
	redis_command_add(&command, "SET");
	redis_command_addf(&command, "%sc:%s", redis->prefix, name);
	redis_command_add(&command, owner);
	redis_command_add(&command, "NX");
	redis_command_add(&command, "PX");
	redis_command_addf(&command, "%" PRId64, keep_ms);
	if (redis_pool_call(redis->pool, &command, &reply) != STORE_OK)
		return STORE_DOWN;
	*claimed_r = reply.kind == ANSWER_TEXT;
	mem_free(reply.text);
	return *claimed_r ? STORE_OK : is_ours(redis, name, owner, claimed_r);
}

/* Tables. -------------------------------------------------------------------------------------- */

static void begin_table(const struct redis *redis, const char *table, const char *operation,
	struct redis_command *command)
{
	redis_command_init(command);
	redis_command_add(command, "EVAL");
	redis_command_add(command, store_table_lua);
	redis_command_add(command, "1");
	redis_command_addf(command, "%st:%s", redis->prefix, table);
	redis_command_add(command, operation);
}

/* A script's answer that is one number. */
static enum store_status call_number(
	struct redis *redis, struct redis_command *command, int64_t *number_r)
{
	struct redis_answer reply;

	if (redis_pool_call(redis->pool, command, &reply) != STORE_OK)
		return STORE_DOWN;
	mem_free(reply.text);
	if (reply.kind != ANSWER_NUMBERS || reply.count != 1)
		return redis_odd_reply(redis);
	*number_r = reply.numbers[0];
	return STORE_OK;
}

enum store_status redis_table_set(void *half, const char *table, const struct store_row *row)
{
	struct redis *redis = half;
	struct redis_command command;
	enum store_status status;
	int64_t full = 0;

	begin_table(redis, table, "set", &command);
	redis_command_add(&command, row->name);
	redis_command_add(&command, row->value);
	redis_command_addf(&command, "%" PRId64, row->end_ms);
	redis_command_addf(&command, "%d", STORE_ROWS_MAX);
	redis_command_addf(&command, "%d", STORE_TABLE_MAX);
	status = call_number(redis, &command, &full);
	return status == STORE_OK && full != 0 ? STORE_OVER : status;
}

enum store_status redis_table_delete(void *half, const char *table, const char *name, bool *found_r)
{
	struct redis *redis = half;
	struct redis_command command;
	enum store_status status;
	int64_t count = 0;

	begin_table(redis, table, "delete", &command);
	redis_command_add(&command, name);
	status = call_number(redis, &command, &count);
	*found_r = count > 0;
	return status;
}

enum store_status redis_table_read(void *half, const char *table, char **text_r)
{
	struct redis *redis = half;
	struct redis_command command;
	struct redis_answer reply;

	begin_table(redis, table, "read", &command);
	if (redis_pool_call(redis->pool, &command, &reply) != STORE_OK)
		return STORE_DOWN;
	if (reply.kind != ANSWER_TEXT) {
		mem_free(reply.text);
		return redis_odd_reply(redis);
	}
	*text_r = reply.text;
	return STORE_OK;
}

/* All windows. --------------------------------------------------------------------------------- */

/* "*", "?", "[" and "\" of the prefix are meant as they are. */
static void write_pattern(const char *prefix, char pattern[2 * PREFIX_SIZE + 4])
{
	size_t length = 0;

	for (; *prefix != '\0'; prefix++) {
		if (strchr("*?[]\\^", *prefix) != NULL)
			pattern[length++] = '\\';
		pattern[length++] = *prefix;
	}
	memcpy(pattern + length, "w:*", 4);
}

/* Cuts the next line off; NULL where there is none. */
static char *next_line(char **text)
{
	char *line = *text;
	char *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return line;
}

/* The key and the window of PREFIX "w:" KEY ":" WINDOW; false for what is not ours. */
static bool read_name(const struct redis *redis, const char *name, struct store_window *window)
{
	size_t prefix = strlen(redis->prefix);

	if (strlen(name) <= prefix + 2 + STORE_KEY_SIZE)
		return false;
	name += prefix + 2;
	if (strcspn(name, ":") != STORE_KEY_SIZE - 1)
		return false;
	memcpy(window->key, name, STORE_KEY_SIZE - 1);
	window->window_ms = strtoll(name + STORE_KEY_SIZE, NULL, 10);
	return window->window_ms > 0 && window->window_ms <= WINDOW_LENGTH_MAX_MS;
}

static void visit_page(const struct redis *redis, char *text, store_visit *visit, void *context)
{
	char *name, *used, *title, *label;

	while ((name = next_line(&text)) != NULL && (used = next_line(&text)) != NULL &&
		(title = next_line(&text)) != NULL && (label = next_line(&text)) != NULL) {
		struct store_window window = {.used = strtoll(used, NULL, 10)};

		if (window.used < 0 || !read_name(redis, name, &window))
			continue;
		snprintf(window.title, sizeof(window.title), "%s", title);
		snprintf(window.label, sizeof(window.label), "%s", label);
		visit(context, &window);
	}
}

/* One page of one server; CURSOR is "0" at first, and when there are no more. */
static enum store_status list_page(struct redis *redis, const struct store_host *server,
	char cursor[32], store_visit *visit, void *context)
{
	char pattern[2 * PREFIX_SIZE + 4];
	struct redis_command command;
	struct redis_answer reply;
	char *text, *next;

	write_pattern(redis->prefix, pattern);
	redis_command_init(&command);
	redis_command_add(&command, "EVAL");
	redis_command_add(&command, store_list_lua);
	redis_command_add(&command, "0");
	if (redis->store->clock != NULL)
		redis_command_addf(&command, "%" PRIu64, redis->store->clock());
	else
		redis_command_add(&command, "");
	redis_command_add(&command, cursor);
	redis_command_add(&command, pattern);
	redis_command_addf(&command, "%d", LIST_COUNT);
	if (redis_pool_call_at(redis->pool, server, &command, &reply) != STORE_OK)
		return STORE_DOWN;
	text = reply.text;
	next = reply.kind == ANSWER_TEXT ? next_line(&text) : NULL;
	if (next == NULL || strspn(next, "0123456789") != strlen(next) || strlen(next) > 20) {
		redis_pool_complain(redis->pool,
			reply.kind == ANSWER_TEXT && reply.text[0] == '!'
				? "the user may not SCAN, which the list of limits needs; "
				  "allow +scan"
				: "a reply has not the form of store_list.lua's");
		mem_free(reply.text);
		return STORE_DOWN;
	}
	snprintf(cursor, 32, "%s", next);
	visit_page(redis, text, visit, context);
	mem_free(reply.text);
	return STORE_OK;
}

enum store_status redis_list(void *half, store_visit *visit, void *context)
{
	struct redis *redis = half;
	struct store_host *servers = mem_array(REDIS_SERVERS_MAX, sizeof(*servers));
	size_t count = redis_pool_servers(redis->pool, servers);
	enum store_status status = count == 0 ? STORE_DOWN : STORE_OK;

	for (size_t i = 0; i < count && status == STORE_OK; i++) {
		char cursor[32] = "0";

		do
			status = list_page(redis, &servers[i], cursor, visit, context);
		while (status == STORE_OK && strcmp(cursor, "0") != 0);
	}
	mem_free(servers);
	return status;
}
