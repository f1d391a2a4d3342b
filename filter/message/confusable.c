/* SPDX-License-Identifier: BSD-2-Clause */
#include "confusable.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "text.h"

struct look {
	ucs4_t character;
	const char *like;
};

/* What normalization leaves and looks like a Latin letter; sorted. Capitals stand here where they look
 * like another letter than their small one does. */
static const struct look looks[] = {
	{0x00d7, "x"}, /* multiplication sign */
	{0x00d8, "o"},
	{0x00df, "ss"},
	{0x00e6, "ae"},
	{0x00f0, "o"},
	{0x00f8, "o"},
	{0x00fe, "p"},
	{0x0110, "d"},
	{0x0111, "d"},
	{0x0127, "h"},
	{0x0131, "l"},
	{0x0138, "k"},
	{0x0142, "l"},
	{0x014b, "n"},
	{0x0153, "oe"},
	{0x0167, "t"},
	{0x0180, "b"},
	{0x0183, "b"},
	{0x0188, "c"},
	{0x018c, "d"},
	{0x0192, "f"},
	{0x0199, "k"},
	{0x019a, "l"},
	{0x019e, "n"},
	{0x01a5, "p"},
	{0x01ab, "t"},
	{0x01ad, "t"},
	{0x01b4, "y"},
	{0x01b6, "z"},
	{0x01bf, "p"},
	{0x01c0, "l"},
	{0x01dd, "e"},
	{0x01e5, "g"},
	{0x0225, "z"},
	{0x0237, "j"},
	{0x023c, "c"},
	{0x023f, "s"},
	{0x0240, "z"},
	{0x0247, "e"},
	{0x0249, "j"},
	{0x024d, "r"},
	{0x024f, "y"},
	{0x0251, "a"},
	{0x0253, "b"},
	{0x0255, "c"},
	{0x0256, "d"},
	{0x0257, "d"},
	{0x0260, "g"},
	{0x0261, "g"},
	{0x0262, "g"},
	{0x0266, "h"},
	{0x0268, "l"},
	{0x0269, "l"},
	{0x026a, "l"},
	{0x026b, "l"},
	{0x026d, "l"},
	{0x026f, "w"},
	{0x0271, "m"},
	{0x0272, "n"},
	{0x0273, "n"},
	{0x0274, "n"},
	{0x0275, "o"},
	{0x027c, "r"},
	{0x027d, "r"},
	{0x0280, "r"},
	{0x0282, "s"},
	{0x0288, "t"},
	{0x0289, "u"},
	{0x028b, "u"},
	{0x028f, "y"},
	{0x0290, "z"},
	{0x0291, "z"},
	{0x0299, "b"},
	{0x029c, "h"},
	{0x029f, "l"},
	{0x02a0, "q"},
	{0x02bc, "'"},
	/* Greek */
	{0x0391, "a"},
	{0x0392, "b"},
	{0x0395, "e"},
	{0x0396, "z"},
	{0x0397, "h"},
	{0x0399, "l"},
	{0x039a, "k"},
	{0x039c, "m"},
	{0x039d, "n"},
	{0x039f, "o"},
	{0x03a1, "p"},
	{0x03a4, "t"},
	{0x03a5, "y"},
	{0x03a7, "x"},
	{0x03b1, "a"},
	{0x03b2, "b"},
	{0x03b3, "y"},
	{0x03b5, "e"},
	{0x03b7, "n"},
	{0x03b9, "l"},
	{0x03ba, "k"},
	{0x03bd, "v"},
	{0x03bf, "o"},
	{0x03c1, "p"},
	{0x03c3, "o"},
	{0x03c4, "t"},
	{0x03c5, "u"},
	{0x03c7, "x"},
	{0x03c9, "w"},
	{0x03db, "c"},
	{0x03dd, "f"},
	{0x03f2, "c"},
	{0x03f3, "j"},
	{0x03f8, "p"},
	/* Cyrillic */
	{0x0405, "s"},
	{0x0406, "l"},
	{0x0408, "j"},
	{0x0410, "a"},
	{0x0412, "b"},
	{0x0415, "e"},
	{0x041a, "k"},
	{0x041c, "m"},
	{0x041d, "h"},
	{0x041e, "o"},
	{0x0420, "p"},
	{0x0421, "c"},
	{0x0422, "t"},
	{0x0423, "y"},
	{0x0425, "x"},
	{0x042c, "b"},
	{0x0430, "a"},
	{0x0432, "b"},
	{0x0433, "r"},
	{0x0435, "e"},
	{0x0437, "e"},
	{0x0438, "u"},
	{0x043a, "k"},
	{0x043c, "m"},
	{0x043d, "h"},
	{0x043e, "o"},
	{0x043f, "n"},
	{0x0440, "p"},
	{0x0441, "c"},
	{0x0442, "t"},
	{0x0443, "y"},
	{0x0445, "x"},
	{0x0448, "w"},
	{0x044c, "b"},
	{0x0455, "s"},
	{0x0456, "l"},
	{0x0458, "j"},
	{0x045b, "h"},
	{0x0461, "w"},
	{0x0475, "v"},
	{0x048d, "b"},
	{0x0491, "r"},
	{0x0493, "f"},
	{0x049b, "k"},
	{0x04a3, "h"},
	{0x04ab, "c"},
	{0x04ae, "y"},
	{0x04af, "y"},
	{0x04b1, "y"},
	{0x04b3, "x"},
	{0x04bb, "h"},
	{0x04bd, "e"},
	{0x04c0, "l"},
	{0x04cf, "l"},
	{0x04d5, "ae"},
	{0x04d9, "e"},
	{0x04e9, "o"},
	{0x0501, "d"},
	{0x050d, "g"},
	{0x0511, "e"},
	{0x051b, "q"},
	{0x051d, "w"},
	/* Armenian, Hebrew, Georgian, Cherokee and others */
	{0x0555, "o"},
	{0x0561, "w"},
	{0x0563, "q"},
	{0x0566, "q"},
	{0x0570, "h"},
	{0x0575, "j"},
	{0x0578, "n"},
	{0x057c, "n"},
	{0x057d, "u"},
	{0x0581, "g"},
	{0x0584, "f"},
	{0x0585, "o"},
	{0x05c0, "l"},
	{0x05d5, "l"},
	{0x05d8, "v"},
	{0x05df, "l"},
	{0x05e1, "o"},
	{0x10ff, "o"},
	{0x13a0, "d"},
	{0x13a1, "r"},
	{0x13a2, "t"},
	{0x13a9, "y"},
	{0x13aa, "a"},
	{0x13ab, "j"},
	{0x13ac, "e"},
	{0x13b3, "w"},
	{0x13b7, "m"},
	{0x13bb, "h"},
	{0x13c0, "g"},
	{0x13c2, "h"},
	{0x13c3, "z"},
	{0x13cf, "b"},
	{0x13d2, "r"},
	{0x13d4, "w"},
	{0x13d5, "s"},
	{0x13d9, "v"},
	{0x13da, "s"},
	{0x13de, "l"},
	{0x13df, "c"},
	{0x13e2, "p"},
	{0x13e6, "k"},
	{0x13e7, "d"},
	{0x1d04, "c"},
	{0x1d0b, "k"},
	{0x1d0d, "m"},
	{0x1d0f, "o"},
	{0x1d11, "o"},
	{0x1d1b, "t"},
	{0x1d1c, "u"},
	{0x1d20, "v"},
	{0x1d21, "w"},
	{0x1d22, "z"},
	{0x1d83, "g"},
	{0x1eff, "y"},
	{0x2010, "-"},
	{0x2011, "-"},
	{0x2012, "-"},
	{0x2013, "-"},
	{0x2014, "-"},
	{0x2018, "'"},
	{0x2019, "'"},
	{0x2044, "/"},
	{0x2212, "-"},
	{0x2215, "/"},
	{0x2c65, "a"},
	{0x2c9f, "o"},
	{0x2ca3, "p"},
	{0x2ca5, "c"},
	{0x3002, "."},
	{0xa731, "s"},
	{0xa793, "c"},
	{0xa7fe, "l"},
	{0xab75, "l"},
};

