/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of the configuration, kept until all are known, then told in the order of the files and
 * lines. */
#ifndef MAILREEVE_CONF_PROBLEMS_H
#define MAILREEVE_CONF_PROBLEMS_H

#include "conf.h"

enum { PROBLEM_SIZE = 1400, PROBLEMS_MAX = 200 };

struct problem;

/* Zeroed to begin with. */
struct problems {
	char **files; /* main file first; owned */
	size_t file_count;
	struct problem *items;
	size_t count; /* those beyond PROBLEMS_MAX are only counted */
};

/* Returns the number of the file. */
size_t problems_add_file(struct problems *problems, const char *name);

/* LINE 0: none is to blame. A text of several lines is as many problems. */
void problem_add(struct problems *problems, size_t file, unsigned line, const char *format, ...)
	ATTR_PRINTF(4, 5);

/* Tells all, one call each. */
void problems_report(struct problems *problems, const struct conf_report *report);
void problems_clear(struct problems *problems);

/* "file:line: text", or "file: text" for line 0; returns BUFFER. */
const char *problem_format(const struct problems *problems, size_t file, unsigned line,
	const char *text, char *buffer, size_t size);

#endif
