/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/servers/dns_misbehave.py as a child process, and single questions to it, for unit tests of
 * the resolver. A failure ends the test. */
#ifndef MAILREEVE_TEST_DNS_SERVER_H
#define MAILREEVE_TEST_DNS_SERVER_H

#include <stddef.h>
#include <sys/types.h>

#include "dns.h"

struct resolver;

struct dns_server {
	pid_t pid;
	int keep_alive; /* the server ends when this is closed */
	unsigned port;
	char address[32]; /* "127.0.0.1:5353" */
};

/* PORT 0: any free one. ALWAYS: the behaviour for every name, or NULL: the name says it. */
void dns_server_start(struct dns_server *server, unsigned port, const char *always);
void dns_server_stop(struct dns_server *server);

/* A resolver that asks these servers (at most 4, NULL for none). */
struct resolver *dns_server_resolver(const char *first, const char *second, const char *third,
	const char *fourth, int timeout_ms);

/* Asks and waits; the caller releases the answer. */
const struct dns_answer *dns_server_ask(
	struct resolver *resolver, const char *name, enum dns_type type);

/* The same as one line of evidence (dns_answer_format); returns BUFFER. */
const char *dns_server_look(
	struct resolver *resolver, const char *name, enum dns_type type, char *buffer, size_t size);

/* How often NAME was asked for over UDP, TCP and with EDNS0, by the server's own account. */
struct dns_server_count {
	unsigned udp, tcp, edns;
};
struct dns_server_count dns_server_asked(const struct dns_server *server, const char *name);

#endif
