/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_names.h"
#include "conf_read.h"
#include "conf_scan.h"
#include "mem.h"
#include "text.h"

enum { INCLUDE_DEPTH_MAX = 8, FILE_SIZE_MAX = 8 << 20 };

struct include {
	char *file;
	unsigned line;
};

/* One file while it is being read. */
struct reading {
	struct conf_input *input;
	const struct schema *schema;
	struct problems *problems;
	const struct reading *includer;
	unsigned depth;
	size_t file; /* number in problems */
	size_t first_given; /* of this file */
	const struct group *group; /* where we are; NULL: in a section that is not looked at */
	size_t section;
	char title[SCAN_NAME_MAX];
	FILE *good; /* what passes, for libconfuse */
	struct include *includes;
	size_t include_count;
};

struct given_section *conf_input_section(
	const struct conf_input *input, const struct group *group, size_t section)
{
	for (size_t i = 0; i < input->section_count; i++) {
		if (input->sections[i].group == group && input->sections[i].index == section)
			return &input->sections[i];
	}
	return NULL;
}

static void blame(struct reading *reading, unsigned line, const char *text)
{
	problem_add(reading->problems, reading->file, line, "%s", text);
}

static bool is_section(void *context, const char *name)
{
	const struct reading *reading = context;

	return *name != '\0' && schema_group(reading->schema, name) != NULL;
}

static bool is_list(void *context, const char *name)
{
	const struct reading *reading = context;
	const struct row *row = reading->group == NULL ? NULL : group_row(reading->group, name);

	return row == NULL || setting_is_list(&row->setting);
}

static void on_error(void *context, unsigned line, const char *text)
{
	blame(context, line, text);
}

static const struct given_section *find_section(
	const struct conf_input *input, const struct group *group, const char *title)
{
	for (size_t i = 0; i < input->section_count; i++) {
		if (input->sections[i].group == group &&
			ascii_equal(input->sections[i].title, title))
			return &input->sections[i];
	}
	return NULL;
}

size_t conf_input_section_count(const struct conf_input *input, const struct group *group)
{
	size_t count = 0;

	for (size_t i = 0; i < input->section_count; i++)
		count += input->sections[i].group == group;
	return count;
}

/* False when the title is taken. */
static bool add_section(
	struct reading *reading, const struct group *group, const char *title, unsigned line)
{
	struct conf_input *input = reading->input;
	const struct given_section *first = find_section(input, group, title);

	if (first != NULL && strcmp(first->title, title) != 0) {
		problem_add(reading->problems, reading->file, line,
			"%s \"%s\" differs only in case from \"%s\", in %s:%u, and who reads of "
			"one "
			"could mean the other; give it another title",
			group->name, title, first->title, reading->problems->files[first->file],
			first->line);
		return false;
	}
	if (first != NULL) {
		problem_add(reading->problems, reading->file, line,
			"%s \"%s\" was given before, in %s:%u; give it another title, or remove "
			"one",
			group->name, title, reading->problems->files[first->file], first->line);
		return false;
	}
	reading->section = conf_input_section_count(input, group);
	input->sections =
		mem_resize(input->sections, input->section_count + 1, sizeof(*input->sections));
	input->sections[input->section_count++] = (struct given_section){
		.group = group,
		.title = mem_text(title),
		.index = reading->section,
		.file = reading->file,
		.line = line,
	};
	return true;
}

static void on_open(void *context, const char *name, const char *title, unsigned line)
{
	struct reading *reading = context;
	char why[PROBLEM_SIZE];

	reading->section = 0;
	reading->title[0] = '\0';
	reading->group = NULL;
	if (!conf_section_is_known(reading->schema, name, title, why, sizeof(why))) {
		blame(reading, line, why);
		return;
	}
	if (*title != '\0' &&
		!add_section(reading, schema_group(reading->schema, name), title, line))
		return;
	if (!text_copy(reading->title, sizeof(reading->title), title))
		return;
	reading->group = schema_group(reading->schema, name);
	if (*title != '\0')
		fprintf(reading->good, "%s \"%s\" {\n", name, title);
	else
		fprintf(reading->good, "%s {\n", name);
}

static void on_close(void *context)
{
	struct reading *reading = context;

	if (reading->group != NULL)
		fputs("}\n", reading->good);
	reading->group = &reading->schema->groups[0];
	reading->section = 0;
	reading->title[0] = '\0';
}

