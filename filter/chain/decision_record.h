/* SPDX-License-Identifier: BSD-2-Clause */
/* What is written down of a decision, in one fixed order, for the log (text or JSON), the journal, and
 * "mailreevectl why": interfaces, described in mailreeve(8) and mailreeve-journal(5). One line each, pure
 * printable ASCII. */
#ifndef MAILREEVE_DECISION_RECORD_H
#define MAILREEVE_DECISION_RECORD_H

#include <stddef.h>

#include "decision.h"
#include "text.h"

enum {
	RECORD_LOG_SIZE = 2048, /* a line of the log, with its NUL */
	RECORD_JOURNAL_SIZE = 8192
};

/* key=value for the log; at most RECORD_LOG_SIZE - 1 bytes. Returns BUFFER. */
const char *decision_record_text(
	const struct session *session, const struct decision *decision, char *buffer, size_t size);

/* The same as JSON for the log. Returns BUFFER. */
const char *decision_record_json(
	const struct session *session, const struct decision *decision, char *buffer, size_t size);

/* JSON with time, host and sender's domain, for a refusal also the place in the configuration and the
 * DNS answers it rests on as far as they fit. Returns BUFFER. */
const char *decision_record_journal(
	const struct session *session, const struct decision *decision, char *buffer, size_t size);

/* One finding as an object, with the place of its setting in the configuration. */
void decision_record_finding(
	struct text *text, const struct session *session, const struct finding *finding);

/* "policy.check(title)" */
void decision_record_check(const struct finding *finding, char *buffer, size_t size);

/* One answer of the DNS: the members of an object. */
void decision_record_answer(struct text *text, const struct dns_answer *answer);

#endif
