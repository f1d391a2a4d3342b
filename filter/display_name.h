/* SPDX-License-Identifier: BSD-2-Clause */
/* Display names of mailboxes (RFC 5322 3.4) as a reader takes them. Pure, reentrant. */
#ifndef MAILREEVE_DISPLAY_NAME_H
#define MAILREEVE_DISPLAY_NAME_H

#include <stdbool.h>

#include "compiler.h"
#include "domain.h"

/* The domain, canonical, of the first address that NAME (UTF-8, decoded) shows: "Anna <anna@x.example>",
 * "anna@x.example via list". False when it shows none. */
bool display_name_address(const char *name, char domain_r[DOMAIN_SIZE]);

/* The one of NAMES (NULL-terminated; NULL: none) of which every word stands in NAME as a word of its own,
 * in any order, in letters that look alike; NULL when there is none. */
const char *display_name_matches(const char *name, char *const *names);

/* NAME has a word that can be looked for. */
bool display_name_is_usable(const char *name);

#endif
