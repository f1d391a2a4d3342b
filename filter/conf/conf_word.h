/* SPDX-License-Identifier: BSD-2-Clause */
/* How a word of a configuration file is shown in a message, and what is odd about it. Pure. */
#ifndef MAILREEVE_CONF_WORD_H
#define MAILREEVE_CONF_WORD_H

#include <stddef.h>

#include "conf_token.h"

/* Into BUFFER: bounded, and printable. */
const char *word_show(struct token word, char *buffer, size_t size);

/* The same without its quotes, escaped. */
const char *word_show_unquoted(struct token word, char *buffer, size_t size);

/* WORD without a semicolon at its end. */
struct token word_without_semicolon(struct token word);

/* What an editor or another language of configuration has put into a word without quotes, and nobody means:
 * "ends with a semicolon, ...". NULL when there is nothing. */
const char *word_oddity(struct token word);

#endif
