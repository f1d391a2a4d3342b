/* SPDX-License-Identifier: BSD-2-Clause */
/* Host names that a provider made up for a whole range: they spell the client's address (decimal, hex,
 * padded, reversed, in part), or name a pool of dial-up lines. Pure, reentrant. */
#ifndef MAILREEVE_GENERIC_NAME_H
#define MAILREEVE_GENERIC_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "domain.h"
#include "ipaddr.h"

/* Words are compared with whole runs of letters of the name; each list NULL-terminated, or NULL. */
struct generic_words {
	char *const
		*pool; /* "dsl", "dynamic": the name is of a pool, but for a server word in it */
	char *const *server; /* "mail", "smtp": the name is of a mail server, whatever it spells */
};

/* Canonical NAME of ADDRESS is generic. REASON: what gives it away, "spells 192.0.2.7 in decimal" or
 * "has the word dsl"; empty when it is not. */
bool generic_name(const char *name, const struct ipaddr *address, const struct generic_words *words,
	char *reason, size_t reason_size);

#endif
