/* SPDX-License-Identifier: BSD-2-Clause */
#include "author.h"

#include <stdio.h>
#include <string.h>

#include "authres_dkim.h"
#include "mem.h"
#include "text.h"

static const char *no_domain(const char **why_r, const char *why)
{
	*why_r = why;
	return "";
}

const char *author_domain(const struct session *session, const char **why_r)
{
	const struct header_section *header = session->transaction.header;
	const struct mailbox_list *from;

	*why_r = "";
	if (header == NULL || header->counts[HEADER_FROM] == 0)
		return no_domain(why_r, "there is no From field");
	if (header->counts[HEADER_FROM] > 1)
		return no_domain(why_r, "there is more than one From field");
	from = &header->from;
	if (from->count == 0 || from->kept == 0)
		return no_domain(why_r, "From holds no address");
	if (mailbox_list_is_ambiguous(from))
		return no_domain(why_r, "From is ambiguous");
	if (from->count > from->kept)
		return no_domain(why_r, "From holds too many addresses");
	for (size_t i = 0; i < from->kept; i++) {
		if (from->items[i].domain[0] == '\0')
			return no_domain(why_r, "From holds an address without a domain name");
		if (strcmp(from->items[i].domain, from->items[0].domain) != 0)
			return no_domain(why_r, "From holds addresses of different domains");
	}
	return from->items[0].domain;
}

/* Alignment. ----------------------------------------------------------------------------------- */

static void look_at_spf(struct session *session, uint64_t deadline_ms, struct alignment *alignment,
	struct text *evidence)
{
	const struct spf *spf = session_sender_spf_result(session, deadline_ms);

	if (session_sender_spf(session) == NULL) {
		text_add(evidence, "no domain whose SPF could be asked");
		return;
	}
	if (spf == NULL || spf->result == SPF_TEMPERROR || spf->uncertain) {
		text_add(evidence, "SPF is not known now");
		alignment->temporary = true;
		return;
	}
	text_addf(evidence, "SPF %s of %s",
		spf->result == SPF_PASS && spf->over_broad ? "pass of nearly everybody"
							   : spf_result_name(spf->result),
		spf->domain);
	if (spf->result != SPF_PASS || spf->over_broad)
		return;
	alignment->spf = domain_same_organization(spf->domain, alignment->domain);
	alignment->spf_strict = strcmp(spf->domain, alignment->domain) == 0;
}

/* Of one trusted name only the newest field counts that speaks of DKIM: where the filter adds one to
 * every message, a forged one is never it. */
static bool newest_of(const struct header_section *header, char *id, struct authres_dkim *dkim_r)
{
	char *ids[] = {id, NULL};

	for (size_t i = 0; i < header->fresh_results; i++)
		if (authres_dkim_read(header->results[i], dkim_r) && dkim_r->seen &&
			authres_dkim_is_by(dkim_r, ids))
			return true;
	return false;
}

static void look_at_passes(
	const struct authres_dkim *dkim, struct alignment *alignment, struct text *evidence)
{
	for (size_t i = 0; i < dkim->pass_count; i++) {
		text_addf(evidence, ", DKIM pass of %s by %s", dkim->passes[i], dkim->authserv_id);
		if (domain_same_organization(dkim->passes[i], alignment->domain))
			alignment->dkim = true;
		if (strcmp(dkim->passes[i], alignment->domain) == 0)
			alignment->dkim_strict = true;
	}
}

/* Signatures of other organizations cannot help, so nothing need be known of them. */
static void look_at_signers(const struct header_section *header, struct alignment *alignment)
{
	alignment->dkim_unknown = alignment->dkim_unknown_strict = header->more_signers;
	for (size_t i = 0; i < header->signer_count; i++) {
		if (domain_same_organization(header->signers[i], alignment->domain))
			alignment->dkim_unknown = true;
		if (strcmp(header->signers[i], alignment->domain) == 0)
			alignment->dkim_unknown_strict = true;
	}
}

