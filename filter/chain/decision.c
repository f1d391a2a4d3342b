/* SPDX-License-Identifier: BSD-2-Clause */
#include "decision.h"

#include "decision_record.h"
#include "journal.h"
#include "kept.h"
#include "log.h"
#include "mem.h"

bool decision_is_for_reserved(const struct session *session)
{
	const struct recipient *recipient = session->recipient;

	if (recipient == NULL)
		return session->transaction.reserved_only;
	if (recipient->error != PATH_OK || recipient->path.routed)
		return false;
	if (!path_is_postmaster(&recipient->path) && !path_is_abuse(&recipient->path))
		return false;
	return recipient->path.domain[0] == '\0' ||
	       site_is_local_domain(session->site, recipient->path.domain);
}

bool decision_skips(const struct session *session, const struct policy *policy)
{
	if ((policy->exempt_by & session->exemptions) != 0)
		return true;
	return policy->reserved_mailboxes_exempt && decision_is_for_reserved(session);
}

struct merged {
	enum verdict verdict;
	const struct finding *by;
};

static void merge_action(struct merged *merged, const struct session *session,
	const struct finding *finding, enum action action)
{
	enum verdict verdict = verdict_of_action(action);

	if (verdict == VERDICT_REJECT &&
		(finding->policy->exempt_by & session->exemptions_unknown) != 0)
		verdict = VERDICT_TEMPFAIL;
	if (!verdict_overrides(merged->verdict, verdict))
		return;
	merged->verdict = verdict;
	merged->by = finding;
}

enum verdict decision_merge(
	const struct session *session, enum stage from, enum stage to, const struct finding **by_r)
{
	struct merged merged = {.verdict = VERDICT_CONTINUE};

	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		const struct findings *findings = &session->findings[scope];

		for (size_t i = 0; i < findings->count; i++) {
			const struct finding *finding = findings->items[i];

			if (finding->stage >= from && finding->stage <= to &&
				!decision_skips(session, finding->policy))
				merge_action(&merged, session, finding, finding->action);
		}
	}
	*by_r = merged.by;
	return merged.verdict;
}

/* What would be done were it not only monitored. A check that is set to monitor would reject. */
static enum action enforced_action(const struct finding *finding)
{
	if (finding->action != ACTION_MONITOR || finding->would != ACTION_MONITOR)
		return finding->action == ACTION_MONITOR ? finding->would : finding->action;
	return finding->result == RESULT_FAIL ? ACTION_REJECT : ACTION_MONITOR;
}

/* What the stages before said of a message is said of those of its recipients that were accepted. */
static bool concerns(const struct session *session, const struct decision *decision,
	const struct finding *finding)
{
	if (decision->stage != STAGE_EOM && !decision->abandoned)
		return !decision_skips(session, finding->policy);
	return finding->stage == STAGE_EOM || session->transaction.would_refuse;
}

enum verdict decision_would(
	const struct session *session, const struct decision *decision, const struct finding **by_r)
{
	struct merged would = {.verdict = VERDICT_CONTINUE};

	for (int scope = (int)decision->findings_from; scope < SCOPE_COUNT; scope++) {
		const struct findings *findings = &session->findings[scope];

		for (size_t i = 0; i < findings->count; i++)
			if (concerns(session, decision, findings->items[i]))
				merge_action(&would, session, findings->items[i],
					enforced_action(findings->items[i]));
	}
	*by_r = would.by;
	return would.verdict;
}

static void mark_told(const struct session *session, const struct decision *decision)
{
	for (int scope = (int)decision->findings_from; scope < SCOPE_COUNT; scope++)
		for (size_t i = 0; i < session->findings[scope].count; i++)
			session->findings[scope].items[i]->told = true;
}

