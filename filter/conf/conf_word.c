/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_word.h"

#include <string.h>

#include "compiler.h"
#include "text.h"

enum { SHOWN_MAX = 60 };

static bool is_quoted(struct token word)
{
	return word.length >= 2 && (*word.start == '"' || *word.start == '\'');
}

const char *word_show(struct token word, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	for (size_t i = 0; i < word.length && i < SHOWN_MAX; i++) {
		char c = word.start[i];

		text_add_char(&text, c < 0x20 || c > 0x7e ? '?' : c);
	}
	return buffer;
}

const char *word_show_unquoted(struct token word, char *buffer, size_t size)
{
	struct text text;

	if (is_quoted(word)) {
		word.start++;
		word.length -= 2;
	}
	text_init(&text, buffer, size);
	text_add_escaped(&text, word.start, word.length, SHOWN_MAX);
	return buffer;
}

struct token word_without_semicolon(struct token word)
{
	while (!is_quoted(word) && word.length > 0 && word.start[word.length - 1] == ';')
		word.length--;
	return word;
}

static bool holds(struct token word, const char *sign)
{
	size_t length = strlen(sign);

	for (size_t i = 0; i + length <= word.length; i++) {
		if (memcmp(word.start + i, sign, length) == 0)
			return true;
	}
	return false;
}

const char *word_oddity(struct token word)
{
	static const struct {
		const char *sign, *text;
	} signs[] = {
		{"\xc2\xa0",
			"holds a no-break space (U+00A0), which is no blank here; write a blank"},
		{"\xe2\x80\xaf",
			"holds a no-break space (U+202F), which is no blank here; write a blank"},
		{"\xe2\x80\x8b",
			"holds a zero width space (U+200B), which cannot be seen; remove it"},
		{"\xef\xbb\xbf",
			"holds a byte order mark (U+FEFF), which cannot be seen; remove it"},
		{"\xe2\x80\x9c", "holds typographic quotes; write plain ones: \""},
		{"\xe2\x80\x9d", "holds typographic quotes; write plain ones: \""},
		{"\xe2\x80\x9e", "holds typographic quotes; write plain ones: \""},
		{"\xe2\x80\x98", "holds typographic quotes; write plain ones: \""},
		{"\xe2\x80\x99", "holds typographic quotes; write plain ones: \""},
		{"\xc2\xab", "holds typographic quotes; write plain ones: \""},
		{"\xc2\xbb", "holds typographic quotes; write plain ones: \""},
	};

	if (is_quoted(word))
		return NULL;
	if (word.length > 0 && word.start[word.length - 1] == ';')
		return "ends with a semicolon; nothing does here, and commas stand between the "
		       "values of a list";
	for (size_t i = 0; i < ARRAY_COUNT(signs); i++) {
		if (holds(word, signs[i].sign))
			return signs[i].text;
	}
	return NULL;
}
