/* SPDX-License-Identifier: BSD-2-Clause */
/* The mailboxes of From and its kin (RFC 5322 3.4), read strictly: whatever mail programs could read in
 * more than one way is named, not guessed. No I/O; reentrant. */
#ifndef MAILREEVE_MAILBOX_LIST_H
#define MAILREEVE_MAILBOX_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "mailbox_form.h"

enum {
	MAILBOX_LIST_KEPT = 16, /* mailboxes; more are only counted */
	MAILBOX_LIST_MAX = 1000 /* more are not even counted */
};

struct mailbox_list {
	size_t count; /* addresses, those not kept too */
	size_t kept;
	struct mailbox *items; /* owned */
	uint64_t defects; /* 1 << enum mailbox_defect, ored */
};

/* Reads BODY; folds stand as CR LF or LF before a blank. To be cleared after. */
void mailbox_list_parse(const char *body, struct mailbox_list *list_r);
void mailbox_list_clear(struct mailbox_list *list);

bool mailbox_list_has(const struct mailbox_list *list, enum mailbox_defect defect);
/* Any of the first kind. */
bool mailbox_list_is_ambiguous(const struct mailbox_list *list);

#endif
