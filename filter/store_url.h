/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a store is, read from its URL. Pure. */
#ifndef MAILREEVE_STORE_URL_H
#define MAILREEVE_STORE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

enum store_url_kind { STORE_URL_MEMORY, STORE_URL_TCP, STORE_URL_UNIX };

struct store_url {
	enum store_url_kind kind;
	char host[256]; /* name or address, without brackets */
	int port; /* [6379] */
	char path[108]; /* of a Unix socket */
	char user[128]; /* empty: the default user */
	char password[256]; /* empty: none */
	int database;
};

/* Reads "redis://[user:password@]host[:port][/db]" or "unix:/path[?db=N][&user=NAME]"; user and
 * password may hold %XX. NULL is the memory store. False with a sentence in WHY, which never holds a secret. */
bool store_url_parse(
	const char *string, struct store_url *url_r, char *why, size_t why_size) MUST_CHECK;

/* The place for a log line, without secrets: "192.0.2.1:6379/0", "unix:/run/redis.sock". */
void store_url_show(const struct store_url *url, char *buffer, size_t size);

#endif
