/* SPDX-License-Identifier: BSD-2-Clause */
/* What an administrator has given: the file, and those it includes, as a list of settings that exist,
 * each given once, with its values and lines. */
#ifndef MAILREEVE_CONF_INPUT_H
#define MAILREEVE_CONF_INPUT_H

#include "conf_problems.h"
#include "conf_schema.h"

struct given_value {
	char *text; /* NULL until read */
	unsigned line;
};

struct given {
	const struct group *group;
	const struct row *row;
	size_t section; /* which of a titled policy, from 0; 0 elsewhere */
	size_t file; /* number in problems */
	unsigned line;
	struct given_value *values;
	size_t value_count;
	bool bad; /* a value did not parse, so the default stands */
};

/* A titled section. */
struct given_section {
	const struct group *group;
	char *title;
	size_t index; /* among those of its group */
	size_t file;
	unsigned line;
};

struct conf_input {
	struct given *givens;
	size_t given_count;
	struct given_section *sections;
	size_t section_count;
};

/* Reads FILE and what it includes; every error goes to PROBLEMS. */
void conf_input_read(struct conf_input *input, const char *file, const struct schema *schema,
	struct problems *problems);
void conf_input_clear(struct conf_input *input);

/* The setting as given, or NULL. */
const struct given *conf_input_find(const struct conf_input *input, const struct group *group,
	size_t section, const char *name);
struct given_section *conf_input_section(
	const struct conf_input *input, const struct group *group, size_t section);
size_t conf_input_section_count(const struct conf_input *input, const struct group *group);

#endif
