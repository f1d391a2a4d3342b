/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication-Results (RFC 8601) and its kin in the trace (ARC, RFC 8617; Received-SPF, RFC 7208 9.1;
 * Received, RFC 5321 4.4): who claims to have added a field, in whatever form a reader could take it,
 * and our own fields, which no value from the wire can break. Pure, reentrant. */
#ifndef MAILREEVE_AUTHRES_FIELD_H
#define MAILREEVE_AUTHRES_FIELD_H

#include <stdbool.h>

#include "compiler.h"
#include "text.h"

/* The body of an Authentication-Results field carries AUTHSERV_ID: without case, quoted or not, after
 * or between comments and folds, with a version, a trailing dot, or U-labels. */
bool authres_claims(const char *body, const char *authserv_id);

/* The same for ARC-Authentication-Results, in which an instance ("i=1;") stands before the identifier. */
bool authres_arc_claims(const char *body, const char *authserv_id);

/* The body of a Received field says it was added by HOST. */
bool received_by(const char *body, const char *host);

/* The body of a Received-SPF field says HOST was the receiver: as receiver=, or first in its
 * comment. */
bool received_spf_claims(const char *body, const char *host);

/* Adds VALUE as an RFC 8601 pvalue: as it is where it is plain, else as a quoted-string in which
 * bytes that are not printable ASCII become "?", but for UTF-8 in an INTERNATIONALIZED message (RFC 6532
 * 3.2). At most LIMIT bytes of it. */
void authres_add_value(struct text *text, const char *value, size_t limit, bool internationalized);

/* The same for Received-SPF (RFC 7208 9.1): plain is a dot-atom only, so addresses are quoted. */
void authres_add_dot_atom(struct text *text, const char *value, size_t limit);

/* Adds VALUE for a comment: parentheses become brackets, backslashes and what is not printable "?". */
void authres_add_comment(struct text *text, const char *value, size_t limit);

#endif
