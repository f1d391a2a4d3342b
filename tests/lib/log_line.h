/* SPDX-License-Identifier: BSD-2-Clause */
/* What was logged, and a line of the log read back into its fields. A failure ends the test. */
#ifndef MAILREEVE_TEST_LOG_LINE_H
#define MAILREEVE_TEST_LOG_LINE_H

#include <stddef.h>

enum { LOG_LINE_FIELDS_MAX = 40, LOG_LINE_SIZE = 8192 };

struct log_line {
	struct {
		const char *key;
		const char *value;
	} fields[LOG_LINE_FIELDS_MAX];
	size_t count;
	char memory[LOG_LINE_SIZE];
};

/* TEXT: key=value fields, a blank between two; one printable line. */
void log_line_parse(struct log_line *line, const char *text);

/* The value of KEY, or NULL. */
const char *log_line_value(const struct log_line *line, const char *key);

/* Standard error into a file, and back. */
struct log_capture {
	int saved, file;
};
void log_capture_start(struct log_capture *capture);
void log_capture_end(struct log_capture *capture, char *buffer, size_t size);

#endif
