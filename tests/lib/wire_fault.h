/* SPDX-License-Identifier: BSD-2-Clause */
/* A network between a client and a Unix socket, on a port of loopback, that misbehaves on command. */
#ifndef MAILREEVE_TESTS_WIRE_FAULT_H
#define MAILREEVE_TESTS_WIRE_FAULT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum wire_fault_kind {
	WIRE_CLEAN,
	WIRE_DELAY, /* replies come AMOUNT ms late */
	WIRE_DRIP, /* a byte of the replies every AMOUNT ms */
	WIRE_CUT, /* AMOUNT bytes of a reply, then a reset */
	WIRE_SWALLOW, /* the command arrives; its reply does not, but a reset */
	WIRE_END, /* AMOUNT bytes of replies, then an end */
	WIRE_GARBAGE, /* other bytes than the reply's */
	WIRE_HOLE, /* nothing passes, nothing ends; who connects gets no further */
};

struct wire_fault {
	int port;
	char url[64];
	char target[108];
	int listener;
	pthread_t thread;
	_Atomic int kind, amount, times; /* TIMES more replies are hit; negative: all */
	_Atomic uint64_t hits;
	_Atomic bool stopping;
};

void wire_fault_start(struct wire_fault *wire, const char *target);
void wire_fault_start_at(
	struct wire_fault *wire, const char *target, const char *address, int port);
void wire_fault_set(struct wire_fault *wire, enum wire_fault_kind kind, int amount, int times);
void wire_fault_stop(struct wire_fault *wire);

#endif
