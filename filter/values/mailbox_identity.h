/* SPDX-License-Identifier: BSD-2-Clause */
/* One text for all the addresses that name one mailbox, so that a limit cannot be slipped by spelling
 * the sender in another way. Pure, reentrant. */
#ifndef MAILREEVE_MAILBOX_IDENTITY_H
#define MAILREEVE_MAILBOX_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "path.h"

/* "local-part@domain" of PATH, dequoted, in lower case, with what changes from message to message
 * taken out of the local-part: BATV tags (prvs=...=), the hash and time of SRS, the recipient in a VERP
 * address (list+user=example.org). EXTENSION: also everything from the first of these characters on;
 * NULL or "" for nothing. "" for the null path. Returns BUFFER of PATH_SIZE. */
const char *mailbox_identity(const struct path *path, const char *extension, char *buffer);

/* What is wrong with TEXT as the characters that begin an extension, or NULL. */
const char *mailbox_extension_fault(const char *text);

/* The path that such a text, or an address as it is written, names. False where it names none. */
bool mailbox_identity_path(const char *text, struct path *path_r) MUST_CHECK;

#endif
