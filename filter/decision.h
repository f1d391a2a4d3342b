/* SPDX-License-Identifier: BSD-2-Clause */
/* A decision: what the MTA is told, with a reference for the client and one line in the log. */
#ifndef MAILREEVE_DECISION_H
#define MAILREEVE_DECISION_H

#include "compiler.h"
#include "policy.h"
#include "reply.h"

enum { REFERENCE_SIZE = 10 };

/* What the MTA is to be told. The findings stay with the session until their scope ends. */
struct decision {
	enum verdict verdict;
	enum stage stage; /* at which it is told */
	const struct finding *decisive; /* NULL for VERDICT_CONTINUE, and when we are too busy */
	struct reply reply; /* for a tempfail or reject */
	char reference[REFERENCE_SIZE]; /* "7Q2K-M4XD"; "" unless refused */
};

/* Merges into DECISION the findings of stages FROM to TO that count in this situation. */
void decision_merge(
	struct decision *decision, const struct session *session, enum stage from, enum stage to);

/* The policy does not count in this situation: an exempt client, or mail to postmaster. */
bool decision_skips(const struct session *session, const struct policy *policy);

/* Reply and reference of a refusal by a finding, and its line in the log; nothing for what is
 * accepted. */
void decision_refuse(struct decision *decision, const struct session *session);

/* The refusal where more sessions wait than may. */
struct decision decision_too_busy(const struct session *session, enum stage stage);

/* "7Q2K-M4XD": 40 random bits, without letters that are easily mistaken. */
void decision_make_reference(char reference_r[REFERENCE_SIZE]);

/* One line, key=value in fixed order: session queue client name helo from rcpt (or recipients) auth
 * exempt stage verdict check action reply ref findings. Everything from the wire is escaped. */
void decision_log(const struct session *session, const struct decision *decision);

#endif
