/* SPDX-License-Identifier: BSD-2-Clause */
/* Of the memory half: claims, small tables, and what an administrator asks of all windows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mem.h"
#include "store_memory_private.h"

enum { LIST_CHAINS = 64 /* looked at in one go */ };

enum store_status memory_claim(void *half, const char *claim, int64_t keep_ms, bool *claimed_r)
{
	struct memory *memory = half;
	char *name = mem_format("c:%s", claim);
	uint64_t now = memory_now_ms(memory);
	enum store_status status = STORE_OK;
	struct entry *entry;

	lock_take(&memory->lock);
	entry = memory_find(memory, name);
	if (entry == NULL || entry->end_ms <= now) {
		*claimed_r = memory_put(memory, name, "", 0, now + (uint64_t)keep_ms);
		status = *claimed_r ? STORE_OK : STORE_DOWN;
	}
	lock_give(&memory->lock);
	mem_free(name);
	return status;
}

/* Tables: one value of lines, three a row: its end, name and value. ----------------------------- */

struct row_text {
	const char *start, *name;
	size_t length, name_length; /* of all three lines; of the name */
	bool ended;
};

static bool next_row(const char **text, struct row_text *row)
{
	const char *name = strchr(*text, '\n');
	const char *value = name == NULL ? NULL : strchr(name + 1, '\n');
	const char *end = value == NULL ? NULL : strchr(value + 1, '\n');

	if (end == NULL)
		return false;
	*row = (struct row_text){
		.start = *text,
		.name = name + 1,
		.length = (size_t)(end + 1 - *text),
		.name_length = (size_t)(value - name - 1),
		.ended = strtoull(*text, NULL, 10) <= clock_wall_ms(),
	};
	*text = end + 1;
	return true;
}

static bool is_named(const struct row_text *row, const char *name)
{
	return strlen(name) == row->name_length && memcmp(row->name, name, row->name_length) == 0;
}

struct table_text {
	char text[STORE_TABLE_MAX];
	size_t length, rows;
	bool full;
};

static void add_text(struct table_text *table, const char *text, size_t length)
{
	if (table->length + length >= sizeof(table->text) || table->rows == STORE_ROWS_MAX) {
		table->full = true;
		return;
	}
	memcpy(table->text + table->length, text, length);
	table->length += length;
	table->rows++;
}

/* All rows of TEXT that have not ended but NAME's; true when that was there. */
static bool copy_rows(struct table_text *table, const char *text, const char *name)
{
	struct row_text row;
	bool found = false;

	while (next_row(&text, &row)) {
		bool named = name != NULL && is_named(&row, name);

		found = found || (named && !row.ended);
		if (!named && !row.ended)
			add_text(table, row.start, row.length);
	}
	return found;
}

static const char *text_of(struct memory *memory, const char *name) REQUIRES(memory->lock)
{
	const struct entry *entry = memory_find(memory, name);

	return entry == NULL || entry->value == NULL ? "" : entry->value;
}

static bool store_text(struct memory *memory, const char *name, const struct table_text *table)
	REQUIRES(memory->lock)
{
	return memory_put(memory, name, table->text, table->length, UINT64_MAX);
}

enum store_status memory_table_set(void *half, const char *table, const struct store_row *row)
{
	struct memory *memory = half;
	struct table_text *rows = mem_alloc(sizeof(*rows));
	char *name = mem_format("t:%s", table);
	char *line = mem_format("%" PRId64 "\n%s\n%s\n", row->end_ms, row->name, row->value);
	enum store_status status = STORE_OVER;

	lock_take(&memory->lock);
	copy_rows(rows, text_of(memory, name), row->name);
	add_text(rows, line, strlen(line));
	if (!rows->full)
		status = store_text(memory, name, rows) ? STORE_OK : STORE_DOWN;
	lock_give(&memory->lock);
	mem_free(line);
	mem_free(name);
	mem_free(rows);
	return status;
}

enum store_status memory_table_delete(
	void *half, const char *table, const char *row_name, bool *found_r)
{
	struct memory *memory = half;
	struct table_text *rows = mem_alloc(sizeof(*rows));
	char *name = mem_format("t:%s", table);
	bool done = true;

	lock_take(&memory->lock);
	*found_r = copy_rows(rows, text_of(memory, name), row_name);
	if (*found_r)
		done = store_text(memory, name, rows);
	lock_give(&memory->lock);
	mem_free(name);
	mem_free(rows);
	return done ? STORE_OK : STORE_DOWN;
}

enum store_status memory_table_read(void *half, const char *table, char **text_r)
{
	struct memory *memory = half;
	struct table_text *rows = mem_alloc(sizeof(*rows));
	char *name = mem_format("t:%s", table);

	lock_take(&memory->lock);
	copy_rows(rows, text_of(memory, name), NULL);
	lock_give(&memory->lock);
	*text_r = mem_text_n(rows->text, rows->length);
	mem_free(name);
	mem_free(rows);
	return STORE_OK;
}

/* All windows. --------------------------------------------------------------------------------- */

enum store_status memory_forget(void *half, const struct store_step *step)
{
	struct memory *memory = half;

	lock_take(&memory->lock);
	for (size_t i = 0; i < step->count; i++) {
		struct entry *entry = memory_find_window(memory, &step->charges[i]);

		if (entry != NULL)
			memory_remove(memory, entry);
	}
	lock_give(&memory->lock);
	return STORE_OK;
}

struct listing {
	struct store_window *windows; /* owned */
	size_t count, room;
};

static void note(struct listing *listing, const struct entry *entry, int64_t now)
{
	struct store_window window = {
		.window_ms = entry->window_ms, .used = window_used(&entry->window, now)};

	if (window.used == 0)
		return;
	/* "w:", the key, ":" and the window */
	snprintf(window.key, sizeof(window.key), "%.*s", (int)strcspn(entry->name + 2, ":"),
		entry->name + 2);
	snprintf(window.title, sizeof(window.title), "%s", entry->title);
	snprintf(window.label, sizeof(window.label), "%s", entry->label);
	if (listing->count == listing->room) {
		listing->room = listing->room * 2 + 16;
		listing->windows = mem_resize(listing->windows, listing->room, sizeof(window));
	}
	listing->windows[listing->count++] = window;
}

enum store_status memory_list(void *half, store_visit *visit, void *context)
{
	struct memory *memory = half;
	struct listing listing = {0};

	for (size_t from = 0; from < memory->chain_count; from += LIST_CHAINS) {
		int64_t now = (int64_t)memory_now_ms(memory);

		listing.count = 0;
		lock_take(&memory->lock);
		for (size_t i = from; i < from + LIST_CHAINS && i < memory->chain_count; i++)
			for (const struct entry *entry = memory->chains[i]; entry != NULL;
				entry = entry->next)
				if (entry->value == NULL)
					note(&listing, entry, now);
		lock_give(&memory->lock);
		for (size_t i = 0; i < listing.count; i++)
			visit(context, &listing.windows[i]);
	}
	mem_free(listing.windows);
	return STORE_OK;
}
