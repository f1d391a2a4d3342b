/* SPDX-License-Identifier: BSD-2-Clause */
/* IP addresses and networks. Pure values: no I/O, reentrant. */
#ifndef MAILREEVE_IPADDR_H
#define MAILREEVE_IPADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

struct sockaddr;

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

/* IPv4 uses bytes[0..3], the rest is zero. An IPv4-mapped IPv6 address is stored as IPv4. */
struct ipaddr {
	enum ip_family family;
	uint8_t bytes[16];
};

struct network {
	struct ipaddr address; /* host bits are zero */
	unsigned prefix; /* bits: 0 to 32 or 0 to 128 */
};

/* What an address is for; everything but IP_GLOBAL cannot be a mail host on the Internet. */
enum ip_scope {
	IP_GLOBAL,
	IP_UNSPECIFIED, /* 0.0.0.0/8, :: */
	IP_LOOPBACK,
	IP_PRIVATE, /* RFC 1918, RFC 6598 shared space, fc00::/7 */
	IP_LINK_LOCAL,
	IP_MULTICAST,
	IP_RESERVED /* 240.0.0.0/4, 192.0.0.0/24, 100::/64; documentation networks count as global */
};

enum {
	IPADDR_TEXT_SIZE = 46,
	NETWORK_TEXT_SIZE = 50,
	REVERSE_NAME_SIZE = 80,
	IPADDR_KEY_SIZE = 17
};

/* Text form (no brackets, no zone, no leading zeros in IPv4) to address; false when it is not one. */
bool ipaddr_parse(const char *text, struct ipaddr *address_r) MUST_CHECK;

/* From a socket address of family AF_INET or AF_INET6; false for others and for NULL. */
bool ipaddr_from_sockaddr(
	const struct sockaddr *socket_address, struct ipaddr *address_r) MUST_CHECK;

/* Canonical text (RFC 5952 for IPv6) into BUFFER of IPADDR_TEXT_SIZE; returns BUFFER. */
const char *ipaddr_format(const struct ipaddr *address, char *buffer);

/* Family and bytes, by which equal addresses are equal keys, into KEY of IPADDR_KEY_SIZE; their
 * number. */
size_t ipaddr_key(const struct ipaddr *address, char *key);

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);
int ipaddr_compare(const struct ipaddr *a, const struct ipaddr *b); /* total order, for sorting */
enum ip_scope ipaddr_scope(const struct ipaddr *address);
const char *ip_scope_name(enum ip_scope scope); /* "private", ... */

/* Name below in-addr.arpa or ip6.arpa, without trailing dot, into BUFFER of REVERSE_NAME_SIZE. */
const char *ipaddr_reverse_name(const struct ipaddr *address, char *buffer);

/* "192.0.2.0/24", "2001:db8::/32", or a lone address (full prefix). Host bits must be zero;
 * false otherwise, with a sentence that says what is wrong in *WHY_R (static). */
bool network_parse(const char *text, struct network *network_r, const char **why_r) MUST_CHECK;
bool network_contains(const struct network *network, const struct ipaddr *address);
struct network network_of(const struct ipaddr *address, unsigned prefix_v4, unsigned prefix_v6);
const char *network_format(const struct network *network, char *buffer); /* NETWORK_TEXT_SIZE */

#endif