const struct given *conf_input_find(
	const struct conf_input *input, const struct group *group, size_t section, const char *name)
{
	for (size_t i = 0; i < input->given_count; i++) {
		const struct given *given = &input->givens[i];

		if (given->group == group && given->section == section &&
			strcmp(given->row->setting.name, name) == 0)
			return given;
	}
	return NULL;
}

static void add_given(
	struct reading *reading, const struct row *row, const struct scan_setting *setting)
{
	struct conf_input *input = reading->input;
	struct given *given;

	input->givens = mem_resize(input->givens, input->given_count + 1, sizeof(*input->givens));
	given = &input->givens[input->given_count++];
	*given = (struct given){
		.group = reading->group,
		.row = row,
		.section = reading->section,
		.file = reading->file,
		.line = setting->line,
		.values = mem_array(setting->value_count + 1, sizeof(*given->values)),
		.value_count = setting->value_count,
	};
	fprintf(reading->good, "%s = {", setting->name);
	for (size_t i = 0; i < setting->value_count; i++) {
		const struct token *value = &setting->values[i];

		given->values[i].line = value->line;
		fprintf(reading->good, "%s %.*s", i == 0 ? "" : ",", (int)value->length,
			value->start);
	}
	fputs(" }\n", reading->good);
}

static void on_setting(void *context, const struct scan_setting *setting)
{
	struct reading *reading = context;
	const struct given *first;
	char why[PROBLEM_SIZE];
	const struct row *row;

	if (reading->group == NULL)
		return;
	row = group_row(reading->group, setting->name);
	if (row == NULL) {
		conf_explain_unknown(
			reading->schema, reading->group, setting->name, why, sizeof(why));
		blame(reading, setting->line, why);
		return;
	}
	first = conf_input_find(reading->input, reading->group, reading->section, setting->name);
	if (first != NULL) {
		snprintf(why, sizeof(why),
			"%s was set before, in %s:%u; a setting is given once: remove one",
			setting->name, reading->problems->files[first->file], first->line);
		blame(reading, setting->line, why);
		return;
	}
	if (!setting_is_list(&row->setting) && setting->value_count != 1) {
		snprintf(why, sizeof(why),
			"%s takes one value, not a list of %zu; write %s = VALUE", setting->name,
			setting->value_count, setting->name);
		blame(reading, setting->line, why);
		return;
	}
	add_given(reading, row, setting);
}

static void on_include(void *context, const char *file, unsigned line)
{
	struct reading *reading = context;
	const char *slash = strrchr(reading->problems->files[reading->file], '/');
	const char *base = reading->problems->files[reading->file];
	struct include *include;

	reading->includes = mem_resize(
		reading->includes, reading->include_count + 1, sizeof(*reading->includes));
	include = &reading->includes[reading->include_count++];
	include->line = line;
	if (*file == '/' || slash == NULL)
		include->file = mem_text(file);
	else
		include->file = mem_format("%.*s/%s", (int)(slash - base), base, file);
}

/* Whole, with a NUL behind it; NULL with WHY. Owned by the caller. */
static char *read_file(const char *name, size_t *length_r, const char **why_r)
{
	int file = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text = mem_alloc((size_t)FILE_SIZE_MAX + 1);
	size_t length = 0;
	ssize_t got = file < 0 ? -1 : 1;

	while (got > 0 && length < FILE_SIZE_MAX) {
		got = read(file, text + length, FILE_SIZE_MAX - length);
		length += got > 0 ? (size_t)got : 0;
	}
	*why_r = got < 0 ? strerror(errno) : length == FILE_SIZE_MAX ? "larger than 8 MB" : NULL;
	if (file >= 0)
		close(file);
	if (*why_r != NULL) {
		mem_free(text);
		return NULL;
	}
	*length_r = length;
	return mem_resize(text, length + 1, 1);
}

