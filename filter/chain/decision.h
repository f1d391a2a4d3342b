/* SPDX-License-Identifier: BSD-2-Clause */
/* A decision: what the MTA is told, with a reference for the client and one line in the log. */
#ifndef MAILREEVE_DECISION_H
#define MAILREEVE_DECISION_H

#include "compiler.h"
#include "kept.h"
#include "policy.h"
#include "reply.h"

/* What the MTA is to be told. The findings stay with the session until their scope ends. */
struct decision {
	enum verdict verdict;
	enum stage stage; /* at which it is told */
	const struct finding *decisive; /* NULL for VERDICT_CONTINUE, and when we are too busy */
	struct reply reply; /* for a tempfail or reject */
	char reference[REFERENCE_SIZE]; /* "7Q2K-M4XD"; "" unless refused */
	bool abandoned; /* nothing was answered: the client left before it came to that */
	enum scope findings_from; /* what scopes outside of this one found is not told */
};

/* The verdict of the findings of stages FROM to TO that count in this situation; *BY_R: the one that
 * decides, NULL for VERDICT_CONTINUE. */
enum verdict decision_merge(
	const struct session *session, enum stage from, enum stage to, const struct finding **by_r);

/* The policy does not count in this situation: an exempt client, or mail to postmaster. */
bool decision_skips(const struct session *session, const struct policy *policy);
/* The recipient that is judged, or outside of RCPT every accepted one, is postmaster or abuse of a local
 * domain. */
bool decision_is_for_reserved(const struct session *session);

/* Reply and reference of a refusal by a finding, and its line in the log; nothing for what is
 * accepted. */
void decision_refuse(struct decision *decision, const struct session *session);

/* The refusal where more sessions wait than may. */
struct decision decision_too_busy(const struct session *session, enum stage stage);

/* What the verdict would be, were nothing only monitored, by what is told of DECISION; *BY_R: the finding
 * that decides, NULL for VERDICT_CONTINUE. */
enum verdict decision_would(const struct session *session, const struct decision *decision,
	const struct finding **by_r);

/* Writes it down: a line in the log, a record in the journal, and for a refusal what mailreevectl why
 * shows. Nothing for a session that only asks. Waits for nobody. */
void decision_log(const struct session *session, const struct decision *decision);

/* A recipient was accepted, or a client left, whom a check would have refused that is only monitored: told once for
 * each recipient and transaction. */
void decision_accept_recipient(struct session *session);
/* SCOPE and those within it are about to end. */
void decision_abandon(struct session *session, enum scope scope);

#endif
