/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded text: a builder over the caller's buffer that never overruns and remembers that it was
 * cut, and ASCII helpers that ignore the locale. Nothing here allocates; all of it is reentrant. */
#ifndef MAILREEVE_TEXT_H
#define MAILREEVE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

/* Builder over a borrowed buffer. The buffer always holds a NUL-terminated string. */
struct text {
	char *buffer;
	size_t size; /* bytes of the buffer, including the NUL; at least 1 */
	size_t length; /* bytes used, without the NUL */
	bool truncated; /* something did not fit and was left out */
};

void text_init(struct text *text, char *buffer, size_t size);
void text_add(struct text *text, const char *string);
void text_add_n(struct text *text, const char *bytes, size_t length);
void text_add_char(struct text *text, char c);
void text_addf(struct text *text, const char *format, ...) ATTR_PRINTF(2, 3);
void text_vaddf(struct text *text, const char *format, va_list *args) ATTR_PRINTF(2, 0);

/* Adds bytes from the wire, safe for a log line or evidence: control bytes, DEL, 8-bit bytes,
 * backslash and double quote become \xNN; at most LIMIT bytes of the input are shown, then "...". */
void text_add_escaped(struct text *text, const char *bytes, size_t length, size_t limit);

/* The same of a whole string, with a bound on what is shown: at most LIMIT bytes, at least 4, of which the
 * last are "\..." where the value had to be cut. No escaped value holds that, so it can be told apart. */
void text_add_wire(struct text *text, const char *string, size_t limit);

/* Takes the \xNN out again, in place; false where something else stands behind a backslash, as in a value
 * that was cut. */
bool text_unescape(char *string) MUST_CHECK;

/* As text_add_escaped, a whole string into a buffer at once; returns BUFFER. */
const char *text_escape(const char *string, char *buffer, size_t size);

static inline char ascii_lower_char(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
	char lower = ascii_lower_char(c);

	return lower >= 'a' && lower <= 'z';
}

static inline bool ascii_is_alnum(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* Space, tab, CR, LF. */
static inline bool ascii_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void ascii_lower(char *string);
bool ascii_equal(const char *a, const char *b);
bool ascii_equal_n(const char *a, const char *b, size_t length);
bool ascii_starts_with(const char *string, const char *prefix);
bool ascii_ends_with(const char *string, const char *suffix);

/* Copies STRING into BUFFER; false (and an empty buffer) when it does not fit. */
bool text_copy(char *buffer, size_t size, const char *string) MUST_CHECK;

/* The name in CANDIDATES (NULL-terminated) that WORD was probably meant to be (edit distance of at
 * most 2, or a shared prefix), or NULL. For "did you mean" in configuration errors. */
const char *text_suggest(const char *word, const char *const *candidates);

#endif
