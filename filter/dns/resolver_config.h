/* SPDX-License-Identifier: BSD-2-Clause */
/* Which name servers to ask. Pure but for reading a file. */
#ifndef MAILREEVE_RESOLVER_CONFIG_H
#define MAILREEVE_RESOLVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "compiler.h"

enum { RESOLVER_SERVERS_MAX = 16, RESOLVER_ADDRESS_TEXT_SIZE = 64 };

struct resolver_address {
	struct sockaddr_storage socket_address;
	socklen_t length;
	char text[RESOLVER_ADDRESS_TEXT_SIZE]; /* as configured, for logs */
};

/* "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:53", "fe80::1%eth0". */
bool resolver_config_address(const char *text, struct resolver_address *address_r) MUST_CHECK;

/* The nameserver lines of a file like /etc/resolv.conf, as far as they can be read; their number. */
size_t resolver_config_file(
	const char *path, struct resolver_address addresses_r[RESOLVER_SERVERS_MAX]);

#endif
