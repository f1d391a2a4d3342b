/* SPDX-License-Identifier: BSD-2-Clause */
/* Defaults stand in the tables as they would stand in the file: quotes, braces and commas are taken
 * off here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "setting.h"
#include "text.h"

static void set_value(const struct setting *setting, const char *value, void *options)
{
	char why[SETTING_WHY_SIZE];

	if (setting_parse(setting, value, setting->name, options, why, sizeof(why)))
		return;
	fprintf(stderr, "mailreeve: the default of a setting does not parse: %s\n", why);
	abort();
}

/* Takes blanks and one pair of quotes off both ends of the text, in place. */
static char *strip(char *text)
{
	size_t length;

	while (ascii_is_space(*text))
		text++;
	length = strlen(text);
	while (length > 0 && ascii_is_space(text[length - 1]))
		text[--length] = '\0';
	if (length >= 2 && (*text == '"' || *text == '\'') && text[length - 1] == *text) {
		text[length - 1] = '\0';
		text++;
	}
	return text;
}

void setting_set_default(const struct setting *setting, void *options)
{
	const char *given = setting->default_text == NULL ? "" : setting->default_text;
	char *copy = mem_text(given), *list = strip(copy), *next;

	setting_clear(setting, options);
	if (!setting_is_list(setting)) {
		set_value(setting, list, options);
		mem_free(copy);
		return;
	}
	if (*list == '{') {
		list++;
		list[strcspn(list, "}")] = '\0';
	}
	while ((next = strsep(&list, ",")) != NULL) {
		next = strip(next);
		if (*next != '\0')
			set_value(setting, next, options);
	}
	mem_free(copy);
}
