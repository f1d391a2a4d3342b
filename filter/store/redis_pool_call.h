/* SPDX-License-Identifier: BSD-2-Clause */
/* Each command to whom it belongs, and what to do about each answer. Thread-safe. */
#ifndef MAILREEVE_REDIS_POOL_CALL_H
#define MAILREEVE_REDIS_POOL_CALL_H

#include "redis_pool.h"

/* Sends COMMAND and waits for its reply within the store's deadline. Where it is an EVALSHA, its script
 * is sent whole to a server that does not know it. It may run twice after a lost connection, so it must be
 * one that bears that. With STORE_OK the reply is no error; the caller frees its text. */
enum store_status redis_pool_call(
	struct redis_pool *pool, struct redis_command *command, struct redis_answer *reply_r);

/* The same for COUNT commands with one deadline: those of one server travel together, one
 * server is asked after the other. After one that failed the rest is run only with TO_THE_END. *DONE_R
 * is set for each that was answered; STORE_DOWN if one was not. Its reply is then the error of the server,
 * if that was the reason. */
enum store_status redis_pool_call_all(struct redis_pool *pool, struct redis_command *commands,
	size_t count, bool to_the_end, struct redis_answer *replies_r, bool *done_r);

/* The same at one of redis_pool_servers. */
enum store_status redis_pool_call_at(struct redis_pool *pool, const struct store_host *server,
	struct redis_command *command, struct redis_answer *reply_r);

#endif
