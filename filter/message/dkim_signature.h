/* SPDX-License-Identifier: BSD-2-Clause */
/* The DKIM-Signature field (RFC 6376 3.5): only who claims to have signed. Nothing is verified here.
 * Pure, reentrant. */
#ifndef MAILREEVE_DKIM_SIGNATURE_H
#define MAILREEVE_DKIM_SIGNATURE_H

#include <stdbool.h>

#include "compiler.h"
#include "domain.h"

/* d= of the field's BODY, canonical; false when it stands not once or is no domain name. */
bool dkim_signature_domain(const char *body, char domain_r[DOMAIN_SIZE]) MUST_CHECK;

#endif
