/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "log.h"

enum { FIELD_MAX_BYTES = 256 };

static bool is_plain(const char *value)
{
	if (*value == '\0')
		return false;
	for (; *value != '\0'; value++)
		if (!ascii_is_alnum(*value) && strchr(".:@/_+<>[]-", *value) == NULL)
			return false;
	return true;
}

void log_field(struct text *line, const char *key, const char *value)
{
	log_field_bounded(line, key, value, FIELD_MAX_BYTES);
}

static void cut_to(struct text *line, size_t length)
{
	line->length = length;
	line->buffer[length] = '\0';
}

void log_field_bounded(struct text *line, const char *key, const char *value, size_t limit)
{
	size_t start = line->length;
	bool quoted;

	if (value == NULL)
		return;
	quoted = !is_plain(value);
	if (line->length > 0)
		text_add_char(line, ' ');
	text_add(line, key);
	text_add(line, quoted ? "=\"" : "=");
	/* What is plain has nothing to escape. */
	if (!quoted && strnlen(value, limit + 1) <= limit)
		text_add(line, value);
	else
		text_add_wire(line, value, limit);
	if (quoted)
		text_add_char(line, '"');
	/* Rather no field than half of one. */
	if (line->truncated)
		cut_to(line, start);
}
