/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"
#include "resolver_private.h"

enum {
	FAILURES_MAX = 3, /* in a row, before a server is put last */
	AVOID_MS = 5000,
	AVOID_DOUBLED_MAX = 3
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
	if (server->avoid_until_ms != 0)
		log_info("resolver: nameserver %s answers again", server->address.text);
	server->failures = 0;
	server->avoid_until_ms = 0;
}

void resolver_server_failed(
	struct resolver *resolver, struct resolver_server *server, bool unreachable)
{
	unsigned doubled;

	server->failures++;
	if (unreachable && server->failures < FAILURES_MAX)
		server->failures = FAILURES_MAX;
	if (server->failures < FAILURES_MAX || is_failing(resolver, server))
		return;
	if (server->avoid_until_ms == 0)
		log_warning("resolver: nameserver %s is asked last for a while: %s",
			server->address.text,
			unreachable ? "unreachable" : "time-outs or failures in a row");
	doubled = server->failures - FAILURES_MAX;
	if (doubled > AVOID_DOUBLED_MAX)
		doubled = AVOID_DOUBLED_MAX;
	server->avoid_until_ms = resolver->now_ms + ((uint64_t)AVOID_MS << doubled);
}

bool resolver_server_all_failing(const struct resolver *resolver)
{
	for (size_t i = 0; i < resolver->server_count; i++)
		if (!is_failing(resolver, &resolver->servers[i]))
			return false;
	return true;
}
