/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf_macro.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "path.h"

enum {
	NAME_MAX_OCTETS = 253,
	VALUE_SIZE = PATH_SIZE + DOMAIN_SIZE, /* longest value of a letter */
	PIECE_SIZE = 3 * VALUE_SIZE, /* the same, URL-escaped */
	TOKENS_USED = 512, /* a name is made of its last tokens: more cannot count */
	TAIL_KEPT = 512,
	TAIL_SIZE = TAIL_KEPT + PIECE_SIZE,
	DIGITS_MAX = 1000 /* RFC 7208 7.3 asks for 127 at least; a sender has fewer parts */
};

/* One literal byte, one of "%%", "%_" and "%-", or one macro. */
struct token {
	char letter; /* lower case; 0 for a literal */
	const char *literal;
	size_t literal_length;
	bool url_escape;
	bool reverse;
	unsigned keep; /* right-hand parts; 0: all */
	const char *delimiters;
	size_t delimiter_count;
};

/* The characters between "%{" and "}" from AT on; the offset after "}", or 0 when it is no macro. */
static size_t read_macro(const char *text, size_t length, size_t at, struct token *token_r)
{
	bool digits = false;

	if (at >= length || !ascii_is_alpha(text[at]) ||
		strchr("slodiphcrtv", ascii_lower_char(text[at])) == NULL)
		return 0;
	token_r->letter = ascii_lower_char(text[at]);
	token_r->url_escape = text[at] != token_r->letter;
	for (at++; at < length && ascii_is_digit(text[at]); at++) {
		digits = true;
		if (token_r->keep < DIGITS_MAX)
			token_r->keep = token_r->keep * 10 + (unsigned)(text[at] - '0');
	}
	if (digits && token_r->keep == 0)
		return 0;
	if (at < length && ascii_lower_char(text[at]) == 'r') {
		token_r->reverse = true;
		at++;
	}
	token_r->delimiters = text + at;
	while (at < length && text[at] != '\0' && strchr(".-+,/_=", text[at]) != NULL)
		at++;
	token_r->delimiter_count = (size_t)(text + at - token_r->delimiters);
	return at < length && text[at] == '}' ? at + 1 : 0;
}

/* Reads the token at *AT and moves behind it; false when none can stand there. */
static bool next_token(
	const char *text, size_t length, size_t *at, bool explanation, struct token *token_r)
{
	char c = text[*at];

	*token_r = (struct token){.literal = text + *at, .literal_length = 1};
	if (c != '%') {
		*at += 1;
		return (c > 0x20 && c < 0x7f) || (c == ' ' && explanation);
	}
	if (*at + 1 >= length)
		return false;
	c = text[*at + 1];
	if (c == '{') {
		*at = read_macro(text, length, *at + 2, token_r);
		return *at != 0 && (explanation || strchr("crt", token_r->letter) == NULL);
	}
	if (c == '%')
		token_r->literal = "%";
	else if (c == '_')
		token_r->literal = " ";
	else if (c == '-')
		token_r->literal = "%20";
	else
		return false;
	token_r->literal_length = strlen(token_r->literal);
	*at += 2;
	return true;
}

bool spf_macro_is_string(const char *text, size_t length, bool explanation)
{
	struct token token;
	size_t at = 0;

	while (at < length)
		if (!next_token(text, length, &at, explanation, &token))
			return false;
	return true;
}

/* toplabel of 7.1: alphanumerics and inner hyphens, at least one of them no digit. */
static bool is_toplabel(const char *label, size_t length)
{
	bool digits_only = true;

	if (length == 0 || label[0] == '-' || label[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!ascii_is_alnum(label[i]) && label[i] != '-')
			return false;
		if (!ascii_is_digit(label[i]))
			digits_only = false;
	}
	return !digits_only;
}

bool spf_macro_is_domain(const char *text, size_t length)
{
	struct token token;
	size_t literal = 0; /* where the literal bytes at the end begin */
	size_t end = length;
	size_t dot;

	if (length == 0)
		return false;
	for (size_t at = 0; at < length;) {
		size_t start = at;

		if (!next_token(text, length, &at, false, &token))
			return false;
		if (text[start] == '%')
			literal = at;
	}
	if (literal == length)
		return true;
	if (text[end - 1] == '.')
		end--;
	dot = end;
	while (dot > literal && text[dot - 1] != '.')
		dot--;
	return dot > literal && is_toplabel(text + dot, end - dot);
}

bool spf_macro_uses(const char *text, size_t length, char letter)
{
	struct token token;
	size_t at = 0;

	while (at < length && next_token(text, length, &at, true, &token))
		if (token.letter == letter)
			return true;
	return false;
}

/* "2.0.0.1...": 32 nibbles with dots between, as %{i} wants them. */
static void add_nibbles(struct text *out, const struct ipaddr *address)
{
	for (size_t i = 0; i < sizeof address->bytes; i++)
		text_addf(out, i == 0 ? "%X.%X" : ".%X.%X", address->bytes[i] >> 4,
			address->bytes[i] & 15u);
}

