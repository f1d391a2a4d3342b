/* SPDX-License-Identifier: BSD-2-Clause */
#include "log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Takes the escapes out of the value at TEXT, which ends at END (' ' or '"'); returns what follows. */
static const char *take_value(const char *text, char end, char **out)
{
	for (; *text != end && *text != '\0'; text++) {
		char digits[3] = "";

		if (*text != '\\') {
			*(*out)++ = *text;
			continue;
		}
		/* A value that was cut: the end of it. */
		if (strncmp(text, "\\...", 4) == 0 && (text[4] == end || text[4] == '\0')) {
			text += 4;
			break;
		}
		assert_int_equal(text[1], 'x');
		memcpy(digits, text + 2, 2);
		assert_int_equal(strspn(digits, "0123456789abcdef"), 2);
		*(*out)++ = (char)strtoul(digits, NULL, 16);
		text += 3;
	}
	*(*out)++ = '\0';
	return text;
}

void log_line_parse(struct log_line *line, const char *text)
{
	char *out = line->memory;

	line->count = 0;
	assert_true(strlen(text) < sizeof(line->memory) / 2);
	for (const char *c = text; *c != '\0'; c++)
		assert_true(*c >= 0x20 && *c < 0x7f);
	while (*text != '\0') {
		assert_true(line->count < LOG_LINE_FIELDS_MAX);
		line->fields[line->count].key = out;
		while (*text != '=') {
			assert_true(*text >= 'a' && *text <= 'z' ? 1 : *text == '_');
			*out++ = *text++;
		}
		*out++ = '\0';
		text++;
		line->fields[line->count++].value = out;
		if (*text == '"') {
			text = take_value(text + 1, '"', &out);
			assert_int_equal(*text, '"');
			text++;
		} else {
			text = take_value(text, ' ', &out);
		}
		if (*text == '\0')
			return;
		assert_int_equal(*text, ' ');
		text++;
		assert_int_not_equal(*text, '\0');
	}
}

const char *log_line_value(const struct log_line *line, const char *key)
{
	for (size_t i = 0; i < line->count; i++)
		if (strcmp(line->fields[i].key, key) == 0)
			return line->fields[i].value;
	return NULL;
}

void log_capture_start(struct log_capture *capture)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	capture->file = dup(fileno(file));
	fclose(file);
	fflush(stderr);
	capture->saved = dup(STDERR_FILENO);
	assert_true(capture->file >= 0 && capture->saved >= 0);
	assert_true(dup2(capture->file, STDERR_FILENO) >= 0);
}

void log_capture_end(struct log_capture *capture, char *buffer, size_t size)
{
	ssize_t length;

	fflush(stderr);
	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	length = pread(capture->file, buffer, size - 1, 0);
	close(capture->file);
	assert_true(length >= 0);
	buffer[length] = '\0';
}
