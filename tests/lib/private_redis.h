/* SPDX-License-Identifier: BSD-2-Clause */
/* A redis-server of a test's own: in a temporary folder, on a Unix socket, ended by its pid. With
 * MAILREEVE_REDIS_SERVER in the environment that program is started instead (valkey-server). */
#ifndef MAILREEVE_TESTS_PRIVATE_REDIS_H
#define MAILREEVE_TESTS_PRIVATE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PRIVATE_REDIS_OPTIONS_MAX = 40 };

struct private_redis {
	char folder[64];
	char socket[96];
	char url[112]; /* "unix:..." */
	const char *options[PRIVATE_REDIS_OPTIONS_MAX]; /* added to the command line; NULL ends */
	const char *program; /* NULL: redis-server, or as the environment says */
	const char *preload, *clock_file; /* skewed_clock.so and its file; NULL: none */
	int port; /* 0: none but the Unix socket. Of a sentinel: the one that it listens on */
	bool is_sentinel; /* then OPTIONS is the name of its file in the folder, and no more */
	pid_t pid; /* 0: not running */
};

/* A port of loopback that nobody has now, and that no other test is given until this one ends or forgets
 * its ports. */
int private_redis_free_port(void);
void private_redis_forget_ports(void);

/* Makes the folder of one that is started later with private_redis_restart. */
void private_redis_prepare(struct private_redis *redis);

/* Makes the folder and starts the server with OPTIONS (NULL-terminated, borrowed; may be NULL).
 * Returns when it answers; the test fails if it does not. */
void private_redis_start(struct private_redis *redis, const char *const *options);

/* The same again after a stop, in the same folder. */
void private_redis_restart(struct private_redis *redis);

/* Returns when it answers anything, LOADING included. */
void private_redis_restart_loading(struct private_redis *redis);

/* SIGKILL, and waits for its end. */
void private_redis_stop(struct private_redis *redis);

/* Stops it and removes the folder. */
void private_redis_remove(struct private_redis *redis);

/* One command, words separated by blanks, on a connection of its own; the first line of the reply
 * goes to REPLY. The test fails if it cannot be sent. */
void private_redis_command(
	const struct private_redis *redis, const char *command, char *reply, size_t size);

/* The same; the whole reply, as it comes over the wire. */
void private_redis_ask(
	const struct private_redis *redis, const char *command, char *reply, size_t size);

#endif
