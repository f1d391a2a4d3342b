/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_names.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "text.h"

bool conf_section_is_known(const struct schema *schema, const char *name, const char *title,
	char *why, size_t why_size)
{
	const struct group *group = schema_group(schema, name);
	const char *meant = text_suggest(name, schema->names);
	bool titled;

	if (group == NULL) {
		if (group_row(&schema->groups[0], name) != NULL)
			snprintf(why, why_size, "%s is a setting, not a section; write %s = VALUE",
				name, name);
		else if (meant != NULL)
			snprintf(why, why_size, "unknown section \"%s\"; did you mean %s?", name,
				meant);
		else
			snprintf(why, why_size,
				"unknown section \"%s\"; mailreeve.conf(5) lists all of them",
				name);
		return false;
	}
	titled = group->policy != NULL && group->policy->titled;
	if (titled && *title == '\0')
		snprintf(why, why_size, "section %s needs a title; write %s \"name\" { ... }", name,
			name);
	else if (!titled && *title != '\0')
		snprintf(why, why_size, "section %s has no title; write %s { ... }", name, name);
	else
		return true;
	return false;
}

/* A section with a setting of that name. */
static const struct group *other_home(const struct schema *schema, const char *name)
{
	for (size_t i = 1; i < schema->group_count; i++) {
		if (group_row(&schema->groups[i], name) != NULL)
			return &schema->groups[i];
	}
	return NULL;
}

void conf_explain_unknown(const struct schema *schema, const struct group *group, const char *name,
	char *why, size_t why_size)
{
	const struct group *top = &schema->groups[0], *home = other_home(schema, name);
	const char *meant = text_suggest(name, group->names);
	char place[128] = "";

	if (group != top)
		snprintf(place, sizeof(place), " in section %s", group->name);
	if (group == top && schema_group(schema, name) != NULL && *name != '\0')
		snprintf(why, why_size, "%s is a section; write %s { ... }", name, name);
	else if (group != top && group_row(top, name) != NULL)
		snprintf(why, why_size,
			"unknown setting \"%s\"%s; %s stands outside of all sections", name, place,
			name);
	else if (meant != NULL)
		snprintf(why, why_size, "unknown setting \"%s\"%s; did you mean %s?", name, place,
			meant);
	else if (home != NULL)
		snprintf(why, why_size, "unknown setting \"%s\"%s; section %s has one", name,
			group == top ? " outside of all sections" : place, home->name);
	else
		snprintf(why, why_size,
			"unknown setting \"%s\"%s; mailreeve.conf(5) lists all of them", name,
			place);
}

char **conf_check_names(const struct schema *schema)
{
	char **names = NULL;
	size_t count = 0;

	for (size_t i = 0; i < schema->group_count; i++) {
		const struct policy *policy = schema->groups[i].policy;
		char name[TRIAL_NAME_SIZE];

		for (unsigned j = 0;
			policy != NULL && policy->checks != NULL && policy->checks[j].name != NULL;
			j++) {
			names = mem_resize(names, count + 3, sizeof(*names));
			if (j == 0)
				names[count++] = mem_text(policy->name);
			names[count++] = mem_text(check_full_name(policy, j, name));
			names[count] = NULL;
		}
	}
	return names;
}

void conf_check_names_free(char **names)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		mem_free(names[i]);
	mem_free(names);
}

bool conf_is_among(char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}
