/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection to the target of a call-ahead: SMTP (RFC 5321) or LMTP (RFC 2033) commands and
 * replies, each bounded in bytes and by a deadline of clock_monotonic_ms. Used by one thread at a
 * time. */
#ifndef MAILREEVE_CALLAHEAD_LINK_H
#define MAILREEVE_CALLAHEAD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "callahead_reply.h"
#include "callahead_socket.h"
#include "callahead_target.h"
#include "callahead_tls.h"
#include "compiler.h"

struct callahead_link;

enum { CALLAHEAD_COMMAND_MAX = 512, CALLAHEAD_REPLY_MAX = 16384 };

/* Connects. ADDRESS: the target's, where it has no socket. NULL with a reason in WHY; no reason of any
 * of these functions holds anything of the target's words. */
struct callahead_link *callahead_link_open(const struct callahead_target *target,
	const struct ipaddr *address, uint64_t deadline_ms,
	char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

/* A reply that comes by itself: the greeting. False as below. */
bool callahead_link_listen(struct callahead_link *link, uint64_t deadline_ms,
	struct callahead_reply *reply_r, char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

/* One command (without CRLF; the caller sees to it that no control byte is in it) and its reply. False
 * with a reason in WHY when the connection is of no further use. */
bool callahead_link_ask(struct callahead_link *link, const char *command, uint64_t deadline_ms,
	struct callahead_reply *reply_r, char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

/* After the reply to STARTTLS: what is said from now on is encrypted. False as above. */
bool callahead_link_encrypt(struct callahead_link *link, struct callahead_tls_context *context,
	const struct callahead_target *target, const struct ipaddr *address, uint64_t deadline_ms,
	char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

/* Whether the target takes 8-bit addresses; as set by the greeting. */
bool callahead_link_has_smtputf8(const struct callahead_link *link);
void callahead_link_set_smtputf8(struct callahead_link *link, bool has);

/* Nothing has come that nobody asked for, an end included. */
bool callahead_link_is_quiet(struct callahead_link *link);

/* Says QUIT and does not wait for the answer. Nulls; NULL allowed. */
void callahead_link_close(struct callahead_link **link);

#endif
