/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoded-words of header fields (RFC 2047), read as mail programs read them: within quotes, within
 * words, without a blank between them. Pure, reentrant. */
#ifndef MAILREEVE_ENCODED_WORD_H
#define MAILREEVE_ENCODED_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "text.h"

/* What was seen in a text. */
struct encoded_words {
	unsigned count;
	bool malformed; /* one is none after all: no such encoding, bad base64, octets that its charset
			 * has not, over 75 characters and cut */
	bool control; /* one hides NUL, CR, LF or another control character, but for line ends behind
		       * all of the text */
};

/* Adds TEXT to OUT as UTF-8, its encoded-words decoded; folds become blanks, blanks between two
 * encoded-words go. Octets that are no text in their charset, those of charsets we have no table for,
 * and hidden control characters become U+FFFD; raw octets of TEXT outside of encoded-words stay. */
void encoded_word_decode(const char *text, struct text *out, struct encoded_words *seen_r);

/* WORD is shown as TEXT, which is UTF-8 or ASCII: adds it to OUT, as encoded-words (UTF-8, base64) with
 * a fold between them where it is not printable ASCII or could be read as encoded. */
void encoded_word_add(struct text *out, const char *text);

#endif
