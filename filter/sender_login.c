/* SPDX-License-Identifier: BSD-2-Clause */
#include "sender_login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "text.h"

struct entry {
	char *user;
	char *local_part; /* lower case; NULL: any */
	char *domain; /* canonical, with a dot before it for all below; NULL: any */
};

struct sender_login {
	struct entry *entries; /* by user */
	size_t count, room;
};

static const char blanks[] = " \t\r\n";

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->user, ((const struct entry *)b)->user);
}

static void add(struct sender_login *map, const char *user, char *local_part, const char *domain)
{
	if (map->count == map->room) {
		map->room = map->room == 0 ? 64 : map->room * 2;
		map->entries = mem_resize(map->entries, map->room, sizeof(map->entries[0]));
	}
	if (local_part != NULL)
		ascii_lower(local_part);
	map->entries[map->count++] = (struct entry){
		mem_text(user), local_part, domain == NULL ? NULL : mem_text(domain)};
}

/* "@example.org", "@.example.org". */
static bool add_domain(struct sender_login *map, const char *user, const char *word)
{
	char domain[DOMAIN_SIZE + 1] = ".";
	bool below = word[1] == '.';

	if (!domain_canonical(word + 1 + below, domain + 1))
		return false;
	add(map, user, NULL, below ? domain : domain + 1);
	return true;
}

static bool add_word(struct sender_login *map, const char *user, const char *word)
{
	struct path path;

	if (strcmp(word, "*") == 0) {
		add(map, user, NULL, NULL);
		return true;
	}
	if (word[0] == '@')
		return add_domain(map, user, word);
	if (word[0] == '<' || path_parse(word, true, &path) != PATH_OK || path.routed ||
		path.domain[0] == '\0')
		return false;
	add(map, user, mem_text(path.local_part), path.domain);
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
			return "not a sender; write user@example.org, @example.org, @.example.org "
			       "or *";
	}
	return NULL;
}

struct sender_login *sender_login_load(const char *file, char *why, size_t why_size)
{
	struct sender_login *map;
	FILE *in = fopen(file, "re");
	const char *wrong = NULL;
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	ssize_t length;

	if (in == NULL) {
		snprintf(why, why_size, "%s: %s", file, strerror(errno));
		return NULL;
	}
	map = mem_alloc(sizeof(*map));
	while (wrong == NULL && (length = getline(&line, &size, in)) >= 0) {
		number++;
		wrong = strlen(line) == (size_t)length ? read_line(map, line) : "holds a NUL byte";
	}
	if (wrong == NULL && ferror(in))
		wrong = "cannot be read";
	free(line);
	fclose(in);
	if (map->count > 0)
		qsort(map->entries, map->count, sizeof(map->entries[0]), compare);
	if (wrong != NULL) {
		snprintf(why, why_size, "%s:%u: %s", file, number, wrong);
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

static bool domain_matches(const char *pattern, const char *domain)
{
	if (pattern[0] == '.')
		return domain[0] != '\0' && domain_is_within(domain, pattern + 1);
	return strcmp(pattern, domain) == 0;
}

static bool matches(const struct entry *entry, const struct path *sender)
{
	if (entry->domain == NULL)
		return true;
	return domain_matches(entry->domain, sender->domain) &&
	       (entry->local_part == NULL || ascii_equal(entry->local_part, sender->local_part));
}

/* The first entry of USER, or where it would stand. */
static size_t first_of(const struct sender_login *map, const char *user)
{
	size_t low = 0, high = map->count;

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
		if (matches(&map->entries[i], sender))
			return true;
	return false;
}

bool sender_login_allows(
	const struct sender_login *map, const char *user, const struct path *sender)
{
	/* What a permissive MTA reads otherwise belongs to nobody. */
	if (sender->null)
		return true;
	return !sender->routed && (user_has(map, user, sender) || user_has(map, "*", sender));
}
