/* SPDX-License-Identifier: BSD-2-Clause */
/* One setting of the configuration file: a row in the constant table of whoever uses it. Parsing,
 * bounds, defaults, the sample file and the manual all come from these rows. No state; reads files
 * only for SETTING_FILE and SETTING_MATCHLIST. */
#ifndef MAILREEVE_SETTING_H
#define MAILREEVE_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "matchlist.h"
#include "trial.h"
#include "verdict.h"

/* Type of a setting, and of the member at its offset in the options struct. */
enum setting_type {
	SETTING_BOOL, /* bool; yes, no, true, false, on, off */
	SETTING_INTEGER, /* int64_t */
	SETTING_DURATION, /* int64_t milliseconds; "500ms", "90s", "5m", "1h", "7d" */
	SETTING_SIZE, /* int64_t bytes; "10MB" (powers of 1024), "512" */
	SETTING_RATE, /* struct rate; "200 / 1h", "100MB / 1d" */
	SETTING_TEXT, /* char *, owned by the options; NULL when empty */
	SETTING_FILE, /* char *: an absolute path that must be readable; NULL when empty */
	SETTING_TEXTS, /* char **, NULL-terminated, owned by the options; { "a", "b" } */
	SETTING_CHOICE, /* int: index into choices */
	SETTING_ACTION, /* enum action; where trial_offset says so, words of a trial behind it */
	SETTING_DATE, /* int64_t, clock_wall_ms; see trial_parse_until; 0 when empty */
	SETTING_MATCHLIST /* struct matchlist *: entries, or absolute paths of files of entries */
};

struct rate {
	int64_t count; /* at most RATE_COUNT_MAX */
	int64_t window_ms; /* from 1 s to RATE_WINDOW_MAX_MS */
	bool sized; /* the count was written as a size: "5MB" */
};

/* A store keeps no more, nor longer. */
#define RATE_COUNT_MAX ((int64_t)1 << 52)
#define RATE_WINDOW_MAX_MS ((int64_t)400 * 24 * 3600 * 1000)

struct setting {
	const char *name; /* NULL ends a table */
	enum setting_type type;
	size_t offset; /* of the member in the options struct */
	size_t trial_offset; /* SETTING_ACTION: of the struct trial for its words; 0: takes none */
	const char *default_text; /* as it would stand in the file; "" for an empty text or list */
	unsigned kinds; /* SETTING_MATCHLIST: enum match_kind of the entries it takes; 0: all */
	bool sized; /* SETTING_RATE: its count may be a size, "5MB" */
	bool names_checks; /* SETTING_TEXTS: names of policies or checks */
	int64_t min, max; /* in the unit of the member; both 0: no bounds */
	const char *const
		*choices; /* SETTING_CHOICE: NULL-terminated words; SETTING_ACTION: NULL, or
				     * the allowed words */
	const char *help; /* one line, sentence case, no full stop; shown in sample and manual */
	const char *example; /* as it would stand in the file, for a setting that is empty by
			      * default; NULL: one made from the type */
	const char *follows; /* name of a section whose setting of this name holds here too, where
			      * this one is not given; NULL: none */
};

enum { SETTING_VALUE_MAX = 4096, SETTING_WHY_SIZE = 1024 };

/* What makes a text of the file a value: called for every given value, with the values of a list
 * one after another, which adds. WHERE: what match lists name as the place of an entry. False with a
 * sentence in WHY (what is wrong; what would be right) that never shows a secret. */
bool setting_parse(const struct setting *setting, const char *text, const char *where,
	void *options, char *why, size_t why_size) MUST_CHECK;

/* Takes several values. */
bool setting_is_list(const struct setting *setting);

/* Sets the default; aborts on a default that does not parse, since that is our bug. */
void setting_set_default(const struct setting *setting, void *options);

/* Frees what the member owns and empties it. */
void setting_clear(const struct setting *setting, void *options);

/* The same for all rows of a table. */
void settings_clear(const struct setting *table, void *options);

/* "a duration from 10ms to 1h, like 90s", "yes or no", "one of: a, b": for messages and the manual.
 * Returns BUFFER. */
const char *setting_type_text(const struct setting *setting, char *buffer, size_t size);

/* The part of it that differs between settings of one type: "from 10ms to 1h", "one of: a, b", "yes
 * or no", or "". Returns BUFFER. */
const char *setting_bounds_text(const struct setting *setting, char *buffer, size_t size);

/* The readers behind it, for values met elsewhere. Durations in milliseconds, sizes in bytes; none is
 * negative. */
bool parse_duration(const char *text, int64_t *ms_r) MUST_CHECK;
bool parse_size(const char *text, int64_t *bytes_r) MUST_CHECK;
bool parse_rate(const char *text, struct rate *rate_r) MUST_CHECK;

/* The same: NULL when it could be read, else a sentence (what is wrong; what would be right). */
const char *parse_rate_or_say(const char *text, struct rate *rate_r) MUST_CHECK;

/* The shortest text that reads back as the same value ("90s", "10MB"). Return BUFFER. */
const char *format_duration(int64_t ms, char *buffer, size_t size);
const char *format_size(int64_t bytes, char *buffer, size_t size);

#endif
