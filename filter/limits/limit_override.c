/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_override.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "line_complaints.h"
#include "mailbox_identity.h"
#include "matchlist.h"
#include "mem.h"
#include "path.h"
#include "store.h"
#include "text.h"

enum { LINES_MAX = 1000000, LINE_SIZE = 1024, WHOLE_SIZE = STORE_KEY_SIZE + 16 };

struct limit_overrides {
	struct matchlist *list; /* where an entry stands is the number of its line */
	struct limit_override *items; /* by line, ascending */
	size_t count, room;
	bool has_whole; /* values in quotes */
};

/* Cuts comment and blanks off. "#" within a word is no comment: a local-part may have one. */
static char *strip(char *line)
{
	size_t length;

	while (ascii_is_space(*line))
		line++;
	for (char *at = line; *at != '\0'; at++) {
		if (*at == '#' && (at == line || ascii_is_space(at[-1]))) {
			*at = '\0';
			break;
		}
	}
	length = strlen(line);
	while (length > 0 && ascii_is_space(line[length - 1]))
		line[--length] = '\0';
	return line;
}

/* Where the key ends and the rate begins; blanks may stand in a quoted local-part. */
static char *behind_key(char *line)
{
	bool quoted = false;

	for (; *line != '\0'; line++) {
		if (*line == '\\' && quoted && line[1] != '\0')
			line++;
		else if (*line == '"')
			quoted = !quoted;
		else if (!quoted && ascii_is_space(*line))
			return line;
	}
	return line;
}

/* NULL, or what is wrong. */
static const char *read_rate(const char *text, struct limit_override *override)
{
	text += strspn(text, " \t");
	override->unlimited = ascii_equal(text, "unlimited");
	if (override->unlimited)
		return NULL;
	if (*text == '\0')
		return "a rate is missing; write \"KEY 200 / 1h\" or \"KEY unlimited\"";
	if (strchr(text, '/') == NULL)
		return "the rate cannot be read; write \"KEY 200 / 1h\" or \"KEY unlimited\"";
	return parse_rate_or_say(text, &override->rate);
}

/* What stands in a match list for a whole value; no proven address has this domain. */
static const char *write_whole(const char *value, char entry[WHOLE_SIZE])
{
	char key[STORE_KEY_SIZE];

	store_key(key, &value, 1);
	snprintf(entry, WHOLE_SIZE, "%s@whole.invalid", key);
	return entry;
}

/* KEY in quotes is a value as it is, the name of a user for example; a quoted local-part has more behind it.
 * KEY is changed. */
static bool read_whole(char *key, char entry[WHOLE_SIZE])
{
	size_t length = strlen(key);
	char *to = key;

	if (length < 3 || key[0] != '"' || key[length - 1] != '"')
		return false;
	for (const char *from = key + 1; from < key + length - 1; from++) {
		if (*from == '\\' && from + 2 < key + length)
			from++;
		*to++ = *from;
	}
	*to = '\0';
	ascii_lower(key);
	write_whole(key, entry);
	return true;
}

static bool add(struct limit_overrides *overrides, char *line, struct limit_override override,
	const char **why)
{
	size_t before = matchlist_count(overrides->list);
	char *rest = behind_key(line);
	char where[24], whole[WHOLE_SIZE];
	bool is_whole;

	*why = read_rate(rest, &override);
	if (*why != NULL)
		return false;
	*rest = '\0';
	snprintf(where, sizeof(where), "%u", override.line);
	is_whole = read_whole(line, whole);
	overrides->has_whole = overrides->has_whole || is_whole;
	if (!matchlist_add(overrides->list, is_whole ? whole : line, where, why))
		return false;
	if (matchlist_count(overrides->list) == before) {
		*why = "this key stands in the file before; leave one of the lines";
		return false;
	}
	if (overrides->count == overrides->room) {
		overrides->room = overrides->room == 0 ? 16 : overrides->room * 2;
		overrides->items =
			mem_resize(overrides->items, overrides->room, sizeof(overrides->items[0]));
	}
	overrides->items[overrides->count++] = override;
	return true;
}

struct limit_overrides *limit_overrides_create(void)
{
	struct limit_overrides *overrides = mem_alloc(sizeof(*overrides));

