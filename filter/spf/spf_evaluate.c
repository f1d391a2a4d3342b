/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf_evaluate.h"

#include <stdio.h>
#include <string.h>

#include "spf_check.h"
#include "text.h"

enum { WHAT_SIZE = 300 };

static enum spf_result check_host(struct spf_check *check, const char *domain, bool included);

/* The one SPF record among the TXT records (4.5); false when none or several are there. */
static bool select_record(struct spf_check *check, const char *domain,
	const struct dns_answer *answer, const struct dns_record **record_r,
	enum spf_result *result_r)
{
	size_t count = 0;

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];

		if (!spf_record_is(record->text, record->text_length))
			continue;
		*record_r = record;
		count++;
	}
	if (count == 1)
		return true;
	if (count == 0)
		spf_check_note(check, domain, "publishes no SPF record");
	else
		spf_check_note(check, domain, "publishes more than one SPF record");
	*result_r = count == 0 ? SPF_NONE : SPF_PERMERROR;
	return false;
}

/* The answer to DOMAIN's TXT; NULL with a result or pending. */
static const struct dns_answer *fetch_record(
	struct spf_check *check, const char *domain, enum spf_result *result_r)
{
	const struct dns_answer *answer;
	char what[WHAT_SIZE];

	*result_r = SPF_NONE;
	if (strchr(domain, '.') == NULL) {
		spf_check_note(check, domain, "is no multi-label domain name");
		return NULL;
	}
	answer = inquiry_ask(check->inquiry, domain, DNS_TXT);
	if (answer == NULL) {
		check->pending = true;
		return NULL;
	}
	if (answer->status == DNS_OK)
		return answer;
	snprintf(what, sizeof what, "%s (%s)",
		dns_is_temporary(answer->status) ? "could not be asked for its SPF record"
						 : "publishes no SPF record",
		dns_status_name(answer->status));
	spf_check_note(check, domain, what);
	if (dns_is_temporary(answer->status))
		*result_r = SPF_TEMPERROR;
	return NULL;
}

/* Reads the record of level->domain; false with a result, or pending. */
static bool read_record(struct spf_check *check, struct spf_level *level, enum spf_result *result_r)
{
	const struct dns_answer *answer = fetch_record(check, level->domain, result_r);
	const struct dns_record *record;
	char what[WHAT_SIZE];

	if (answer == NULL || !select_record(check, level->domain, answer, &record, result_r))
		return false;
	if (!spf_record_parse(record->text, record->text_length, &level->record)) {
		snprintf(what, sizeof what, ": %s", level->record.why);
		spf_check_note_term(check, level->domain, &level->record.wrong, what);
		*result_r = SPF_PERMERROR;
		return false;
	}
	if (check->spf->client.family == IP_V6 ? level->record.over_broad_v6
					       : level->record.over_broad_v4)
		check->spf->over_broad = true;
	return true;
}

static enum spf_match ask_guard(struct spf_check *check, const struct spf_level *level,
	const struct spf_term *term, const char *target)
{
	char client[IPADDR_TEXT_SIZE];
	char what[WHAT_SIZE];
	enum spf_match match;
	const char *host;
	struct text text;

	if (check->guard == NULL)
		check->guard = spf_guard_create(check->inquiry, &check->spf->client);
	match = spf_guard_match(check->guard, term, target, &host);
	if (match == SPF_MATCH_YES) {
		text_init(&text, what, sizeof what);
		text_addf(&text, " matched %s", ipaddr_format(&check->spf->client, client));
		if (host[0] != '\0') {
			text_add(&text, " (");
			text_add_escaped(&text, host, strlen(host), 100);
			text_add_char(&text, ')');
		}
		spf_check_note_term(check, level->domain, term, what);
	} else if (match == SPF_MATCH_TEMPERROR) {
		spf_check_note_term(
			check, level->domain, term, ": a lookup failed (time-out or error)");
	} else if (match == SPF_MATCH_PERMERROR) {
		spf_check_note_term(check, level->domain, term, ": could not be evaluated");
	}
	return match;
}

