/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

void text_init(struct text *text, char *buffer, size_t size)
{
	text->buffer = buffer;
	text->size = size;
	text->length = 0;
	text->truncated = false;
	buffer[0] = '\0';
}

/* Nearly all that is added comes by here, most of it a few bytes. */
static inline void append(struct text *text, const char *bytes, size_t length)
{
	size_t room = text->size - 1 - text->length;

	if (length > room) {
		length = room;
		text->truncated = true;
	}
	memcpy(text->buffer + text->length, bytes, length);
	text->length += length;
	text->buffer[text->length] = '\0';
}

void text_add_n(struct text *text, const char *bytes, size_t length)
{
	append(text, bytes, length);
}

void text_add(struct text *text, const char *string)
{
	append(text, string, strlen(string));
}

void text_add_char(struct text *text, char c)
{
	if (text->length + 1 >= text->size) {
		text->truncated = true;
		return;
	}
	text->buffer[text->length++] = c;
	text->buffer[text->length] = '\0';
}

/* Formatting costs more than anything else that is done for a message, and nearly all of it is plain
 * strings and numbers, which need no printf. */

enum length { LENGTH_INT, LENGTH_LONG, LENGTH_LONG_LONG, LENGTH_SIZE };

/* The letter of the plain conversion behind a '%', with *FORMAT behind it; '\0' for any other one. */
static char plain_conversion(const char **format, enum length *length_r)
{
	const char *at = *format;

	*length_r = LENGTH_INT;
	if (*at == 'z') {
		*length_r = LENGTH_SIZE;
		at++;
	} else if (*at == 'l') {
		*length_r = at[1] == 'l' ? LENGTH_LONG_LONG : LENGTH_LONG;
		at += *length_r == LENGTH_LONG ? 1 : 2;
	}
	switch (*at) {
	case 's':
	case 'c':
	case '%':
		if (at != *format)
			return '\0';
		break;
	case 'd':
	case 'u':
		break;
	default:
		return '\0';
	}
	*format = at + 1;
	return *at;
}

static void add_number(struct text *text, bool negative, unsigned long long magnitude)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude > 0);
	if (negative)
		digits[--at] = '-';
	text_add_n(text, digits + at, sizeof(digits) - at);
}

static void add_signed(struct text *text, long long value)
{
	add_number(text, value < 0,
		value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value);
}

static long long next_signed(enum length length, va_list *args)
{
	switch (length) {
	case LENGTH_LONG:
		return va_arg(*args, long);
	case LENGTH_LONG_LONG:
		return va_arg(*args, long long);
	case LENGTH_SIZE:
		return va_arg(*args, ssize_t);
	case LENGTH_INT:
		break;
	}
	return va_arg(*args, int);
}

static unsigned long long next_unsigned(enum length length, va_list *args)
{
	switch (length) {
	case LENGTH_LONG:
		return va_arg(*args, unsigned long);
	case LENGTH_LONG_LONG:
		return va_arg(*args, unsigned long long);
	case LENGTH_SIZE:
		return va_arg(*args, size_t);
	case LENGTH_INT:
		break;
	}
	return va_arg(*args, unsigned);
}

static void add_conversion(struct text *text, char conversion, enum length length, va_list *args)
{
	if (conversion == 's')
		text_add(text, va_arg(*args, const char *));
	else if (conversion == 'u')
		add_number(text, false, next_unsigned(length, args));
	else if (conversion == 'd')
		add_signed(text, next_signed(length, args));
	else if (conversion == 'c')
		text_add_char(text, (char)va_arg(*args, int));
	else
		text_add_char(text, '%');
}

