/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that an administrator writes: networks, domains, addresses, one a line. Immutable after
 * loading, so shared without a lock. Look-up time does not grow with the number of entries.
 *
 *   192.0.2.0/24        a network              2001:db8::/32
 *   example.com         this domain            .example.com   it and all below it
 *   user@example.com    one address            user@          this local-part at any domain
 *   @example.com        all addresses of this domain, but not the domain as a client's name
 *   # comment, blank lines; a comment may follow an entry
 */
#ifndef MAILREEVE_MATCHLIST_H
#define MAILREEVE_MATCHLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "ipaddr.h"
#include "path.h"

struct matchlist;

enum { MATCH_WHERE_SIZE = 256 };

/* What an entry can be about. */
enum match_kind {
	MATCH_NETWORKS = 1,
	MATCH_DOMAINS = 2, /* "example.com" and ".example.com" */
	MATCH_ADDRESSES = 4 /* whatever has an @ */
};

/* Which entry matched. */
struct match {
	const char *entry; /* in canonical form; belongs to the list */
	char where[MATCH_WHERE_SIZE]; /* "/etc/mailreeve/allow:12", or "trusted_networks" */
};

struct matchlist *matchlist_create(void);
void matchlist_free(struct matchlist **list);

/* From now on only entries of KINDS (enum match_kind, 0 for all) are taken: others would never match
 * where the list is used. */
void matchlist_take_only(struct matchlist *list, unsigned kinds);

/* One entry; one that is there already is left out. False with a sentence in *WHY_R (static: what is
 * wrong and what would be right). */
bool matchlist_add(struct matchlist *list, const char *entry, const char *where,
	const char **why_r) MUST_CHECK;

/* All lines of a regular file (at most 10 million, each at most 1000 octets). Calls COMPLAIN (may be
 * NULL) for each bad line, goes on, and returns false if there was any, or if the file cannot be read
 * (line 0). */
bool matchlist_load(struct matchlist *list, const char *file,
	void (*complain)(void *context, const char *file, unsigned line, const char *why),
	void *context) MUST_CHECK;

/* *MATCH_R, which may be NULL, is set where they return true. */
bool matchlist_match_address(
	const struct matchlist *list, const struct ipaddr *address, struct match *match_r);
bool matchlist_match_domain(
	const struct matchlist *list, const char *canonical_domain, struct match *match_r);
/* Address entries, then local-part entries, then domain entries. The local-part is compared without
 * case; the null path matches nothing. */
bool matchlist_match_path(
	const struct matchlist *list, const struct path *path, struct match *match_r);
/* Calls EACH for every domain entry, without the dot of ".example.com", until it returns false. */
void matchlist_each_domain(const struct matchlist *list,
	bool (*each)(void *context, const char *domain), void *context);
size_t matchlist_count(const struct matchlist *list);
/* Whether a client's confirmed name can match at all: only then is it worth a DNS question. */
bool matchlist_has_domains(const struct matchlist *list); /* false for NULL */
bool matchlist_is_empty(const struct matchlist *list); /* true for NULL */

#endif
