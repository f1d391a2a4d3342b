/* SPDX-License-Identifier: BSD-2-Clause */
/* What another program prints. */
#ifndef MAILREEVE_COMMAND_OUTPUT_H
#define MAILREEVE_COMMAND_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/* Runs ARGUMENTS (NULL-terminated; the first is an absolute path) without a shell, with no input, an
 * environment of PATH and LC_ALL only, and its error output thrown away. Its standard output is in
 * BUFFER, cut where it does not fit. False when it cannot be run, fails, or has not ended after
 * TIME_LIMIT_MS; it is killed then. For a process without threads. */
bool command_output(
	const char *const arguments[], int64_t time_limit_ms, char *buffer, size_t size) MUST_CHECK;

#endif
