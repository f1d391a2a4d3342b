/* SPDX-License-Identifier: BSD-2-Clause */
/* A supposed SMTP session, and how it travels from mailreevectl to the daemon: lines "name value", the
 * values escaped as in the log, an empty line, then the message, if there is one. */
#ifndef MAILREEVE_EXPLAIN_REQUEST_H
#define MAILREEVE_EXPLAIN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

enum { EXPLAIN_RECIPIENTS_MAX = 50, EXPLAIN_MESSAGE_MAX = 16 << 20 };

/* Zeroed to begin with; all owned. NULL: not said. */
struct explain_request {
	char *client, *port, *name, *helo, *from, *auth, *tls_subject, *queue;
	char *recipients[EXPLAIN_RECIPIENTS_MAX];
	size_t recipient_count;
	char *message; /* any bytes */
	size_t message_length;
};

/* Sets what is called NAME ("client", "rcpt" ...) to a copy of VALUE; recipients are added. False with a
 * sentence in WHY for a name that is none, and too many recipients. */
bool explain_request_set(struct explain_request *request, const char *name, const char *value,
	char *why, size_t why_size) MUST_CHECK;

/* What can be judged at all: at least a client that is an address. False with a sentence in WHY. */
bool explain_request_verify(
	const struct explain_request *request, char *why, size_t why_size) MUST_CHECK;

/* As it travels; *LENGTH_R bytes, owned by the caller (mem_free). */
char *explain_request_format(const struct explain_request *request, size_t *length_r);
bool explain_request_parse(const char *bytes, size_t length, struct explain_request *request_r,
	char *why, size_t why_size) MUST_CHECK;

void explain_request_clear(struct explain_request *request);

#endif
