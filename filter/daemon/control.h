/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket of the daemon: mailreevectl sends one line, gets the answer, and the connection
 * ends. Its mode (0600) says who may; requests are read in one thread, one at a time, each bounded in
 * size and time; what takes long is done in threads of its own, few at once. */
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
	/* Instead of run, for what takes long: ARGUMENTS is the length of a body that follows the line. */
	int (*run_slow)(const char *body, size_t length, FILE *out);
};

enum { CONTROL_LINE_MAX = 1024, CONTROL_BODY_MAX = 17 << 20, CONTROL_SLOW_MAX = 4 };

/* Binds PATH; a stale socket is replaced. NULL with a sentence in WHY. */
struct control *control_open(const char *path, const struct control_command *commands, char *why,
	size_t why_size) MUST_CHECK;
/* Starts the thread; after the daemon has its final user. */
void control_start(struct control *control);
/* Ends the thread, removes the socket where we may. Nulls; NULL allowed. False when a slow command still
 * runs after some seconds: what it uses must be left alone then. */
bool control_close(struct control **control);

/* The client's half: sends LINE to PATH and copies the answer to OUT. Returns the exit status that
 * came with it, or EX_UNAVAILABLE or EX_NOPERM with a sentence in WHY. */
int control_ask(const char *path, const char *line, FILE *out, char *why, size_t why_size);
/* The same for a slow COMMAND, with its body of LENGTH bytes. */
int control_ask_slow(const char *path, const char *command, const char *body, size_t length,
	FILE *out, char *why, size_t why_size);

#endif
