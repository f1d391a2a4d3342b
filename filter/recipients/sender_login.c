/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender_login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line_complaints.h"
#include "mem.h"
#include "text.h"

struct entry {
	char *user; /* "*" in it stands for anything */
	char *local_part; /* lower case, the same; NULL: any */
	/* Canonical, with a dot before it for it and all below, with "*." for all below; NULL: any. */
	char *domain;
	bool own; /* the user's name, as an address */
};

struct sender_login {
	struct entry *entries; /* those with "*" in the user first, then by user */
	size_t count, room, pattern_count;
};

static const char blanks[] = " \t\r\n,";

static bool is_pattern(const char *text)
{
	return strchr(text, '*') != NULL;
}

static int compare(const void *a, const void *b)
{
	const char *user = ((const struct entry *)a)->user;
	const char *other = ((const struct entry *)b)->user;

	if (is_pattern(user) != is_pattern(other))
		return is_pattern(user) ? -1 : 1;
	return strcmp(user, other);
}

static void add(struct sender_login *map, struct entry entry)
{
	if (map->count == map->room) {
		map->room = map->room == 0 ? 64 : map->room * 2;
		map->entries = mem_resize(map->entries, map->room, sizeof(map->entries[0]));
	}
	entry.user = mem_text(entry.user);
	map->entries[map->count++] = entry;
}

/* Behind the "@": "*", "*.example.org", ".example.org", "example.org". */
static bool read_domain(const char *text, struct entry *entry)
{
	char domain[DOMAIN_SIZE + 2] = "*.";
	size_t prefix = strncmp(text, "*.", 2) == 0 ? 2 : text[0] == '.' ? 1 : 0;

	if (strcmp(text, "*") == 0)
		return true;
	if (!domain_canonical(text + prefix, domain + 2))
		return false;
	entry->domain = mem_text(domain + 2 - prefix);
	return true;
}

/* "user@example.org"; "*" may stand for any part of the user. */
static bool read_address(const char *word, struct entry *entry)
{
	const char *at = strrchr(word, '@');
	char text[PATH_SIZE];
	struct path path;

	/* Whatever the domain is, the local-part is judged with a plain one. */
	if (word[0] == '<' || at == NULL ||
		snprintf(text, sizeof(text), "%.*s@example.org", (int)(at - word), word) >=
			(int)sizeof(text) ||
		path_parse(text, true, &path) != PATH_OK || path.routed ||
		!read_domain(at + 1, entry))
		return false;
	ascii_lower(path.local_part);
	entry->local_part = mem_text(path.local_part);
	return true;
}

static bool add_word(struct sender_login *map, char *user, const char *word)
{
	struct entry entry = {.user = user, .own = strcmp(word, "=") == 0};

	if (entry.own || strcmp(word, "*") == 0) {
		add(map, entry);
		return true;
	}
	if (!(word[0] == '@' ? read_domain(word + 1, &entry) : read_address(word, &entry)))
		return false;
	add(map, entry);
	return true;
}

/* What is wrong with LINE, or NULL. */
static const char *read_line(struct sender_login *map, char *line)
{
	char *rest = NULL;
	char *user = strtok_r(line, blanks, &rest);
	char *word = user == NULL ? NULL : strtok_r(NULL, blanks, &rest);

	if (user == NULL || user[0] == '#')
		return NULL;
	if (word == NULL)
		return "no sender after the user; write \"anna anna@example.org\"";
	for (; word != NULL && word[0] != '#'; word = strtok_r(NULL, blanks, &rest)) {
		if (map->count >= SENDER_LOGIN_ENTRIES_MAX)
			return "more entries than a map may have";
		if (!add_word(map, user, word))
			return "not a sender; write user@example.org, @example.org, @.example.org, "
			       "= or *";
	}
	return NULL;
}

static void read_lines(
	struct sender_login *map, FILE *in, const char *file, struct line_complaints *complaints)
{
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	ssize_t length;

