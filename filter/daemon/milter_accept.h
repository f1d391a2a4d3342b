/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections of MTAs are accepted while descriptors are left for what serves them: the name servers, the
 * store, the administrator. The others stay in line. libmilter tries again at once, and for as long as there
 * is none, which takes a whole processor; and it ends the program after 16 errors of other kinds, some of
 * which are about a connection, not about the socket (accept(2)). Of the thread that listens. */
#ifndef MAILREEVE_MILTER_ACCEPT_H
#define MAILREEVE_MILTER_ACCEPT_H

#include <sys/socket.h>

enum {
	/* Descriptors that are left to others; a quarter of those that are free at first where that is less. */
	MILTER_ACCEPT_RESERVE = 256,
	/* Before libmilter tries again. */
	MILTER_ACCEPT_PAUSE_MS = 10,
	/* Between two warnings at least. */
	MILTER_ACCEPT_WARN_MS = 60000,
};

/* Looks how many descriptors there may be. */
void milter_accept_begin(void);

/* As accept, close-on-exec. Where there is no room, waits a moment, and -1 and EAGAIN. */
int milter_accept(int listener, struct sockaddr *address_r, socklen_t *length_r);

/* A connection that was accepted is closed. Thread-safe. */
void milter_accept_closed(void);

#endif
