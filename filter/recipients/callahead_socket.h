/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket under a call-ahead: it never blocks, every wait has a deadline of clock_monotonic_ms. */
#ifndef MAILREEVE_CALLAHEAD_SOCKET_H
#define MAILREEVE_CALLAHEAD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "callahead_target.h"
#include "compiler.h"
#include "ipaddr.h"

enum { CALLAHEAD_WHY_SIZE = 160 };

/* What became of a step. */
enum callahead_progress {
	CALLAHEAD_DONE,
	CALLAHEAD_WANTS_READ, /* again when there is something to read */
	CALLAHEAD_WANTS_WRITE,
	CALLAHEAD_ENDED, /* the other end closed */
	CALLAHEAD_FAILED
};

/* Connects to TARGET's socket, or to its port at ADDRESS; the caller closes. -1 with a reason in WHY. */
int callahead_socket_connect(const struct callahead_target *target, const struct ipaddr *address,
	uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

/* One try. */
enum callahead_progress callahead_socket_read(int fd, char *bytes, size_t size, size_t *length_r);
enum callahead_progress callahead_socket_write(
	int fd, const char *bytes, size_t length, size_t *written_r);

/* Nothing has come, an end included. */
bool callahead_socket_is_quiet(int fd);

/* Waits for what PROGRESS wants. False with a reason in WHY when it wants nothing any more, or in time
 * nothing happens. */
bool callahead_socket_wait(int fd, enum callahead_progress progress, uint64_t deadline_ms,
	char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

#endif
