/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy is. A policy file defines one const struct policy and nothing else that is public. It
 * reads facts (session.h), asks services, and reports findings; what a finding leads to is the
 * administrator's setting and the chain's business, never the policy's.
 *
 * A file reads top to bottom: checks, settings, options, announce, judge, verify, declaration. */
#ifndef MAILREEVE_POLICY_H
#define MAILREEVE_POLICY_H

#include "compiler.h"
#include "session.h"
#include "setting.h"
#include "stage.h"
#include "trial.h"
#include "verdict.h"

enum { POLICY_CHECKS_MAX = 48 };

/* One check: its name is a setting of the policy's section whose value is what a fail does. */
struct check {
	const char *name; /* NULL ends the table */
	enum action fail; /* default action */
	bool can_temperror; /* has a setting NAME_temperror (monitor, tag, suspect, tempfail, off;
			     * default monitor: accept, noted), since it asks something that can be
			     * down. A temperror never becomes a 5yz. */
	bool silent; /* the evidence is for the log only, not for the client */
	const char *code; /* of a reject: "550" */
	const char *tempfail_code; /* NULL: "451" */
	const char *enhanced; /* of a reject: "5.7.25" */
	const char *reply; /* start of the reply's text: "reverse DNS is not confirmed" */
	const char *help; /* for sample and manual */
};

/* Borrowed for one hook call; keep nothing of it. */
struct call {
	struct session *session;
	const struct policy *policy;
	const void *options; /* this policy's, immutable; for a titled policy an array of them */
	size_t option_count; /* sections given, for a titled policy; 1 otherwise */
	const enum action *fail_actions, *temperror_actions; /* by check */
	const struct trial *trial; /* of the section; NULL: it is not on trial */
	const struct trial *check_trials; /* by check; NULL: none is on trial by itself */
	void *state
		[SCOPE_COUNT]; /* this policy's, zeroed at the start of each scope; NULL where its
				   * state_size is 0 */
	enum stage stage;
	uint64_t deadline_ms; /* of clock_monotonic_ms: no hook waits longer */
	/* What just happened; only for that stage. */
	const char *command; /* STAGE_COMMAND; of Postfix the verb only */
	const char *field_name, *field_body; /* STAGE_HEADER; as the MTA hands them over */
	const unsigned char *chunk; /* STAGE_BODY */
	size_t chunk_length;
	enum verdict verdict; /* recipient_answered */
};

enum outcome { OUTCOME_DROPPED, OUTCOME_ACCEPTED };

typedef void policy_hook(struct call *call);

struct policy {
	const char *name; /* section, log tag: "rdns" */
	const char *summary; /* one line for sample and manual */
	const struct check *checks;
	const struct setting *settings; /* NULL: none but the checks and mode */
	size_t options_size;
	size_t state_size[SCOPE_COUNT];
	unsigned exempt_by; /* enum exemption: any of these skips the policy */
	bool titled; /* any number of sections: limit "name" {}; options start with char *title */
	bool immediate; /* its verdict at connect is answered at once whatever reply_at says */
	bool charges; /* runs last in its stage, and only while nothing has refused */
	bool reads_header; /* from STAGE_HEADER on it reads session->transaction.header, which is there
			    * at STAGE_EOM even for a message without one */
	bool only_checks; /* its checks are all it does: where they are off it need not see anything */
	bool reserved_mailboxes_exempt; /* postmaster and abuse of local domains skip its refusal */

	/* Whether these options need to see headers or bodies; NULL: whatever has a hook does. */
	bool (*wants)(const void *options, size_t option_count, enum stage stage);
	/* Starts inquiries; must not wait nor report. */
	policy_hook *announce[STAGE_COUNT];
	/* Reports findings; may wait until the deadline (not at STAGE_HEADER and STAGE_BODY, which
	 * collect into state). Runs at most once for each event. */
	policy_hook *judge[STAGE_COUNT];
	/* At the end of a scope, before its state is zeroed; exactly once for each scope that began.
	 * Must not report. */
	void (*end[SCOPE_COUNT])(struct call *call, enum outcome outcome);
	/* Before anything is found out about a recipient: a refusal reported here is the answer, and
	 * says nothing of whether the recipient exists. */
	policy_hook *before_recipient;
	/* After the answer to a recipient (call->verdict), whoever gave it: this policy, which may not
	 * have been asked, another one, or the MTA. Must not report. */
	policy_hook *recipient_answered;
	/* Rules across settings, at load. False with a sentence in WHY: what is wrong, what would be
	 * right; *SETTING_R names the setting whose line is blamed. */
	bool (*verify)(const void *options, const struct site *site, const char **setting_r,
		char *why, size_t why_size);
	/* Dangerous though legal: calls WARN for each; may be NULL. */
	void (*advise)(const struct call *call, const struct site *site,
		void (*warn)(void *context, const char *setting, const char *text), void *context);
	/* Makes what the hooks need from options just parsed (tables, hashes); NULL: nothing. Freed by
	 * clear. Runs after verify. */
	void (*prepare)(void *options, const struct site *site);
	/* What prepare could not make, since a file has changed after verify: as verify; the
	 * configuration is not used then. NULL: nothing. */
	bool (*complete)(const void *options, const char **setting_r, char *why, size_t why_size);
	void (*clear)(void *options);
};

extern const struct policy
	*const policies[]; /* in the order they run; NULL ends. policies/policies.c */

/* "helo.invalid": how a check is named in the log and by its trial. Returns BUFFER. */
const char *check_full_name(
	const struct policy *policy, unsigned check, char buffer[TRIAL_NAME_SIZE]);

/* For hooks. ---------------------------------------------------------------------------------- */

/* The check runs: its fail action is not off. Announce and judge ask before they ask the DNS. */
bool check_is_on(const struct call *call, unsigned check);

/* The section is on trial and holds back for this client, now: what is found acts as ACTION_MONITOR, and
 * nothing else is to be done either. */
bool call_only_looks_on(const struct call *call);

/* Its findings only look on, for some clients at least: for advise hooks. */
bool check_is_on_trial(const struct call *call, unsigned check);

/* Whether report, below, would keep it: evidence that takes long to write need not be written for nobody. */
bool report_keeps(const struct call *call, unsigned check, enum result result);

/* Reports what check number CHECK (index in the policy's table) found. EVIDENCE: one line, what was
 * asked, what came back, and for a fail what would have been right; wire bytes in it are escaped
 * here. Returns the finding for those who add to it; NULL when the check is off, or when nothing is
 * done about the result and the session does not keep such findings. */
struct finding *report(struct call *call, unsigned check, enum result result, const char *format,
	...) ATTR_PRINTF(4, 5);

/* The same with an action of the caller's (a titled section has its own). */
struct finding *report_action(struct call *call, unsigned check, enum result result,
	enum action action, const char *title, const char *format, ...) ATTR_PRINTF(6, 7);

#endif
