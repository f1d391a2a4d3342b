/* SPDX-License-Identifier: BSD-2-Clause */
/* hiredis with a socket that never blocks: its own time-outs start anew with each read, so a server
 * that sends a byte a second would hold a caller for ever. Waiting is done here, by the clock. */
#include "redis_link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#ifdef MAILREEVE_REDIS_TLS
#include <hiredis/hiredis_ssl.h>
#endif
#include <poll.h>
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

enum { ARRAY_MAX = 64, DEPTH_MAX = 4 };

struct redis_link {
	redisContext *context;
	redisReplyObjectFunctions functions; /* hiredis's own, but for createArray */
	void *(*create_array)(const redisReadTask *task, array_size elements);
	size_t unwanted; /* replies to skip before the next wanted one */
	size_t reply_max, array_max;
};

/* An array announces its size before its elements come, and hiredis would allocate for it; 1.x nests
 * without end. */
static void *create_bounded_array(const redisReadTask *task, array_size elements)
{
	const struct redis_link *link = task->privdata;
	int depth = 0;

	for (const redisReadTask *outer = task->parent; outer != NULL; outer = outer->parent)
		depth++;
	if ((size_t)elements > link->array_max || depth >= DEPTH_MAX)
		return NULL;
	return link->create_array(task, elements);
}

void redis_link_allow(struct redis_link *link, size_t bytes, size_t elements)
{
	link->reply_max = bytes;
	link->array_max = elements;
}

