/* SPDX-License-Identifier: BSD-2-Clause */
#include "recipient_accounts.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "text.h"

static bool add(struct recipient_table *table, const char *name)
{
	size_t length = strlen(name);

	return length == 0 || length > PATH_LOCAL_PART_MAX || recipient_table_add(table, name, "");
}

static bool is_full(recipient_complaint *complain, void *context, const char *file)
{
	complain(context, file, 0, "the table is full");
	return false;
}

/* NULL: the end. */
static struct passwd *next_account(FILE *in)
{
	return in == NULL ? getpwent() : fgetpwent(in);
}

struct recipient_table *recipient_accounts_load(
	const char *file, recipient_complaint *complain, void *context)
{
	struct recipient_table *table;
	struct passwd *account;
	FILE *in = NULL;
	bool good = true;

	if (file[0] != '\0' && (in = fopen(file, "re")) == NULL) {
		complain(context, file, 0, strerror(errno));
		return NULL;
	}
	table = recipient_table_create();
	if (in == NULL)
		setpwent();
	while (good && (account = next_account(in)) != NULL)
		good = add(table, account->pw_name) || is_full(complain, context, "passwd:");
	if (in == NULL)
		endpwent();
	else
		fclose(in);
	if (good && recipient_table_count(table) == 0) {
		complain(context, file[0] == '\0' ? "passwd:" : file, 0, "has no account");
		good = false;
	}
	if (!good)
		recipient_table_free(&table);
	return table;
}

/* The name at the start of LINE, dequoted in place; NULL when there is none. */
static char *alias_of(char *line)
{
	char *end;

	if (line[0] == '"') {
		end = strchr(line + 1, '"');
		if (end == NULL || strchr(end, ':') == NULL)
			return NULL;
		*end = '\0';
		return line + 1;
	}
	end = strchr(line, ':');
	if (end == NULL)
		return NULL;
	while (end > line && ascii_is_space(end[-1]))
		end--;
	*end = '\0';
	return line;
}

struct recipient_table *recipient_aliases_load(
	const char *file, recipient_complaint *complain, void *context)
{
	struct recipient_table *table;
	FILE *in = fopen(file, "re");
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	bool good = true;

	if (in == NULL) {
		complain(context, file, 0, strerror(errno));
		return NULL;
	}
	table = recipient_table_create();
	while (getline(&line, &size, in) >= 0) {
		const char *name;

		number++;
		/* A line that begins with a blank continues the one before. */
		if (line[0] == '#' || line[0] == '\0' || ascii_is_space(line[0]))
			continue;
		name = alias_of(line);
		if (name == NULL) {
			complain(context, file, number, "not an alias; write \"name: target\"");
			good = false;
		} else if (!add(table, name)) {
			good = is_full(complain, context, file);
			break;
		}
	}
	if (ferror(in)) {
		complain(context, file, 0, strerror(errno));
		good = false;
	}
	free(line);
	fclose(in);
	if (!good)
		recipient_table_free(&table);
	return table;
}
