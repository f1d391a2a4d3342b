/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf_word.h"
#include "mem.h"
#include "text.h"

enum { ERROR_SIZE = 512 };

struct scan {
	const struct scan_handler *handler;
	struct token_reader reader;
	bool in_section;
	char section[SCAN_NAME_MAX];
	unsigned section_line;
	/* Values of the setting being read; grows, never shrinks. */
	struct token *values;
	size_t value_count, value_room;
};

static void complain(struct scan *scan, unsigned line, const char *format, ...) ATTR_PRINTF(3, 4);

static void complain(struct scan *scan, unsigned line, const char *format, ...)
{
	char error[ERROR_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(error, sizeof(error), format, args);
	va_end(args);
	scan->handler->error(scan->handler->context, line, error);
}

/* After an error: on to the first token of a later line, over whole lists and sections. The reader
 * stays in front of that token. */
static void skip_rest(struct scan *scan, unsigned line)
{
	unsigned depth = 0;

	for (;;) {
		struct token_reader before = scan->reader;
		enum token_kind kind = token_next(&scan->reader);

		if (kind == TOKEN_END || (depth == 0 && scan->reader.token.line > line) ||
			(depth == 0 && kind == TOKEN_CLOSE)) {
			scan->reader = before;
			return;
		}
		if (kind == TOKEN_OPEN)
			depth++;
		if (kind == TOKEN_CLOSE)
			depth--;
	}
}

/* The opening brace has been read: on to behind the closing one. */
static void skip_section(struct scan *scan)
{
	unsigned depth = 1;

	while (depth > 0) {
		enum token_kind kind = token_next(&scan->reader);

		if (kind == TOKEN_END)
			return;
		if (kind == TOKEN_OPEN)
			depth++;
		if (kind == TOKEN_CLOSE)
			depth--;
	}
}

/* The word just read; false when it cannot be meant so. */
static bool add_value(struct scan *scan, const char *name)
{
	const char *oddity = word_oddity(scan->reader.token);

	if (oddity != NULL) {
		complain(scan, scan->reader.token.line, "a value of %s %s", name, oddity);
		return false;
	}
	if (scan->value_count == scan->value_room) {
		scan->value_room = scan->value_room == 0 ? 16 : 2 * scan->value_room;
		scan->values = mem_resize(scan->values, scan->value_room, sizeof(*scan->values));
	}
	scan->values[scan->value_count++] = scan->reader.token;
	return true;
}

/* Up to the closing brace; goes on behind what is wrong in between. */
static bool read_list(struct scan *scan, const char *name, unsigned line)
{
	enum { VALUE, COMMA } wanted = VALUE;
	char shown[ERROR_SIZE];
	struct token next;
	bool good = true;

	for (;;) {
		enum token_kind kind = token_statement_follows(&scan->reader)
					       ? TOKEN_END
					       : token_next(&scan->reader);
		const struct token *token = &scan->reader.token;

		if (kind == TOKEN_CLOSE)
			return good;
		if (kind == TOKEN_END) {
			complain(scan, line,
				"the list of %s that opens here is not closed; write } after its "
				"last value",
				name);
			return false;
		}
		if (kind == TOKEN_COMMA && wanted == COMMA) {
			wanted = VALUE;
			continue;
		}
		if (kind == TOKEN_WORD && wanted == VALUE) {
			bool added = add_value(scan, name);

			good = good && added;
			wanted = added || token_peek(&scan->reader, &next) == TOKEN_COMMA ? COMMA
											  : VALUE;
			continue;
		}
		good = false;
		if (kind == TOKEN_BAD)
			complain(scan, token->line, "%s", scan->reader.error);
		else
			complain(scan, token->line,
				"unexpected %s in the list of %s; write the values with commas "
				"between them: { a, b }",
				word_show(*token, shown, sizeof(shown)), name);
		wanted = kind == TOKEN_COMMA ? VALUE : COMMA;
	}
}

/* Where the line that begins at START stops being values, as far as one can tell: the word before an
 * equals sign is the next setting. */
static const char *end_of_values(const struct scan *scan, const char *start)
{
	const char *end = start;

	while (end < scan->reader.end && strchr("\n\r#{}=\"'", *end) == NULL)
		end++;
	if (end < scan->reader.end && *end == '=') {
		while (end > start && ascii_is_space(end[-1]))
			end--;
		while (end > start && !ascii_is_space(end[-1]))
			end--;
	}
	while (end > start && ascii_is_space(end[-1]))
		end--;
	return end;
}

/* What follows a lone value on its line is the next setting, or an error. */
static bool ends_after_value(struct scan *scan, const char *name)
{
	struct token value = scan->reader.token, next;
	enum token_kind kind = token_peek(&scan->reader, &next);
	bool quoted = *value.start == '"' || *value.start == '\'';
	char shown[ERROR_SIZE];

	if (kind == TOKEN_END || kind == TOKEN_CLOSE || next.line != value.line ||
		token_statement_follows(&scan->reader))
		return true;
	if (kind == TOKEN_BAD && (unsigned char)*next.start < 0x20) {
		token_next(&scan->reader);
		complain(scan, next.line, "%s", scan->reader.error);
		return false;
	}
	if (kind == TOKEN_WORD && word_without_semicolon(next).length == 0) {
		complain(scan, next.line, "a value of %s %s", name, word_oddity(next));
		return false;
	}
	value.length = (size_t)(end_of_values(scan, value.start) - value.start);
	if (quoted)
		value = (struct token){"A, B", 4, value.line};
	word_show(value, shown, sizeof(shown));
	if ((kind == TOKEN_COMMA || quoted) &&
		!scan->handler->is_list(scan->handler->context, name))
		complain(scan, next.line, "more than one value of %s; it takes one: %s = VALUE",
			name, name);
	else if (kind == TOKEN_COMMA || quoted)
		complain(scan, next.line,
			"more than one value of %s; put braces around them: %s = { %s }", name,
			name, shown);
	else
		complain(scan, next.line,
			"%s is followed by several words; a value with blanks or signs in it needs "
			"quotes around it: %s = \"%s\"",
			name, name, shown);
	return false;
}

static bool read_values(struct scan *scan, const char *name, bool *braces_r)
{
	unsigned line = scan->reader.token.line;
	struct token next;
	enum token_kind kind = token_peek(&scan->reader, &next);

	scan->value_count = 0;
	*braces_r = false;
	if (kind == TOKEN_END || kind == TOKEN_CLOSE ||
		(next.line > line && token_statement_follows(&scan->reader))) {
		complain(scan, line, "%s has no value; write %s = VALUE", name, name);
		return false;
	}
	kind = token_next(&scan->reader);
	if (kind == TOKEN_OPEN) {
		*braces_r = true;
		return read_list(scan, name, scan->reader.token.line);
	}
	if (kind == TOKEN_WORD) {
		if (!add_value(scan, name))
			return false;
		if (ends_after_value(scan, name))
			return true;
	} else if (kind == TOKEN_BAD) {
		complain(scan, scan->reader.token.line, "%s", scan->reader.error);
	} else {
		complain(scan, line, "%s has no value; write %s = VALUE", name, name);
	}
	skip_rest(scan, scan->reader.token.line);
	return false;
}

/* A plain word that can name a setting or a section. */
static bool copy_name(const struct token *token, char name_r[SCAN_NAME_MAX])
{
	if (token->length >= SCAN_NAME_MAX)
		return false;
	for (size_t i = 0; i < token->length; i++) {
		if (!ascii_is_alnum(token->start[i]) && strchr("_-.", token->start[i]) == NULL)
			return false;
		name_r[i] = token->start[i];
	}
	name_r[token->length] = '\0';
	return true;
}

/* The text of a title or file name: without quotes, and without escapes, which none needs. */
static bool copy_plain(struct token token, char *text_r, size_t size)
{
	if (token.length >= 2 && (*token.start == '"' || *token.start == '\'')) {
		token.start++;
		token.length -= 2;
	}
	if (token.length == 0 || token.length >= size ||
		memchr(token.start, '\\', token.length) != NULL ||
		memchr(token.start, '$', token.length) != NULL)
		return false;
	memcpy(text_r, token.start, token.length);
	text_r[token.length] = '\0';
	return true;
}

static void close_section(struct scan *scan)
{
	scan->in_section = false;
	scan->handler->close(scan->handler->context);
}

static void open_section(struct scan *scan, const char *name, const char *title, unsigned line)
{
	if (scan->in_section && !scan->handler->is_section(scan->handler->context, name)) {
		complain(scan, line,
			"%s { stands within section %s, but sections do not nest; move it out, or "
			"write %s = VALUE",
			name, scan->section, name);
		skip_section(scan);
		return;
	}
	if (scan->in_section) {
		complain(scan, scan->section_line,
			"section %s opens here and is not closed before section %s opens in line "
			"%u; write } after its last setting",
			scan->section, name, line);
		close_section(scan);
	}
	scan->in_section = true;
	scan->section_line = line;
	if (!text_copy(scan->section, sizeof(scan->section), name))
		scan->section[0] = '\0';
	scan->handler->open(scan->handler->context, name, title, line);
}

/* The unread token is the title's. */
static void read_titled_section(struct scan *scan, const char *name, unsigned line)
{
	char given[SCAN_NAME_MAX], title[SCAN_NAME_MAX], shown[ERROR_SIZE];
	struct token token;

	token_next(&scan->reader);
	token = scan->reader.token;
	if (!copy_plain(token, given, sizeof(given)) ||
		!copy_name(&(struct token){given, strlen(given), line}, title)) {
		complain(scan, token.line,
			"section %s: \"%s\" is no title; write up to %d letters, digits, "
			"hyphens, dots and underscores",
			name, word_show_unquoted(token, shown, sizeof(shown)), SCAN_NAME_MAX - 1);
		title[0] = '\0';
	}
	/* The brace, as was seen; where there are too many titles, behind the others. */
	while (token_next(&scan->reader) != TOKEN_OPEN)
		continue;
	open_section(scan, name, title[0] == '\0' ? "?" : title, line);
}

/* The same where more words than its title stand before the brace; goes on with the first. */
static void read_much_titled_section(struct scan *scan, const char *name, unsigned line)
{
	char shown[ERROR_SIZE];
	struct token first;

	token_peek(&scan->reader, &first);
	complain(scan, line,
		"section %s has one title, but more words stand before its {; write %s \"%s\" { "
		"... "
		"}",
		name, name, word_show_unquoted(first, shown, sizeof(shown)));
	read_titled_section(scan, name, line);
}

static void read_include(struct scan *scan, const char *name, unsigned line)
{
	char file[SCAN_FILE_MAX];
	bool good;

	token_next(&scan->reader); /* the parenthesis */
	good = token_next(&scan->reader) == TOKEN_WORD &&
	       copy_plain(scan->reader.token, file, sizeof(file));
	good = good && token_next(&scan->reader) == TOKEN_RIGHT;
	if (!good || strcmp(name, "include") != 0) {
		complain(scan, line, "%s( ) is not understood; write include(\"/path/of/file\")",
			name);
		skip_rest(scan, line);
		return;
	}
	if (scan->in_section) {
		complain(scan, line,
			"include stands within section %s; move it out of all sections",
			scan->section);
		return;
	}
	scan->handler->include(scan->handler->context, file, line);
}

static void read_setting(struct scan *scan, const char *name, unsigned line)
{
	struct scan_setting setting = {.name = name, .line = line};
	struct token next;

	token_next(&scan->reader); /* the equals sign */
	if (!scan->in_section && scan->handler->is_section(scan->handler->context, name) &&
		token_peek(&scan->reader, &next) == TOKEN_OPEN) {
		complain(scan, line,
			"%s is a section, which takes no equals sign; write %s { ... }", name,
			name);
		token_next(&scan->reader);
		open_section(scan, name, "", line);
		return;
	}
	if (!read_values(scan, name, &setting.braces))
		return;
	setting.values = scan->values;
	setting.value_count = scan->value_count;
	scan->handler->setting(scan->handler->context, &setting);
}

/* A name that nothing makes a statement of. */
static void refuse_word(struct scan *scan, const char *name, unsigned line)
{
	char shown[ERROR_SIZE];
	struct token next;
	enum token_kind kind = token_peek(&scan->reader, &next);

	if (kind == TOKEN_BAD) {
		token_next(&scan->reader);
		complain(scan, next.line, "%s", scan->reader.error);
	} else if (next.line != line && scan->handler->is_section(scan->handler->context, name)) {
		complain(
			scan, line, "the { of section %s is missing; write %s { ... }", name, name);
		open_section(scan, name, "", line);
		return;
	} else if (kind == TOKEN_END || next.line != line) {
		complain(scan, line, "%s stands alone; write %s = VALUE", name, name);
	} else if (strcmp(name, "include") == 0) {
		complain(scan, line, "include needs parentheses; write include(\"%s\")",
			word_show_unquoted(next, shown, sizeof(shown)));
	} else {
		complain(scan, line, "an equals sign is missing after %s; write %s = %s", name,
			name, word_show(word_without_semicolon(next), shown, sizeof(shown)));
	}
	skip_rest(scan, line);
}

/* A word that can be no name. */
static void refuse_name(struct scan *scan, struct token word)
{
	const char *oddity = word_oddity(word);
	char shown[ERROR_SIZE];

	if (oddity != NULL)
		complain(scan, word.line, "%s %s", word_show(word, shown, sizeof(shown)), oddity);
	else
		complain(scan, word.line,
			"unexpected %s; a setting is written NAME = VALUE, without quotes around "
			"the name",
			word_show(word, shown, sizeof(shown)));
	skip_rest(scan, word.line);
}

/* The last token read is the first word of a statement. */
static void read_statement(struct scan *scan)
{
	struct token first = scan->reader.token, next;
	char name[SCAN_NAME_MAX];
	enum token_kind kind = token_peek(&scan->reader, &next);

	if (word_without_semicolon(first).length == 0) {
		complain(scan, first.line, "a semicolon; nothing ends with one here: remove it");
	} else if (!copy_name(&first, name)) {
		refuse_name(scan, first);
	} else if (kind == TOKEN_EQUALS) {
		read_setting(scan, name, first.line);
	} else if (kind == TOKEN_LEFT) {
		read_include(scan, name, first.line);
	} else if (kind == TOKEN_OPEN) {
		token_next(&scan->reader);
		open_section(scan, name, "", first.line);
	} else if (kind == TOKEN_WORD && token_title_follows(&scan->reader)) {
		read_titled_section(scan, name, first.line);
	} else if (kind == TOKEN_WORD && token_titles_follow(&scan->reader, first.line) &&
		   scan->handler->is_section(scan->handler->context, name)) {
		read_much_titled_section(scan, name, first.line);
	} else {
		refuse_word(scan, name, first.line);
	}
}

void conf_scan(const char *text, size_t length, const struct scan_handler *handler)
{
	struct scan scan = {.handler = handler};
	char shown[ERROR_SIZE];
	enum token_kind kind;

	token_reader_init(&scan.reader, text, length);
	while ((kind = token_next(&scan.reader)) != TOKEN_END) {
		struct token *token = &scan.reader.token;

		if (kind == TOKEN_WORD) {
			read_statement(&scan);
		} else if (kind == TOKEN_CLOSE && scan.in_section) {
			close_section(&scan);
		} else if (kind == TOKEN_CLOSE) {
			complain(&scan, token->line,
				"a } that closes nothing; remove it, or look "
				"for a section closed too early above");
		} else {
			if (kind == TOKEN_BAD)
				complain(&scan, token->line, "%s", scan.reader.error);
			else
				complain(&scan, token->line,
					"unexpected %s; a setting is written NAME = VALUE",
					word_show(*token, shown, sizeof(shown)));
			skip_rest(&scan, token->line);
		}
	}
	if (scan.in_section) {
		complain(&scan, scan.section_line,
			"section %s opens here and is not closed; write } after its last setting",
			scan.section);
		close_section(&scan);
	}
	mem_free(scan.values);
}
