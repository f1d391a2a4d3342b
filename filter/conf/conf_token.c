/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_token.h"

#include <string.h>

#include "text.h"

static const char control_character[] = "a control character; the file must be text";
static const char sign_in_text[] = "a text with + or * in it needs quotes around it";

void token_reader_init(struct token_reader *reader, const char *text, size_t length)
{
	*reader = (struct token_reader){.at = text, .end = text + length, .line = 1};
}

static bool looking_at(const struct token_reader *reader, const char *start)
{
	size_t length = strlen(start);

	return (size_t)(reader->end - reader->at) >= length &&
	       memcmp(reader->at, start, length) == 0;
}

static void skip_line(struct token_reader *reader)
{
	while (reader->at < reader->end && *reader->at != '\n')
		reader->at++;
}

static enum token_kind bad(struct token_reader *reader, const char *error)
{
	reader->error = error;
	return TOKEN_BAD;
}

/* False when it is not closed; the place is then behind its opening line. */
static bool skip_block_comment(struct token_reader *reader)
{
	struct token_reader start = *reader;

	for (reader->at += 2; reader->at < reader->end; reader->at++) {
		if (looking_at(reader, "*/")) {
			reader->at += 2;
			return true;
		}
		if (*reader->at == '\n')
			reader->line++;
	}
	*reader = start;
	skip_line(reader);
	return false;
}

/* To the next byte that is neither blank nor comment. */
static bool skip_blanks(struct token_reader *reader)
{
	for (; reader->at < reader->end; reader->at++) {
		if (*reader->at == '\n') {
			reader->line++;
		} else if (*reader->at == '#' || looking_at(reader, "//")) {
			skip_line(reader);
			reader->at--;
		} else if (looking_at(reader, "/*")) {
			if (!skip_block_comment(reader))
				return false;
			reader->at--;
		} else if (!ascii_is_space(*reader->at)) {
			break;
		}
	}
	return true;
}

/* "${NAME}" at the place: behind it, or false when it is not closed on its line. */
static bool skip_variable(struct token_reader *reader)
{
	const char *at = reader->at + 2;

	while (at < reader->end && strchr("}\"'\n", *at) == NULL)
		at++;
	if (at >= reader->end || *at != '}')
		return false;
	reader->at = at + 1;
	return true;
}

/* What libconfuse refuses, or reads as something else than it looks like. */
static const char *bad_escape(const struct token_reader *reader)
{
	char next = reader->at + 1 < reader->end ? reader->at[1] : '\n';

	if (next == '\n' || next == '\0')
		return "a text must end on the line where it begins";
	if (ascii_is_digit(next) || next == 'x')
		return "a text in double quotes cannot hold a character by its number; write the "
		       "character itself, and \\\\ for a backslash";
	return NULL;
}

/* A tab is left for the setting to refuse, with its name. */
static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static enum token_kind read_quoted(struct token_reader *reader)
{
	char quote = *reader->at++;
	const char *error = NULL;

	while (reader->at < reader->end && *reader->at != '\n' && *reader->at != quote) {
		if (*reader->at == '\\') {
			const char *wrong = quote == '"' ? bad_escape(reader) : NULL;

			error = error != NULL ? error : wrong;
			reader->at++;
			if (reader->at < reader->end && *reader->at != '\n' &&
				!is_control(*reader->at))
				reader->at++;
		} else if (quote == '"' && looking_at(reader, "${")) {
			if (skip_variable(reader))
				continue;
			error = "${ has no } in the same text; write ${NAME}, or use single quotes";
			reader->at++;
		} else {
			if (is_control(*reader->at))
				error = control_character;
			reader->at++;
		}
	}
	if (reader->at >= reader->end || *reader->at != quote)
		return bad(reader, "the quote that opens here is not closed on its line");
	reader->at++;
	return error != NULL ? bad(reader, error) : TOKEN_WORD;
}

