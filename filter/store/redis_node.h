/* SPDX-License-Identifier: BSD-2-Clause */
/* One Redis server as a store uses it: a free list of connections that belong to no thread, a
 * breaker, and one thread of its own that probes the server while it is down, so that no caller pays
 * for it. Thread-safe. */
#ifndef MAILREEVE_REDIS_NODE_H
#define MAILREEVE_REDIS_NODE_H

#include <stddef.h>
#include <stdint.h>

#include "redis_link.h"
#include "redis_place.h"

struct redis_node;

enum { REDIS_DETAIL_SIZE = 256 };

/* Is a working server there? Run on a fresh link by the probe; REPLY_R is its last reply. */
typedef enum link_result redis_node_check(
	void *context, struct redis_link *link, uint64_t deadline_ms, struct redis_answer *reply_r);

/* It went down (why is in DETAIL) or, with NULL, came up. Called without a lock. */
typedef void redis_node_changed(void *context, struct redis_node *node, const char *detail);

/* It is up; about every two seconds, by the node's own thread. */
typedef void redis_node_watch(void *context, struct redis_node *node);

struct redis_node_options {
	uint64_t connect_timeout_ms, timeout_ms, wait_timeout_ms;
	size_t connections;
	redis_node_check *check;
	redis_node_changed *changed;
	redis_node_watch *watch;
	void *context; /* of them; outlives the node */
	bool believed; /* up until it proves otherwise, where its address is known */
};

/* Starts with the breaker open and a probe due, but where it is BELIEVED. PLACE is copied. NULL without a
 * thread. The caller owns it. */
struct redis_node *redis_node_open(
	const struct redis_place *place, const struct redis_node_options *options);
/* Waits until the first probe ended, for at most 3 s. */
void redis_node_await(struct redis_node *node);
/* Sends what still waits, and ends it. */
void redis_node_close(struct redis_node **node);

/* A write to a server that hung up is an error, not a signal, where nobody handles it. */
void redis_node_ignore_broken_pipes(void);

const struct redis_place *redis_node_place(const struct redis_node *node);

/* A command and its reply. */
struct redis_ask {
	struct redis_command *command; /* borrowed */
	unsigned replicas; /* that must confirm it [0]; where fewer do, the reply is the error
	                      "UNCONFIRMED" */
	bool asking; /* the server is to take it for a slot that it is about to get */
	struct redis_answer reply; /* its text is owned by the caller */
};

enum redis_node_result {
	NODE_ANSWERED, /* every ask has its reply, which may be an error of the server */
	NODE_LOST, /* the connection was lost before; the links are closed, nothing is noted */
	NODE_LATE, /* not in time */
	NODE_DOWN /* the breaker is open, or nobody is there */
};

/* Sends the commands together and waits for their replies. A failure but NODE_LOST is noted. */
enum redis_node_result redis_node_run(
	struct redis_node *node, struct redis_ask *const *asks, size_t count, uint64_t deadline_ms);

/* Sends COMMAND with a later call, or within about a second, and ignores its reply. It may be lost. */
void redis_node_send_later(struct redis_node *node, const struct redis_command *command);

/* Notes a failure; FINAL ones open the breaker at once. DETAIL holds no secret. */
void redis_node_failed(struct redis_node *node, bool final, const char *detail);

/* The server answered, but not as one that is well: its thread probes it at once (each second at most), so
 * that what is wrong is noticed, and said, where calls are few. */
void redis_node_suspect(struct redis_node *node);

/* Closes the idle links now and those in use when they are given back. */
void redis_node_close_links(struct redis_node *node);

/* What went wrong, in words for the log. */
void redis_node_describe(
	enum link_result result, const struct redis_answer *reply, char detail[REDIS_DETAIL_SIZE]);

#endif
