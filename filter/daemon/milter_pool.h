/* SPDX-License-Identifier: BSD-2-Clause */
/* libmilter's pool of threads, where it loses itself. It forgets a session for which there is no thread
 * (milter_threads). And when it is asked to stop while the thread of milter_serve starts a session, that
 * thread sleeps for a second, or waits for ever for the lock of the pool: that is destroyed at once, while
 * others hold it, or take it later in vain and go on without.
 *
 * The file defines pthread_create and pthread_mutex_destroy in the place of the system's, which they are for
 * all other threads, and until the stop. Linked into the daemon alone. */
#ifndef MAILREEVE_MILTER_POOL_H
#define MAILREEVE_MILTER_POOL_H

#include <stdbool.h>

#include "compiler.h"

enum {
	/* How long a stop waits for a session that is being started, at most. */
	MILTER_POOL_END_MS = 5000,
};

void milter_pool_begin(void);

/* What this thread starts from now on are threads for sessions. */
void milter_pool_starts_sessions(void);

/* The thread that listens is about to start a session, and has done it. False: libmilter is about to be
 * stopped, so it must not. */
bool milter_pool_start(void) MUST_CHECK;
void milter_pool_started(void);

/* Before libmilter is asked to stop: waits for a session that is being started, no other is, and no lock is
 * destroyed any more. */
void milter_pool_end(void);

#endif
