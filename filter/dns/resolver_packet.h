/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS packets: a query is written, a reply is judged and read into our own types. The only includer
 * of ldns. Replies are hostile: names, records and lengths are checked and bounded before ldns sees
 * them. Pure; thread-safe. */
#ifndef MAILREEVE_RESOLVER_PACKET_H
#define MAILREEVE_RESOLVER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "dns.h"
#include "dns_name.h"

enum {
	RESOLVER_PACKET_QUERY_MAX = 12 + DNS_NAME_WIRE + 4 + 11,
	RESOLVER_PACKET_UDP_SIZE =
		1232, /* the size we offer by EDNS0; no fragments on usual paths */
	RESOLVER_PACKET_MAX_ALIASES = 12 /* CNAMEs followed for one question, all told */
};

/* What was sent, to hold the reply against. */
struct resolver_packet_query {
	uint16_t id;
	const char *name; /* canonical: the name in this packet */
	enum dns_type type;
	bool edns; /* with an OPT record (RFC 6891) */
	const char *asked; /* canonical: the name the answer is for, before aliases */
	unsigned aliases; /* CNAMEs already followed from ASKED to NAME */
	uint32_t alias_ttl; /* the least of their TTLs; UINT32_MAX without any */
};

enum resolver_packet_result {
	RESOLVER_PACKET_FOREIGN, /* not the reply to this query: wait on */
	RESOLVER_PACKET_BROKEN, /* the reply, but not readable, or an endless chain of CNAMEs */
	RESOLVER_PACKET_REFUSED, /* SERVFAIL, REFUSED, or another code that says nothing of the name */
	RESOLVER_PACKET_NO_EDNS, /* FORMERR, NOTIMP or BADVERS to a query with EDNS0 */
	RESOLVER_PACKET_TRUNCATED, /* ask again over TCP */
	RESOLVER_PACKET_ALIAS, /* a CNAME whose target was not answered: ask for it */
	/* NODATA of a server that neither recurses nor has the zone: to believe when no other says more */
	RESOLVER_PACKET_EMPTY,
	RESOLVER_PACKET_ANSWER /* OK, NODATA or NXDOMAIN */
};

struct resolver_packet_reply {
	struct dns_answer *answer; /* RESOLVER_PACKET_ANSWER, _EMPTY: owned by the caller */
	char alias[DNS_NAME_SIZE]; /* RESOLVER_PACKET_ALIAS */
	unsigned aliases; /* followed so far, and the least of their TTLs */
	uint32_t alias_ttl;
};

/* Writes the query; returns its length, or 0 when NAME is not one. */
size_t resolver_packet_write(const struct resolver_packet_query *query,
	uint8_t packet_r[RESOLVER_PACKET_QUERY_MAX]) MUST_CHECK;

/* The id of a packet, for finding its query; false when it is too short or not a reply. */
bool resolver_packet_id(const uint8_t *packet, size_t length, uint16_t *id_r) MUST_CHECK;

enum resolver_packet_result resolver_packet_read(const uint8_t *packet, size_t length,
	const struct resolver_packet_query *query,
	struct resolver_packet_reply *reply_r) MUST_CHECK;

#endif
