/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain.h"

#include <stdint.h>
#include <string.h>

#include "chain_private.h"
#include "clock.h"
#include "exemption.h"
#include "mem.h"
#include "stats.h"

/* Life. ---------------------------------------------------------------------------------------- */

struct chain *chain_create(struct conf *conf, const struct services *services)
{
	struct chain *chain = mem_alloc(sizeof(*chain));

	chain->conf = conf_share(conf);
	chain->states = mem_array(conf->policy_count, sizeof(chain->states[0]));
	chain_scope_place(chain);
	session_init(&chain->session, &chain->conf->site, services);
	chain->session.conf = chain->conf;
	return chain;
}

struct session *chain_session(struct chain *chain)
{
	return &chain->session;
}

void chain_begin(struct chain *chain, enum scope scope)
{
	chain_scope_end(chain, scope, OUTCOME_DROPPED);
	chain_scope_open(chain, scope);
}

void chain_end_transaction(struct chain *chain, enum outcome outcome)
{
	chain_scope_end(chain, SCOPE_TRANSACTION, outcome);
}

void chain_free(struct chain **chain_ptr)
{
	struct chain *chain = *chain_ptr;

	if (chain == NULL)
		return;
	*chain_ptr = NULL;
	chain_scope_end(chain, SCOPE_CONNECTION, OUTCOME_DROPPED);
	mem_free(chain->memory[0]);
	mem_free(chain->states);
	conf_release(&chain->conf);
	mem_free(chain);
}

int64_t chain_waiting(void)
{
	return chain_judge_waiting();
}

/* The stages, in the order of the dialogue. ---------------------------------------------------- */

/* Without waiting: nothing need be asked about whom nothing counts for. */
static void look_at_exemptions(struct chain *chain, enum stage stage)
{
	exemption_update(&chain->session, stage, clock_monotonic_ms());
}

static void count(struct chain *chain, const struct decision *decision, uint64_t began_us)
{
	stats_count_decision(&chain->session, decision->stage, decision->verdict,
		clock_monotonic_us() - began_us);
}

static struct decision at_stage(struct chain *chain, enum stage stage, uint64_t began_us)
{
	struct decision decision = {.verdict = VERDICT_CONTINUE, .stage = stage};

	look_at_exemptions(chain, stage);
	chain_judge_announce(chain, stage);
	if (chain->session.site->reply_at == REPLY_AT_STAGE)
		decision = chain_judge_answer(chain, stage);
	decision_refuse(&decision, &chain->session);
	count(chain, &decision, began_us);
	return decision;
}

struct decision chain_connect(struct chain *chain)
{
	uint64_t began_us = clock_monotonic_us();
	struct decision decision;

	look_at_exemptions(chain, STAGE_CONNECT);
	decision = chain_judge_immediate(chain);
	if (decision.verdict < VERDICT_TEMPFAIL)
		return at_stage(chain, STAGE_CONNECT, began_us);
	decision_refuse(&decision, &chain->session);
	count(chain, &decision, began_us);
	return decision;
}

struct decision chain_helo(struct chain *chain)
{
	return at_stage(chain, STAGE_HELO, clock_monotonic_us());
}

struct decision chain_mail(struct chain *chain)
{
	chain->session.messages++;
	return at_stage(chain, STAGE_MAIL, clock_monotonic_us());
}

struct decision chain_command(struct chain *chain, const char *command)
{
	uint64_t began_us = clock_monotonic_us();
	struct decision decision;

	chain_scope_open(chain, SCOPE_CONNECTION);
	decision = chain_judge_command(chain, command);
	decision_refuse(&decision, &chain->session);
	count(chain, &decision, began_us);
	return decision;
}

struct decision chain_ask(struct chain *chain, enum stage stage)
{
	struct decision decision = chain_judge_answer(chain, stage);

	decision_refuse(&decision, &chain->session);
	return decision;
}

/* An exempt recipient must not take the others' message along. */
static void accept_recipient(struct chain *chain)
{
	struct transaction *transaction = &chain->session.transaction;
	bool first = transaction->recipients_accepted++ == 0;

	transaction->reserved_only =
		(first || transaction->reserved_only) && decision_is_for_reserved(&chain->session);
	chain->message_exemptions &= chain->session.exemptions;
	decision_accept_recipient(&chain->session);
}

