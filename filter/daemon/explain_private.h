/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of explain share; nobody else includes it. explain.c plays the session, explain_json.c
 * writes down what came of it. */
#ifndef MAILREEVE_EXPLAIN_PRIVATE_H
#define MAILREEVE_EXPLAIN_PRIVATE_H

#include "chain.h"
#include "explain_request.h"
#include "inquiry.h"
#include "text.h"

enum {
	STEP_SIZE = 64 << 10,
	STEPS_MAX = 4 + EXPLAIN_RECIPIENTS_MAX,
	USES_MAX = 200,
	WHOLE_MS = 30000, /* after that no further recipient is asked about */
	LOOKUP_MS = 1000 /* for lookups that nothing waited for, to be shown */
};

/* What is said of one stage, and of each recipient. */
struct step {
	enum stage stage;
	const char *argument; /* of the command; borrowed */
	struct text checks; /* of its own findings, as elements of an array */
	char exempt[100], exempt_by[EVIDENCE_SIZE];
	struct decision decision;
	char decided_by[128];
	bool answered; /* a reply point */
	bool unreached; /* the session would have ended before */
};

struct explanation {
	const struct explain_request *request;
	struct conf *conf;
	struct chain *chain;
	struct session *session;
	struct step steps[STEPS_MAX];
	size_t step_count;
	size_t seen[SCOPE_COUNT]; /* findings that are in a step already */
	bool spoke[64][POLICY_CHECKS_MAX]; /* by policy and check: there is a finding */
	bool refused; /* for the whole session */
	bool cut;
	struct inquiry_trace trace;
};

/* All of it as one object. Waits a moment for look-ups that are under way. */
void explain_json(struct text *json, struct explanation *explanation);

#endif
