/* SPDX-License-Identifier: BSD-2-Clause */
#include "log_parse.h"

#include <string.h>

#include "text.h"

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_clean(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* Takes the mark of a cut value off. */
static bool take_mark(char *value)
{
	static const char mark[] = "\\...";
	size_t length = strlen(value), size = sizeof(mark) - 1;

	if (length < size || strcmp(value + length - size, mark) != 0)
		return false;
	value[length - size] = '\0';
	return true;
}

/* One field at C; what follows it, or NULL. */
static char *take_field(struct log_fields *fields, char *c)
{
	size_t key_length = 0;
	char *value, end = ' ';

	while (is_key_char(c[key_length]))
		key_length++;
	if (key_length == 0 || c[key_length] != '=' || fields->count == LOG_PARSE_FIELDS_MAX)
		return NULL;
	c[key_length] = '\0';
	fields->fields[fields->count].key = c;
	value = c + key_length + 1;
	if (*value == '"') {
		value++;
		end = '"';
	}
	c = value + strcspn(value, end == '"' ? "\"" : " \"");
	if (*c != end && !(*c == '\0' && end == ' '))
		return NULL;
	if (*c != '\0')
		*c++ = '\0';
	fields->fields[fields->count].cut = take_mark(value);
	fields->fields[fields->count++].value = value;
	if (!text_unescape(value))
		return NULL;
	if (end == '"' && *c == ' ')
		return c[1] == '\0' ? NULL : c + 1;
	return end == '"' && *c != '\0' ? NULL : c;
}

bool log_parse(struct log_fields *fields, const char *text)
{
	char *c = fields->memory;

	fields->count = 0;
	if (!text_copy(fields->memory, sizeof(fields->memory), text) || !is_clean(text))
		return false;
	while (c != NULL && *c != '\0')
		c = take_field(fields, c);
	return c != NULL && fields->count > 0;
}

const char *log_parse_value(const struct log_fields *fields, const char *key)
{
	for (size_t i = 0; i < fields->count; i++)
		if (strcmp(fields->fields[i].key, key) == 0)
			return fields->fields[i].value;
	return NULL;
}
