/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes a program a daemon: background, pid file, privileges, the service manager. Called by
 * main before threads start, but for process_notify. */
#ifndef MAILREEVE_PROCESS_H
#define MAILREEVE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

/* Goes to the background. The parent waits for process_ready in the child and exits with 0, or with
 * the child's exit status if it ends before. */
void process_background(void);
void process_ready(void);

/* Writes our process id; and keeps the file locked; false with a sentence in WHY,
 * also when another process has it locked. */
bool process_write_pid(const char *file, char *why, size_t why_size) MUST_CHECK;
void process_remove_pid(const char *file);

/* Makes the folder that FILE is to lie in, where it is missing (one level, such as /run/mailreeve after
 * a boot), and gives it to USER (as below; NULL: nobody). False with a sentence in WHY. */
bool process_make_folder_of(
	const char *file, const char *user, char *why, size_t why_size) MUST_CHECK;

/* USER is "user" or "user:group". Drops to it with its supplementary groups and proves that there is
 * no way back; nothing when we are that user already. False with a sentence in WHY. */
bool process_drop_privileges(const char *user, char *why, size_t why_size) MUST_CHECK;

/* As many file descriptors as the system lets us have; no core files with mail in them. */
void process_set_limits(void);

/* The folder mqueue in that of our state: $STATE_DIRECTORY of the service manager, or else
 * /var/lib/mailreeve. Makes it, for nobody but our user; false
 * where that cannot be. */
bool process_make_queue(char *queue, size_t size) MUST_CHECK;

/* sd_notify(3) protocol: "READY=1", "RELOADING=1", "STOPPING=1". Nothing without NOTIFY_SOCKET. */
void process_notify(const char *state);

#endif
