/* SPDX-License-Identifier: BSD-2-Clause */
/* An SMTP reply: code, enhanced status code (RFC 3463), text. One constructor guarantees what
 * smfi_setreply demands: class of both codes equal, printable ASCII, no CR or LF, bounded. (The
 * doubling of '%' is the milter door's business.) Pure value. */
#ifndef MAILREEVE_REPLY_H
#define MAILREEVE_REPLY_H

#include "compiler.h"
#include "verdict.h"

enum { REPLY_TEXT_SIZE = 480 };

struct reply {
	char code[4]; /* "550"; empty when there is no reply */
	char enhanced[12]; /* "5.7.1" */
	char text[REPLY_TEXT_SIZE]; /* printable ASCII, no '%' doubling */
};

/* CODE and ENHANCED are those of a reject ("550", "5.7.25"). With VERDICT_TEMPFAIL the class digit of
 * ENHANCED becomes 4 and CODE becomes TEMPFAIL_CODE ("450", "451", or NULL for "451"). Text from the
 * wire may stand in the arguments: bytes that are not printable ASCII become "?". */
void reply_set(struct reply *reply, enum verdict verdict, const char *code,
	const char *tempfail_code, const char *enhanced, const char *format, ...) ATTR_PRINTF(6, 7);

/* Appends " (ref 7Q2K-M4XD)", cutting the text if that is needed to fit. */
void reply_add_reference(struct reply *reply, const char *reference);

#endif
