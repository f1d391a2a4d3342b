/* SPDX-License-Identifier: BSD-2-Clause */
/* What an Authentication-Results field (RFC 8601 2.2) says of DKIM signatures, read strictly: a field
 * that two readers could take in two ways says nothing. Whether its author is to be believed is the
 * caller's question. Pure, reentrant. */
#ifndef MAILREEVE_AUTHRES_DKIM_H
#define MAILREEVE_AUTHRES_DKIM_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "domain.h"

enum { AUTHRES_DKIM_PASSES_MAX = 8 };

struct authres_dkim {
	char authserv_id[DOMAIN_SIZE]; /* as it stands, in lower case */
	bool seen; /* any result of the method dkim */
	bool temporary; /* one of them was temperror */
	bool too_many; /* passes were left out */
	size_t pass_count;
	char passes[AUTHRES_DKIM_PASSES_MAX][DOMAIN_SIZE]; /* header.d of those that passed, or the
							     * domain of header.i; canonical */
};

/* False when BODY breaks the grammar, or its authserv-id is no plain token. */
bool authres_dkim_read(const char *body, struct authres_dkim *dkim_r) MUST_CHECK;

/* Whether a field of DKIM's author is one of IDS (NULL-terminated; NULL: none), without case. */
bool authres_dkim_is_by(const struct authres_dkim *dkim, char *const *ids);

#endif