	while (map->count < SENDER_LOGIN_ENTRIES_MAX && (length = getline(&line, &size, in)) >= 0) {
		const char *wrong =
			strlen(line) == (size_t)length ? read_line(map, line) : "holds a NUL byte";

		number++;
		if (wrong != NULL)
			line_complaints_note(complaints, file, number, wrong);
	}
	if (ferror(in))
		line_complaints_note(complaints, file, 0, strerror(errno));
	else if (map->count >= SENDER_LOGIN_ENTRIES_MAX && getline(&line, &size, in) >= 0)
		line_complaints_note(
			complaints, file, number + 1, "more entries than a map may have");
	free(line);
}

struct sender_login *sender_login_load(const char *file, char *why, size_t why_size)
{
	struct line_complaints complaints;
	struct sender_login *map;
	FILE *in = fopen(file, "re");

	line_complaints_init(&complaints, why, why_size, NULL);
	if (in == NULL) {
		line_complaints_note(&complaints, file, 0, strerror(errno));
		return NULL;
	}
	map = mem_alloc(sizeof(*map));
	read_lines(map, in, file, &complaints);
	fclose(in);
	if (map->count > 0)
		qsort(map->entries, map->count, sizeof(map->entries[0]), compare);
	while (map->pattern_count < map->count && is_pattern(map->entries[map->pattern_count].user))
		map->pattern_count++;
	if (complaints.count > 0) {
		line_complaints_end(&complaints);
		sender_login_free(&map);
	}
	return map;
}

void sender_login_free(struct sender_login **map_ptr)
{
	struct sender_login *map = *map_ptr;

	if (map == NULL)
		return;
	*map_ptr = NULL;
	for (size_t i = 0; i < map->count; i++) {
		mem_free(map->entries[i].user);
		mem_free(map->entries[i].local_part);
		mem_free(map->entries[i].domain);
	}
	mem_free(map->entries);
	mem_free(map);
}

/* "*" in PATTERN stands for any run of characters. */
static bool fits(const char *pattern, const char *text, bool fold)
{
	const char *star = NULL, *from = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == *text || (fold && *pattern == ascii_lower_char(*text))) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool domain_matches(const char *pattern, const char *domain)
{
	if (domain[0] == '\0')
		return false;
	if (pattern[0] == '*')
		return domain_is_within(domain, pattern + 2) && strcmp(domain, pattern + 2) != 0;
	if (pattern[0] == '.')
		return domain_is_within(domain, pattern + 1);
	return strcmp(pattern, domain) == 0;
}

static bool is_own(const char *user, const struct path *sender)
{
	struct path path;

	return path_parse(user, true, &path) == PATH_OK && !path.null && path.domain[0] != '\0' &&
	       strcmp(path.domain, sender->domain) == 0 &&
	       ascii_equal(path.local_part, sender->local_part);
}

static bool matches(const struct entry *entry, const char *user, const struct path *sender)
{
	if (entry->own)
		return is_own(user, sender);
	if (entry->domain != NULL && !domain_matches(entry->domain, sender->domain))
		return false;
	return entry->local_part == NULL || fits(entry->local_part, sender->local_part, true);
}

/* The first entry of USER, or where it would stand. */
static size_t first_of(const struct sender_login *map, const char *user)
{
	size_t low = map->pattern_count, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(map->entries[middle].user, user) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool user_has(const struct sender_login *map, const char *user, const struct path *sender)
{
	for (size_t i = first_of(map, user);
		i < map->count && strcmp(map->entries[i].user, user) == 0; i++)
		if (matches(&map->entries[i], user, sender))
			return true;
	return false;
}

static bool pattern_has(const struct sender_login *map, const char *user, const struct path *sender)
{
	for (size_t i = 0; i < map->pattern_count; i++)
		if (fits(map->entries[i].user, user, false) &&
			matches(&map->entries[i], user, sender))
			return true;
	return false;
}

bool sender_login_allows(
	const struct sender_login *map, const char *user, const struct path *sender)
{
	/* What a permissive MTA reads otherwise belongs to nobody. */
	if (sender->null)
		return true;
	return !sender->routed && (user_has(map, user, sender) || pattern_has(map, user, sender));
}