static void look_at_dkim(
	const struct session *session, struct alignment *alignment, struct text *evidence)
{
	const struct header_section *header = session->transaction.header;
	char **ids = session->site->trusted_authserv_ids;
	struct authres_dkim dkim;
	bool verified = false;

	for (; ids != NULL && *ids != NULL; ids++) {
		if (!newest_of(header, *ids, &dkim))
			continue;
		verified = verified || !dkim.too_many;
		alignment->temporary = alignment->temporary || dkim.temporary;
		look_at_passes(&dkim, alignment, evidence);
	}
	if (!verified)
		look_at_signers(header, alignment);
	if (alignment->dkim_unknown && !alignment->dkim)
		text_add(evidence, ", a DKIM signature that nobody trusted has verified");
}

void author_alignment(struct session *session, uint64_t deadline_ms, struct alignment *alignment)
{
	struct text evidence;
	const char *why;

	*alignment = (struct alignment){.domain = author_domain(session, &why)};
	text_init(&evidence, alignment->evidence, sizeof(alignment->evidence));
	if (alignment->domain[0] == '\0') {
		text_add(&evidence, why);
		return;
	}
	text_addf(&evidence, "From %s: ", alignment->domain);
	look_at_spf(session, deadline_ms, alignment, &evidence);
	look_at_dkim(session, alignment, &evidence);
}

bool author_is_aligned(const struct alignment *alignment)
{
	return alignment->spf || alignment->dkim;
}

/* DMARC. --------------------------------------------------------------------------------------- */

static void start_discovery(struct session *session, const char *domain)
{
	session->transaction.dmarc =
		dmarc_inquire(session->services->resolver, domain, session->site->time_limit_ms);
}

void author_dmarc_guess(struct session *session)
{
	const struct transaction *transaction = &session->transaction;

	if (transaction->dmarc == NULL && transaction->error == PATH_OK &&
		transaction->reverse_path.domain[0] != '\0')
		start_discovery(session, transaction->reverse_path.domain);
}

struct inquiry *author_dmarc_start(struct session *session)
{
	struct transaction *transaction = &session->transaction;
	const char *why, *domain = author_domain(session, &why);
	const struct dmarc *asked =
		transaction->dmarc == NULL ? NULL : inquiry_state(transaction->dmarc);

	if (domain[0] == '\0')
		return NULL;
	/* What was asked for nothing is in the cache, mostly for that of the organization. */
	if (asked != NULL && strcmp(asked->domain, domain) != 0)
		inquiry_free(&transaction->dmarc);
	if (transaction->dmarc == NULL)
		start_discovery(session, domain);
	return transaction->dmarc;
}

static void conclude(struct dmarc_outcome *outcome, enum result result, const char *evidence)
{
	struct text text;

	outcome->result = result;
	text_init(&text, outcome->evidence, sizeof(outcome->evidence));
	text_add(&text, evidence);
}

static enum result judge(
	const struct dmarc *dmarc, const struct alignment *alignment, struct dmarc_outcome *outcome)
{
	const struct dmarc_record *record = &dmarc->record;

	if (record->strict_spf ? alignment->spf_strict : alignment->spf)
		return RESULT_PASS;
	if (record->strict_dkim ? alignment->dkim_strict : alignment->dkim)
		return RESULT_PASS;
	if (alignment->temporary)
		return RESULT_TEMPERROR;
	outcome->dkim_unknown =
		record->strict_dkim ? alignment->dkim_unknown_strict : alignment->dkim_unknown;
	return outcome->dkim_unknown ? RESULT_NONE : RESULT_FAIL;
}

static void evaluate(struct session *session, uint64_t deadline_ms, const struct dmarc *dmarc,
	struct dmarc_outcome *outcome)
{
	struct alignment alignment;
	struct text evidence;

	author_alignment(session, deadline_ms, &alignment);
	outcome->policy = dmarc->policy;
	outcome->percent = dmarc->record.percent;
	outcome->result = judge(dmarc, &alignment, outcome);
	text_init(&evidence, outcome->evidence, sizeof(outcome->evidence));
	text_addf(&evidence, "%.250s; %s", alignment.evidence, dmarc->evidence);
}

