/* SPDX-License-Identifier: BSD-2-Clause */
/* Words and signs of a configuration file, cut as libconfuse cuts them, but strict where it skips or
 * guesses. Pure. */
#ifndef MAILREEVE_CONF_TOKEN_H
#define MAILREEVE_CONF_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD, /* quoted or not */
	TOKEN_OPEN, /* { */
	TOKEN_CLOSE, /* } */
	TOKEN_LEFT, /* ( */
	TOKEN_RIGHT, /* ) */
	TOKEN_EQUALS,
	TOKEN_COMMA,
	TOKEN_BAD /* not to be used; the reader's error says why */
};

/* A token as it stands in the file, quotes included. */
struct token {
	const char *start;
	size_t length;
	unsigned line;
};

/* A plain copy of it is a place to come back to. */
struct token_reader {
	const char *at, *end;
	unsigned line;
	enum token_kind kind; /* of the last token read */
	struct token token;
	const char *error; /* of TOKEN_BAD: a sentence */
};

void token_reader_init(struct token_reader *reader, const char *text, size_t length);

/* Moves on to the next token and returns its kind; TOKEN_END again and again at the end. */
enum token_kind token_next(struct token_reader *reader);

/* What comes next, and stays unread. --------------------------------------------------------------- */

/* The kind of the next token. */
enum token_kind token_peek(const struct token_reader *reader, struct token *token_r);

/* A setting or section begins: a word, then = or ( or {, or a title and {. */
bool token_statement_follows(const struct token_reader *reader);

/* A title and an opening brace. */
bool token_title_follows(const struct token_reader *reader);

/* Two titles or more on LINE, and an opening brace. */
bool token_titles_follow(const struct token_reader *reader, unsigned line);

#endif
