/* SPDX-License-Identifier: BSD-2-Clause */
#include "resolver_wire.h"

#include "dns_name.h"
#include "text.h"

enum {
	LABEL_MAX = 63,
	POINTER = 0xc0,
	POINTERS_MAX = 64, /* followed in one name */
	FIXED = 10, /* octets of type, class, TTL and length */
	TYPE_A = 1,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	SOA_NUMBERS = 20 /* octets behind its two names */
};

static uint16_t read_16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static size_t pointer_at(const uint8_t *packet, size_t at)
{
	return read_16(packet + at) & 0x3fffU;
}

size_t resolver_wire_name_end(const uint8_t *packet, size_t length, size_t at)
{
	size_t end = 0;
	size_t octets = 1;
	size_t limit = at;
	unsigned pointers = 0;

	while (at < length && packet[at] != 0) {
		size_t label = packet[at];

		if ((label & POINTER) == POINTER) {
			if (at + 1 >= length || ++pointers > POINTERS_MAX)
				return 0;
			if (end == 0)
				end = at + 2;
			at = pointer_at(packet, at);
			if (at >= limit || at < RESOLVER_WIRE_HEADER)
				return 0;
			limit = at;
			continue;
		}
		octets += label + 1;
		if (label > LABEL_MAX || octets > DNS_NAME_WIRE)
			return 0;
		at += label + 1;
	}
	if (at >= length)
		return 0;
	return end != 0 ? end : at + 1;
}

static bool is_label(const uint8_t *a, const uint8_t *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (ascii_lower_char((char)a[i]) != ascii_lower_char((char)b[i]))
			return false;
	return true;
}

bool resolver_wire_is_name(const uint8_t *packet, size_t at, const uint8_t *name)
{
	for (;;) {
		size_t label = packet[at];

		if ((label & POINTER) == POINTER) {
			at = pointer_at(packet, at);
			continue;
		}
		if (label != *name)
			return false;
		if (label == 0)
			return true;
		if (!is_label(packet + at + 1, name + 1, label))
			return false;
		at += label + 1;
		name += label + 1;
	}
}

bool resolver_wire_read(
	const uint8_t *packet, size_t length, size_t *at, struct resolver_wire_record *record_r)
{
	size_t fixed = resolver_wire_name_end(packet, length, *at);

	if (fixed == 0 || length - fixed < FIXED)
		return false;
	record_r->at = *at;
	record_r->type = read_16(packet + fixed);
	record_r->class = read_16(packet + fixed + 2);
	record_r->ttl = (uint32_t)read_16(packet + fixed + 4) << 16 | read_16(packet + fixed + 6);
	record_r->data_length = read_16(packet + fixed + 8);
	record_r->data_at = fixed + FIXED;
	*at = record_r->data_at + record_r->data_length;
	return *at <= length;
}

static bool check_strings(const uint8_t *data, size_t length)
{
	size_t at = 0;

	while (at < length)
		at += 1U + data[at];
	return length > 0 && at == length;
}

bool resolver_wire_check_data(const uint8_t *packet, const struct resolver_wire_record *record)
{
	size_t at = record->data_at;
	size_t end = at + record->data_length;

	switch (record->type) {
	case TYPE_A:
		return record->data_length == 4;
	case TYPE_AAAA:
		return record->data_length == 16;
	case TYPE_CNAME:
	case TYPE_PTR:
		return resolver_wire_name_end(packet, end, at) == end;
	case TYPE_MX:
		return record->data_length > 2 &&
		       resolver_wire_name_end(packet, end, at + 2) == end;
	case TYPE_TXT:
		return check_strings(packet + at, record->data_length);
	case TYPE_SOA:
		at = resolver_wire_name_end(packet, end, at);
		if (at != 0)
			at = resolver_wire_name_end(packet, end, at);
		return at != 0 && at + SOA_NUMBERS == end;
	default:
		return true;
	}
}
