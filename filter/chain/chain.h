/* SPDX-License-Identifier: BSD-2-Clause */
/* The chain: runs the policies of a configuration over one SMTP session, stage by stage, and merges
 * their findings into one decision (design section 2). The door fills in the facts of a stage, then
 * calls the chain. One chain a connection; used by one thread at a time. */
#ifndef MAILREEVE_CHAIN_H
#define MAILREEVE_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"
#include "conf.h"
#include "decision.h"
#include "policy.h"

struct chain;

/* Takes a reference of CONF; SERVICES are borrowed and must outlive the chain. */
struct chain *chain_create(struct conf *conf, const struct services *services);
/* Ends all scopes; what is reserved is given back. Nulls; NULL allowed. */
void chain_free(struct chain **chain);

/* The facts, to be filled in before the call of their stage. */
struct session *chain_session(struct chain *chain);

/* Before the facts of a stage are filled in: ends what the event ends (a second HELO, the next MAIL),
 * and opens the new scope. Idempotent. */
void chain_begin(struct chain *chain, enum scope scope);

/* After the facts are filled in. Where the stage is not a reply point the lookups are started and
 * VERDICT_CONTINUE comes back at once. */
struct decision chain_connect(struct chain *chain);
struct decision chain_helo(struct chain *chain);
struct decision chain_mail(struct chain *chain);
/* A command that the MTA does not know, at any time. */
struct decision chain_command(struct chain *chain, const char *command);
/* RECIPIENT is borrowed for the call. */
struct decision chain_rcpt(struct chain *chain, struct recipient *recipient);
/* The MTA has refused RECIPIENT itself (SMFIP_RCPT_REJ): it only counts, for who harvests addresses. */
void chain_rcpt_refused(struct chain *chain, struct recipient *recipient);
void chain_header(struct chain *chain, const char *name, const char *body);
void chain_body(struct chain *chain, const unsigned char *chunk, size_t length);
/* After VERDICT_CONTINUE or VERDICT_QUARANTINE the door applies the transaction's edits, then calls
 * chain_end_transaction with OUTCOME_ACCEPTED. */
struct decision chain_eom(struct chain *chain);
/* For explain, where no recipient is known: the answer, were STAGE a reply point. */
struct decision chain_ask(struct chain *chain, enum stage stage);
/* End of the transaction for whatever reason; idempotent. */
void chain_end_transaction(struct chain *chain, enum outcome outcome);

/* Sessions that wait for lookups now, of all chains; thread-safe. */
int64_t chain_waiting(void);

/* For negotiation: whether a configuration can answer at this stage, and whether any policy wants to
 * see it at all. */
bool chain_may_answer(const struct conf *conf, enum stage stage);
bool chain_wants(const struct conf *conf, enum stage stage);
/* Whether any policy counts the recipients that the MTA refuses. */
bool chain_wants_refused(const struct conf *conf);

#endif
