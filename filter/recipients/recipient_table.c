/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipient_table.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "path.h"
#include "text.h"

/* Open addressing over entries that lie one after another in one block of text. */
struct slot {
	uint32_t hash;
	uint32_t at; /* offset of the entry in text; 0: free, since the block starts with a NUL */
};

/* An entry with upper case in it stands there twice: as it is written, and folded behind a mark, so that
 * whoever asks may say whether case counts. */
static const char folded_mark = '\x01';

struct recipient_table {
	size_t count; /* as written */
	size_t used; /* folded ones too */
	struct slot *slots;
	size_t slot_count; /* a power of two, at most two thirds used */
	char *text;
	size_t text_used, text_size;
};

enum { FIRST_SLOTS = 64, KEY_SIZE = 1 + PATH_LOCAL_PART_MAX + 1 + DOMAIN_SIZE };

/* FNV-1a; entries are the administrator's, so nobody else can choose collisions. */
static uint32_t hash_of(const char *key, size_t length)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)key[i]) * UINT64_C(1099511628211);
	return (uint32_t)(hash ^ (hash >> 32));
}

/* Slot of KEY, or the free one where it would go. */
static struct slot *find(const struct recipient_table *table, const char *key, uint32_t hash)
{
	size_t mask = table->slot_count - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &table->slots[i];

		if (slot->at == 0 ||
			(slot->hash == hash && strcmp(table->text + slot->at, key) == 0))
			return slot;
	}
}

static void grow_slots(struct recipient_table *table)
{
	struct slot *old = table->slots;
	size_t old_count = table->slot_count;

	table->slot_count = old_count == 0 ? FIRST_SLOTS : old_count * 2;
	table->slots = mem_array(table->slot_count, sizeof(table->slots[0]));
	for (size_t i = 0; i < old_count; i++)
		if (old[i].at != 0)
			*find(table, table->text + old[i].at, old[i].hash) = old[i];
	mem_free(old);
}

/* False when the table is full: offsets have 32 bits. */
static bool insert(struct recipient_table *table, const char *key, size_t length)
{
	uint32_t hash = hash_of(key, length);
	struct slot *slot;

	if ((table->used + 1) * 3 > table->slot_count * 2)
		grow_slots(table);
	slot = find(table, key, hash);
	if (slot->at != 0)
		return true;
	if (table->text_used + length + 1 > table->text_size) {
		if (table->text_size > UINT32_MAX / 2)
			return false;
		table->text_size *= 2;
		table->text = mem_resize(table->text, table->text_size, 1);
	}
	memcpy(table->text + table->text_used, key, length + 1);
	slot->hash = hash;
	slot->at = (uint32_t)table->text_used;
	table->text_used += length + 1;
	table->used++;
	if (key[0] != folded_mark)
		table->count++;
	return true;
}

/* MARK: '\0' for none. */
static size_t make_key(
	char key[KEY_SIZE], char mark, const char *local_part, const char *domain, bool fold)
{
	size_t local_length = strnlen(local_part, PATH_LOCAL_PART_MAX);
	size_t domain_length = strnlen(domain, DOMAIN_SIZE - 1);
	size_t length = 0;

	if (mark != '\0')
		key[length++] = mark;
	for (size_t i = 0; i < local_length; i++)
		key[length++] = fold ? ascii_lower_char(local_part[i]) : local_part[i];
	key[length++] = '@';
	memcpy(key + length, domain, domain_length);
	length += domain_length;
	key[length] = '\0';
	return length;
}

static bool has_upper(const char *text)
{
	for (; *text != '\0'; text++)
		if (ascii_lower_char(*text) != *text)
			return true;
	return false;
}

bool recipient_table_add(struct recipient_table *table, const char *local_part, const char *domain)
{
	char key[KEY_SIZE];
	size_t length = make_key(key, '\0', local_part, domain, false);

	if (!insert(table, key, length))
		return false;
	if (!has_upper(local_part))
		return true;
	length = make_key(key, folded_mark, local_part, domain, true);
	return insert(table, key, length);
}

static bool has(const struct recipient_table *table, const char *key, size_t length)
{
	return table->count > 0 && find(table, key, hash_of(key, length))->at != 0;
}

bool recipient_table_has_address(
	const struct recipient_table *table, const char *local_part, const char *domain, bool fold)
{
	char key[KEY_SIZE];
	size_t length = make_key(key, '\0', local_part, domain, fold);

	if (local_part[0] == '\0')
		return false;
	if (has(table, key, length))
		return true;
	if (!fold || table->used == table->count)
		return false;
	length = make_key(key, folded_mark, local_part, domain, true);
	return has(table, key, length);
}