	overrides->list = matchlist_create();
	return overrides;
}

bool limit_overrides_add(
	struct limit_overrides *overrides, char *text, int64_t end_ms, const char **why)
{
	return add(overrides, text,
		(struct limit_override){.line = (unsigned)overrides->count + 1, .end_ms = end_ms},
		why);
}

static void load_stream(struct limit_overrides *overrides, FILE *stream, const char *file,
	struct line_complaints *complaints)
{
	char line[LINE_SIZE];
	unsigned number = 0;

	while (fgets(line, sizeof(line), stream) != NULL) {
		const char *why;
		char *start;

		number++;
		if (strchr(line, '\n') == NULL && !feof(stream)) {
			line_complaints_note(complaints, file, number,
				"line over 1000 octets, or a NUL byte in it");
			return;
		}
		if (number > LINES_MAX) {
			line_complaints_note(complaints, file, number, "more than a million lines");
			return;
		}
		start = strip(line);
		if (start[0] != '\0' &&
			!add(overrides, start, (struct limit_override){.line = number}, &why))
			line_complaints_note(complaints, file, number, why);
	}
	if (ferror(stream))
		line_complaints_note(complaints, file, 0, strerror(errno));
}

struct limit_overrides *limit_overrides_load(const char *file, char *why, size_t why_size)
{
	struct limit_overrides *overrides = limit_overrides_create();
	struct line_complaints complaints;
	FILE *stream = fopen(file, "re");

	line_complaints_init(&complaints, why, why_size, NULL);
	if (stream == NULL) {
		line_complaints_note(&complaints, file, 0, strerror(errno));
	} else {
		load_stream(overrides, stream, file, &complaints);
		fclose(stream);
	}
	if (complaints.count == 0)
		return overrides;
	line_complaints_end(&complaints);
	limit_overrides_free(&overrides);
	return NULL;
}

const struct limit_override *limit_overrides_at(
	const struct limit_overrides *overrides, size_t index)
{
	return index < overrides->count ? &overrides->items[index] : NULL;
}

void limit_overrides_free(struct limit_overrides **overrides)
{
	if (*overrides == NULL)
		return;
	matchlist_free(&(*overrides)->list);
	mem_free((*overrides)->items);
	mem_free(*overrides);
	*overrides = NULL;
}

static int compare_line(const void *a, const void *b)
{
	const struct limit_override *left = a;
	const struct limit_override *right = b;

	return (left->line > right->line) - (left->line < right->line);
}

static const struct limit_override *found(
	const struct limit_overrides *overrides, const struct match *match)
{
	const struct limit_override wanted = {.line = (unsigned)strtoul(match->where, NULL, 10)};

	return bsearch(&wanted, overrides->items, overrides->count, sizeof(wanted), compare_line);
}

const struct limit_override *limit_override_for_client(
	const struct limit_overrides *overrides, const struct ipaddr *client)
{
	struct match match;

	if (overrides == NULL || !matchlist_match_address(overrides->list, client, &match))
		return NULL;
	return found(overrides, &match);
}

/* Whole values are compared as users are: without case. */
static bool match_whole(
	const struct limit_overrides *overrides, const char *value, struct match *match)
{
	char lower[PATH_SIZE], entry[WHOLE_SIZE];
	struct path path;

	if (!overrides->has_whole || !text_copy(lower, sizeof(lower), value))
		return false;
	ascii_lower(lower);
	return path_parse(write_whole(lower, entry), true, &path) == PATH_OK &&
	       matchlist_match_path(overrides->list, &path, match);
}

const struct limit_override *limit_override_for(
	const struct limit_overrides *overrides, const char *value)
{
	char name[DOMAIN_SIZE];
	struct match match;
	struct path path;

	if (overrides == NULL)
		return NULL;
	if (match_whole(overrides, value, &match))
		return found(overrides, &match);
	if (strchr(value, '@') == NULL) {
		if (!domain_canonical(value, name) ||
			!matchlist_match_domain(overrides->list, name, &match))
			return NULL;
		return found(overrides, &match);
	}
	if (!mailbox_identity_path(value, &path) ||
		!matchlist_match_path(overrides->list, &path, &match))
		return NULL;
	return found(overrides, &match);
}
