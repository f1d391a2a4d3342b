/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf_problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct problem {
	size_t file;
	unsigned line;
	size_t order; /* in which it was found */
	char *text;
};

size_t problems_add_file(struct problems *problems, const char *name)
{
	problems->files =
		mem_resize(problems->files, problems->file_count + 1, sizeof(*problems->files));
	problems->files[problems->file_count] = mem_text(name);
	return problems->file_count++;
}

static void add_one(struct problems *problems, size_t file, unsigned line, const char *text)
{
	if (problems->count++ >= PROBLEMS_MAX)
		return;
	if (problems->items == NULL)
		problems->items = mem_array(PROBLEMS_MAX, sizeof(*problems->items));
	problems->items[problems->count - 1] = (struct problem){
		.file = file, .line = line, .order = problems->count, .text = mem_text(text)};
}

void problem_add(struct problems *problems, size_t file, unsigned line, const char *format, ...)
{
	char text[PROBLEM_SIZE], *rest = text, *one;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	while ((one = strsep(&rest, "\n")) != NULL)
		add_one(problems, file, line, one);
}

static size_t kept(const struct problems *problems)
{
	return problems->count < PROBLEMS_MAX ? problems->count : PROBLEMS_MAX;
}

static int compare(const void *a_void, const void *b_void)
{
	const struct problem *a = a_void, *b = b_void;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

const char *problem_format(const struct problems *problems, size_t file, unsigned line,
	const char *text, char *buffer, size_t size)
{
	const char *name = problems->file_count == 0 ? "defaults" : problems->files[file];

	if (line == 0)
		snprintf(buffer, size, "%s: %s", name, text);
	else
		snprintf(buffer, size, "%s:%u: %s", name, line, text);
	return buffer;
}

void problems_report(struct problems *problems, const struct conf_report *report)
{
	size_t count = kept(problems);
	char line[PROBLEM_SIZE + 512];

	if (count > 0)
		qsort(problems->items, count, sizeof(*problems->items), compare);
	for (size_t i = 0; i < count; i++) {
		const struct problem *problem = &problems->items[i];

		problem_format(
			problems, problem->file, problem->line, problem->text, line, sizeof(line));
		report->error(report->context, line);
	}
	if (problems->count <= count)
		return;
	snprintf(line, sizeof(line), "and %zu more errors", problems->count - count);
	report->error(report->context, line);
}

void problems_clear(struct problems *problems)
{
	for (size_t i = 0; i < kept(problems); i++)
		mem_free(problems->items[i].text);
	for (size_t i = 0; i < problems->file_count; i++)
		mem_free(problems->files[i]);
	mem_free(problems->items);
	mem_free(problems->files);
	*problems = (struct problems){.files = NULL};
}
