/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes JSON (RFC 8259) into bounded text: pure ASCII, one line. Commas are set where they belong. KEY is
 * NULL within an array. What does not fit sets text->truncated; json_undo takes it back. */
#ifndef MAILREEVE_JSON_WRITE_H
#define MAILREEVE_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* BRACKET: '{' or '[' to open, '}' or ']' to close. */
void json_open(struct text *text, const char *key, char bracket);
void json_close(struct text *text, char bracket);

/* VALUE as it is; bytes that are not printable ASCII become \xNN, as text_escape writes them. NULL:
 * null. */
void json_add_text(struct text *text, const char *key, const char *value);
/* From the wire: quotes and backslashes become \xNN as well, so that the value can be read back; at most
 * LIMIT bytes as shown, then it ends in "\...". */
void json_add_wire(struct text *text, const char *key, const char *value, size_t limit);
void json_add_number(struct text *text, const char *key, int64_t value);
void json_add_bool(struct text *text, const char *key, bool value);

/* Takes back what was added since the text was LENGTH bytes long, if it did not fit; true then. */
bool json_undo(struct text *text, size_t length);

#endif
