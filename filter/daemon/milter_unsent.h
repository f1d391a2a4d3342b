/* SPDX-License-Identifier: BSD-2-Clause */
/* What libmilter writes to a connection: changes to the message wait for the verdict, which always follows
 * them, and all leaves in one write that never waits. By descriptor, which is one thread's at a time. */
#ifndef MAILREEVE_MILTER_UNSENT_H
#define MAILREEVE_MILTER_UNSENT_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
	/* Bytes of changes that wait at most; more are written at once. */
	MILTER_UNSENT_BYTES = 960,
};

/* As writev: -1 and EAGAIN where the system takes no more. PIECES: of one packet, or of its rest. */
ssize_t milter_unsent_write(int fd, const struct iovec *pieces, int count);

/* Something waits for the verdict, or for room. */
bool milter_unsent_any(int fd);

/* The system took no more; says so once. */
bool milter_unsent_waits(int fd);

/* The connection is closed. */
void milter_unsent_forget(int fd);

#endif