/* ASCII that looks like other ASCII; the longer first. */
static const struct {
	const char *text, *like;
} ascii_looks[] = {
	{"rn", "m"},
	{"vv", "w"},
	{"cl", "d"},
	{"0", "o"},
	{"1", "l"},
	{"i", "l"},
	{"|", "l"},
	{"!", "l"},
	{"3", "e"},
	{"4", "a"},
	{"5", "s"},
	{"8", "b"},
	{"$", "s"},
};

static int compare(const void *key, const void *element)
{
	ucs4_t character = *(const ucs4_t *)key;
	const struct look *look = element;

	return character < look->character ? -1 : character > look->character;
}

static const char *like(ucs4_t character)
{
	const struct look *look =
		bsearch(&character, looks, ARRAY_COUNT(looks), sizeof(looks[0]), compare);

	return look == NULL ? NULL : look->like;
}

/* Accents, joiners, directions, variation selectors: nothing that is read. */
static bool is_invisible(ucs4_t character)
{
	return uc_is_general_category_withtable(
		       character, UC_CATEGORY_MASK_Mn | UC_CATEGORY_MASK_Me | UC_CATEGORY_MASK_Cf |
					  UC_CATEGORY_MASK_Cc) ||
	       uc_is_property_default_ignorable_code_point(character);
}

