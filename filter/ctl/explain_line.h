/* SPDX-License-Identifier: BSD-2-Clause */
/* The session that a line of a log tells of: of Mailreeve (text or JSON), or where Postfix notes that a
 * milter or Postfix itself refused something. */
#ifndef MAILREEVE_EXPLAIN_LINE_H
#define MAILREEVE_EXPLAIN_LINE_H

#include "compiler.h"
#include "explain_request.h"

/* LINE: with or without what syslog sets before it. Fills REQUEST in, over what stands there. False with a
 * sentence in WHY. */
bool explain_line_read(
	const char *line, struct explain_request *request, char *why, size_t why_size) MUST_CHECK;

#endif
