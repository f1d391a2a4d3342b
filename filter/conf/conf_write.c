/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_write.h"

#include <string.h>

#include "text.h"

enum { COLUMNS = 98 };

static bool needs_quotes(const char *text)
{
	return *text == '\0' || text[strcspn(text, " \t\"'={}()#+,*\\$")] != '\0' ||
	       strncmp(text, "//", 2) == 0;
}

static void add_word(struct text *out, const char *word)
{
	/* Single quotes keep backslash and $ as they are. */
	const char *quote = !needs_quotes(word) ? "" : strpbrk(word, "\\$\"") ? "'" : "\"";

	text_addf(out, "%s%s%s", quote, word, quote);
}

/* What may stand around a list, and around a single value: braces there belong to it. */
static const char around_list[] = " \t\"'{}", around_value[] = " \t\"'";

/* Takes what is of AROUND off both ends. */
static void copy_bare(char *buffer, size_t size, const char *text, const char *around)
{
	size_t skipped = strspn(text, around), length;

	if (!text_copy(buffer, size, text + skipped))
		return;
	for (length = strlen(buffer); length > 0 && strchr(around, buffer[length - 1]) != NULL;)
		buffer[--length] = '\0';
}

const char *conf_write_value(
	const struct setting *setting, const char *text, char *buffer, size_t size)
{
	char bare[WRITE_VALUE_SIZE], word[WRITE_VALUE_SIZE], *rest = bare, *next;
	struct text out;
	bool first = true;

	text_init(&out, buffer, size);
	if (!setting_is_list(setting)) {
		copy_bare(bare, sizeof(bare), text, around_value);
		add_word(&out, bare);
		return buffer;
	}
	copy_bare(bare, sizeof(bare), text, around_list);
	text_add(&out, "{");
	while ((next = strsep(&rest, ",")) != NULL) {
		copy_bare(word, sizeof(word), next, around_list);
		if (*word == '\0')
			continue;
		text_add(&out, first ? " " : ", ");
		add_word(&out, word);
		first = false;
	}
	text_add(&out, " }");
	return buffer;
}

/* For tables that give no example of their own. */
static const char *example_of(const struct setting *setting, char *buffer, size_t size)
{
	if (setting->example != NULL)
		return setting->example;
	if (setting->type == SETTING_FILE)
		snprintf(buffer, size, "/etc/mailreeve/%s", setting->name);
	else if (setting->type == SETTING_MATCHLIST)
		snprintf(buffer, size, "192.0.2.0/24, example.org, /etc/mailreeve/%s",
			setting->name);
	else
		snprintf(buffer, size, "...");
	return buffer;
}

const char *conf_write_default(
	const struct setting *setting, char *buffer, size_t size, bool *empty_r)
{
	const char *text = setting->default_text == NULL ? "" : setting->default_text;
	char example[WRITE_VALUE_SIZE];

	copy_bare(example, sizeof(example), text, around_list);
	*empty_r = *example == '\0';
	if (*empty_r)
		text = example_of(setting, example, sizeof(example));
	return conf_write_value(setting, text, buffer, size);
}

/* Columns that TEXT takes, a tab being eight. */
static size_t columns_of(const char *text)
{
	size_t columns = 0;

	for (; *text != '\0'; text++)
		columns += *text == '\t' ? 8 : 1;
	return columns;
}

void conf_write_wrapped(FILE *out, const char *start, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column > 0 && column + 1 + length > COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		fputs(column == 0 ? start : " ", out);
		fprintf(out, "%.*s", (int)length, text);
		column += (column == 0 ? columns_of(start) : 1) + length;
		text += length + (text[length] == ' ');
	}
	fputc('\n', out);
}
