/* SPDX-License-Identifier: BSD-2-Clause */
/* What a text looks like to a reader (UTS 39): texts with the same skeleton can be taken for each other.
 * Only what looks like ASCII is known, since names that are imitated are mostly written in it. The only
 * includer of libunistring. Pure, thread-safe. */
#ifndef MAILREEVE_CONFUSABLE_H
#define MAILREEVE_CONFUSABLE_H

#include <stddef.h>

#include "compiler.h"

enum { CONFUSABLE_MAX = 1000 }; /* octets of a text that are looked at */

/* The skeleton of UTF8 in BUFFER: compatibility forms and accents reduced to the plain letter, Cyrillic,
 * Greek, Armenian and other letters to the Latin one that they look like, "rn" to "m", "0" to "o", "1"
 * and "i" to "l" and so on; invisible characters left out; in lower case. Octets that are no UTF-8
 * become "?". Returns BUFFER. */
const char *confusable_skeleton(const char *utf8, char *buffer, size_t size);

#endif
