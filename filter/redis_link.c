/* SPDX-License-Identifier: BSD-2-Clause */
/* hiredis with a socket that never blocks: its own time-outs start anew with each read, so a server
 * that sends a byte a second would hold a caller for ever. Waiting is done here, by the clock. */
#include "redis_link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "mem.h"
#include "redis_error.h"

/* The one difference between hiredis 0.14 and 1.x that matters here. */
#if HIREDIS_MAJOR >= 1
typedef size_t array_size;
#else
typedef int array_size;
#endif

enum { ARRAY_MAX = 64 };

struct redis_link {
	redisContext *context;
	redisReplyObjectFunctions functions; /* hiredis's own, but for createArray */
	void *(*create_array)(const redisReadTask *task, array_size elements);
	size_t unwanted; /* replies to skip before the next wanted one */
};

void redis_command_init(struct redis_command *command)
{
	command->count = 0;
	command->arena_used = 0;
}

void redis_command_add_n(struct redis_command *command, const void *bytes, size_t length)
{
	if (command->count == REDIS_ARGUMENTS_MAX)
		return;
	command->arguments[command->count] = bytes;
	command->lengths[command->count++] = length;
}

void redis_command_add(struct redis_command *command, const char *string)
{
	redis_command_add_n(command, string, strlen(string));
}

void redis_command_addf(struct redis_command *command, const char *format, ...)
{
	char *start = command->arena + command->arena_used;
	size_t room = sizeof(command->arena) - command->arena_used;
	va_list args;
	int wanted;

	va_start(args, format);
	wanted = vsnprintf(start, room, format, args);
	va_end(args);
	if (wanted < 0 || (size_t)wanted >= room)
		wanted = room > 0 ? (int)strnlen(start, room - 1) : 0;
	redis_command_add_n(command, start, (size_t)wanted);
	command->arena_used += (size_t)wanted;
}

/* An array announces its size before its elements come, and hiredis would allocate for it. */
static void *create_bounded_array(const redisReadTask *task, array_size elements)
{
	const struct redis_link *link = task->privdata;

	if (elements > (array_size)ARRAY_MAX)
		return NULL;
	return link->create_array(task, elements);
}

static void bound_reader(struct redis_link *link)
{
	redisReader *reader = link->context->reader;

	link->functions = *reader->fn;
	link->create_array = link->functions.createArray;
	link->functions.createArray = create_bounded_array;
	reader->fn = &link->functions;
	reader->privdata = link;
}

static enum link_result wait_for(const struct redis_link *link, short events, uint64_t deadline_ms)
{
	struct pollfd watched = {.fd = link->context->fd, .events = events};

	for (;;) {
		uint64_t now = clock_monotonic_ms();
		int ready;

		if (now >= deadline_ms)
			return LINK_TIMEOUT;
		ready = poll(&watched, 1, (int)(deadline_ms - now));
		if (ready > 0)
			return LINK_ANSWERED;
		if (ready < 0 && errno != EINTR)
			return LINK_LOST;
	}
}

static enum link_result finish_connect(struct redis_link *link, uint64_t deadline_ms)
{
	enum link_result result = wait_for(link, POLLOUT, deadline_ms);
	socklen_t size = sizeof(int);
	int failed = 0;

