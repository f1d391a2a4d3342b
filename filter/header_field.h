/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields as the MTA hands them over: names, and the mailboxes of From and its kin (RFC 5322
 * 3.4), read strictly: what mail programs could read in more than one way is named, not guessed.
 * Pure, reentrant. */
#ifndef MAILREEVE_HEADER_FIELD_H
#define MAILREEVE_HEADER_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "path.h"

enum { MAILBOXES_MAX = 1000 }; /* more are not counted */

struct mailboxes {
	size_t count; /* addresses */
	const char *ambiguous; /* why readers could disagree about who is named (static), or NULL */
	const char *malformed; /* what else breaks the grammar (static), or NULL */
	struct path first; /* the first address that is one; null when there is none */
};

/* NAME is WANTED, without case, and whatever blanks stand around it ("From :"). */
bool header_field_is(const char *name, const char *wanted);

/* Reads the body of From, Sender, Reply-To ...; folds stand as CR and LF before a blank. */
void header_field_mailboxes(const char *body, struct mailboxes *mailboxes_r);

/* Length in octets of the longest line of the field as it stood in the message ("Name: body"). */
size_t header_field_longest_line(const char *name, const char *body);

#endif
