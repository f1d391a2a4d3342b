/* SPDX-License-Identifier: BSD-2-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* A line is at most what a pipe takes as one write. */
enum { LINE_MAX_BYTES = 4096, FIELD_MAX_BYTES = 256 };

static _Atomic int current_level = LOG_LEVEL_INFO;
static _Atomic int current_target = LOG_TO_STDERR;

static const int syslog_priority[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

void log_open(enum log_target target, enum log_level level)
{
	if (target == LOG_TO_SYSLOG)
		openlog("mailreeve", LOG_PID | LOG_NDELAY, LOG_MAIL);
	atomic_store(&current_target, target);
	atomic_store(&current_level, level);
}

void log_set_level(enum log_level level)
{
	atomic_store(&current_level, level);
}

static void write_line(enum log_level level, const char *format, va_list args) ATTR_PRINTF(2, 0);

static void write_line(enum log_level level, const char *format, va_list args)
{
	static const char prefix[] = "mailreeve: ";
	char line[LINE_MAX_BYTES];
	size_t start = 0;
	size_t length;
	int wanted;

	if ((int)level > atomic_load(&current_level))
		return;
	if (atomic_load(&current_target) == LOG_TO_STDERR) {
		start = sizeof(prefix) - 1;
		memcpy(line, prefix, start);
	}
	wanted = vsnprintf(line + start, sizeof(line) - start - 1, format, args);
	length = start + (wanted < 0 ? 0 : (size_t)wanted);
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	for (size_t i = start; i < length; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	if (start == 0) {
		line[length] = '\0';
		syslog(syslog_priority[level], "%s", line);
		return;
	}
	line[length++] = '\n';
	/* One write keeps lines of several threads whole; a failed write has nowhere to be told. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}

#define DEFINE_LOG(name, level)                                                                    \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, format);                                                            \
		write_line(level, format, args);                                                   \
		va_end(args);                                                                      \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warning, LOG_LEVEL_WARNING)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
