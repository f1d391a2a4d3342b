/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the files of a journal, oldest first, line by line in bounded memory. */
#ifndef MAILREEVE_JOURNAL_READ_H
#define MAILREEVE_JOURNAL_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

struct journal_summary {
	unsigned files;
	uint64_t lines;
	uint64_t damaged; /* lines that are no record */
	bool torn; /* the last line of the newest file has no end; among the damaged */
};

/* Calls LINE for each whole line, without its end; it returns false for what is no record. False with a
 * sentence in WHY when FILE cannot be read; files that were put aside may be missing. */
bool journal_read(const char *file, bool (*line)(void *context, const char *text, size_t length),
	void *context, struct journal_summary *summary_r, char *why, size_t why_size) MUST_CHECK;

/* To standard error: what was left out, if anything. */
void journal_tell_damage(const char *file, const struct journal_summary *summary);

#endif
