/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection to a Redis server: commands out, replies in, each wait with a deadline on the
 * clock. Hides hiredis. A link belongs to one thread at a time. After anything but LINK_ANSWERED
 * from a receive it is out of step with the server and good for redis_link_close only. */
#ifndef MAILREEVE_REDIS_LINK_H
#define MAILREEVE_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "redis_command.h"
#include "redis_tls.h"
#include "store.h"

enum {
	REDIS_NUMBERS_MAX = 16, /* of an array that is answered as such */
	LINK_REPLY_MAX = 64 * 1024 /* bytes of a reply before the link is given up */
};

enum redis_answer_kind {
	ANSWER_NIL,
	ANSWER_NUMBERS, /* an integer, or an array of integers */
	ANSWER_TEXT, /* a string or a status */
	ANSWER_TEXTS, /* any other array, flat, its numbers as texts */
	ANSWER_ERROR
};

struct redis_answer {
	enum redis_answer_kind kind;
	int64_t numbers[REDIS_NUMBERS_MAX];
	size_t count; /* numbers, or texts */
	char *text; /* owned by the caller (mem_free), with ANSWER_TEXT; with ANSWER_TEXTS one
	               after another, a NUL behind each */
	size_t length; /* of all TEXT */
	char error[128];
};

enum link_result {
	LINK_ANSWERED, /* a reply came; it may be an error of the server */
	LINK_TIMEOUT,
	LINK_REFUSED, /* nobody there */
	LINK_LOST, /* closed by the other side */
	LINK_GARBAGE, /* not the protocol, or out of all bounds */
	LINK_INSECURE /* TLS failed; why is in the error of the reply */
};

struct redis_link;

struct redis_target {
	const char *address; /* numeric; NULL: the Unix socket PATH */
	int port;
	const char *path;
	const struct redis_tls *tls; /* NULL: plain */
	const char *tls_host; /* with TLS: whose certificate it should have */
};

/* Connects. */
enum link_result redis_link_open(const struct redis_target *target, uint64_t deadline_ms,
	struct redis_link **link_r, struct redis_answer *reply_r);
void redis_link_close(struct redis_link **link);

/* Lets replies of up to BYTES through, and arrays of up to ELEMENTS [LINK_REPLY_MAX, 64]. */
void redis_link_allow(struct redis_link *link, size_t bytes, size_t elements);

/* Puts a command into the output, which the next receive writes; one whose reply is not WANTED is
 * skipped there. */
void redis_link_append(struct redis_link *link, const struct redis_command *command, bool wanted);
/* The same for what redis_bytes_add was given; its replies are never wanted. */
void redis_link_append_bytes(struct redis_link *link, const struct redis_bytes *bytes);

/* The next wanted reply. */
enum link_result redis_link_receive(
	struct redis_link *link, uint64_t deadline_ms, struct redis_answer *reply_r);

/* Sends COMMAND and receives its reply. Where it is an EVALSHA and the server does not know the
 * script, it is sent again as EVAL. */
enum link_result redis_link_call(struct redis_link *link, struct redis_command *command,
	uint64_t deadline_ms, struct redis_answer *reply_r);

#endif
