/* SPDX-License-Identifier: BSD-2-Clause */
/* How an entry of a match list is written. Private to matchlist*.c. Pure. */
#ifndef MAILREEVE_MATCHLIST_ENTRY_H
#define MAILREEVE_MATCHLIST_ENTRY_H

#include <stdbool.h>

#include "compiler.h"
#include "ipaddr.h"
#include "matchlist.h"
#include "path.h"

struct matchlist_entry {
	bool is_network;
	struct network network;
	/* Canonical, and the key of the look-up: "example.com", ".example.com", "@example.com",
	 * "user@example.com", "user@"; for a network its text. Lower case. */
	char text[PATH_SIZE + 1];
};

/* False with a sentence in *WHY_R (static). */
bool matchlist_entry_parse(
	const char *text, struct matchlist_entry *entry_r, const char **why_r) MUST_CHECK;

/* Adds one entry found at LINE of WHERE (0: no line). */
bool matchlist_add_line(struct matchlist *list, const char *entry, const char *where, unsigned line,
	const char **why_r) MUST_CHECK;

/* Gives back what growing left unused. */
void matchlist_shrink(struct matchlist *list);

#endif