static void work_out(struct session *session, uint64_t deadline_ms, struct dmarc_outcome *outcome)
{
	struct inquiry *inquiry = author_dmarc_start(session);
	const char *why, *domain = author_domain(session, &why);
	const struct dmarc *dmarc;

	memcpy(outcome->domain, domain, strlen(domain) + 1);
	if (inquiry == NULL) {
		conclude(outcome, RESULT_PERMERROR, why);
		return;
	}
	dmarc = inquiry_wait(inquiry, deadline_ms);
	if (dmarc == NULL)
		conclude(outcome, RESULT_TEMPERROR, "the DMARC record: no answer in time");
	else if (dmarc->discovery == DMARC_UNKNOWN)
		conclude(outcome, RESULT_TEMPERROR, dmarc->evidence);
	else if (dmarc->discovery == DMARC_ABSENT)
		conclude(outcome, RESULT_NONE, dmarc->evidence);
	else if (dmarc->discovery == DMARC_UNUSABLE)
		conclude(outcome, RESULT_PERMERROR, dmarc->evidence);
	else
		evaluate(session, deadline_ms, dmarc, outcome);
}

const struct dmarc_outcome *author_dmarc(struct session *session, uint64_t deadline_ms)
{
	struct transaction *transaction = &session->transaction;

	if (transaction->dmarc_outcome == NULL) {
		transaction->dmarc_outcome = mem_alloc(sizeof(*transaction->dmarc_outcome));
		work_out(session, deadline_ms, transaction->dmarc_outcome);
	}
	return transaction->dmarc_outcome;
}

/* Excuses. ------------------------------------------------------------------------------------- */

const char *const list_excuse_words[] = {"authenticated", "any", "none", NULL};

static bool is_list(struct session *session, int lists, uint64_t deadline_ms, struct text *evidence)
{
	const struct header_section *header = session->transaction.header;
	const struct spf *spf;

	if (lists == LISTS_NONE || header == NULL || header->counts[HEADER_LIST] == 0)
		return false;
	if (lists == LISTS_ANY) {
		text_add(evidence, "a mailing list: it has list fields");
		return true;
	}
	spf = session_sender_spf_result(session, deadline_ms);
	if (spf == NULL || spf->result != SPF_PASS || spf->over_broad ||
		session->transaction.reverse_path.null)
		return false;
	text_addf(
		evidence, "a mailing list: it has list fields, and SPF of %s passes", spf->domain);
	return true;
}

static enum result match_exception(struct session *session, const struct excuses *excuses,
	uint64_t deadline_ms, struct match *match)
{
	const struct header_section *header = session->transaction.header;
	const char *why, *domain = author_domain(session, &why);

	if (matchlist_is_empty(excuses->exceptions))
		return RESULT_FAIL;
	if (domain[0] != '\0' &&
		(matchlist_match_path(excuses->exceptions, &header->from.items[0].path, match) ||
			matchlist_match_domain(excuses->exceptions, domain, match)))
		return RESULT_PASS;
	return session_match_client(session, excuses->exceptions, deadline_ms, match);
}

enum excuse author_excuse(struct session *session, const struct excuses *excuses,
	uint64_t deadline_ms, char evidence[EVIDENCE_SIZE])
{
	enum result exception;
	struct match match;
	struct text text;

	text_init(&text, evidence, EVIDENCE_SIZE);
	if ((session->exemptions & EXEMPT_FORWARDER) != 0) {
		text_addf(&text, "a forwarder: %s", session->exemption_evidence);
		return EXCUSE_FORWARDER;
	}
	exception = match_exception(session, excuses, deadline_ms, &match);
	if (exception == RESULT_PASS) {
		text_addf(&text, "an exception: %s (%s)", match.entry, match.where);
		return EXCUSE_EXCEPTION;
	}
	if (is_list(session, excuses->lists, deadline_ms, &text))
		return EXCUSE_LIST;
	if (exception == RESULT_TEMPERROR ||
		(session->exemptions_unknown & EXEMPT_FORWARDER) != 0) {
		text_add(&text, "the names of the client are not known now");
		return EXCUSE_UNKNOWN;
	}
	return EXCUSE_NONE;
}
