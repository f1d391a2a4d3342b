/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the chain share; nobody else includes it. chain.c has the stages as the door calls
 * them, chain_scope.c what is kept for the policies and for how long, chain_judge.c the passes over
 * them. */
#ifndef MAILREEVE_CHAIN_PRIVATE_H
#define MAILREEVE_CHAIN_PRIVATE_H

#include "conf.h"
#include "conf_hooks.h"
#include "decision.h"
#include "policy.h"

struct chain {
	struct conf *conf;
	struct session session;
	bool begun[SCOPE_COUNT];
	char quarantine
		[EVIDENCE_SIZE]; /* reason, once a recipient or an earlier stage asked for it */
	unsigned message_exemptions; /* those that hold for every recipient accepted so far */
	bool asked_before; /* the hooks before_recipient, for this recipient */
	policy_set judged[STAGE_COUNT]; /* since the stage's scope began */
	void *(*states)[SCOPE_COUNT]; /* of each policy of the configuration */
	unsigned char
		*memory[SCOPE_COUNT + 1]; /* all states in one block: where those of each scope
						 * begin, and the end */
};

/* chain_scope.c ------------------------------------------------------------------------------- */

/* Gives each policy its states, zeroed. */
void chain_scope_place(struct chain *chain);
/* What the hooks of STAGE are given, whichever policy's they are. */
struct call chain_scope_call(struct chain *chain, enum stage stage, uint64_t deadline_ms);
/* Takes the first policy out of SET and makes CALL its own; false when there is none. */
bool chain_scope_next(const struct chain *chain, policy_set *set, struct call *call);
/* Marks the scopes down to INNERMOST as begun: each will be ended. */
void chain_scope_open(struct chain *chain, enum scope innermost);
/* Ends SCOPE and those within it, for the policies first and then for the session; idempotent. */
void chain_scope_end(struct chain *chain, enum scope scope, enum outcome outcome);

/* chain_judge.c ------------------------------------------------------------------------------- */

/* Until when a hook that begins now may wait. */
uint64_t chain_judge_deadline(const struct chain *chain);
/* Counts this session among those that may wait for lookups; false above the bound. */
bool chain_judge_start_waiting(const struct chain *chain);
void chain_judge_stop_waiting(void);
int64_t chain_judge_waiting(void); /* how many there are */

/* Lets the policies start their lookups for STAGE. */
void chain_judge_announce(struct chain *chain, enum stage stage);
/* Policies that are answered at once, at connect. */
struct decision chain_judge_immediate(struct chain *chain);
/* One more command that the MTA does not know. */
struct decision chain_judge_command(struct chain *chain, const char *command);
/* Everything up to STAGE, a reply point, that has not been judged yet. */
struct decision chain_judge_answer(struct chain *chain, enum stage stage);
/* What must be asked before anything is known of the recipient. */
void chain_judge_before(struct chain *chain, uint64_t deadline_ms);
/* After the answer to the recipient. */
void chain_judge_tell(struct chain *chain, enum verdict verdict);
/* Whether any policy that counts here has reads_header. */
bool chain_judge_reads_header(const struct chain *chain);
/* For those who collect what has just happened at EVENT's stage, which is to have it. */
void chain_judge_collect(struct chain *chain, struct call *event);
/* End of message: what was found before it has been answered at RCPT. */
struct decision chain_judge_message(struct chain *chain);

#endif
