/* SPDX-License-Identifier: BSD-2-Clause */
/* The points of the SMTP dialogue at which a policy can be asked. */
#ifndef MAILREEVE_STAGE_H
#define MAILREEVE_STAGE_H

enum stage {
	STAGE_CONNECT,
	STAGE_COMMAND, /* once for each command that the MTA does not know, at any time */
	STAGE_HELO,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_HEADER, /* once for each header field: collect, no verdict */
	STAGE_BODY, /* once for each chunk: collect, no verdict */
	STAGE_EOM,
	STAGE_COUNT
};

/* How long facts, state and findings live. */
enum scope {
	SCOPE_CONNECTION,
	SCOPE_GREETING, /* from HELO/EHLO to the next one */
	SCOPE_TRANSACTION, /* from MAIL to the end of the message, abort, next MAIL, or close */
	SCOPE_RECIPIENT, /* one RCPT; findings only */
	SCOPE_COUNT
};

const char *stage_name(enum stage stage); /* "connect", "helo", ... */
enum scope stage_scope(enum stage stage);

#endif
