/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket the MTA connects to, around what libmilter does with it: stale files, mode and group,
 * two instances, waking its listener. Socket texts are libmilter's: "local:/path", "unix:/path",
 * "inet:port@host", "inet6:port@host". */
#ifndef MAILREEVE_MILTER_SOCKET_H
#define MAILREEVE_MILTER_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "conf.h"

struct sockaddr;

/* The path of a unix socket text, or NULL for the other kinds. */
const char *milter_socket_path(const char *socket_text);

/* False with a sentence in WHY when another process listens there, or something that is not a socket
 * is in the way. */
bool milter_socket_prepare(const char *socket_text, char *why, size_t why_size) MUST_CHECK;

/* Owner (the user to run as), group and mode of a unix socket just opened. */
bool milter_socket_share(
	const struct daemon_options *daemon, char *why, size_t why_size) MUST_CHECK;

/* Connects and closes at once: libmilter's listener looks for a stop only every five seconds, or when
 * somebody connects. */
void milter_socket_poke(const char *socket_text);

/* Port of an internet socket address, 0 for others and for NULL. */
unsigned milter_socket_port(const struct sockaddr *address);

#endif
