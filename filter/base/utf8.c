/* SPDX-License-Identifier: BSD-2-Clause */
#include "utf8.h"

size_t utf8_decode_long(const char *text, uint32_t *code_point_r)
{
	const unsigned char *at = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	*code_point_r = at[0];
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	if (at[0] == 0xe0)
		low = 0xa0; /* overlong */
	else if (at[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xf4)
		high = 0x8f; /* above U+10FFFF */
	if (at[1] < low || at[1] > high)
		return 0;
	*code_point_r = at[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
		*code_point_r = *code_point_r << 6 | (at[i] & 0x3fU);
	}
	return length;
}

bool utf8_is_invisible(uint32_t code_point)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00ad, 0x00ad}, /* soft hyphen */
		{0x034f, 0x034f}, /* combining grapheme joiner */
		{0x061c, 0x061c}, /* Arabic letter mark */
		{0x115f, 0x1160}, /* Hangul fillers */
		{0x17b4, 0x17b5}, {0x180e, 0x180e},
		{0x2000, 0x200b}, /* blanks of many widths, zero-width space */
		{0x200e, 0x200f}, /* directional marks */
		{0x2028, 0x202e}, /* line and paragraph separator, embeddings and overrides */
		{0x2060, 0x206f}, /* word joiner, invisible operators, isolates */
		{0x3164, 0x3164}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff9, 0xfffb},
		{0xe0000, 0xe007f}, /* tags */
	};

	if (code_point < ranges[0].first)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(ranges); i++)
		if (code_point >= ranges[i].first && code_point <= ranges[i].last)
			return true;
	return false;
}
