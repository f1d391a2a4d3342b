/* SPDX-License-Identifier: BSD-2-Clause */
/* A reply of SMTP or LMTP (RFC 5321 4.2, RFC 2034), a line at a time, and what a reply to RCPT says
 * about the recipient. Pure, reentrant. */
#ifndef MAILREEVE_CALLAHEAD_REPLY_H
#define MAILREEVE_CALLAHEAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

enum { CALLAHEAD_LINE_MAX = 1000, CALLAHEAD_LINES_MAX = 60 };

struct callahead_reply {
	unsigned code; /* 200 to 599 */
	char enhanced[12]; /* "5.1.1" of the first line, or "" */
	unsigned lines;
	bool smtputf8, starttls; /* a line names that keyword */
};

enum callahead_line { CALLAHEAD_LINE_MORE, CALLAHEAD_LINE_LAST, CALLAHEAD_LINE_BAD };

/* Adds a line without its CRLF; REPLY is zeroed before the first. */
enum callahead_line callahead_reply_add(
	struct callahead_reply *reply, const char *line, size_t length) MUST_CHECK;

enum callahead_meaning {
	CALLAHEAD_TAKEN,
	CALLAHEAD_NOT_THERE, /* this mailbox does not exist */
	CALLAHEAD_PERHAPS_NOT_THERE, /* a refusal that does not say whether it is for the mailbox */
	CALLAHEAD_UNCLEAR /* temporary, or refused for another reason */
};
enum callahead_meaning callahead_reply_meaning(const struct callahead_reply *reply);

#endif
