/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept of a decision: its reference for the client, and one line in the log. */
#ifndef MAILREEVE_DECISION_H
#define MAILREEVE_DECISION_H

#include "chain.h"

/* "7Q2K-M4XD": 40 random bits, without letters that are easily mistaken. */
void decision_make_reference(char reference_r[REFERENCE_SIZE]);

/* One line, key=value in fixed order: session queue client name helo from rcpt (or recipients) auth
 * exempt stage verdict check action reply ref findings. Everything from the wire is escaped. */
void decision_log(const struct session *session, const struct decision *decision);

#endif
