/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf_check.h"

#include <string.h>

#include "clock.h"
#include "spf_macro.h"
#include "text.h"

enum { SHOWN_TERM = 100, SHOWN_DOMAIN = 120 };

enum dns_type spf_check_address_type(const struct spf_check *check)
{
	return check->spf->client.family == IP_V6 ? DNS_AAAA : DNS_A;
}

static bool has_client(const struct dns_answer *answer, const struct ipaddr *client)
{
	for (size_t i = 0; i < answer->count; i++)
		if (ipaddr_equal(&answer->records[i].address, client))
			return true;
	return false;
}

/* RFC 7208 7.3: DOMAIN itself before a name below it before any other. */
static unsigned preference(const char *name, const char *domain)
{
	size_t octets = strlen(name);
	size_t tail = strlen(domain);

	if (ascii_equal(name, domain))
		return 3;
	if (octets > tail && name[octets - tail - 1] == '.' &&
		ascii_equal(name + octets - tail, domain))
		return 2;
	return 1;
}

/* %{p}: of the first ten PTR names the best one that has the client's address; "unknown" without
 * one or after an error (5.5); NULL while answers are missing. */
static const char *validated_name(struct spf_check *check, const char *domain)
{
	char reverse[REVERSE_NAME_SIZE];
	const struct dns_answer *ptr;
	const char *best = "unknown";
	unsigned best_preference = 0;
	bool pending = false;
	bool failed;

	ptr = inquiry_ask(
		check->inquiry, ipaddr_reverse_name(&check->spf->client, reverse), DNS_PTR);
	if (ptr == NULL)
		return NULL;
	failed = dns_is_temporary(ptr->status);
	for (size_t i = 0; i < ptr->count && i < SPF_NAMES_MAX; i++) {
		const char *name = ptr->records[i].host;
		const struct dns_answer *addresses =
			inquiry_ask(check->inquiry, name, spf_check_address_type(check));

		if (addresses == NULL) {
			pending = true;
			continue;
		}
		failed = failed || dns_is_temporary(addresses->status);
		if (has_client(addresses, &check->spf->client) &&
			preference(name, domain) > best_preference) {
			best = name;
			best_preference = preference(name, domain);
		}
	}
	if (failed && best_preference == 0)
		check->skipped = true;
	return pending ? NULL : best;
}

/* Of the macros: what differs between two who ask about the same client and domain. */
#define ASKERS_LETTERS "slhrt"

/* False while the name of %{p}, which TEXT needs, is missing. */
static bool fill_values(struct spf_check *check, const char *domain, const char *text,
	size_t length, struct spf_macro_values *values_r)
{
	*values_r = (struct spf_macro_values){.client = &check->spf->client,
		.sender = check->asker->sender,
		.domain = domain,
		.helo = check->asker->helo,
		.receiver = check->asker->receiver,
		.validated = "unknown",
		.now = clock_wall_ms() / 1000};
	for (const char *letter = ASKERS_LETTERS; *letter != '\0'; letter++)
		if (spf_macro_uses(text, length, *letter))
			check->asker->mattered = true;
	if (spf_macro_uses(text, length, 'p'))
		values_r->validated = validated_name(check, domain);
	return values_r->validated != NULL;
}

enum spf_match spf_check_target(struct spf_check *check, const struct spf_level *level,
	const struct spf_term *term, char name_r[DOMAIN_SIZE])
{
	struct spf_macro_values values;

	if (term->domain == NULL)
		return text_copy(name_r, DOMAIN_SIZE, level->domain) ? SPF_MATCH_YES : SPF_MATCH_NO;
	if (!fill_values(check, level->domain, term->domain, term->domain_length, &values))
		return SPF_MATCH_PENDING;
	if (!spf_macro_name(term->domain, term->domain_length, &values, name_r))
		return SPF_MATCH_NO;
	return SPF_MATCH_YES;
}

enum dns_type spf_check_question(
	const struct spf_check *check, const struct spf_term *term, char name[DOMAIN_SIZE])
{
	switch (term->type) {
	case SPF_TERM_A:
		return spf_check_address_type(check);
	case SPF_TERM_MX:
		return DNS_MX;
	case SPF_TERM_EXISTS:
		return DNS_A; /* whatever the client's family, 5.7 */
	case SPF_TERM_PTR:
		ipaddr_reverse_name(&check->spf->client, name);
		return DNS_PTR;
	default:
		return DNS_TXT;
	}
}

static void prefetch(
	struct spf_check *check, const struct spf_level *level, const struct spf_term *term)
{
	char name[DOMAIN_SIZE];
	enum dns_type type;

