/* SPDX-License-Identifier: BSD-2-Clause */
/* How many sessions are served at once. libmilter starts a thread for each session whose MTA has said
 * something, however many do at the same time, and ends it soon after: a wave of 500 is 500 threads with
 * their stacks and heaps, of which two run. So the sessions that are ready wait until some others are done,
 * a moment at most, for those may be waiting for something themselves; who was waited for in vain is not
 * counted any more. Thread-safe. */
#ifndef MAILREEVE_MILTER_CROWD_H
#define MAILREEVE_MILTER_CROWD_H

#include <stddef.h>

enum {
	/* Sessions served at once before others wait. */
	MILTER_CROWD_MAX = 32,
	/* So long at most, in ms, and then so many are let in all the same. */
	MILTER_CROWD_WAIT_MS = 5,
	MILTER_CROWD_MORE = 8,
	/* Unless the whole program did less than that much meanwhile, in us: as many as at first, for those
	 * inside all wait for something. */
	MILTER_CROWD_IDLE_US = 500,
	/* Who is inside for longer, in ms, or twice that, waits for something, too. */
	MILTER_CROWD_STUCK_MS = 100,
};

void milter_crowd_begin(void);

/* The session of this connection has something to do; or has nothing, or is gone. Repeating it changes
 * nothing. */
void milter_crowd_enter(int fd);
void milter_crowd_leave(int fd);

/* How many more may enter, one at least and MILTER_CROWD_MAX at most; waits for it. */
size_t milter_crowd_room(void);

#endif
