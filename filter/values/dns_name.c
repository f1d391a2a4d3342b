/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns_name.h"

#include "text.h"

enum { LABEL_MAX = 63 };

/* The next octet of the text at *AT, unescaped. */
static uint8_t next_octet(const char **at)
{
	const char *text = *at;
	unsigned value;

	if (text[0] != '\\' || !ascii_is_digit(text[1]) || !ascii_is_digit(text[2]) ||
		!ascii_is_digit(text[3])) {
		*at = text + 1;
		return (uint8_t)text[0];
	}
	value = (unsigned)(text[1] - '0') * 100U + (unsigned)(text[2] - '0') * 10U +
		(unsigned)(text[3] - '0');
	if (value > 255U) {
		*at = text + 1;
		return (uint8_t)text[0];
	}
	*at = text + 4;
	return (uint8_t)value;
}

static char *put_octet(char *out, uint8_t octet)
{
	if (octet > 0x20 && octet < 0x7f && octet != '.' && octet != '\\') {
		*out = ascii_lower_char((char)octet);
		return out + 1;
	}
	out[0] = '\\';
	out[1] = (char)('0' + octet / 100);
	out[2] = (char)('0' + octet / 10 % 10);
	out[3] = (char)('0' + octet % 10);
	return out + 4;
}

bool dns_name_canonical(const char *name, char canonical_r[DNS_NAME_SIZE])
{
	size_t wire = 1; /* the root's length octet */
	size_t label = 0;
	char *out = canonical_r;

	canonical_r[0] = '\0';
	while (*name != '\0') {
		if (*name == '.') {
			if (label == 0)
				return false;
			name++;
			label = 0;
			if (*name != '\0')
				*out++ = '.';
			continue;
		}
		if (label == 0)
			wire++;
		label++;
		wire++;
		if (label > LABEL_MAX || wire > DNS_NAME_WIRE)
			return false;
		out = put_octet(out, next_octet(&name));
	}
	*out = '\0';
	return out != canonical_r;
}

size_t dns_name_to_wire(const char *canonical, uint8_t wire_r[DNS_NAME_WIRE])
{
	size_t length_at = 0;
	size_t at = 1;

	wire_r[0] = 0;
	while (*canonical != '\0') {
		if (at >= DNS_NAME_WIRE)
			return 0;
		if (*canonical == '.') {
			if (wire_r[length_at] == 0)
				return 0;
			canonical++;
			length_at = at;
			wire_r[at++] = 0;
			continue;
		}
		if (wire_r[length_at] == LABEL_MAX)
			return 0;
		wire_r[at++] = next_octet(&canonical);
		wire_r[length_at]++;
	}
	if (wire_r[length_at] == 0)
		return at; /* the root alone, or the root after a trailing dot */
	if (at >= DNS_NAME_WIRE)
		return 0;
	wire_r[at++] = 0;
	return at;
}

bool dns_name_from_wire(const uint8_t *wire, size_t length, char canonical_r[DNS_NAME_SIZE])
{
	char *out = canonical_r;
	size_t at = 0;

	canonical_r[0] = '\0';
	if (length > DNS_NAME_WIRE)
		return false;
	while (at < length && wire[at] != 0) {
		size_t label = wire[at++];

		if (label > LABEL_MAX || label >= length - at)
			return false;
		if (out != canonical_r)
			*out++ = '.';
		for (size_t i = 0; i < label; i++)
			out = put_octet(out, wire[at + i]);
		at += label;
	}
	*out = '\0';
	return at + 1 == length;
}
