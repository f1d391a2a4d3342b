/* SPDX-License-Identifier: BSD-2-Clause */
/* Fewer system calls between the MTA and libmilter, which asks the system five times for each command
 * (poll, poll and read its head, poll and read the rest) and twice for each answer (poll, write). A
 * message is some fifteen commands, most of which arrive together: now the first takes all that has
 * arrived and the others take theirs from memory. Changes to the message wait for the verdict, which
 * always follows them, and all leaves in one write. (A third of the time a message takes, by make
 * bench.)
 *
 * The file defines poll, read, writev, accept and close in the place of the system's, for that is the
 * one seam libmilter has. They are the system's for every descriptor but the connections that the
 * thread of milter_buffer_begin accepts. libmilter hands a connection from one thread to another only
 * when poll has said that nothing is there, which is said only when nothing is held: so what is held
 * belongs to one thread at a time, and whoever waits for many connections at once misses nothing.
 * Linked into the daemon alone. */
#ifndef MAILREEVE_MILTER_BUFFER_H
#define MAILREEVE_MILTER_BUFFER_H

enum {
	/* Bytes taken at once; held by a connection only while it has commands that are not read. */
	MILTER_BUFFER_READ = 16384,
	/* Threads that stay with a connection for a moment, waiting for its next command, at most. */
	MILTER_BUFFER_LINGERING = 24
};

/* What this thread accepts from now on is buffered. */
void milter_buffer_begin(void);

#endif
