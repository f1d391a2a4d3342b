/* SPDX-License-Identifier: BSD-2-Clause */
#include "json_write.h"

#include <inttypes.h>
static void begin(struct text *text, const char *key)
{
	char last = text->length == 0 ? '\0' : text->buffer[text->length - 1];

	if (last != '\0' && last != '{' && last != '[' && last != ':')
		text_add_char(text, ',');
	if (key != NULL)
		text_addf(text, "\"%s\":", key);
}

void json_open(struct text *text, const char *key, char bracket)
{
	begin(text, key);
	text_add_char(text, bracket);
}

void json_close(struct text *text, char bracket)
{
	text_add_char(text, bracket);
}

static void add_string(struct text *text, const char *value)
{
	text_add_char(text, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			text_add_char(text, '\\');
		if (*value < 0x20 || *value > 0x7e)
			text_addf(text, "\\\\x%02x", (unsigned char)*value);
		else
			text_add_char(text, *value);
	}
	text_add_char(text, '"');
}

void json_add_text(struct text *text, const char *key, const char *value)
{
	begin(text, key);
	if (value == NULL)
		text_add(text, "null");
	else
		add_string(text, value);
}

void json_add_wire(struct text *text, const char *key, const char *value, size_t limit)
{
	char shown[1200];
	struct text escaped;

	text_init(&escaped, shown, sizeof(shown));
	text_add_wire(&escaped, value, limit < sizeof(shown) ? limit : sizeof(shown) - 1);
	begin(text, key);
	add_string(text, shown);
}

void json_add_number(struct text *text, const char *key, int64_t value)
{
	begin(text, key);
	text_addf(text, "%" PRId64, value);
}

void json_add_bool(struct text *text, const char *key, bool value)
{
	begin(text, key);
	text_add(text, value ? "true" : "false");
}

bool json_undo(struct text *text, size_t length)
{
	if (!text->truncated)
		return false;
	text->length = length;
	text->buffer[length] = '\0';
	text->truncated = false;
	return true;
}
