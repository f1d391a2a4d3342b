/* SPDX-License-Identifier: BSD-2-Clause */
#include "encoded_word.h"

#include <string.h>

#include "utf8.h"

/* One encoded-word, as it stands: "=?charset*language?encoding?encoded?=". */
struct word {
	const char *charset, *encoded, *end; /* END: behind "?=" */
	size_t charset_length, encoded_length;
	char encoding; /* 'B' or 'Q' */
};

enum { WORD_MAX = 4096 }; /* RFC 2047 says 75; senders and readers do not care */

/* Where the word at AT (which starts with "=?") ends; false when it is none. */
static bool parse_word(const char *at, struct word *word)
{
	const char *stop;

	word->charset = at + 2;
	word->charset_length = strcspn(word->charset, "? \t\r\n");
	stop = word->charset + word->charset_length;
	if (word->charset_length == 0 || *stop != '?' || stop[1] == '\0' || stop[2] != '?')
		return false;
	word->encoding = (char)(stop[1] & ~0x20);
	if (word->encoding != 'B' && word->encoding != 'Q')
		return false;
	word->encoded = stop + 3;
	stop = strstr(word->encoded, "?=");
	/* A Q-word that starts with "=" would end at its own "?": "=?x?q?=41?=". */
	if (stop == NULL || stop - at > WORD_MAX)
		return false;
	word->encoded_length = (size_t)(stop - word->encoded);
	word->end = stop + 2;
	return memchr(word->encoded, '\n', word->encoded_length) == NULL;
}

/* "=?charset?" at least. */
static bool looks_like_word(const char *at)
{
	size_t length;

	if (strncmp(at, "=?", 2) != 0)
		return false;
	length =
		strspn(at + 2, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*");
	return at[2 + length] == '?';
}

/* Charsets. ----------------------------------------------------------------------------------- */

enum charset {
	CHARSET_UTF8,
	CHARSET_LATIN1, /* and windows-1252, but for 0x80 to 0x9f */
	CHARSET_ONE_BYTE, /* ASCII below 0x80, one octet a character above */
	CHARSET_TWO_BYTE, /* an octet above 0x80 takes the next one along, which may look like ASCII */
	CHARSET_OPAQUE /* where ASCII octets need not be ASCII: UTF-7, UTF-16 */
};

static enum charset charset_of(const struct word *word)
{
	static const struct {
		const char *prefix;
		enum charset charset;
	} table[] = {
		{"utf-8", CHARSET_UTF8},
		{"utf8", CHARSET_UTF8},
		{"us-ascii", CHARSET_UTF8},
		{"ascii", CHARSET_UTF8},
		{"iso-8859-1*", CHARSET_LATIN1},
		{"iso-8859-1?", CHARSET_LATIN1},
		{"iso-8859-15", CHARSET_LATIN1},
		{"windows-1252", CHARSET_LATIN1},
		{"latin1", CHARSET_LATIN1},
		{"iso-2022", CHARSET_OPAQUE},
		{"utf-7", CHARSET_OPAQUE},
		{"utf-16", CHARSET_OPAQUE},
		{"utf-32", CHARSET_OPAQUE},
		{"ucs", CHARSET_OPAQUE},
		{"unicode", CHARSET_OPAQUE},
		{"hz", CHARSET_OPAQUE},
		{"gb", CHARSET_TWO_BYTE},
		{"big5", CHARSET_TWO_BYTE},
		{"cp9", CHARSET_TWO_BYTE},
		{"ks", CHARSET_TWO_BYTE},
		{"euc", CHARSET_TWO_BYTE},
		{"shift", CHARSET_TWO_BYTE},
		{"sjis", CHARSET_TWO_BYTE},
		{"x-", CHARSET_TWO_BYTE},
		{"windows-31j", CHARSET_TWO_BYTE},
	};

	for (size_t i = 0; i < ARRAY_COUNT(table); i++)
		if (ascii_starts_with(word->charset, table[i].prefix))
			return table[i].charset;
	return CHARSET_ONE_BYTE;
}

static void add_replacement(struct text *out)
{
	text_add(out, "\xef\xbf\xbd");
}

/* ISO-2022: what stands between escape sequences that leave ASCII and those that return to it. */
static void add_opaque(struct text *out, const char *bytes, size_t length)
{
	bool ascii = true;

	if (memchr(bytes, '\033', length) == NULL) {
		add_replacement(out);
		return;
	}
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\033' && length - i >= 3) {
			ascii = bytes[i + 1] == '(' && (bytes[i + 2] == 'B' || bytes[i + 2] == 'J');
			if (!ascii)
				add_replacement(out);
			i += 2;
		} else if (ascii && bytes[i] >= 0x20 && bytes[i] < 0x7f) {
			text_add_char(out, bytes[i]);
		}
	}
}

static void add_8bit(struct text *out, enum charset charset, const char *bytes, size_t *at,
	size_t length, struct encoded_words *seen)
{
	unsigned char byte = (unsigned char)bytes[*at];
	char utf8[] = {(char)(0xc0 | byte >> 6), (char)(0x80 | (byte & 0x3f)), '\0'};
	uint32_t code_point;
	size_t used = charset == CHARSET_UTF8 ? utf8_decode(bytes + *at, &code_point) : 1;

	if (charset == CHARSET_UTF8 && used > 0)
		text_add_n(out, bytes + *at, used);
	else if (charset == CHARSET_LATIN1 && byte >= 0xa0)
		text_add(out, utf8);
	else
		add_replacement(out);
	if (used == 0)
		seen->malformed = true;
	if (charset == CHARSET_TWO_BYTE && *at + 1 < length)
		used = 2;
	*at += used == 0 ? 1 : used;
}

