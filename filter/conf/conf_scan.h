/* SPDX-License-Identifier: BSD-2-Clause */
/* The structure of a configuration file: which settings and sections stand where. libconfuse, which
 * reads the values, cannot say that: it stops at the first error, lets a repeated setting override
 * the first one in silence, takes the end of the file for the end of a section, miscounts lines after
 * comments, and refuses comments inside lists. Every error is reported, with the line where it
 * begins, and scanning goes on behind it. Pure; fuzzed. */
#ifndef MAILREEVE_CONF_SCAN_H
#define MAILREEVE_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "conf_token.h"

enum { SCAN_NAME_MAX = 64, SCAN_FILE_MAX = 4096 };

/* All borrowed for the call. */
struct scan_setting {
	const char *name;
	unsigned line;
	const struct token *values;
	size_t value_count;
	bool braces; /* written as a list */
};

struct scan_handler {
	void *context;
	/* The name of a section that exists: tells one that was not closed from a wrong name. */
	bool (*is_section)(void *context, const char *name);
	/* The name of a setting at this place that takes several values, or of none. */
	bool (*is_list)(void *context, const char *name);
	/* Title is "" for a section without one. No section opens inside another one. */
	void (*open)(void *context, const char *name, const char *title, unsigned line);
	void (*close)(void *context);
	void (*setting)(void *context, const struct scan_setting *setting);
	void (*include)(void *context, const char *file, unsigned line);
	void (*error)(void *context, unsigned line, const char *text);
};

/* TEXT need not end with a NUL. */
void conf_scan(const char *text, size_t length, const struct scan_handler *handler);

#endif
