/* SPDX-License-Identifier: BSD-2-Clause */
/* One policy in a session of a test: facts are set as the door would set them, the policy's hooks are
 * run as the chain would run them, its findings are looked at. Use it with tests/fake/fake_inquiry.c
 * (and fake_spf.c). Anything the helpers do not set (macros, exemptions, store) may be set in the
 * members directly. */
#ifndef MAILREEVE_POLICY_CASE_H
#define MAILREEVE_POLICY_CASE_H

#include <stdbool.h>

#include "policy.h"

struct policy_case {
	struct site site;
	struct services services;
	struct session session;
	struct recipient recipient;
	struct call call;
	void *options;
	enum action fail_actions[POLICY_CHECKS_MAX], temperror_actions[POLICY_CHECKS_MAX];
};

/* Site: hostname "mx.example.org", local domain "example.org" and all below ".example.org", own
 * address 198.51.100.1, trusted network 127.0.0.0/8. Policy: all defaults; a titled policy has one
 * section. */
void policy_case_start(struct policy_case *policy_case, const struct policy *policy);
void policy_case_end(struct policy_case *policy_case);

/* NAME is a setting, a check ("missing"), or a check's temperror ("missing_temperror"). Fails the
 * test when there is no such name or the value does not parse. Runs verify and prepare anew. */
void policy_case_set(struct policy_case *policy_case, const char *name, const char *value);

/* The section only looks on from now on: mode = monitor. */
void policy_case_look_on(struct policy_case *policy_case);

/* A list of SITE or options gets an entry; *LIST may be NULL. */
void policy_case_list(struct matchlist **list, const char *entry);

/* Facts of each stage; a second helo or mail ends what came before it. CLIENT "" is a local socket;
 * HELO and REVERSE_PATH are what the client says. */
void policy_case_connect(struct policy_case *policy_case, const char *client);
void policy_case_helo(struct policy_case *policy_case, const char *helo);
void policy_case_mail(struct policy_case *policy_case, const char *reverse_path);
void policy_case_rcpt(struct policy_case *policy_case, const char *forward_path);

/* A header field, for session.transaction.header and the policy's hook at STAGE_HEADER. */
void policy_case_field(struct policy_case *policy_case, const char *name, const char *body);

/* Announce and judge hooks of that stage. */
void policy_case_run(struct policy_case *policy_case, enum stage stage);

/* The last finding of that check, or NULL. */
const struct finding *policy_case_finding(struct policy_case *policy_case, const char *check);

/* Its result; fails the test when there is none. */
enum result policy_case_result(struct policy_case *policy_case, const char *check);

/* The hardest action of all findings (temperror's included). */
enum action policy_case_action(struct policy_case *policy_case);

#endif
