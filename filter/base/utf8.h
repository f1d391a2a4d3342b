/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 (RFC 3629), read strictly. Pure, reentrant. */
#ifndef MAILREEVE_UTF8_H
#define MAILREEVE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/* Length in bytes of the sequence at TEXT and its code point; 0 when it is none: overlong, a surrogate,
 * above U+10FFFF, cut. TEXT ends with NUL, which is a sequence of its own. */
static inline size_t utf8_decode(const char *text, uint32_t *code_point_r);
/* The same of what is longer than an octet. */
size_t utf8_decode_long(const char *text, uint32_t *code_point_r);

static inline size_t utf8_decode(const char *text, uint32_t *code_point_r)
{
	*code_point_r = (unsigned char)*text;
	return *code_point_r < 0x80 ? 1 : utf8_decode_long(text, code_point_r);
}

/* CODE_POINT shows nothing where it stands, or turns round the order in which other text is shown:
 * zero-width and filler characters, directional marks, embeddings, overrides and isolates, tags, odd
 * blanks. What scripts need within words (ZWJ, ZWNJ, variation selectors) is none of it. */
bool utf8_is_invisible(uint32_t code_point);

#endif
