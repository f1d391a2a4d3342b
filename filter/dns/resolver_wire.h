/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and records inside a DNS packet that may be hostile: looked at without copying, never read
 * behind the end, and bounded, before anything decodes them. Pure; thread-safe. */
#ifndef MAILREEVE_RESOLVER_WIRE_H
#define MAILREEVE_RESOLVER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum { RESOLVER_WIRE_HEADER = 12 };

/* A record whose owner and length are sound. */
struct resolver_wire_record {
	size_t at; /* of its owner */
	uint16_t type, class;
	uint32_t ttl;
	size_t data_at, data_length;
};

/* The end of the name at AT, or 0 when it is none that fits into LENGTH octets of PACKET. Pointers
 * must lead backwards and are counted, so no name is endless. */
size_t resolver_wire_name_end(const uint8_t *packet, size_t length, size_t at);

/* The name at AT, known to be sound, is NAME (uncompressed). */
bool resolver_wire_is_name(const uint8_t *packet, size_t at, const uint8_t *name);

/* Reads the record at *AT and moves behind it; false when it is cut or its owner is not sound. */
bool resolver_wire_read(const uint8_t *packet, size_t length, size_t *at,
	struct resolver_wire_record *record_r) MUST_CHECK;

/* The data of an A, AAAA, CNAME, PTR, MX, TXT or SOA record have the form they must have; true for
 * any other type. */
bool resolver_wire_check_data(const uint8_t *packet, const struct resolver_wire_record *record);

#endif
