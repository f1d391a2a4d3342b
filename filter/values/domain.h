/* SPDX-License-Identifier: BSD-2-Clause */
/* Domain names as the mail RFCs use them: ASCII A-labels, compared without case, no trailing dot in
 * canonical form. Pure (libidn2 and the built-in public suffix list inside); thread-safe. */
#ifndef MAILREEVE_DOMAIN_H
#define MAILREEVE_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "ipaddr.h"

enum { DOMAIN_SIZE = 256 }; /* bytes for 253 octets, with room for the NUL */

/* Canonical form of NAME: U-labels to A-labels (IDNA 2008), lower case, trailing dot removed. False
 * when it is not a domain name (empty label, label over 63, over 253, bytes outside LDH and "_"). */
bool domain_canonical(const char *name, char canonical_r[DOMAIN_SIZE]) MUST_CHECK;

/* RFC 5321 4.1.2 Domain: letters, digits and hyphens only, no hyphen at either end of a label, the
 * last label not all digits. Expects ASCII; a trailing dot is not allowed. */
/* WRITTEN (by an administrator) is the same name as CANONICAL, which is one. */
bool domain_is(const char *written, const char *canonical);

bool domain_is_hostname(const char *name);

/* At least two labels. */
bool domain_is_qualified(const char *name);

/* RFC 5321 4.1.3: "[192.0.2.1]" or "[IPv6:2001:db8::1]"; false when it is not one. */
bool domain_parse_literal(const char *text, struct ipaddr *address_r) MUST_CHECK;

/* Canonical NAME with its A-labels as U-labels, in UTF-8; as it is where they are none, or do not fit.
 * Returns BUFFER. */
const char *domain_unicode(const char *name, char *buffer, size_t size);

/* NAME is PARENT or below it. Both canonical. */
bool domain_is_within(const char *name, const char *parent);

/* The organizational domain (public suffix plus one label) of canonical NAME, as a pointer into
 * NAME; NAME itself where it is a public suffix or has one label. */
const char *domain_organizational(const char *name);
bool domain_same_organization(const char *a, const char *b);

#endif
