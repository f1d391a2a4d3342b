/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: syslog (facility mail) or stderr. One call is one line; text from the wire is escaped by
 * the caller (text_add_escaped) or passes through log_field. Thread-safe. */
#ifndef MAILREEVE_LOG_H
#define MAILREEVE_LOG_H

#include <stdbool.h>

#include "compiler.h"
#include "text.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Chooses target and the most detailed level that is written. Where standard error is the journal of
 * systemd ($JOURNAL_STREAM), lines begin with their priority, <6> and so on. Call before threads start. */
void log_open(enum log_target target, enum log_level level);
void log_set_level(enum log_level level);

/* JSON: each line is one object, {"level":..., "message":...} or a record. */
void log_set_format(enum log_format format);
enum log_format log_current_format(void);

/* A line that is made already, in the current format, at level info. */
void log_record(const char *line);

void log_error(const char *format, ...) ATTR_PRINTF(1, 2);
void log_warning(const char *format, ...) ATTR_PRINTF(1, 2);
void log_info(const char *format, ...) ATTR_PRINTF(1, 2);
void log_debug(const char *format, ...) ATTR_PRINTF(1, 2);

/* Adds " key=value" (no blank before the first), the value escaped, bounded to 256 bytes as shown (then
 * it ends in "\..."), and quoted when it is empty or holds anything but [A-Za-z0-9.:@/_+<>[]-]. NULL adds
 * nothing; a field that does not fit the line is left out, with all that follow. */
void log_field(struct text *line, const char *key, const char *value);

/* The same with a bound of LIMIT bytes, at least 4. */
void log_field_bounded(struct text *line, const char *key, const char *value, size_t limit);

#endif
