/* SPDX-License-Identifier: BSD-2-Clause */
/* A chain with policies that do as a test tells them and write down what was asked of them. Each has
 * a check for every stage, named like it, off by default: it fails as soon as it has an action. */
#ifndef MAILREEVE_TEST_CHAIN_CASE_H
#define MAILREEVE_TEST_CHAIN_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "chain.h"

/* In the order of the list that the chain gets: what charges comes first, to show that it runs last. */
enum {
	CHAIN_CHARGE, /* charges: rcpt, eom */
	CHAIN_CHARGE2,
	CHAIN_NOW, /* immediate: connect, rcpt */
	CHAIN_A, /* all stages */
	CHAIN_GUARD, /* all stages; reads the header section; skipped for exempt clients and reserved mailboxes */
	CHAIN_B, /* all stages */
	CHAIN_POLICIES
};

extern const struct policy *const chain_case_policies[];

enum { CHAIN_TRACE_SIZE = 4096 };

struct chain_case {
	struct services services; /* first: the hooks find their case by it */
	struct conf *conf;
	struct chain *chain;
	struct recipient recipient; /* of the last RCPT */
	/* What was called, in order: "a:mail b:mail ", "a:transaction=dropped/2 " with the calls that
	 * the state of that scope has seen, "charge charge2 ". */
	char announced[CHAIN_TRACE_SIZE], judged[CHAIN_TRACE_SIZE], ended[CHAIN_TRACE_SIZE],
		refused[CHAIN_TRACE_SIZE];
	bool quiet; /* no traces */
	unsigned begun[SCOPE_COUNT], finished[SCOPE_COUNT]; /* of policy a */
	unsigned decided; /* verdicts that a policy was asked for */
	void (*during_judge)(struct chain_case *chain_case); /* called once, from policy a */
};

/* ON: names of the policies that run, "now a guard b charge charge2". Site: local domain example.org,
 * allow list friend@example.org, reply_at = rcpt. */
void chain_case_start(struct chain_case *chain_case, const char *on);
void chain_case_end(struct chain_case *chain_case);
void chain_case_clear(struct chain_case *chain_case); /* the traces */

/* What a fail of POLICY at STAGE does from now on. */
void chain_case_act(
	struct chain_case *chain_case, int policy, enum stage stage, enum action action);

/* Facts and call of a stage, as the door does it. */
struct decision chain_case_connect(struct chain_case *chain_case);
struct decision chain_case_helo(struct chain_case *chain_case);
struct decision chain_case_mail(struct chain_case *chain_case, const char *auth_user);
struct decision chain_case_rcpt(struct chain_case *chain_case, const char *forward_path);
struct decision chain_case_eom(struct chain_case *chain_case); /* header, body, end of message */

/* Connect, HELO, MAIL. */
void chain_case_open(struct chain_case *chain_case);

#endif
