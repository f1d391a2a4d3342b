/* SPDX-License-Identifier: BSD-2-Clause */
/* Display names of mailboxes (RFC 5322 3.4) as a reader takes them. Reentrant. */
#ifndef MAILREEVE_DISPLAY_NAME_H
#define MAILREEVE_DISPLAY_NAME_H

#include <stdbool.h>

#include "compiler.h"
#include "domain.h"

/* The domain, canonical, of the first address that NAME (UTF-8, decoded) shows: "Anna <anna@x.example>",
 * "anna@x.example via list". False when it shows none. */
bool display_name_address(const char *name, char domain_r[DOMAIN_SIZE]);

/* Names that are looked for, made ready once; not changed then, so sessions share them. NAMES is
 * NULL-terminated, or NULL for none; borrowed, and must outlive them. */
struct display_names;
struct display_names *display_names_create(char *const *names);
void display_names_free(struct display_names **names); /* nulls; NULL allowed */

/* The one of them of which every word stands in NAME as a word of its own, in any order, in letters that
 * look alike; NULL when there is none. */
const char *display_names_match(const struct display_names *names, const char *name);

/* NAME has a word that can be looked for. */
bool display_name_is_usable(const char *name);

#endif
