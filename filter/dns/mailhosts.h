/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a domain's mail goes: MX with the addresses of its hosts, implicit MX, null MX (RFC 5321 5.1,
 * RFC 7505), and the domain's own addresses. One inquiry serves the HELO checks, the sender checks
 * and the proof of registration. */
#ifndef MAILREEVE_MAILHOSTS_H
#define MAILREEVE_MAILHOSTS_H

#include "dns.h"
#include "inquiry.h"

enum { MAILHOSTS_MAX = 20, MAILHOSTS_ADDRESSES_MAX = 64 };

struct mailhost {
	char name[DOMAIN_SIZE];
	uint16_t preference;
	enum dns_status status_a, status_aaaa;
	size_t address_count; /* bounded, each family to half of it */
	struct ipaddr addresses[MAILHOSTS_ADDRESSES_MAX];
};

/* Result of the inquiry. */
struct mailhosts {
	char domain[DOMAIN_SIZE]; /* in */
	enum dns_status mx_status;
	bool null_mx; /* exactly one MX, with host "." */
	size_t mx_count; /* of the answer, even beyond the bound */
	size_t host_count;
	struct mailhost *hosts; /* MX hosts by preference; none for implicit MX */
	struct mailhost own; /* A and AAAA of the domain itself (asked side by side with MX) */
};

/* DOMAIN is canonical. Its result is a const struct mailhosts *. */
struct inquiry *mailhosts_inquire(
	struct resolver *resolver, const char *domain, int64_t time_limit_ms);

/* Known addresses that mail for the domain goes to; *GLOBAL_R: those of the Internet among them. */
size_t mailhosts_addresses(const struct mailhosts *hosts, size_t *global_r);
/* The domain does not exist: MX and addresses all say NXDOMAIN. */
bool mailhosts_nonexistent(const struct mailhosts *hosts);
/* It exists or not, but no MX host with an address, nor an address of its own without MX, is known;
 * false as long as any part of that is only temporarily unknown, and for null MX. */
bool mailhosts_none(const struct mailhosts *hosts);
/* Something that could have changed the outcome ended in SERVFAIL or a time-out. */
bool mailhosts_temporary(const struct mailhosts *hosts);
/* Every known address lies in loopback, private, link-local, multicast, unspecified or reserved
 * space, there is at least one, and nothing is temporarily unknown. */
bool mailhosts_bogus(const struct mailhosts *hosts);
/* The host (or NULL) that has ADDRESS: an MX host, or own where there is no MX. */
const struct mailhost *mailhosts_with_address(
	const struct mailhosts *hosts, const struct ipaddr *address);
/* One host says that it has ADDRESS. */
bool mailhost_has_address(const struct mailhost *host, const struct ipaddr *address);
/* Addresses of one host: "192.0.2.1, 2001:db8::1", or "no address", or what went wrong; at most a few
 * shown. Returns BUFFER. */
const char *mailhost_format(const struct mailhost *host, char *buffer, size_t size);
/* "example.net MX 10 mx1.example.net (192.0.2.1), ...": one line. Returns BUFFER. */
const char *mailhosts_format(const struct mailhosts *hosts, char *buffer, size_t size);

#endif
