/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread of a node that finds its server again, and sends what waited too long; birth and end. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "clock.h"
#include "mem.h"
#include "redis_node_private.h"

enum {
	TICK_MS = 1000,
	WATCH_MS = 2000,
	START_MS = 3000 /* the longest that opening waits */
};

static enum link_result try_address(struct redis_node *node, const char *address,
	struct redis_link **link_r, struct redis_answer *reply_r)
{
	uint64_t deadline_ms = clock_monotonic_ms() + node->options.connect_timeout_ms;
	enum link_result result =
		redis_place_connect(&node->place, address, deadline_ms, link_r, reply_r);

	if (result != LINK_ANSWERED || *link_r == NULL)
		return result;
	result = node->options.check(node->options.context, *link_r,
		clock_monotonic_ms() + node->options.timeout_ms, reply_r);
	mem_free(reply_r->text);
	reply_r->text = NULL;
	if (result != LINK_ANSWERED || reply_r->kind == ANSWER_ERROR)
		redis_link_close(link_r);
	return result;
}

static void came_up(struct redis_node *node, const char *address, struct redis_link *link)
{
	bool was_open;

	lock_take(&node->lock);
	was_open = breaker_closed(&node->breaker);
	node->known = true;
	snprintf(node->address, sizeof(node->address), "%s", address);
	if (node->open_count < node->options.connections) {
		node->idle[node->idle_count++] = link;
		node->open_count++;
		link = NULL;
	}
	lock_give(&node->lock);
	redis_link_close(&link);
	if (was_open)
		node->options.changed(node->options.context, node, NULL);
}

/* Looks for the server at each of its addresses. */
static void probe(struct redis_node *node)
{
	struct redis_addresses addresses = {.count = 0};
	struct redis_link *link = NULL;
	struct redis_answer reply;
	enum link_result result = LINK_REFUSED;
	bool is_unix = node->place.host.name[0] == '\0';
	char detail[REDIS_DETAIL_SIZE] = "the host name has no address";
	size_t i = 0;

	if (!is_unix && !redis_place_resolve(&node->place, &addresses)) {
		redis_node_failed(node, true, detail);
		return;
	}
	do {
		result = try_address(node, is_unix ? NULL : addresses.list[i], &link, &reply);
	} while (link == NULL && ++i < addresses.count);
	if (link != NULL) {
		came_up(node, is_unix ? "" : addresses.list[i], link);
		return;
	}
	redis_node_describe(result, &reply, detail);
	redis_node_failed(node, true, detail);
}

static void send_waiting(struct redis_node *node)
{
	struct redis_command command;
	struct redis_ask ask = {.command = &command};
	struct redis_ask *const asks[] = {&ask};

	redis_command_init(&command);
	redis_command_add(&command, "PING");
	if (redis_node_run(node, asks, 1, clock_monotonic_ms() + node->options.timeout_ms) ==
		NODE_ANSWERED)
		mem_free(ask.reply.text);
}

/* The server is down and its time has come, or somebody thinks that it is not well. */
static bool may_probe(struct redis_node *node, uint64_t now) REQUIRES(node->lock)
{
	bool suspected = node->suspected && !node->breaker.open && now >= node->suspect_ms;
	unsigned char random[STORE_ID_SIZE];

	if (suspected) {
		node->suspected = false;
		node->suspect_ms = now + TICK_MS;
		return true;
	}
	store_id(random);
	return breaker_may_probe(&node->breaker, (uint32_t)random[0] << 8 | random[1], now);
}

static void *keep(void *argument)
{
	struct redis_node *node = argument;
	uint64_t watch_ms = 0;

	lock_take(&node->lock);
	while (!node->closing) {
		uint64_t now = clock_monotonic_ms();
		uint64_t until = now + TICK_MS;
		bool waiting = !node->breaker.open && node->later.commands > 0;

		if (may_probe(node, now)) {
			lock_give(&node->lock);
			probe(node);
			lock_take(&node->lock);
			condition_signal(&node->first_probe);
		} else if (waiting) {
			lock_give(&node->lock);
			send_waiting(node);
			lock_take(&node->lock);
		}
		if (!node->breaker.open && now >= watch_ms) {
			watch_ms = now + WATCH_MS;
			lock_give(&node->lock);
			node->options.watch(node->options.context, node);
			lock_take(&node->lock);
		}
		if (node->breaker.open && node->breaker.probe_ms < until)
			until = node->breaker.probe_ms;
		if (!node->closing)
			(void)condition_wait(&node->keeper_wanted, &node->lock, until);
	}
	lock_give(&node->lock);
	return NULL;
}

/* Signals are for the threads of the program's own. */
static bool start_keeper(struct redis_node *node)
{
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&node->keeper, NULL, keep, node) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

void redis_node_ignore_broken_pipes(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

void redis_node_await(struct redis_node *node)
{
	uint64_t until = clock_monotonic_ms() + START_MS;

	lock_take(&node->lock);
	while (!node->known && condition_wait(&node->first_probe, &node->lock, until))
		continue;
	lock_give(&node->lock);
}

static void free_node(struct redis_node *node)
{
	redis_bytes_clear(&node->later);
	condition_destroy(&node->first_probe);
	condition_destroy(&node->keeper_wanted);
	lock_destroy(&node->lock);
	mem_free(node->idle);
	mem_free(node);
}

struct redis_node *redis_node_open(
	const struct redis_place *place, const struct redis_node_options *options)
{
	struct redis_node *node = mem_alloc(sizeof(*node));

	node->place = *place;
	node->options = *options;
	node->idle = mem_array(options->connections, sizeof(struct redis_link *));
	lock_init(&node->lock);
	condition_init(&node->keeper_wanted);
	condition_init(&node->first_probe);
	if (options->believed && redis_place_is_numeric(place)) {
		snprintf(node->address, sizeof(node->address), "%.*s",
			(int)sizeof(node->address) - 1, place->host.name);
		node->known = true;
	} else {
		breaker_begin_open(&node->breaker);
	}
	if (start_keeper(node))
		return node;
	free_node(node);
	return NULL;
}

void redis_node_close(struct redis_node **node)
{
	if (*node == NULL)
		return;
	send_waiting(*node);
	lock_take(&(*node)->lock);
	(*node)->closing = true;
	condition_signal(&(*node)->keeper_wanted);
	lock_give(&(*node)->lock);
	pthread_join((*node)->keeper, NULL);
	redis_node_close_links(*node);
	free_node(*node);
	*node = NULL;
}
