/* SPDX-License-Identifier: BSD-2-Clause */
/* Call-ahead: whether a mail store knows a recipient, asked of the store itself by SMTP or LMTP. A few
 * connections are kept, equal questions under way are asked once, answers are kept in the store of
 * all hosts. Thread-safe; the calling thread waits. */
#ifndef MAILREEVE_CALLAHEAD_H
#define MAILREEVE_CALLAHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "callahead_dialogue.h"
#include "callahead_target.h"
#include "callahead_tls.h"
#include "compiler.h"
#include "path.h"
#include "resolver.h"
#include "store.h"

struct callahead;

struct callahead_options {
	int64_t timeout_ms; /* of a question */
	int64_t known_ms, unknown_ms; /* how long the answers are kept */
	int64_t remember_ms; /* a refusal, for when the target does not answer later */
	struct callahead_tls_options tls;
};

/* Does nothing yet. Freed when nobody asks any more. */
struct callahead *callahead_create(
	const struct callahead_target *target, const struct callahead_options *options);
void callahead_free(struct callahead **callahead);

struct callahead_question {
	struct store *store; /* NULL: nothing is kept */
	struct resolver *resolver; /* for a target with a name */
	const char *our_name; /* of EHLO */
	const struct path *path; /* with a domain; local-part in the case that counts */
	uint64_t deadline_ms; /* of clock_monotonic_ms; the options' timeout counts as well */
	bool dry_run; /* the store is read only */
	bool from_us; /* it is a call-ahead of ours that asks: through an MTA with this filter */
	bool remember; /* what the target refused before stays unknown while it does not answer */
};

/* WHY: for CALLAHEAD_UNSURE the reason, for the log only; no words of the target are in it. */
enum callahead_answer callahead_ask(struct callahead *callahead,
	const struct callahead_question *question, char why[CALLAHEAD_WHY_SIZE]);

struct callahead_state {
	bool up; /* as far as is known */
	unsigned open, idle; /* connections */
	uint64_t asked, cached, shared, failures;
};
void callahead_state(struct callahead *callahead, struct callahead_state *state_r);

/* What the store keeps of PATH, and whether the target takes anybody of its domain, is kept no longer, on
 * all hosts. False while the store does not answer. */
bool callahead_forget(
	const struct callahead *callahead, struct store *store, const struct path *path) MUST_CHECK;

#endif