	if (result != LINK_ANSWERED)
		return result;
	if (getsockopt(link->context->fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0)
		return LINK_REFUSED;
	return LINK_ANSWERED;
}

enum link_result redis_link_open(const char *address, int port, const char *path,
	uint64_t deadline_ms, struct redis_link **link_r)
{
	redisContext *context = address != NULL ? redisConnectNonBlock(address, port)
						: redisConnectUnixNonBlock(path);
	enum link_result result = LINK_REFUSED;

	*link_r = NULL;
	if (context == NULL)
		return LINK_LOST;
	if (context->err == 0) {
		struct redis_link *link = mem_alloc(sizeof(*link));

		link->context = context;
		bound_reader(link);
		*link_r = link;
		result = finish_connect(link, deadline_ms);
		if (result != LINK_ANSWERED)
			redis_link_close(link_r);
		return result;
	}
	redisFree(context);
	return result;
}

void redis_link_close(struct redis_link **link)
{
	if (*link == NULL)
		return;
	redisFree((*link)->context);
	mem_free(*link);
	*link = NULL;
}

/* hiredis does not change the arguments, it only forgot to say so. */
static const char **arguments_of(const struct redis_command *command)
{
	union {
		const char *const *stored;
		const char **wanted;
	} arguments = {.stored = command->arguments};

	return arguments.wanted;
}

void redis_link_append(struct redis_link *link, const struct redis_command *command, bool wanted)
{
	/* A failure stays in the context and comes out of the next receive. */
	redisAppendCommandArgv(
		link->context, (int)command->count, arguments_of(command), command->lengths);
	link->unwanted += !wanted;
}

void redis_link_append_bytes(struct redis_link *link, const char *bytes, size_t length)
{
	redisAppendFormattedCommand(link->context, bytes, length);
	link->unwanted++;
}

char *redis_link_format(const struct redis_command *command, size_t *length_r)
{
	char *formatted = NULL;
	char *copy;
	long long length = redisFormatCommandArgv(
		&formatted, (int)command->count, arguments_of(command), command->lengths);

	*length_r = length < 0 ? 0 : (size_t)length;
	copy = mem_alloc(*length_r);
	if (length > 0)
		memcpy(copy, formatted, *length_r);
	if (length >= 0)
		redisFreeCommand(formatted);
	return copy;
}

static bool copy_numbers(const redisReply *raw, struct redis_answer *reply)
{
	reply->kind = ANSWER_NUMBERS;
	if (raw->type == REDIS_REPLY_INTEGER) {
		reply->numbers[0] = raw->integer;
		reply->count = 1;
		return true;
	}
	if (raw->elements > STORE_CHARGES_MAX)
		return false;
	for (size_t i = 0; i < raw->elements; i++) {
		if (raw->element[i] == NULL || raw->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
		reply->numbers[i] = raw->element[i]->integer;
	}
	reply->count = raw->elements;
	return true;
}

/* False for a type that no command of ours is answered with. */
static bool copy_reply(const redisReply *raw, struct redis_answer *reply)
{
	memset(reply, 0, sizeof(*reply));
	switch (raw->type) {
	case REDIS_REPLY_NIL:
		reply->kind = ANSWER_NIL;
		return true;
	case REDIS_REPLY_INTEGER:
	case REDIS_REPLY_ARRAY:
		return copy_numbers(raw, reply);
	case REDIS_REPLY_ERROR:
		reply->kind = ANSWER_ERROR;
		snprintf(reply->error, sizeof(reply->error), "%s", raw->str);
		return true;
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
		reply->kind = ANSWER_TEXT;
		reply->length = raw->len;
		reply->text = mem_alloc(reply->length + 1);
		memcpy(reply->text, raw->str, reply->length);
		return true;
	default:
		return false;
	}
}

static enum link_result context_failure(const struct redis_link *link)
{
	if (link->context->err == REDIS_ERR_PROTOCOL || link->context->err == REDIS_ERR_OOM)
		return LINK_GARBAGE;
	return LINK_LOST;
}

/* A wanted reply that has been read already, if there is one. */
static enum link_result next_reply(
	struct redis_link *link, struct redis_answer *reply, bool *found_r)
{
	for (;;) {
		void *raw = NULL;
		bool usable;

		*found_r = false;
		if (redisGetReply(link->context, &raw) != REDIS_OK)
			return context_failure(link);
		if (raw == NULL)
			return LINK_ANSWERED;
		if (link->unwanted > 0) {
			link->unwanted--;
			freeReplyObject(raw);
			continue;
		}
		usable = copy_reply(raw, reply);
		freeReplyObject(raw);
		*found_r = true;
		return usable ? LINK_ANSWERED : LINK_GARBAGE;
	}
}

static enum link_result write_some(struct redis_link *link, bool *written_r)
{
	int done = 0;

	if (redisBufferWrite(link->context, &done) != REDIS_OK)
		return context_failure(link);
	*written_r = done != 0;
	return LINK_ANSWERED;
}

static enum link_result read_some(struct redis_link *link)
{
	const redisReader *reader = link->context->reader;

	if (redisBufferRead(link->context) != REDIS_OK)
		return context_failure(link);
	return reader->len - reader->pos > LINK_REPLY_MAX ? LINK_GARBAGE : LINK_ANSWERED;
}

enum link_result redis_link_receive(
	struct redis_link *link, uint64_t deadline_ms, struct redis_answer *reply_r)
{
	enum link_result result = LINK_ANSWERED;
	bool written = false;
	bool found = false;

	for (;;) {
		if (!written)
			result = write_some(link, &written);
		if (result == LINK_ANSWERED)
			result = next_reply(link, reply_r, &found);
		if (result != LINK_ANSWERED || found)
			return result;
		result = wait_for(link, written ? POLLIN : POLLIN | POLLOUT, deadline_ms);
		if (result == LINK_ANSWERED)
			result = read_some(link);
		if (result != LINK_ANSWERED)
			return result;
	}
}

enum link_result redis_link_call(struct redis_link *link, struct redis_command *command,
	const char *script, uint64_t deadline_ms, struct redis_answer *reply_r)
{
	enum link_result result;

	redis_link_append(link, command, true);
	result = redis_link_receive(link, deadline_ms, reply_r);
	if (result != LINK_ANSWERED || reply_r->kind != ANSWER_ERROR ||
		redis_error(reply_r->error)->remedy != REDIS_SEND_SCRIPT ||
		strcmp(command->arguments[0], "EVALSHA") != 0)
		return result;
	command->arguments[0] = "EVAL";
	command->lengths[0] = strlen("EVAL");
	command->arguments[1] = script;
	command->lengths[1] = strlen(script);
	redis_link_append(link, command, true);
	return redis_link_receive(link, deadline_ms, reply_r);
}
