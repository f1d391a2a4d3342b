/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a store is, read from its URL. Pure. */
#ifndef MAILREEVE_STORE_URL_H
#define MAILREEVE_STORE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

enum store_url_kind {
	STORE_URL_MEMORY,
	STORE_URL_TCP,
	STORE_URL_UNIX,
	STORE_URL_SENTINEL, /* the hosts are the sentinels, which know the primary by its name */
	STORE_URL_CLUSTER /* the hosts are some nodes, which know the others */
};

enum { STORE_HOSTS_MAX = 16, STORE_HOST_SIZE = 256 };

struct store_host {
	char name[STORE_HOST_SIZE]; /* name or address, without brackets */
	int port;
};

struct store_url {
	enum store_url_kind kind;
	bool tls;
	struct store_host hosts[STORE_HOSTS_MAX]; /* one for STORE_URL_TCP */
	size_t host_count;
	char path[108]; /* of a Unix socket */
	char primary[64]; /* name that the sentinels give the primary */
	char user[128]; /* empty: the default user */
	char password[256]; /* empty: none */
	int database;
};

/* Reads
 *     memory
 *     redis://[user[:password]@]host[:6379][/db]
 *     unix:/path[?db=N][&user=NAME]
 *     sentinel://[user[:password]@]host[:26379],host.../primary[/db]
 *     cluster://[user[:password]@]host[:6379],host...
 * where rediss, sentinels and clusters say TLS, and valkey is redis. User and password may hold %XX.
 * NULL is the memory store, too. False with a sentence in WHY (what is wrong; what would be right), which
 * never holds a secret. */
bool store_url_parse(
	const char *string, struct store_url *url_r, char *why, size_t why_size) MUST_CHECK;

/* The place for a log line, without secrets: "192.0.2.1:6379/0", "unix:/run/redis.sock",
 * "sentinel://192.0.2.1:26379,192.0.2.2:26379/mail". */
void store_url_show(const struct store_url *url, char *buffer, size_t size);

/* "192.0.2.1:6379", "[2001:db8::1]:6379". */
void store_host_show(const struct store_host *host, char *buffer, size_t size);

#endif