static void bound_reader(struct redis_link *link)
{
	redisReader *reader = link->context->reader;

	redis_link_allow(link, LINK_REPLY_MAX, ARRAY_MAX);
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

static enum link_result fail_tls(struct redis_answer *reply, const char *why)
{
	reply->kind = ANSWER_ERROR;
	snprintf(reply->error, sizeof(reply->error), "%s", why);
	return LINK_INSECURE;
}

/* hiredis reads and writes through TLS from then on; false where it cannot. */
static bool hand_over(redisContext *context, const struct tls_client *client)
{
#ifdef MAILREEVE_REDIS_TLS
	return redisInitiateSSL(context, tls_client_own(client)) == REDIS_OK;
#else
	(void)context;
	(void)client;
	return false;
#endif
}

static enum link_result shake_hands(struct redis_link *link, struct tls_client *client,
	uint64_t deadline_ms, struct redis_answer *reply)
{
	enum link_result result = LINK_ANSWERED;
	char why[sizeof(reply->error)];

	while (result == LINK_ANSWERED) {
		switch (tls_client_shake_hands(client)) {
		case TLS_CLIENT_DONE:
			return LINK_ANSWERED;
		case TLS_CLIENT_WANTS_READ:
			result = wait_for(link, POLLIN, deadline_ms);
			break;
		case TLS_CLIENT_WANTS_WRITE:
			result = wait_for(link, POLLOUT, deadline_ms);
			break;
		case TLS_CLIENT_ENDED:
		case TLS_CLIENT_FAILED:
			tls_client_explain(client, why, sizeof(why));
			return fail_tls(reply, why);
		}
	}
	return result;
}

static enum link_result secure(struct redis_link *link, const struct redis_target *target,
	uint64_t deadline_ms, struct redis_answer *reply)
{
	const char *name = target->tls->server_name;
	struct tls_client *client = tls_client_create(
		target->tls->context, link->context->fd, name != NULL ? name : target->tls_host);
	enum link_result result;
	char why[sizeof(reply->error)];

	if (client == NULL)
		return fail_tls(reply, "TLS cannot begin");
	/* It begins to shake hands, and may come as far as to the server's certificate. */
	if (!hand_over(link->context, client)) {
		tls_client_explain(client, why, sizeof(why));
		tls_client_free(&client);
		return fail_tls(reply, why);
	}
	result = shake_hands(link, client, deadline_ms, reply);
	/* hiredis frees it with its context. */
	tls_client_give_away(&client);
	return result;
}

enum link_result redis_link_open(const struct redis_target *target, uint64_t deadline_ms,
	struct redis_link **link_r, struct redis_answer *reply_r)
{
	redisContext *context = target->address != NULL
					? redisConnectNonBlock(target->address, target->port)
					: redisConnectUnixNonBlock(target->path);
	enum link_result result = LINK_REFUSED;
	struct redis_link *link;

	memset(reply_r, 0, sizeof(*reply_r));
	*link_r = NULL;
	if (context == NULL)
		return LINK_LOST;
	if (context->err != 0) {
		redisFree(context);
		return result;
	}
	link = mem_alloc(sizeof(*link));
	link->context = context;
	bound_reader(link);
	result = finish_connect(link, deadline_ms);
	if (result == LINK_ANSWERED && target->tls != NULL)
		result = secure(link, target, deadline_ms, reply_r);
	if (result != LINK_ANSWERED)
		redis_link_close(&link);
	*link_r = link;
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

void redis_link_append(struct redis_link *link, const struct redis_command *command, bool wanted)
{
	struct redis_bytes bytes = {.start = NULL};

	redis_bytes_add(&bytes, command);
	/* A failure stays in the context and comes out of the next receive. */
	redisAppendFormattedCommand(link->context, bytes.start, bytes.length);
	link->unwanted += !wanted;
	redis_bytes_clear(&bytes);
}

void redis_link_append_bytes(struct redis_link *link, const struct redis_bytes *bytes)
{
	redisAppendFormattedCommand(link->context, bytes->start, bytes->length);
	link->unwanted += bytes->commands;
}

static bool all_numbers(const redisReply *array)
{
	if (array->elements > REDIS_NUMBERS_MAX)
		return false;
	for (size_t i = 0; i < array->elements; i++)
		if (array->element[i] == NULL || array->element[i]->type != REDIS_REPLY_INTEGER)
			return false;
	return true;
}

static void copy_numbers(const redisReply *array, struct redis_answer *reply)
{
	reply->kind = ANSWER_NUMBERS;
	reply->count = array->elements;
	for (size_t i = 0; i < array->elements; i++)
		reply->numbers[i] = array->element[i]->integer;
}

/* Adds what RAW holds to TEXT, which has room for it, or with NULL counts the bytes; false for a type
 * that no command of ours is answered with. */
static bool flatten(const redisReply *raw, char *text, size_t *length, size_t *count)
{
	char digits[24];
	const char *bytes = raw->str;
	size_t size = raw->len;

	if (raw->type == REDIS_REPLY_ARRAY) {
		for (size_t i = 0; i < raw->elements; i++)
			if (raw->element[i] == NULL ||
				!flatten(raw->element[i], text, length, count))
				return false;
		return true;
	}
	if (raw->type == REDIS_REPLY_INTEGER) {
		size = (size_t)snprintf(digits, sizeof(digits), "%lld", raw->integer);
		bytes = digits;
	} else if (raw->type == REDIS_REPLY_NIL) {
		size = 0;
	} else if (raw->type != REDIS_REPLY_STRING && raw->type != REDIS_REPLY_STATUS) {
		return false;
	}
	if (text != NULL && size > 0)
		memcpy(text + *length, bytes, size);
	if (text != NULL)
		text[*length + size] = '\0';
	*length += size + 1;
	*count += 1;
	return true;
}

static bool copy_texts(const redisReply *array, struct redis_answer *reply)
{
	size_t length = 0, count = 0;

	if (!flatten(array, NULL, &length, &count))
		return false;
	reply->kind = ANSWER_TEXTS;
	reply->text = mem_alloc(length + 1);
	return flatten(array, reply->text, &reply->length, &reply->count);
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
		reply->kind = ANSWER_NUMBERS;
		reply->numbers[0] = raw->integer;
		reply->count = 1;
		return true;
	case REDIS_REPLY_ARRAY:
		if (!all_numbers(raw))
			return copy_texts(raw, reply);
		copy_numbers(raw, reply);
		return true;
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
	return reader->len - reader->pos > link->reply_max ? LINK_GARBAGE : LINK_ANSWERED;
}

enum link_result redis_link_receive(
	struct redis_link *link, uint64_t deadline_ms, struct redis_answer *reply_r)
{
	enum link_result result = LINK_ANSWERED;
	bool written = false;
	bool found = false;

	/* Where no reply comes there is no text, whatever the last one left here. */
	reply_r->text = NULL;
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
	uint64_t deadline_ms, struct redis_answer *reply_r)
{
	enum link_result result;

	redis_link_append(link, command, true);
	result = redis_link_receive(link, deadline_ms, reply_r);
	if (result != LINK_ANSWERED || reply_r->kind != ANSWER_ERROR ||
		redis_error(reply_r->error)->remedy != REDIS_SEND_SCRIPT ||
		!redis_command_send_whole(command))
		return result;
	redis_link_append(link, command, true);
	return redis_link_receive(link, deadline_ms, reply_r);
}
