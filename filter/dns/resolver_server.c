/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"
#include "resolver_private.h"

enum {
	FAILURES_MAX = 5, /* in a row, before a server is put last */
	FAILURES_HOPELESS = 20, /* in a row: not only some strangers' domains, but the server */
	AVOID_MS = 5000,
	AVOID_UNREACHABLE_MS = 15000,
	LOG_EVERY_MS = 60000
};

static bool is_failing(const struct resolver *resolver, const struct resolver_server *server)
{
	return server->avoid_until_ms > resolver->now_ms;
}

struct resolver_server *resolver_server_next(struct resolver *resolver, uint32_t tried)
{
	struct resolver_server *last_resort = NULL;

	for (size_t i = 0; i < resolver->server_count; i++) {
		struct resolver_server *server = &resolver->servers[i];

		if ((tried & resolver_server_bit(resolver, server)) != 0)
			continue;
		if (!is_failing(resolver, server))
			return server;
		if (last_resort == NULL)
			last_resort = server;
	}
	return last_resort;
}

uint32_t resolver_server_bit(const struct resolver *resolver, const struct resolver_server *server)
{
	return UINT32_C(1) << (server - resolver->servers);
}

void resolver_server_works(struct resolver_server *server)
{
	if (server->is_logged)
		log_info("resolver: nameserver %s answers again", server->address.text);
	server->is_logged = false;
	server->failures = 0;
	server->avoid_until_ms = 0;
}

/* Strangers can make single questions fail as often as they like, so not each time. */
static void log_failing(struct resolver *resolver, struct resolver_server *server, bool unreachable)
{
	if (server->is_logged || resolver->now_ms < server->log_after_ms)
		return;
	server->is_logged = true;
	server->log_after_ms = resolver->now_ms + LOG_EVERY_MS;
	log_warning("resolver: nameserver %s is %s", server->address.text,
		unreachable ? "unreachable" : "not answering");
}

void resolver_server_failed(
	struct resolver *resolver, struct resolver_server *server, bool unreachable)
{
	server->failures++;
	if (unreachable && server->failures < FAILURES_HOPELESS)
		server->failures = FAILURES_HOPELESS;
	if (server->failures < FAILURES_MAX || is_failing(resolver, server))
		return;
	server->avoid_until_ms = resolver->now_ms + (unreachable ? AVOID_UNREACHABLE_MS : AVOID_MS);
	if (server->failures >= FAILURES_HOPELESS)
		log_failing(resolver, server, unreachable);
}

bool resolver_server_none_works(const struct resolver *resolver)
{
	for (size_t i = 0; i < resolver->server_count; i++)
		if (!is_failing(resolver, &resolver->servers[i]) ||
			resolver->servers[i].failures < FAILURES_HOPELESS)
			return false;
	return true;
}
