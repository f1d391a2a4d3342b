/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with the lines of files that a setting names, gathered into one text: a line each, as many
 * as there is room for. */
#ifndef MAILREEVE_LINE_COMPLAINTS_H
#define MAILREEVE_LINE_COMPLAINTS_H

#include <stddef.h>

#include "text.h"

struct line_complaints {
	struct text text;
	const char *setting; /* stands before each; borrowed, NULL for nothing */
	unsigned count, left_out;
};

/* BUFFER, of at least 128 bytes, holds the text; SETTING as above. */
void line_complaints_init(
	struct line_complaints *complaints, char *buffer, size_t size, const char *setting);

/* "setting: file:line: WHY". LINE 0 is the whole file, and what would be right is said. CONTEXT is the struct
 * above, so that this can be called back by whatever reads lines. */
void line_complaints_note(void *context, const char *file, unsigned line, const char *why);

/* One that is about no file. */
void line_complaints_add(struct line_complaints *complaints, const char *why);

/* Says how many had no room. */
void line_complaints_end(struct line_complaints *complaints);

#endif