/* a, mx, ptr, exists, once the answer to the first question is there. */
static enum spf_match match_answer(struct spf_check *check, const struct spf_level *level,
	const struct spf_term *term, const char *target, const struct dns_answer *answer)
{
	char what[WHAT_SIZE];

	if (dns_is_temporary(answer->status) && term->type != SPF_TERM_PTR) {
		snprintf(what, sizeof what, ": %s lookup failed (%s)", dns_type_name(answer->type),
			dns_status_name(answer->status));
		spf_check_note_term(check, level->domain, term, what);
		return SPF_MATCH_TEMPERROR;
	}
	if (answer->status != DNS_OK) {
		/* A name that cannot be asked for was not asked for; and what PTR a client has is
		 * not up to the domain (4.6.4). */
		if (term->type == SPF_TERM_PTR && dns_is_temporary(answer->status))
			check->skipped = true;
		if (answer->status == DNS_INVALID || term->type == SPF_TERM_PTR)
			return SPF_MATCH_NO;
		if (++check->voids <= SPF_VOIDS_MAX)
			return SPF_MATCH_NO;
		spf_check_note_term(check, level->domain, term,
			": more than 2 lookups without an answer (RFC 7208 4.6.4)");
		return SPF_MATCH_PERMERROR;
	}
	if (term->type == SPF_TERM_MX && answer->count > SPF_NAMES_MAX) {
		spf_check_note_term(check, level->domain, term, ": more than 10 MX names");
		return SPF_MATCH_PERMERROR;
	}
	if (term->type == SPF_TERM_MX || term->type == SPF_TERM_PTR)
		for (size_t i = 0; i < answer->count && i < SPF_NAMES_MAX; i++)
			if (answer->records[i].host[0] != '\0')
				inquiry_prefetch(check->inquiry, answer->records[i].host,
					spf_check_address_type(check));
	return ask_guard(check, level, term, target);
}

static enum spf_match match_lookup(struct spf_check *check, const struct spf_level *level,
	const struct spf_term *term, const char *target)
{
	char name[DOMAIN_SIZE];
	const struct dns_answer *answer;
	enum dns_type type;

	if (!text_copy(name, sizeof name, target))
		return SPF_MATCH_NO;
	type = spf_check_question(check, term, name);
	answer = inquiry_ask(check->inquiry, name, type);
	if (answer == NULL)
		return SPF_MATCH_PENDING;
	return match_answer(check, level, term, target, answer);
}

/* 5.2; what decided within the include stays in the evidence, behind the term. */
static enum spf_match match_include(struct spf_check *check, const struct spf_level *level,
	const struct spf_term *term, const char *target)
{
	enum spf_result result = check_host(check, target, true);

	if (check->pending)
		return SPF_MATCH_PENDING;
	switch (result) {
	case SPF_PASS:
		spf_check_note_before(check, level, term, " matched: ");
		return SPF_MATCH_YES;
	case SPF_TEMPERROR:
		spf_check_note_before(check, level, term, ": ");
		return SPF_MATCH_TEMPERROR;
	case SPF_NONE:
	case SPF_PERMERROR:
		spf_check_note_before(check, level, term, ": ");
		return SPF_MATCH_PERMERROR;
	default:
		return SPF_MATCH_NO;
	}
}

/* Counts a term that asks the DNS; false when it is one too many. */
static bool count_term(
	struct spf_check *check, const struct spf_level *level, const struct spf_term *term)
{
	if (check->terms < SPF_TERMS_MAX) {
		check->terms++;
		return true;
	}
	spf_check_note_term(check, level->domain, term,
		": more than 10 terms that need the DNS (RFC 7208 4.6.4)");
	return false;
}

static enum spf_match match_term(struct spf_check *check, struct spf_level *level,
	const struct spf_term *term, size_t offset)
{
	char target[DOMAIN_SIZE];
	enum spf_match named;

	if (term->type == SPF_TERM_ALL) {
		spf_check_note_term(check, level->domain, term, " matched (no other term did)");
		return SPF_MATCH_YES;
	}
	if (!spf_term_asks_dns(term))
		return ask_guard(check, level, term, level->domain);
	spf_check_look_ahead(check, level, term, offset);
	if (!count_term(check, level, term))
		return SPF_MATCH_PERMERROR;
	named = spf_check_target(check, level, term, target);
	if (named == SPF_MATCH_NO && term->type == SPF_TERM_INCLUDE) {
		spf_check_note_term(check, level->domain, term, ": makes no domain name");
		return SPF_MATCH_PERMERROR;
	}
	if (named != SPF_MATCH_YES)
		return named;
	if (term->type == SPF_TERM_INCLUDE)
		return match_include(check, level, term, target);
	return match_lookup(check, level, term, target);
}