bool recipient_table_has_domain(const struct recipient_table *table, const char *domain)
{
	char key[KEY_SIZE];
	size_t length = make_key(key, '\0', "", domain, false);

	return has(table, key, length);
}

size_t recipient_table_count(const struct recipient_table *table)
{
	return table->count;
}

size_t recipient_table_bytes(const struct recipient_table *table)
{
	return sizeof(*table) + table->slot_count * sizeof(table->slots[0]) + table->text_size;
}

/* Reading. ------------------------------------------------------------------------------------- */

/* The file while it is being read. */
struct reader {
	struct recipient_table *table; /* NULL: only checked */
	const char *file;
	unsigned line;
	unsigned complaints;
	recipient_complaint *complain;
	void *context;
};

enum { COMPLAINTS_MAX = 20 };

static void complain(struct reader *reader, unsigned line, const char *why)
{
	if (reader->complaints++ < COMPLAINTS_MAX)
		reader->complain(reader->context, reader->file, line, why);
}

/* Length of the first word: up to a blank outside of quotes. */
static size_t word_length(const char *line)
{
	bool quoted = false;
	size_t i;

	for (i = 0; line[i] != '\0' && (quoted || !ascii_is_space(line[i])); i++) {
		if (line[i] == '\\' && quoted && line[i + 1] != '\0')
			i++;
		else if (line[i] == '"')
			quoted = !quoted;
	}
	return i;
}

/* What is wrong with ENTRY, or NULL after taking it over. */
static const char *read_entry(struct reader *reader, const char *entry)
{
	struct path path = {.local_part = ""};

	if (entry[0] == '@') {
		if (!domain_canonical(entry + 1, path.domain))
			return "no domain after \"@\"; write @example.org";
	} else if (strchr(entry, '@') == NULL || entry[0] == '<' ||
		   path_parse(entry, true, &path) != PATH_OK || path.routed ||
		   path.domain[0] == '\0') {
		return "not an address; write user@example.org or @example.org";
	}
	if (reader->table != NULL &&
		!recipient_table_add(reader->table, path.local_part, path.domain))
		return "the table is full";
	return NULL;
}

static void read_line(struct reader *reader, char *line, size_t length)
{
	const char *why = NULL;

	if (strlen(line) != length) {
		complain(reader, reader->line, "holds a NUL byte");
		return;
	}
	while (ascii_is_space(*line))
		line++;
	if (*line == '\0' || *line == '#')
		return;
	line[word_length(line)] = '\0';
	if (strlen(line) > RECIPIENT_LINE_MAX)
		why = "the entry is too long";
	else
		why = read_entry(reader, line);
	if (why != NULL)
		complain(reader, reader->line, why);
}

static bool read_file(struct reader *reader)
{
	FILE *in = fopen(reader->file, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (in == NULL) {
		complain(reader, 0, strerror(errno));
		return false;
	}
	while ((length = getline(&line, &size, in)) >= 0) {
		/* Some editors put a byte order mark at the start. */
		bool marked = reader->line == 0 && strncmp(line, "\xef\xbb\xbf", 3) == 0;

		if (++reader->line > RECIPIENT_LINES_MAX) {
			complain(reader, reader->line, "more lines than a source may have");
			break;
		}
		read_line(reader, line + (marked ? 3 : 0), (size_t)length - (marked ? 3 : 0));
	}
	if (ferror(in))
		complain(reader, 0, strerror(errno));
	free(line);
	fclose(in);
	return reader->complaints == 0;
}

struct recipient_table *recipient_table_create(void)
{
	struct recipient_table *table = mem_alloc(sizeof(*table));

	table->text_size = 4096;
	table->text = mem_alloc(table->text_size);
	table->text_used = 1;
	return table;
}

/* Nothing is added any more. */
static void give_back_room(struct recipient_table *table)
{
	table->text_size = table->text_used;
	table->text = mem_resize(table->text, table->text_size, 1);
}

struct recipient_table *recipient_table_load(
	const char *file, recipient_complaint *complaint, void *context)
{
	struct recipient_table *table = recipient_table_create();
	struct reader reader = {
		.table = table, .file = file, .complain = complaint, .context = context};

	if (read_file(&reader))
		give_back_room(table);
	else
		recipient_table_free(&table);
	return table;
}

bool recipient_table_check(const char *file, recipient_complaint *complaint, void *context)
{
	struct reader reader = {.file = file, .complain = complaint, .context = context};

	return read_file(&reader);
}

void recipient_table_free(struct recipient_table **table_ptr)
{
	struct recipient_table *table = *table_ptr;

	if (table == NULL)
		return;
	*table_ptr = NULL;
	mem_free(table->slots);
	mem_free(table->text);
	mem_free(table);
}
