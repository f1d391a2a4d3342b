/* SPDX-License-Identifier: BSD-2-Clause */
/* A Redis server as one logs in to it: where it is, user, password, database, TLS. Thread-safe: nothing
 * changes after redis_place_init but what redis_place_resolve is given. */
#ifndef MAILREEVE_REDIS_PLACE_H
#define MAILREEVE_REDIS_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "redis_link.h"
#include "store_url.h"

enum { REDIS_ADDRESSES_MAX = 4, REDIS_ADDRESS_SIZE = 64 };

/* How to log in, the same at all servers of one kind. Everything is borrowed. */
struct redis_login {
	const char *user; /* empty: the default user */
	const char *password; /* empty: none */
	const char *password_file; /* NULL: PASSWORD; read at each login */
	int database;
	const struct redis_tls *tls; /* NULL: plain */
};

struct redis_place {
	const struct redis_login *login; /* borrowed */
	struct store_host host; /* empty name: the Unix socket PATH */
	char path[108];
	char shown[STORE_HOST_SIZE + 16]; /* for the log */
};

/* Numeric addresses of a host; none for a Unix socket. */
struct redis_addresses {
	char list[REDIS_ADDRESSES_MAX][REDIS_ADDRESS_SIZE];
	size_t count;
};

void redis_place_init(
	struct redis_place *place, const struct redis_login *login, const struct store_host *host);
void redis_place_init_unix(
	struct redis_place *place, const struct redis_login *login, const char *path);

/* Is the host an address that needs no asking? */
bool redis_place_is_numeric(const struct redis_place *place);

/* Addresses of the host. A name is asked for, which can take long: not for a caller's thread but
 * when the store is opened. False if there is none. */
bool redis_place_resolve(const struct redis_place *place, struct redis_addresses *addresses_r);

/* Connects to ADDRESS (NULL: the Unix socket) and logs in. What the server objects to is in
 * REPLY_R. */
enum link_result redis_place_connect(const struct redis_place *place, const char *address,
	uint64_t deadline_ms, struct redis_link **link_r, struct redis_answer *reply_r) MUST_CHECK;

#endif