static void add_character(struct text *out, ucs4_t character)
{
	const char *known = like(character);
	uint8_t encoded[6];
	int length;

	if (is_invisible(character))
		return;
	if (known == NULL) {
		character = uc_tolower(character);
		known = like(character);
	}
	if (known != NULL) {
		text_add(out, known);
		return;
	}
	length = u8_uctomb(encoded, character, sizeof(encoded));
	if (length > 0)
		text_add_n(out, (const char *)encoded, (size_t)length);
}

/* Octets that are no UTF-8 replaced, and cut to what is looked at. */
static size_t valid_copy(const char *utf8, uint8_t copy[CONFUSABLE_MAX])
{
	size_t length = strnlen(utf8, CONFUSABLE_MAX);
	const uint8_t *bad;

	memcpy(copy, utf8, length);
	while ((bad = u8_check(copy, length)) != NULL)
		copy[bad - copy] = '?';
	return length;
}

static void replace_ascii(char *text)
{
	char *out = text;

	while (*text != '\0') {
		size_t i = 0;

		while (i < ARRAY_COUNT(ascii_looks) &&
			(ascii_looks[i].text[0] != *text ||
				strncmp(text, ascii_looks[i].text, strlen(ascii_looks[i].text)) !=
					0))
			i++;
		*out++ = i == ARRAY_COUNT(ascii_looks) ? *text : ascii_looks[i].like[0];
		text += i == ARRAY_COUNT(ascii_looks) ? 1 : strlen(ascii_looks[i].text);
	}
	*out = '\0';
}

/* No such character is looked up, nor changed by normalization but to its small form. */
static bool is_printable_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

const char *confusable_skeleton(const char *utf8, char *buffer, size_t size)
{
	uint8_t copy[CONFUSABLE_MAX];
	size_t length = valid_copy(utf8, copy), plain_length = 0;
	uint8_t *plain;
	struct text out;

	text_init(&out, buffer, size);
	if (is_printable_ascii(utf8, length)) {
		text_add_n(&out, utf8, length);
		ascii_lower(buffer);
		replace_ascii(buffer);
		return buffer;
	}
	plain = u8_normalize(UNINORM_NFKD, copy, length, NULL, &plain_length);
	for (size_t at = 0; plain != NULL && at < plain_length;) {
		ucs4_t character;
		int taken = u8_mbtoucr(&character, plain + at, plain_length - at);

		if (taken <= 0)
			break;
		add_character(&out, character);
		at += (size_t)taken;
	}
	free(plain);
	replace_ascii(buffer);
	return buffer;
}
