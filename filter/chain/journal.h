/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal of decisions: a file with one JSON record a line (mailreeve-journal(5)), written by a thread
 * of its own, so that a slow or full disk costs records and never mail. FILE is the newest; when it is full
 * it becomes FILE.1, and so on. One journal a process; thread-safe. */
#ifndef MAILREEVE_JOURNAL_H
#define MAILREEVE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

struct journal_options {
	const char *file;
	int64_t file_bytes; /* of one file */
	int64_t files; /* that are kept, the newest among them */
};

/* False with a sentence in WHY. Starts the thread, as the user that writes. */
bool journal_open(const struct journal_options *options, char *why, size_t why_size) MUST_CHECK;
/* Writes what is there, in bounded time. */
void journal_close(void);
bool journal_is_open(void);

/* One record, without its end of line. Nothing when no journal is open. */
void journal_add(const char *record);

struct journal_state {
	bool open;
	uint64_t written, dropped; /* records */
};
void journal_state(struct journal_state *state_r);

#endif
