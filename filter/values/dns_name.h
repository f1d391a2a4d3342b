/* SPDX-License-Identifier: BSD-2-Clause */
/* Domain names as the DNS carries them: any byte may stand in a label. In text form a byte that is
 * not printable, a dot inside a label and the backslash are written \DDD (RFC 4343 2.1), so that two
 * names are equal exactly when their canonical texts are. Pure; thread-safe. */
#ifndef MAILREEVE_DNS_NAME_H
#define MAILREEVE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum {
	DNS_NAME_WIRE = 255, /* octets on the wire, RFC 1035 2.3.4 */
	DNS_NAME_SIZE = 1024 /* text: every octet escaped, and the NUL */
};

/* NAME in any case, with or without trailing dot; a backslash that is not followed by three digits
 * stands for itself. False when it cannot be asked for: empty, an empty label, a label over 63 or a
 * name over 253 octets. */
bool dns_name_canonical(const char *name, char canonical_r[DNS_NAME_SIZE]) MUST_CHECK;

/* Canonical text to uncompressed wire form; the octets used, or 0 when it is not a name. */
size_t dns_name_to_wire(const char *canonical, uint8_t wire_r[DNS_NAME_WIRE]) MUST_CHECK;

/* Uncompressed wire form to canonical text; the root is "". False when it is not a name. */
bool dns_name_from_wire(
	const uint8_t *wire, size_t length, char canonical_r[DNS_NAME_SIZE]) MUST_CHECK;

#endif
