/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of words below each other, each column as wide as what stands in it. */
#ifndef MAILREEVE_LIMITS_TABLE_H
#define MAILREEVE_LIMITS_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { LIMITS_TABLE_COLUMNS = 8, LIMITS_TABLE_WIDTH = 44 };

/* Zeroed at first. */
struct limits_table {
	char **cells; /* owned; UTF-8 */
	size_t count;
};

/* The next cell of the row, or of the next row. What would move the cursor stands as "?". */
void limits_table_add(struct limits_table *table, const char *text);

/* Rows of COLUMNS cells, of which the last is not padded; ALIGNED: for each column "l" or "r". A cell wider
 * than LIMITS_TABLE_WIDTH pushes its own row only. Leaves the table empty. */
void limits_table_write(struct limits_table *table, size_t columns, const char *aligned, FILE *out);

#endif
