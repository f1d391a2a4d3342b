/* SPDX-License-Identifier: BSD-2-Clause */
#include "header_field.h"

#include <string.h>

#include "text.h"

bool header_field_is(const char *name, const char *wanted)
{
	size_t length;

	while (ascii_is_space(*name))
		name++;
	/* Which most that differ do. */
	if (ascii_lower_char(*name) != ascii_lower_char(*wanted))
		return false;
	length = strlen(name);
	while (length > 0 && ascii_is_space(name[length - 1]))
		length--;
	return length == strlen(wanted) && ascii_equal_n(name, wanted, length);
}

size_t header_field_longest_line(const char *name, const char *body)
{
	/* Without its blank when the MTA has cut that off. */
	size_t before = strlen(name) + (body[0] == ' ' || body[0] == '\t' ? 1 : 2);
	size_t longest = 0;

	for (;;) {
		size_t length = strcspn(body, "\n");
		size_t octets = before + length;

		if (length > 0 && body[length - 1] == '\r')
			octets--;
		if (octets > longest)
			longest = octets;
		if (body[length] == '\0')
			return longest;
		body += length + 1;
		before = 0;
	}
}