static enum spf_result result_of(char qualifier)
{
	switch (qualifier) {
	case '-':
		return SPF_FAIL;
	case '~':
		return SPF_SOFTFAIL;
	case '?':
		return SPF_NEUTRAL;
	default:
		return SPF_PASS;
	}
}

/* Terms from left to right (4.6.2); true when one decided, or pending. */
static bool walk(struct spf_check *check, struct spf_level *level, enum spf_result *result_r)
{
	size_t offset = 0;
	struct spf_term term;

	while (spf_record_next(&level->record, &offset, &term)) {
		switch (match_term(check, level, &term, offset)) {
		case SPF_MATCH_NO:
			break;
		case SPF_MATCH_YES:
			*result_r = result_of(term.qualifier);
			return true;
		case SPF_MATCH_TEMPERROR:
			*result_r = SPF_TEMPERROR;
			return true;
		case SPF_MATCH_PERMERROR:
			*result_r = SPF_PERMERROR;
			return true;
		case SPF_MATCH_PENDING:
			check->pending = true;
			return true;
		}
	}
	return false;
}

/* No term matched: the name that redirect= leads to into DOMAIN; false with a result, or pending. */
static bool follow_redirect(struct spf_check *check, const struct spf_level *level, char *domain,
	enum spf_result *result_r)
{
	const struct spf_term *redirect = &level->record.redirect;
	char target[DOMAIN_SIZE];
	enum spf_match named;

	if (redirect->text == NULL) {
		spf_check_note(check, level->domain, "publishes v=spf1, but no term of it matched");
		*result_r = SPF_NEUTRAL;
		return false;
	}
	*result_r = SPF_PERMERROR;
	if (!count_term(check, level, redirect))
		return false;
	named = spf_check_target(check, level, redirect, target);
	if (named == SPF_MATCH_NO)
		spf_check_note_term(check, level->domain, redirect, ": makes no domain name");
	check->pending = named == SPF_MATCH_PENDING;
	if (named != SPF_MATCH_YES)
		return false;
	memcpy(domain, target, sizeof target);
	return true;
}

/* 5.5 passes over a PTR name that cannot be asked. A result against the client that comes of it is
 * none: trouble of the DNS must not refuse mail for good. Neutral stays, but says so. */
static enum spf_result settle(
	struct spf_check *check, const struct spf_level *level, enum spf_result result)
{
	bool skipped = check->skipped || (check->guard != NULL && spf_guard_skipped(check->guard));

	if (result == SPF_NEUTRAL || result == SPF_NONE)
		check->spf->uncertain = skipped;
	else if (skipped && result != SPF_PASS) {
		spf_check_note(check, level->domain,
			"would not pass it, but the client's names could not be asked for");
		return SPF_TEMPERROR;
	}
	if (result == SPF_FAIL)
		spf_check_explain(check, level);
	return result;
}

/* The record of DOMAIN and those that redirect leads to, one after another (6.1). */
static enum spf_result check_host(struct spf_check *check, const char *domain, bool included)
{
	struct spf_level level = {0};
	char current[DOMAIN_SIZE];
	enum spf_result result = SPF_NONE;
	bool redirected = false;

	if (!text_copy(current, sizeof current, domain))
		return SPF_NONE;
	for (;;) {
		level = (struct spf_level){.domain = current, .included = included};
		if (!read_record(check, &level, &result)) {
			if (redirected && result == SPF_NONE)
				result = SPF_PERMERROR;
			break;
		}
		if (walk(check, &level, &result) ||
			!follow_redirect(check, &level, current, &result))
			break;
		redirected = true;
	}
	if (!included)
		check->spf->no_mail = level.record.no_mail;
	if (!included && !check->pending)
		result = settle(check, &level, result);
	return result;
}

bool spf_evaluate(struct inquiry *inquiry, struct spf_asker *asker, struct spf *spf)
{
	struct spf_check check = {.inquiry = inquiry, .spf = spf, .asker = asker};

	/* Every run begins anew. */
	spf->over_broad = false;
	spf->no_mail = false;
	spf->uncertain = false;
	spf->explanation[0] = '\0';
	spf->evidence[0] = '\0';
	spf->result = check_host(&check, spf->domain, false);
	spf_guard_free(&check.guard);
	return !check.pending;
}
