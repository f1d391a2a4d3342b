/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells an administrator of something, by a command or a mail, without making anybody wait: a thread
 * of its own starts the programs, at most NOTIFIER_CHILDREN at once, ends those that take longer than
 * they may, and reaps them all. There is never a shell; a program gets a small environment,
 * the text on its standard input, and no other file of ours. Thread-safe. */
#ifndef MAILREEVE_NOTIFIER_H
#define MAILREEVE_NOTIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum {
	NOTIFIER_CHILDREN = 4,
	NOTIFIER_LIMIT_MS = 30000, /* that a program may take */
	NOTIFIER_QUEUE_MAX = 32,
	NOTIFIER_PER_MINUTE = 30, /* what is more is left out, and the log says so */
	NOTIFIER_TEXT_SIZE = 2048, /* of the text */
	NOTIFIER_VARIABLES_MAX = 16
};

struct notifier;

/* How to tell: "/usr/local/lib/mailreeve/page --urgent", words parted by blanks, double quotes around a word that
 * has some; or "mail:postmaster@example.org". False with a sentence in WHY. */
bool notifier_check(const char *how, char *why, size_t why_size) MUST_CHECK;

/* What is missing on this host that it needs, though that may come: a sentence; NULL for nothing. */
const char *notifier_lacks(const char *how);

/* After a fork, and after the daemon has its final user. SENDMAIL is the program that takes mail, NULL for
 * the system's; QUEUE the folder of ours in which it keeps what it cannot hand on at once, NULL for its own;
 * SENDMAIL is borrowed. A program may take LIMIT_MS. NULL without a thread. */
struct notifier *notifier_start(const char *sendmail, const char *queue, uint64_t limit_ms);
/* Ends the programs that still run. Nulls; NULL allowed. */
void notifier_stop(struct notifier **notifier);

struct notice {
	const char *how; /* one that notifier_check has let through */
	const char *from; /* mail: our host's name */
	const char *subject; /* mail: one line of printable ASCII */
	const char *text; /* printable ASCII and line ends */
	const char
		*variables[NOTIFIER_VARIABLES_MAX]; /* "NAME=VALUE", printable ASCII; NULL ends */
};

/* Copies NOTICE and returns at once. */
void notifier_send(struct notifier *notifier, const struct notice *notice);

#endif
