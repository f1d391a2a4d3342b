/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF records, read strictly by the grammar of RFC 7208 section 12. Pure; allocates nothing: terms
 * are read where they stand, and what is returned points into the text. */
#ifndef MAILREEVE_SPF_RECORD_H
#define MAILREEVE_SPF_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "ipaddr.h"

enum spf_term_type {
	SPF_TERM_ALL,
	SPF_TERM_INCLUDE,
	SPF_TERM_A,
	SPF_TERM_MX,
	SPF_TERM_PTR,
	SPF_TERM_IP4,
	SPF_TERM_IP6,
	SPF_TERM_EXISTS,
	SPF_TERM_REDIRECT, /* modifiers from here on */
	SPF_TERM_EXP,
	SPF_TERM_UNKNOWN
};

struct spf_term {
	enum spf_term_type type;
	char qualifier; /* '+', '-', '~' or '?' */
	const char *text; /* as written; not NUL-terminated */
	size_t length;
	const char *domain; /* its domain-spec; NULL when none was given */
	size_t domain_length;
	unsigned prefix_v4; /* a, mx: 0 to 32 */
	unsigned prefix_v6; /* a, mx: 0 to 128 */
	struct network network; /* ip4, ip6; a mapped IPv6 address stays IPv6 */
};

struct spf_record {
	const char *text;
	size_t length;
	struct spf_term redirect; /* text NULL: none */
	struct spf_term exp; /* text NULL: none */
	bool has_all;
	bool over_broad_v4; /* passes all, or a network wider than /8 */
	bool over_broad_v6; /* passes all, or a network wider than /32 */
	bool no_mail; /* "-all" is its only mechanism, and there is no redirect */
	struct spf_term wrong; /* after an error: the text that is wrong */
	const char *why; /* after an error: a few static words */
};

/* TEXT begins with the version section, "v=spf1" and a space or the end (RFC 7208 4.5). */
bool spf_record_is(const char *text, size_t length);

/* Checks the whole of such a record; false sets why and wrong. The text is borrowed. */
bool spf_record_parse(const char *text, size_t length, struct spf_record *record_r) MUST_CHECK;

/* The next mechanism of a record without errors. Begin with *OFFSET 0. */
bool spf_record_next(const struct spf_record *record, size_t *offset, struct spf_term *term_r);

/* Counts to the limit of terms that cause DNS queries (RFC 7208 4.6.4). */
bool spf_term_asks_dns(const struct spf_term *term);

#endif
