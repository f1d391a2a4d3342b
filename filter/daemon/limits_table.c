/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits_table.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"
#include "utf8.h"

void limits_table_add(struct limits_table *table, const char *text)
{
	char *cell = mem_text(text);

	for (char *c = cell; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	table->cells = mem_resize(table->cells, table->count + 1, sizeof(*table->cells));
	table->cells[table->count++] = cell;
}

/* Columns on a screen, but for letters that are two wide. */
static size_t width_of(const char *text)
{
	size_t width = 0;
	uint32_t letter;

	while (*text != '\0') {
		size_t length = utf8_decode(text, &letter);

		text += length == 0 ? 1 : length;
		width += length == 0 || !utf8_is_invisible(letter);
	}
	return width;
}

static void write_cell(FILE *out, const char *cell, size_t width, char aligned)
{
	size_t own = width_of(cell);
	int blanks = own < width ? (int)(width - own) : 0;

	if (aligned == 'r')
		fprintf(out, "%*s%s", blanks, "", cell);
	else
		fprintf(out, "%s%*s", cell, blanks, "");
}

void limits_table_write(struct limits_table *table, size_t columns, const char *aligned, FILE *out)
{
	size_t widths[LIMITS_TABLE_COLUMNS] = {0};

	for (size_t i = 0; i < table->count; i++) {
		size_t width = width_of(table->cells[i]);

		if (width > widths[i % columns])
			widths[i % columns] =
				width < LIMITS_TABLE_WIDTH ? width : LIMITS_TABLE_WIDTH;
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % columns;

		if (column + 1 == columns) {
			fprintf(out, "%s\n", table->cells[i]);
		} else {
			write_cell(out, table->cells[i], widths[column], aligned[column]);
			fputs("  ", out);
		}
		mem_free(table->cells[i]);
	}
	mem_free(table->cells);
	*table = (struct limits_table){0};
}
