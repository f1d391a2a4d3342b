/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals. libmilter waits for HUP, TERM and INT in a thread of its own and stops at any of them, so
 * signals.c defines the sigwait it calls: HUP and USR1 reload and never stop us, TERM drains first.
 */
#ifndef MAILREEVE_SIGNALS_H
#define MAILREEVE_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

struct signal_actions {
	void (*reload)(void);
	void (*drain)(void); /* begin to refuse new sessions */
	bool (*drained)(void); /* nothing is under way any more */
	void (*stopping)(void); /* just before libmilter is told to stop */
	void (*tick)(void); /* every few seconds, in the same thread as reload */
	int64_t drain_ms; /* longest wait */
};

/* Blocks those that reload, which would end a process that is not ready for them yet. */
void signals_block_reload(void);
/* Blocks all signals for this thread and all it starts; call before any other thread starts. */
void signals_block(void);
void signals_handle(const struct signal_actions *actions); /* copied */

#endif