/* What libconfuse makes of the values of this file. */
static void read_values(struct reading *reading, const char *good)
{
	struct conf_values *values = conf_values_read(reading->schema, good);
	struct conf_input *input = reading->input;

	if (values == NULL)
		problem_add(reading->problems, reading->file, 0,
			"libconfuse cannot read this file; look for unusual signs, and put quotes "
			"around them");
	for (size_t i = reading->first_given; values != NULL && i < input->given_count; i++) {
		struct given *given = &input->givens[i];
		const struct given_section *titled =
			conf_input_section(input, given->group, given->section);
		const char *title = titled == NULL ? "" : titled->title;

		for (unsigned j = 0; j < given->value_count; j++) {
			const char *text = conf_values_get(
				values, given->group, title, given->row->setting.name, j);

			if (text != NULL)
				given->values[j].text = mem_text(text);
			else
				problem_add(reading->problems, reading->file, given->values[j].line,
					"libconfuse reads something else than this value of %s; "
					"put quotes around it",
					given->row->setting.name);
		}
	}
	conf_values_free(&values);
}

static void read_one(struct reading *reading, const char *text, size_t length)
{
	const struct scan_handler handler = {
		.context = reading,
		.is_section = is_section,
		.is_list = is_list,
		.open = on_open,
		.close = on_close,
		.setting = on_setting,
		.include = on_include,
		.error = on_error,
	};
	char *good = NULL;
	size_t good_length = 0;

	reading->first_given = reading->input->given_count;
	reading->group = &reading->schema->groups[0];
	reading->good = open_memstream(&good, &good_length);
	if (reading->good == NULL)
		abort();
	conf_scan(text, length, &handler);
	fputc('\n', reading->good);
	fclose(reading->good);
	read_values(reading, good);
	free(good);
}

static bool is_being_read(const struct reading *reading, const char *file)
{
	for (; reading != NULL; reading = reading->includer) {
		if (strcmp(reading->problems->files[reading->file], file) == 0)
			return true;
	}
	return false;
}

/* Editors of other systems begin a file with a byte order mark. */
static size_t mark_length(const char *text, size_t length)
{
	static const char mark[] = "\xef\xbb\xbf";

	return length >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
}

static bool is_utf16(const char *text, size_t length)
{
	return length >= 2 &&
	       (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

/* READING is zeroed but for its surroundings; false with a reason when the file cannot be read. */
static bool read_tree(struct reading *reading, const char *file, const char **why_r)
{
	size_t length, mark;
	char *text = read_file(file, &length, why_r);

	if (text == NULL)
		return false;
	mark = mark_length(text, length);
	reading->file = problems_add_file(reading->problems, file);
	if (is_utf16(text, length))
		problem_add(reading->problems, reading->file, 1,
			"the file is UTF-16; save it as UTF-8");
	else
		read_one(reading, text + mark, length - mark);
	mem_free(text);
	reading->group = NULL;
	for (size_t i = 0; i < reading->include_count; i++) {
		struct include *include = &reading->includes[i];
		struct reading inner = {
			.input = reading->input,
			.schema = reading->schema,
			.problems = reading->problems,
			.includer = reading,
			.depth = reading->depth + 1,
		};
		const char *why = "it includes itself";

		if (inner.depth > INCLUDE_DEPTH_MAX)
			why = "includes within includes go too deep";
		if (inner.depth > INCLUDE_DEPTH_MAX || is_being_read(reading, include->file) ||
			!read_tree(&inner, include->file, &why))
			problem_add(reading->problems, reading->file, include->line,
				"include(\"%s\") cannot be read: %s; name a readable file, "
				"relative "
				"to this one or with its whole path",
				include->file, why);
		mem_free(include->file);
	}
	mem_free(reading->includes);
	return true;
}

void conf_input_read(struct conf_input *input, const char *file, const struct schema *schema,
	struct problems *problems)
{
	struct reading reading = {.input = input, .schema = schema, .problems = problems};
	const char *why;

	*input = (struct conf_input){.givens = NULL};
	if (read_tree(&reading, file, &why))
		return;
	problems_add_file(problems, file);
	problem_add(problems, 0, 0, "cannot be read: %s; name a readable file with -c", why);
}

void conf_input_clear(struct conf_input *input)
{
	for (size_t i = 0; i < input->given_count; i++) {
		for (size_t j = 0; j < input->givens[i].value_count; j++)
			mem_free(input->givens[i].values[j].text);
		mem_free(input->givens[i].values);
	}
	for (size_t i = 0; i < input->section_count; i++)
		mem_free(input->sections[i].title);
	mem_free(input->givens);
	mem_free(input->sections);
	*input = (struct conf_input){.givens = NULL};
}
