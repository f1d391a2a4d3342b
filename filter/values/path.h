/* SPDX-License-Identifier: BSD-2-Clause */
/* Reverse-paths and forward-paths (RFC 5321 4.1.2). Two readings: the strict grammar, and where the
 * most permissive MTA would send it. Pure, reentrant. */
#ifndef MAILREEVE_PATH_H
#define MAILREEVE_PATH_H

#include <stdbool.h>

#include "compiler.h"
#include "domain.h"
#include "ipaddr.h"

enum {
	PATH_MAX_OCTETS = 256, /* RFC 5321 4.5.3.1.3, with the brackets */
	/* What fits beside "<", "@", a letter and ">". More than the 64 octets that every server must take
	 * (4.5.3.1.1): VERP and SRS write longer ones, and the RFC wants no limit where none is needed. */
	PATH_LOCAL_PART_MAX = PATH_MAX_OCTETS - 4,
	PATH_SIZE = 384 /* bytes for any accepted path in text form */
};

enum path_error {
	PATH_OK,
	PATH_SYNTAX, /* not a path at all */
	PATH_TOO_LONG,
	PATH_BAD_DOMAIN,
	PATH_SOURCE_ROUTE, /* grammatical, but obsolete (RFC 5321 appendix C): never accepted */
	PATH_NOT_ASCII /* 8-bit without SMTPUTF8 */
};

struct path {
	bool null; /* "<>": everything below is empty */
	char local_part[PATH_LOCAL_PART_MAX + 1]; /* dequoted; case kept */
	char domain[DOMAIN_SIZE]; /* canonical; empty for a bare <postmaster> and for a literal */
	struct ipaddr literal; /* family IP_NONE when the domain is a name */
	bool quoted; /* local_part needs quotes when printed */
	/* Where a permissive MTA could relay it: the domain that dequoting and following routes, %,
	 * !, :: and further @ leads to; equal to domain, and routed not set, for an ordinary path.
	 * Never empty when routed is set. An address literal on the way is "[192.0.2.1]", its odd
	 * forms too. Where it leads to more than one other domain, or MTAs would differ, it is a
	 * text that equals no domain ("u%a.example%b.example"). So a path is ours when domain, or
	 * literal, is, and where routed is set routed_domain as well. */
	bool routed;
	char routed_domain[DOMAIN_SIZE];
};

/* TEXT is the argument of MAIL or RCPT as the MTA hands it over: "<a@b>" or "a@b", "<>" or empty is
 * the null path. SMTPUTF8: whether 8-bit octets (valid UTF-8) are allowed. On an error the path_r
 * is zeroed but for routed and routed_domain, which are filled where they can be read. */
enum path_error path_parse(const char *text, bool smtputf8, struct path *path_r) MUST_CHECK;

/* A sentence for a reply or evidence: "source routes are not accepted", ... */
const char *path_error_text(enum path_error error);

/* May stand in a local-part without quotes (RFC 5321 4.1.2, RFC 6531 3.3), and is no dot. */
bool path_is_atext(char c);

/* Text without brackets, quoted where needed, into BUFFER of PATH_SIZE; "" for the null path. */
const char *path_format(const struct path *path, char *buffer);

bool path_is_postmaster(const struct path *path); /* local-part, without case */
bool path_is_abuse(const struct path *path);

#endif
