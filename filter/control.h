/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket of the daemon: mailreevectl sends one line, gets the answer, and the connection
 * ends. Its mode (0600) says who may; requests are read in one thread, one at a time, each bounded in
 * size and time. */
#ifndef MAILREEVE_CONTROL_H
#define MAILREEVE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "compiler.h"

struct control;

struct control_command {
	const char *name; /* "status"; NULL ends the table */
	const char *help;
	/* Writes the answer. ARGUMENTS: the rest of the line, never NULL. Returns an exit status of
	 * sysexits.h. */
	int (*run)(const char *arguments, FILE *out);
};

enum { CONTROL_LINE_MAX = 1024 };

/* Binds PATH; a stale socket is replaced. NULL with a sentence in WHY. */
struct control *control_open(const char *path, const struct control_command *commands, char *why,
	size_t why_size) MUST_CHECK;
/* Starts the thread; after the daemon has its final user. */
void control_start(struct control *control);
/* Ends the thread, removes the socket where we may. Nulls; NULL allowed. */
void control_close(struct control **control);

/* The client's half: sends LINE to PATH and copies the answer to OUT. Returns the exit status that
 * came with it, or EX_UNAVAILABLE or EX_NOPERM with a sentence in WHY. */
int control_ask(const char *path, const char *line, FILE *out, char *why, size_t why_size);

#endif