/* BYTES is followed by a NUL. */
static void add_decoded(struct text *out, enum charset charset, const char *bytes, size_t length,
	struct encoded_words *seen)
{
	if (charset == CHARSET_OPAQUE) {
		add_opaque(out, bytes, length);
		return;
	}
	for (size_t i = 0; i < length;) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte > 0x7f) {
			add_8bit(out, charset, bytes, &i, length, seen);
			continue;
		}
		if (byte == '\t') {
			text_add_char(out, ' ');
		} else if (byte < 0x20 || byte == 0x7f) {
			seen->control = true;
			add_replacement(out);
		} else {
			text_add_char(out, bytes[i]);
		}
		i++;
	}
}

/* Encodings. ---------------------------------------------------------------------------------- */

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c == '\0' ? NULL : strchr(digits, c);

	return found == NULL ? -1 : (int)(found - digits);
}

static void decode_base64(const struct word *word, struct text *bytes, struct encoded_words *seen)
{
	unsigned bits = 0, filled = 0;

	for (size_t i = 0; i < word->encoded_length; i++) {
		int value = base64_value(word->encoded[i]);

		if (word->encoded[i] == '=' || ascii_is_space(word->encoded[i]))
			continue;
		if (value < 0) {
			seen->malformed = true;
			continue;
		}
		bits = (bits << 6 | (unsigned)value) & 0xffff;
		filled += 6;
		if (filled < 8)
			continue;
		filled -= 8;
		text_add_char(bytes, (char)(bits >> filled));
	}
}

static int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower_char(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_quoted(const struct word *word, struct text *bytes, struct encoded_words *seen)
{
	for (size_t i = 0; i < word->encoded_length; i++) {
		char c = word->encoded[i];
		bool pair = c == '=' && word->encoded_length - i > 2;

		if (c == '_') {
			text_add_char(bytes, ' ');
		} else if (pair && hex_value(word->encoded[i + 1]) >= 0 &&
			   hex_value(word->encoded[i + 2]) >= 0) {
			text_add_char(bytes, (char)(hex_value(word->encoded[i + 1]) * 16 +
						     hex_value(word->encoded[i + 2])));
			i += 2;
		} else {
			seen->malformed = seen->malformed || c == '=';
			text_add_char(bytes, c);
		}
	}
}

static void decode_word(const struct word *word, struct text *out, struct encoded_words *seen)
{
	char buffer[WORD_MAX + 1];
	struct text bytes;
	size_t length;

	text_init(&bytes, buffer, sizeof(buffer));
	if (word->encoding == 'B')
		decode_base64(word, &bytes, seen);
	else
		decode_quoted(word, &bytes, seen);
	seen->count++;
	length = bytes.length;
	/* Who encodes the output of a command takes its line end along. */
	if (word->end[strspn(word->end, " \t\r\n\"")] == '\0')
		while (length > 0 && (buffer[length - 1] == '\n' || buffer[length - 1] == '\r'))
			length--;
	buffer[length] = '\0';
	add_decoded(out, charset_of(word), buffer, length, seen);
}

void encoded_word_decode(const char *text, struct text *out, struct encoded_words *seen_r)
{
	const char *behind_word = NULL; /* where the last encoded-word ended */

	*seen_r = (struct encoded_words){0};
	while (*text != '\0') {
		struct word word;
		size_t plain;

		if (behind_word != NULL && ascii_is_space(*text)) {
			const char *next = text + strspn(text, " \t\r\n");

			if (strncmp(next, "=?", 2) == 0 && parse_word(next, &word))
				text = next;
		}
		behind_word = NULL;
		plain = strcspn(text, "=\r\n\t");
		if (plain > 0) {
			text_add_n(out, text, plain);
			text += plain;
			continue;
		}
		if (strncmp(text, "=?", 2) == 0 && parse_word(text, &word)) {
			decode_word(&word, out, seen_r);
			behind_word = text = word.end;
			continue;
		}
		if (looks_like_word(text))
			seen_r->malformed = true;
		if (*text == '\r' || *text == '\n' || *text == '\t')
			text_add_char(out, ' ');
		else
			text_add_char(out, *text);
		text++;
	}
}

/* Encoding. ----------------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	if (strstr(text, "=?") != NULL)
		return false;
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static void add_base64(struct text *out, const char *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		unsigned bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < length ? (unsigned char)bytes[i + k] : 0U);
		for (size_t k = 0; k < 4; k++)
			text_add_char(
				out, k > length - i ? '=' : digits[bits >> (18 - 6 * k) & 0x3f]);
	}
}

void encoded_word_add(struct text *out, const char *text)
{
	enum { CHUNK_MAX = 45 }; /* octets: 60 of base64, 72 with the rest */

	if (is_plain(text)) {
		text_add(out, text);
		return;
	}
	while (*text != '\0') {
		size_t length = strnlen(text, CHUNK_MAX);

		/* Not within a character. */
		while (length > 1 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
		text_add(out, "=?utf-8?B?");
		add_base64(out, text, length);
		text_add(out, "?=");
		text += length;
		if (*text != '\0')
			text_add(out, "\n ");
	}
}