static void log_in(char buffer[RECORD_JOURNAL_SIZE], const struct session *session,
	const struct decision *decision)
{
	if (log_current_format() == LOG_FORMAT_JSON)
		log_record(decision_record_json(session, decision, buffer, RECORD_LOG_SIZE));
	else
		log_record(decision_record_text(session, decision, buffer, RECORD_LOG_SIZE));
	if (!journal_is_open() && (!kept_is_on() || decision->reference[0] == '\0'))
		return;
	decision_record_journal(session, decision, buffer, RECORD_JOURNAL_SIZE);
	journal_add(buffer);
	if (decision->reference[0] != '\0')
		kept_add(decision->reference, session->transaction.queue_id, buffer);
}

void decision_log(const struct session *session, const struct decision *decision)
{
	char *buffer;

	if (session->dry_run)
		return;
	mark_told(session, decision);
	/* Not on the stack, of which each of some hundred threads keeps what it once used. */
	buffer = mem_resize(NULL, RECORD_JOURNAL_SIZE, 1);
	log_in(buffer, session, decision);
	mem_free(buffer);
}

/* Nothing is kept of a session that is only supposed, so it gets none. */
static void add_reference(struct decision *decision, const struct session *session)
{
	if (session->dry_run)
		return;
	kept_make_reference(decision->reference);
	reply_add_reference(&decision->reply, decision->reference);
}

void decision_refuse(struct decision *decision, const struct session *session)
{
	const struct finding *finding = decision->decisive;
	const struct check *check;
	const char *detail = "", *doubt = "";

	if (decision->verdict < VERDICT_TEMPFAIL || finding == NULL)
		return;
	check = finding->check;
	if (finding->reply[0] != '\0')
		detail = finding->reply;
	else if (!check->silent)
		detail = finding->evidence;
	/* The reply of the check says what would be so; a sender must not read it as a fact. */
	if (finding->result == RESULT_TEMPERROR && check->can_temperror)
		doubt = "not known now, try again later: ";
	reply_set(&decision->reply, decision->verdict, check->code, check->tempfail_code,
		check->enhanced, "%s%s%s%s", doubt, check->reply, detail[0] == '\0' ? "" : ": ",
		detail);
	add_reference(decision, session);
	decision_log(session, decision);
}

struct decision decision_too_busy(const struct session *session, enum stage stage)
{
	struct decision decision = {.verdict = VERDICT_TEMPFAIL, .stage = stage};

	reply_set(&decision.reply, VERDICT_TEMPFAIL, "550", "451", "5.3.2",
		"too many sessions wait for lookups, try again later");
	add_reference(&decision, session);
	decision_log(session, &decision);
	return decision;
}

void decision_accept_recipient(struct session *session)
{
	struct decision all = {.verdict = VERDICT_CONTINUE, .stage = STAGE_RCPT};
	struct decision own = all;
	const struct finding *by;

	if (decision_would(session, &all, &by) > VERDICT_CONTINUE)
		session->transaction.would_refuse = true;
	own.findings_from = SCOPE_RECIPIENT;
	if (decision_would(session, &own, &by) > VERDICT_CONTINUE && by->action == ACTION_MONITOR)
		decision_log(session, &own);
}

static bool has_untold(const struct session *session, enum scope scope)
{
	for (int s = (int)scope; s <= SCOPE_TRANSACTION; s++)
		for (size_t i = 0; i < session->findings[s].count; i++)
			if (!session->findings[s].items[i]->told)
				return true;
	return false;
}

void decision_abandon(struct session *session, enum scope scope)
{
	struct transaction *transaction = &session->transaction;
	bool was_accepted = transaction->recipients_accepted > 0 && !transaction->answered;
	struct decision decision = {.verdict = VERDICT_CONTINUE, .stage = STAGE_RCPT};
	const struct finding *by;

	if ((!was_accepted || !transaction->would_refuse) && !has_untold(session, scope))
		return;
	/* What would have been answered at a stage before RCPT. */
	if (!was_accepted)
		decision.findings_from = scope;
	if (decision_would(session, &decision, &by) == VERDICT_CONTINUE)
		return;
	decision.stage = was_accepted ? STAGE_RCPT : by->stage;
	decision.abandoned = true;
	transaction->would_refuse = true;
	decision_log(session, &decision);
}
