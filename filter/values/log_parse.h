/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads back a line that log_field has written, key=value after key=value. Pure. */
#ifndef MAILREEVE_LOG_PARSE_H
#define MAILREEVE_LOG_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

enum { LOG_PARSE_FIELDS_MAX = 40, LOG_PARSE_SIZE = 4096 };

struct log_fields {
	struct {
		const char *key;
		const char
			*value; /* without its escapes; a NUL in it cannot be, none was written */
		bool cut; /* only the start of the value was logged */
	} fields[LOG_PARSE_FIELDS_MAX];
	size_t count;
	char memory[LOG_PARSE_SIZE];
};

/* TEXT: the fields alone, without what syslog sets before them. False when it is no such line. */
bool log_parse(struct log_fields *fields, const char *text) MUST_CHECK;

/* The value of KEY, or NULL. */
const char *log_parse_value(const struct log_fields *fields, const char *key);

#endif
