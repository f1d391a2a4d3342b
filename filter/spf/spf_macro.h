/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF macros (RFC 7208 section 7): checked and expanded by us, so that none reaches libspf2. Pure;
 * time and memory are bounded whatever the text. */
#ifndef MAILREEVE_SPF_MACRO_H
#define MAILREEVE_SPF_MACRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "domain.h"
#include "ipaddr.h"
#include "text.h"

/* What the macro letters stand for. Borrowed; no value may be NULL. */
struct spf_macro_values {
	const struct ipaddr *client; /* i, c, v */
	const char *sender; /* s; l and o are its parts around the last "@" */
	const char *domain; /* d: whose record is read */
	const char *helo; /* h */
	const char *receiver; /* r */
	const char *validated; /* p: validated name of the client, or "unknown" */
	uint64_t now; /* t: seconds since 1970 */
};

/* domain-spec of RFC 7208 section 7.1: a macro-string that ends in a toplabel or a macro. */
bool spf_macro_is_domain(const char *text, size_t length);

/* macro-string; with EXPLANATION explain-string: spaces and the letters c, r, t as well. */
bool spf_macro_is_string(const char *text, size_t length, bool explanation);

/* The letter (lower case) occurs as a macro in a checked text. */
bool spf_macro_uses(const char *text, size_t length, char letter);

/* Expands a checked domain-spec to a name: without trailing dot, whole labels cut off at the left
 * until 253 octets are left (7.3). False when no name comes out: backslash, control or non-ASCII bytes (RFC 8616
 * section 4), empty, or nothing left to cut. */
bool spf_macro_name(const char *text, size_t length, const struct spf_macro_values *values,
	char name_r[DOMAIN_SIZE]) MUST_CHECK;

/* Appends the expansion of a checked explain-string; OUT's size is the bound. */
void spf_macro_text(
	const char *text, size_t length, const struct spf_macro_values *values, struct text *out);

#endif
