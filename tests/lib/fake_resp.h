/* SPDX-License-Identifier: BSD-2-Clause */
/* A server on loopback that speaks Redis's protocol and misbehaves on command. It answers the
 * store's probes, PING, AUTH and SELECT as a healthy Redis would; EVALSHA as it is told. */
#ifndef MAILREEVE_TESTS_FAKE_RESP_H
#define MAILREEVE_TESTS_FAKE_RESP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum fake_resp_after {
	FAKE_RESP_KEEP, /* send the answer, keep the connection */
	FAKE_RESP_CLOSE, /* send it and close */
	FAKE_RESP_RESET, /* send it and reset */
	FAKE_RESP_DRIP, /* a byte every 10 ms */
	FAKE_RESP_LATE /* send it when the orders change */
};

struct fake_resp_orders {
	const char *answer; /* borrowed; NULL: healthy */
	size_t length; /* 0: strlen */
	enum fake_resp_after after;
	int times; /* 0: always; else healthy after so many */
	bool probes_too; /* the store's search for a server that is well is answered so as well */
	const char *only; /* borrowed; the commands with these words in them; NULL: all */
};

struct fake_resp {
	int port;
	char url[64];
	int listener;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards what follows */
	struct fake_resp_orders orders;
	bool stopping;
	int asked; /* EVALSHA commands but the probes */
	char last[2][2048]; /* the last two of them, newest first */
};

/* PORT 0: any. */
void fake_resp_start(struct fake_resp *server, int port);
void fake_resp_stop(struct fake_resp *server);
void fake_resp_order(struct fake_resp *server, const struct fake_resp_orders *orders);
int fake_resp_asked(struct fake_resp *server);

#endif