static void remember_quarantine(struct chain *chain, const struct decision *decision)
{
	if (decision->verdict == VERDICT_QUARANTINE && chain->quarantine[0] == '\0')
		memcpy(chain->quarantine, decision->decisive->evidence, sizeof(chain->quarantine));
}

struct decision chain_rcpt(struct chain *chain, struct recipient *recipient)
{
	struct session *session = &chain->session;
	uint64_t began_us = clock_monotonic_us();
	struct decision decision;

	chain_scope_end(chain, SCOPE_RECIPIENT, OUTCOME_DROPPED);
	chain_scope_open(chain, SCOPE_RECIPIENT);
	session->recipient = recipient;
	session->transaction.recipients_seen++;
	look_at_exemptions(chain, STAGE_RCPT);
	chain_judge_announce(chain, STAGE_RCPT);
	decision = chain_judge_answer(chain, STAGE_RCPT);
	decision_refuse(&decision, &chain->session);
	count(chain, &decision, began_us);
	if (decision.verdict < VERDICT_TEMPFAIL)
		accept_recipient(chain);
	chain_judge_tell(chain, decision.verdict);
	remember_quarantine(chain, &decision);
	session->recipient = NULL;
	return decision;
}

void chain_rcpt_refused(struct chain *chain, struct recipient *recipient)
{
	if (!chain_judge_start_waiting(chain))
		return;
	chain_scope_end(chain, SCOPE_RECIPIENT, OUTCOME_DROPPED);
	chain_scope_open(chain, SCOPE_RECIPIENT);
	chain->session.recipient = recipient;
	look_at_exemptions(chain, STAGE_RCPT);
	chain_judge_before(chain, chain_judge_deadline(chain));
	chain_judge_tell(chain, VERDICT_REJECT);
	chain->session.recipient = NULL;
	chain_judge_stop_waiting();
}

static void begin_content(struct chain *chain)
{
	chain_scope_open(chain, SCOPE_TRANSACTION);
	if (chain->session.transaction.recipients_accepted > 0)
		chain->session.exemptions = chain->message_exemptions;
}

/* A pass over every field is for those who read it. */
static struct header_section *header_section(struct chain *chain)
{
	struct transaction *transaction = &chain->session.transaction;

	if (transaction->header == NULL && chain_judge_reads_header(chain))
		transaction->header = header_section_create();
	return transaction->header;
}

void chain_header(struct chain *chain, const char *name, const char *body)
{
	struct call event = chain_scope_call(chain, STAGE_HEADER, 0);
	struct header_section *section;

	begin_content(chain);
	section = header_section(chain);
	if (section != NULL)
		header_section_add(section, name, body);
	event.field_name = name;
	event.field_body = body;
	chain_judge_collect(chain, &event);
}

void chain_body(struct chain *chain, const unsigned char *chunk, size_t length)
{
	struct call event = chain_scope_call(chain, STAGE_BODY, 0);

	begin_content(chain);
	event.chunk = chunk;
	event.chunk_length = length;
	chain_judge_collect(chain, &event);
}

struct decision chain_eom(struct chain *chain)
{
	uint64_t began_us = clock_monotonic_us();
	struct decision decision;

	begin_content(chain);
	(void)header_section(chain);
	session_end_scope(&chain->session, SCOPE_RECIPIENT);
	chain_judge_announce(chain, STAGE_EOM);
	decision = chain_judge_message(chain);
	decision.stage = STAGE_EOM;
	chain->session.transaction.answered = true;
	remember_quarantine(chain, &decision);
	if (decision.verdict < VERDICT_TEMPFAIL && chain->quarantine[0] != '\0') {
		decision.verdict = VERDICT_QUARANTINE;
		session_add_edit(&chain->session, EDIT_QUARANTINE, chain->quarantine, NULL, 0);
	}
	count(chain, &decision, began_us);
	if (decision.verdict >= VERDICT_TEMPFAIL)
		decision_refuse(&decision, &chain->session);
	else
		decision_log(&chain->session, &decision);
	return decision;
}
