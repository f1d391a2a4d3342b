/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions that no thread has taken yet. libmilter gives a session whose MTA has said something to a thread
 * of its own that has nothing to do, and starts one only where there is none: where several are ready at
 * once and one thread has nothing to do, it wakes that one for all of them, and those behind wait for as
 * long as the look-ups of the first take. So who was given and is not taken for a moment gets a thread: as
 * libmilter starts one for a connection that comes while all others have something to do, such a connection
 * is made, that is closed already. Thread-safe. */
#ifndef MAILREEVE_MILTER_HANDOVER_H
#define MAILREEVE_MILTER_HANDOVER_H

#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

enum {
	/* Nobody takes any for so long, in ms: threads are wanted, */
	MILTER_HANDOVER_WAIT_MS = 5,
	/* so many at most. */
	MILTER_HANDOVER_MOST = 32,
};

/* By the thread that listens. -1: no descriptor is left (errno). */
int milter_handover_begin(void);

/* The session of this connection has been given to libmilter; a thread has it, or it is gone. Repeating it
 * changes nothing. */
void milter_handover_give(int fd);
void milter_handover_take(int fd);

/* poll for the thread that hands over: returns 0 early while some were not taken, and asks for threads. */
int milter_handover_poll(struct pollfd *watched, nfds_t count, int timeout_ms);

/* poll for the thread that listens: ready, too, when a thread is wanted. */
int milter_handover_listen(struct pollfd *listener, int timeout_ms);

/* For the thread that listens, before it accepts: whether a thread is wanted, and the connection that gets
 * one, as accept would return it; -1 and EAGAIN where there is none to be had. */
bool milter_handover_wants(void);
int milter_handover_make(int listener, struct sockaddr *address_r, socklen_t *length_r);

#endif