	if (term->domain != NULL && spf_macro_uses(term->domain, term->domain_length, 'p'))
		return;
	if (spf_check_target(check, level, term, name) != SPF_MATCH_YES)
		return;
	type = spf_check_question(check, term, name);
	inquiry_prefetch(check->inquiry, name, type);
}

static bool surely_decides(const struct spf_check *check, const struct spf_term *term)
{
	bool network = term->type == SPF_TERM_IP4 || term->type == SPF_TERM_IP6;

	return term->type == SPF_TERM_ALL ||
	       (network && network_contains(&term->network, &check->spf->client));
}

/* Questions are sent for this term and those behind it while every one of them would be evaluated
 * without exceeding the limits: no more than the terms that are left, nor than the void lookups that
 * are left and the one that ends it. What an include asks cannot be known before: past an include,
 * one single question is sent, and no other such one before its term was reached. So a check asks at
 * most one question more than one that goes step by step. */
void spf_check_look_ahead(struct spf_check *check, struct spf_level *level,
	const struct spf_term *term, size_t offset)
{
	unsigned left = SPF_VOIDS_MAX + 1 - check->voids;
	bool behind_include = false;
	struct spf_term next = *term;

	if (level->speculative == term->text) {
		level->speculative = NULL;
		check->speculating = false;
	}
	if (left > SPF_TERMS_MAX - check->terms)
		left = SPF_TERMS_MAX - check->terms;
	for (bool more = true; more && left > 0;
		more = spf_record_next(&level->record, &offset, &next)) {
		if (surely_decides(check, &next))
			return;
		if (!spf_term_asks_dns(&next))
			continue;
		if (behind_include && check->speculating)
			return;
		prefetch(check, level, &next);
		left--;
		if (behind_include) {
			check->speculating = true;
			level->speculative = next.text;
			return;
		}
		behind_include = next.type == SPF_TERM_INCLUDE;
	}
	if (left > 0 && !behind_include && level->record.redirect.text != NULL &&
		!level->record.has_all)
		prefetch(check, level, &level->record.redirect);
}

/* Printable ASCII only: it goes into an SMTP reply. */
static void clean_explanation(char *explanation)
{
	for (char *c = explanation; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

void spf_check_explain(struct spf_check *check, const struct spf_level *level)
{
	const struct spf_term *exp = &level->record.exp;
	const struct dns_answer *answer;
	const struct dns_record *record;
	struct spf_macro_values values;
	char name[DOMAIN_SIZE];
	struct text text;
	enum spf_match target;

	if (exp->text == NULL)
		return;
	target = spf_check_target(check, level, exp, name);
	answer = target == SPF_MATCH_YES ? inquiry_ask(check->inquiry, name, DNS_TXT) : NULL;
	if (answer == NULL) {
		check->pending = target != SPF_MATCH_NO;
		return;
	}
	/* RFC 7208 6.2: proceed as if no exp modifier was given. */
	if (answer->count != 1)
		return;
	record = &answer->records[0];
	if (!spf_macro_is_string(record->text, record->text_length, true))
		return;
	if (!fill_values(check, level->domain, record->text, record->text_length, &values)) {
		check->pending = true;
		return;
	}
	text_init(&text, check->spf->explanation, sizeof check->spf->explanation);
	spf_macro_text(record->text, record->text_length, &values, &text);
	clean_explanation(check->spf->explanation);
}

static void add_domain(struct text *text, const char *domain)
{
	text_add_escaped(text, domain, strlen(domain), SHOWN_DOMAIN);
}

void spf_check_note(struct spf_check *check, const char *domain, const char *what)
{
	struct text text;

	text_init(&text, check->spf->evidence, sizeof check->spf->evidence);
	add_domain(&text, domain);
	text_addf(&text, " %s", what);
}

void spf_check_note_term(
	struct spf_check *check, const char *domain, const struct spf_term *term, const char *what)
{
	struct text text;

	text_init(&text, check->spf->evidence, sizeof check->spf->evidence);
	add_domain(&text, domain);
	text_add(&text, ": v=spf1 term \"");
	text_add_escaped(&text, term->text, term->length, SHOWN_TERM);
	text_addf(&text, "\"%s", what);
}

void spf_check_note_before(struct spf_check *check, const struct spf_level *level,
	const struct spf_term *term, const char *what)
{
	char before[sizeof check->spf->evidence];
	struct text text;
	size_t used;

	if (level->included)
		return;
	memcpy(before, check->spf->evidence, sizeof before);
	spf_check_note_term(check, level->domain, term, what);
	used = strlen(check->spf->evidence);
	text_init(&text, check->spf->evidence + used, sizeof check->spf->evidence - used);
	text_add(&text, before);
}