static bool is_plain(const struct token_reader *reader)
{
	char c = *reader->at;

	return c != '\0' && strchr(" \t\r\n#\"'={}()+,*", c) == NULL && (unsigned char)c > 0x20 &&
	       c != 0x7f;
}

static enum token_kind read_plain(struct token_reader *reader)
{
	if (looking_at(reader, "${")) {
		if (skip_variable(reader))
			return TOKEN_WORD;
		reader->at += 2;
		return bad(reader, "${ has no } on its line; write ${NAME}");
	}
	while (reader->at < reader->end && is_plain(reader)) {
		if (looking_at(reader, "${")) {
			skip_line(reader);
			return bad(
				reader, "a text with ${NAME} in it needs double quotes around it");
		}
		reader->at++;
	}
	if (reader->at < reader->end && (*reader->at == '*' || *reader->at == '+') &&
		!looking_at(reader, "+=")) {
		while (reader->at < reader->end && (is_plain(reader) || strchr("*+", *reader->at)))
			reader->at++;
		return bad(reader, sign_in_text);
	}
	return TOKEN_WORD;
}

static enum token_kind read_sign(struct token_reader *reader)
{
	static const char signs[] = "{}()=,";
	static const enum token_kind kinds[] = {
		TOKEN_OPEN, TOKEN_CLOSE, TOKEN_LEFT, TOKEN_RIGHT, TOKEN_EQUALS, TOKEN_COMMA};
	char c = *reader->at++;
	const char *found = c == '\0' ? NULL : strchr(signs, c);

	if (found != NULL)
		return kinds[found - signs];
	if (c == '+' && reader->at < reader->end && *reader->at == '=') {
		reader->at++;
		return bad(reader, "+= is not known; write all values in one list: = { a, b }");
	}
	if (c == '+' || c == '*')
		return bad(reader, sign_in_text);
	return bad(reader, control_character);
}

enum token_kind token_next(struct token_reader *reader)
{
	if (!skip_blanks(reader)) {
		reader->token = (struct token){reader->at, 0, reader->line};
		return reader->kind = bad(reader, "the comment that opens here is not closed");
	}
	reader->token = (struct token){reader->at, 0, reader->line};
	if (reader->at >= reader->end)
		return reader->kind = TOKEN_END;
	if (*reader->at == '"' || *reader->at == '\'')
		reader->kind = read_quoted(reader);
	else if (is_plain(reader))
		reader->kind = read_plain(reader);
	else
		reader->kind = read_sign(reader);
	reader->token.length = (size_t)(reader->at - reader->token.start);
	return reader->kind;
}

enum token_kind token_peek(const struct token_reader *reader, struct token *token_r)
{
	struct token_reader ahead = *reader;
	enum token_kind kind = token_next(&ahead);

	*token_r = ahead.token;
	return kind;
}

bool token_statement_follows(const struct token_reader *reader)
{
	struct token_reader ahead = *reader;
	enum token_kind kind;
	unsigned line;

	if (token_next(&ahead) != TOKEN_WORD)
		return false;
	line = ahead.token.line;
	kind = token_next(&ahead);
	if (kind == TOKEN_WORD && ahead.token.line == line)
		kind = token_next(&ahead) == TOKEN_OPEN ? TOKEN_OPEN : TOKEN_WORD;
	return kind == TOKEN_EQUALS || kind == TOKEN_LEFT || kind == TOKEN_OPEN;
}

bool token_title_follows(const struct token_reader *reader)
{
	struct token_reader ahead = *reader;
	enum token_kind title = token_next(&ahead), brace = token_next(&ahead);

	return title == TOKEN_WORD && brace == TOKEN_OPEN;
}

bool token_titles_follow(const struct token_reader *reader, unsigned line)
{
	struct token_reader ahead = *reader;
	enum token_kind kind;
	size_t count = 0;

	while ((kind = token_next(&ahead)) == TOKEN_WORD && ahead.token.line == line)
		count++;
	return count > 1 && kind == TOKEN_OPEN;
}