static void add_printed(struct text *text, const char *format, va_list *args)
{
	size_t room = text->size - text->length;
	int wanted;

/* The rest of a format that the compiler has checked as a whole. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	wanted = vsnprintf(text->buffer + text->length, room, format, *args);
#pragma GCC diagnostic pop

	if (wanted < 0)
		return;
	if ((size_t)wanted >= room) {
		text->length = text->size - 1;
		text->truncated = true;
	} else {
		text->length += (size_t)wanted;
	}
}

/* From the first conversion on that is not plain, the rest is printf's. */
void text_vaddf(struct text *text, const char *format, va_list *args)
{
	const char *start = format;

	for (;;) {
		enum length length;
		char conversion;

		while (*format != '%' && *format != '\0')
			format++;
		if (format > start)
			append(text, start, (size_t)(format - start));
		start = format;
		if (*format++ == '\0')
			return;
		conversion = plain_conversion(&format, &length);
		if (conversion == '\0') {
			add_printed(text, start, args);
			return;
		}
		add_conversion(text, conversion, length, args);
		start = format;
	}
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vaddf(text, format, &args);
	va_end(args);
}

static bool needs_escape(char c)
{
	return c < 0x20 || c > 0x7e || c == '\\' || c == '"';
}

/* How many of LENGTH bytes stand before the first that needs an escape, as NUL does. */
static size_t plain_length(const char *bytes, size_t length)
{
	size_t plain = 0;

	while (plain < length && !needs_escape(bytes[plain]))
		plain++;
	return plain;
}

void text_add_escaped(struct text *text, const char *bytes, size_t length, size_t limit)
{
	size_t shown = length > limit ? limit : length;

	for (size_t i = 0; i < shown;) {
		size_t plain = plain_length(bytes + i, shown - i);

		text_add_n(text, bytes + i, plain);
		for (i += plain; i < shown && needs_escape(bytes[i]); i++)
			text_addf(text, "\\x%02x", (unsigned char)bytes[i]);
	}
	if (shown < length)
		text_add(text, "...");
}

/* Bytes that may follow before the value has to end in the mark. */
static size_t shown_size(char c)
{
	return needs_escape(c) ? 4 : 1;
}

void text_add_wire(struct text *text, const char *string, size_t limit)
{
	static const char mark[] = "\\...";
	size_t size = 0, cut = 0, length = plain_length(string, limit);

	if (string[length] == '\0') {
		text_add_n(text, string, length);
		return;
	}
	length = 0;
	/* CUT: how much may stand before the mark. */
	for (; string[length] != '\0' && size + shown_size(string[length]) <= limit; length++) {
		size += shown_size(string[length]);
		if (size + sizeof(mark) - 1 <= limit)
			cut = length + 1;
	}
	if (string[length] == '\0') {
		text_add_escaped(text, string, length, length);
		return;
	}
	text_add_escaped(text, string, cut, cut);
	text_add(text, mark);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_unescape(char *string)
{
	char *out = string;

	while (*string != '\0') {
		int high, low;

		if (*string != '\\') {
			*out++ = *string++;
			continue;
		}
		high = string[1] == 'x' ? hex_digit(string[2]) : -1;
		low = high < 0 ? -1 : hex_digit(string[3]);
		if (low < 0 || (high == 0 && low == 0)) {
			*out = '\0';
			return false;
		}
		*out++ = (char)(high * 16 + low);
		string += 4;
	}
	*out = '\0';
	return true;
}

const char *text_escape(const char *string, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	text_add_escaped(&text, string, strlen(string), size);
	return buffer;
}

void ascii_lower(char *string)
{
	for (; *string != '\0'; string++)
		*string = ascii_lower_char(*string);
}

bool ascii_equal(const char *a, const char *b)
{
	size_t length = strlen(a);

	return length == strlen(b) && ascii_equal_n(a, b, length);
}

bool ascii_equal_n(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (ascii_lower_char(a[i]) != ascii_lower_char(b[i]))
			return false;
		if (a[i] == '\0')
			return true;
	}
	return true;
}

bool ascii_starts_with(const char *string, const char *prefix)
{
	return ascii_equal_n(string, prefix, strlen(prefix));
}

bool ascii_ends_with(const char *string, const char *suffix)
{
	size_t length = strlen(string);
	size_t tail = strlen(suffix);

	return length >= tail && ascii_equal(string + length - tail, suffix);
}

bool text_copy(char *buffer, size_t size, const char *string)
{
	size_t length = strlen(string);

	if (length >= size) {
		buffer[0] = '\0';
		return false;
	}
	memcpy(buffer, string, length + 1);
	return true;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein distance of two short words; longer ones count as far apart. */
static size_t edit_distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	size_t row[LONGEST + 1];
	size_t length_a = strlen(a);
	size_t length_b = strlen(b);

	if (length_a > LONGEST || length_b > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			size_t above = row[j];
			bool same = ascii_lower_char(a[i - 1]) == ascii_lower_char(b[j - 1]);

			row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (same ? 0 : 1));
			diagonal = above;
		}
	}
	return row[length_b];
}

const char *text_suggest(const char *word, const char *const *candidates)
{
	const char *best = NULL;
	size_t best_distance = strlen(word) <= 4 ? 2 : 3;

	for (; *candidates != NULL; candidates++) {
		size_t distance = edit_distance(word, *candidates);

		if (distance < best_distance) {
			best = *candidates;
			best_distance = distance;
		} else if (best == NULL && strlen(word) >= 3 &&
			   ascii_starts_with(*candidates, word)) {
			best = *candidates;
		}
	}
	return best;
}
