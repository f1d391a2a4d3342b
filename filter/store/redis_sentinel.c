/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_sentinel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mem.h"

enum { ANSWER_ELEMENTS_MAX = 256, TRY_AGAIN_MS = 2000 };

struct sentinel {
	struct redis_place place;
	struct redis_link *link; /* NULL: not connected */
	uint64_t try_ms; /* when not connected: not before */
};

struct redis_sentinels {
	const char *name; /* of the primary; borrowed */
	struct sentinel list[STORE_HOSTS_MAX];
	size_t count;
};

struct redis_sentinels *redis_sentinels_create(
	const struct store_url *url, const struct redis_login *login)
{
	struct redis_sentinels *sentinels = mem_alloc(sizeof(*sentinels));

	sentinels->name = url->primary;
	sentinels->count = url->host_count;
	for (size_t i = 0; i < url->host_count; i++)
		redis_place_init(&sentinels->list[i].place, login, &url->hosts[i]);
	return sentinels;
}

void redis_sentinels_free(struct redis_sentinels **sentinels)
{
	if (*sentinels == NULL)
		return;
	for (size_t i = 0; i < (*sentinels)->count; i++)
		redis_link_close(&(*sentinels)->list[i].link);
	mem_free(*sentinels);
	*sentinels = NULL;
}

static void describe(const struct sentinel *sentinel, enum link_result result,
	const struct redis_answer *reply, char detail[REDIS_DETAIL_SIZE])
{
	char what[REDIS_DETAIL_SIZE];

	redis_node_describe(result, reply, what);
	snprintf(detail, REDIS_DETAIL_SIZE, "sentinel %.100s: %.140s", sentinel->place.shown, what);
}

static void connect_to(
	struct sentinel *sentinel, uint64_t timeout_ms, char detail[REDIS_DETAIL_SIZE])
{
	struct redis_addresses addresses;
	struct redis_answer reply = {.kind = ANSWER_NIL};
	enum link_result result = LINK_REFUSED;

	if (redis_place_resolve(&sentinel->place, &addresses))
		for (size_t i = 0; i < addresses.count && sentinel->link == NULL; i++)
			result = redis_place_connect(&sentinel->place, addresses.list[i],
				clock_monotonic_ms() + timeout_ms, &sentinel->link, &reply);
	if (sentinel->link != NULL) {
		redis_link_allow(sentinel->link, LINK_REPLY_MAX, ANSWER_ELEMENTS_MAX);
		return;
	}
	describe(sentinel, result, &reply, detail);
	sentinel->try_ms = clock_monotonic_ms() + TRY_AGAIN_MS;
}

static void append(struct sentinel *sentinel, const char *question, const char *name)
{
	struct redis_command command;

	redis_command_init(&command);
	redis_command_add(&command, "SENTINEL");
	redis_command_add(&command, question);
	redis_command_add(&command, name);
	redis_link_append(sentinel->link, &command, true);
}

/* The text behind the one that is NAME, in a list of names and values; NULL if there is none. */
static const char *value_of(const struct redis_answer *reply, const char *name)
{
	const char *at = reply->text;

	for (size_t i = 0; i + 1 < reply->count; i += 2) {
		const char *value = at + strlen(at) + 1;

		if (strcmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* {address, port} */
static bool read_address(const struct redis_answer *reply, struct store_host *host_r)
{
	const char *port;
	size_t length;

	if (reply->kind != ANSWER_TEXTS || reply->count != 2)
		return false;
	length = strlen(reply->text);
	port = reply->text + length + 1;
	if (length == 0 || length >= sizeof(host_r->name))
		return false;
	memcpy(host_r->name, reply->text, length + 1);
	host_r->port = atoi(port);
	return host_r->port > 0 && host_r->port < 65536;
}

static bool read_epoch(const struct redis_answer *reply, uint64_t *epoch_r)
{
	const char *epoch = reply->kind == ANSWER_TEXTS ? value_of(reply, "config-epoch") : NULL;

	*epoch_r = epoch == NULL ? 0 : strtoull(epoch, NULL, 10);
	return epoch != NULL;
}

/* The address may be ahead of what the other reply says, never behind it. */
static bool ask(struct sentinel *sentinel, const char *name, uint64_t timeout_ms,
	struct store_host *primary_r, uint64_t *epoch_r, char detail[REDIS_DETAIL_SIZE])
{
	uint64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	struct redis_answer replies[2] = {{.kind = ANSWER_NIL}, {.kind = ANSWER_NIL}};
	enum link_result result = LINK_ANSWERED;
	bool good = false;

	append(sentinel, "GET-MASTER-ADDR-BY-NAME", name);
	append(sentinel, "MASTER", name);
	for (size_t i = 0; i < 2 && result == LINK_ANSWERED; i++)
		result = redis_link_receive(sentinel->link, deadline_ms, &replies[i]);
	if (result != LINK_ANSWERED) {
		describe(sentinel, result, &replies[0], detail);
		redis_link_close(&sentinel->link);
	} else if (replies[0].kind == ANSWER_NIL) {
		snprintf(detail, REDIS_DETAIL_SIZE, "sentinel %.100s knows no primary named %s",
			sentinel->place.shown, name);
	} else if (replies[0].kind == ANSWER_ERROR || replies[1].kind == ANSWER_ERROR) {
		describe(sentinel, result, &replies[replies[0].kind == ANSWER_ERROR ? 0 : 1],
			detail);
	} else if (!read_address(&replies[0], primary_r) || !read_epoch(&replies[1], epoch_r)) {
		snprintf(detail, REDIS_DETAIL_SIZE, "%.100s does not answer as a sentinel does",
			sentinel->place.shown);
	} else {
		good = true;
	}
	mem_free(replies[0].text);
	mem_free(replies[1].text);
	return good;
}

bool redis_sentinels_ask(struct redis_sentinels *sentinels, uint64_t connect_timeout_ms,
	uint64_t timeout_ms, struct store_host *primary_r, char detail[REDIS_DETAIL_SIZE])
{
	uint64_t latest = 0;
	bool found = false;

	snprintf(detail, REDIS_DETAIL_SIZE, "no sentinel can be reached");
	for (size_t i = 0; i < sentinels->count; i++) {
		struct sentinel *sentinel = &sentinels->list[i];
		struct store_host primary;
		uint64_t epoch = 0;

		if (sentinel->link == NULL && clock_monotonic_ms() >= sentinel->try_ms)
			connect_to(sentinel, connect_timeout_ms, detail);
		if (sentinel->link == NULL ||
			!ask(sentinel, sentinels->name, timeout_ms, &primary, &epoch, detail))
			continue;
		if (!found || epoch > latest) {
			*primary_r = primary;
			latest = epoch;
		}
		found = true;
	}
	return found;
}
