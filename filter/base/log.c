/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include "compiler.h"
#include "json_write.h"
#include "text.h"

/* A line is at most what a pipe takes as one write. */
enum { LINE_MAX_BYTES = 4096, FIELD_MAX_BYTES = 256 };

static _Atomic int current_level = LOG_LEVEL_INFO;
static _Atomic int current_target = LOG_TO_STDERR;

static _Atomic int current_format = LOG_FORMAT_TEXT;
static _Atomic bool in_journal;

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static const int syslog_priority[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

/* systemd.exec(5): JOURNAL_STREAM is device and inode of what it made of standard error. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	char own[64];

	if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

void log_open(enum log_target target, enum log_level level)
{
	atomic_store(&in_journal, target == LOG_TO_STDERR && stderr_is_journal());
	if (target == LOG_TO_SYSLOG)
		openlog("mailreeve", LOG_PID | LOG_NDELAY, LOG_MAIL);
	atomic_store(&current_target, target);
	atomic_store(&current_level, level);
}

void log_set_level(enum log_level level)
{
	atomic_store(&current_level, level);
}

void log_set_format(enum log_format format)
{
	atomic_store(&current_format, format);
}

enum log_format log_current_format(void)
{
	return (enum log_format)atomic_load(&current_format);
}

static void write_line(enum log_level level, const char *text)
{
	/* The journal knows who we are, but not how urgent it is: sd-daemon(3). */
	const char priority[] = {'<', (char)('0' + syslog_priority[level]), '>', '\0'};
	const char *start = atomic_load(&in_journal)		      ? priority
			    : log_current_format() == LOG_FORMAT_TEXT ? "mailreeve: "
								      : "";
	/* writev only reads them. */
	struct iovec parts[] = {
		{(void *)(uintptr_t)start, strlen(start)},
		{(void *)(uintptr_t)text, strlen(text)},
		{(void *)(uintptr_t)"\n", 1},
	};

	if (atomic_load(&current_target) == LOG_TO_SYSLOG) {
		syslog(syslog_priority[level], "%s", text);
		return;
	}
	/* One write keeps lines of several threads whole; a failed write has nowhere to be told. */
	if (writev(STDERR_FILENO, parts, (int)ARRAY_COUNT(parts)) < 0)
		return;
}

static bool is_wanted(enum log_level level)
{
	return (int)level <= atomic_load(&current_level);
}

static void write_message(enum log_level level, const char *format, va_list args) ATTR_PRINTF(2, 0);

static void write_message(enum log_level level, const char *format, va_list args)
{
	char message[LINE_MAX_BYTES - 16], object[LINE_MAX_BYTES - 16];
	struct text line;

	if (!is_wanted(level))
		return;
	vsnprintf(message, sizeof(message), format, args);
	for (char *c = message; *c != '\0'; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	if (log_current_format() == LOG_FORMAT_TEXT) {
		write_line(level, message);
		return;
	}
	/* Escapes may take more room than there is. */
	for (size_t length = strlen(message);; length = length * 3 / 4) {
		message[length] = '\0';
		text_init(&line, object, sizeof(object));
		json_open(&line, NULL, '{');
		json_add_text(&line, "level", level_names[level]);
		json_add_text(&line, "message", message);
		json_close(&line, '}');
		if (!line.truncated)
			break;
	}
	write_line(level, object);
}

void log_record(const char *line)
{
	if (is_wanted(LOG_LEVEL_INFO))
		write_line(LOG_LEVEL_INFO, line);
}

#define DEFINE_LOG(name, level)                                                                    \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, format);                                                            \
		write_message(level, format, args);                                                \
		va_end(args);                                                                      \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