/* The value of a letter before transformers (7.2). */
static void add_value(struct text *out, char letter, const struct spf_macro_values *values)
{
	const char *at = strrchr(values->sender, '@');
	char address[IPADDR_TEXT_SIZE];

	if (letter == 's')
		text_add(out, values->sender);
	else if (letter == 'l' && at != NULL)
		text_add_n(out, values->sender, (size_t)(at - values->sender));
	else if (letter == 'l')
		text_add(out, "postmaster");
	else if (letter == 'o')
		text_add(out, at != NULL ? at + 1 : values->sender);
	else if (letter == 'd')
		text_add(out, values->domain);
	else if (letter == 'i' && values->client->family == IP_V6)
		add_nibbles(out, values->client);
	else if (letter == 'i' || letter == 'c')
		text_add(out, ipaddr_format(values->client, address));
	else if (letter == 'p')
		text_add(out, values->validated);
	else if (letter == 'v')
		text_add(out, values->client->family == IP_V6 ? "ip6" : "in-addr");
	else if (letter == 'h')
		text_add(out, values->helo);
	else if (letter == 'r')
		text_add(out, values->receiver);
	else if (letter == 't')
		text_addf(out, "%" PRIu64, values->now);
}

static bool is_delimiter(const struct token *token, char c)
{
	if (token->delimiter_count == 0)
		return c == '.';
	return memchr(token->delimiters, c, token->delimiter_count) != NULL;
}

/* Splits VALUE, reverses, keeps the right-hand parts, joins with dots (7.3). */
static void add_transformed(struct text *out, const struct token *token, const struct text *value)
{
	size_t starts[VALUE_SIZE + 1];
	size_t count = 0;
	size_t first;

	starts[count++] = 0;
	for (size_t i = 0; i < value->length; i++)
		if (is_delimiter(token, value->buffer[i]))
			starts[count++] = i + 1;
	starts[count] = value->length + 1;
	first = token->keep != 0 && token->keep < count ? count - token->keep : 0;
	for (size_t i = first; i < count; i++) {
		size_t part = token->reverse ? count - 1 - i : i;

		if (i > first)
			text_add_char(out, '.');
		text_add_n(out, value->buffer + starts[part], starts[part + 1] - 1 - starts[part]);
	}
}

static void add_url_escaped(struct text *out, const struct text *value)
{
	for (size_t i = 0; i < value->length; i++) {
		char c = value->buffer[i];

		if (ascii_is_alnum(c) || strchr("-._~", c) != NULL)
			text_add_char(out, c);
		else
			text_addf(out, "%%%02X", (unsigned char)c);
	}
}

/* Appends what a macro token stands for. */
static void expand_token(
	struct text *out, const struct token *token, const struct spf_macro_values *values)
{
	char value_buffer[VALUE_SIZE];
	char parts_buffer[VALUE_SIZE];
	struct text value;
	struct text parts;

	text_init(&value, value_buffer, sizeof value_buffer);
	add_value(&value, token->letter, values);
	text_init(&parts, parts_buffer, sizeof parts_buffer);
	add_transformed(&parts, token, &value);
	if (token->url_escape)
		add_url_escaped(out, &parts);
	else
		text_add_n(out, parts.buffer, parts.length);
}

void spf_macro_text(
	const char *text, size_t length, const struct spf_macro_values *values, struct text *out)
{
	struct token token;
	size_t at = 0;

	while (!out->truncated && at < length && next_token(text, length, &at, true, &token)) {
		if (token.letter != 0)
			expand_token(out, &token, values);
		else
			text_add_n(out, token.literal, token.literal_length);
	}
}

/* Keeps the end of a name that may grow without bound. */
static void add_to_tail(struct text *tail, const struct text *piece)
{
	if (tail->length + piece->length >= TAIL_SIZE) {
		memmove(tail->buffer, tail->buffer + tail->length - TAIL_KEPT, TAIL_KEPT);
		tail->length = TAIL_KEPT;
	}
	text_add_n(tail, piece->buffer, piece->length);
}

/* Expands the last TOKENS_USED tokens: each makes at least one byte, but for values that are empty,
 * which only a client's own HELO name can be. */
static void expand_tail(
	const char *text, size_t length, const struct spf_macro_values *values, struct text *tail)
{
	char buffer[PIECE_SIZE];
	struct token token;
	struct text piece;
	size_t count = 0;
	size_t at = 0;

	while (at < length && next_token(text, length, &at, false, &token))
		count++;
	at = 0;
	for (size_t i = 0; i < count && next_token(text, length, &at, false, &token); i++) {
		if (i + TOKENS_USED < count)
			continue;
		text_init(&piece, buffer, sizeof buffer);
		if (token.letter != 0)
			expand_token(&piece, &token, values);
		else
			text_add_n(&piece, token.literal, token.literal_length);
		add_to_tail(tail, &piece);
	}
}

bool spf_macro_name(const char *text, size_t length, const struct spf_macro_values *values,
	char name_r[DOMAIN_SIZE])
{
	char buffer[TAIL_SIZE];
	struct text tail;
	const char *name = buffer;
	size_t octets;

	text_init(&tail, buffer, sizeof buffer);
	expand_tail(text, length, values, &tail);
	octets = tail.length;
	if (octets > 0 && buffer[octets - 1] == '.')
		buffer[--octets] = '\0';
	if (octets > NAME_MAX_OCTETS) {
		name = strchr(buffer + octets - NAME_MAX_OCTETS - 1, '.');
		if (name == NULL)
			return false;
		name++;
	}
	for (const char *c = name; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e || *c == '\\')
			return false;
	return name[0] != '\0' && text_copy(name_r, DOMAIN_SIZE, name);
}
