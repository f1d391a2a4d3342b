/* SPDX-License-Identifier: BSD-2-Clause */
#include "dmarc.h"

#include <string.h>

#include "text.h"

enum { SHOWN_RECORD_MAX = 200 };

static const struct dns_answer *ask(struct inquiry *inquiry, const char *domain)
{
	char name[DOMAIN_SIZE + sizeof("_dmarc.")];
	struct text text;

	text_init(&text, name, sizeof(name));
	text_addf(&text, "_dmarc.%s", domain);
	return inquiry_ask(inquiry, name, DNS_TXT);
}

/* How many of the texts are DMARC records; the first of them is read. */
static size_t read_records(struct dmarc *dmarc, const struct dns_answer *answer,
	const struct dns_record **first_r, enum dmarc_reading *reading_r)
{
	size_t found = 0;

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_record *text = &answer->records[i];
		struct dmarc_record record;
		enum dmarc_reading reading =
			dmarc_record_parse(text->text, text->text_length, &record);

		if (reading == DMARC_FOREIGN || found++ > 0)
			continue;
		dmarc->record = record;
		*first_r = text;
		*reading_r = reading;
	}
	return found;
}

static void add_record(struct text *evidence, const struct dns_record *record)
{
	text_add(evidence, ": ");
	text_add_escaped(evidence, record->text, record->text_length, SHOWN_RECORD_MAX);
}

/* What stands at DOMAIN; DMARC_ABSENT goes on to the organizational domain. */
static enum dmarc_discovery look_at(
	struct dmarc *dmarc, const char *domain, const struct dns_answer *answer)
{
	const struct dns_record *first = NULL;
	enum dmarc_reading reading = DMARC_FOREIGN;
	struct text evidence;
	size_t found;

	text_init(&evidence, dmarc->evidence, sizeof(dmarc->evidence));
	text_addf(&evidence, "_dmarc.%s TXT", domain);
	if (dns_is_temporary(answer->status)) {
		text_addf(&evidence, ": %s", dns_status_name(answer->status));
		return DMARC_UNKNOWN;
	}
	found = read_records(dmarc, answer, &first, &reading);
	if (found == 0) {
		text_addf(&evidence, ": %s",
			answer->status == DNS_OK ? "no DMARC record"
						 : dns_status_name(answer->status));
		return DMARC_ABSENT;
	}
	memcpy(dmarc->record_domain, domain, strlen(domain) + 1);
	if (found > 1) {
		text_addf(&evidence, ": %zu DMARC records, so none counts", found);
		return DMARC_UNUSABLE;
	}
	add_record(&evidence, first);
	if (dmarc->record.fault != NULL)
		text_addf(&evidence, " (%s)", dmarc->record.fault);
	return reading == DMARC_BROKEN ? DMARC_UNUSABLE : DMARC_FOUND;
}

static bool dmarc_step(struct inquiry *inquiry, void *state)
{
	struct dmarc *dmarc = state;
	const char *organization = domain_organizational(dmarc->domain);
	bool below = strcmp(organization, dmarc->domain) != 0;
	const struct dns_answer *own = ask(inquiry, dmarc->domain);
	const struct dns_answer *above = below ? ask(inquiry, organization) : NULL;

	if (own == NULL)
		return false;
	dmarc->discovery = look_at(dmarc, dmarc->domain, own);
	dmarc->policy = dmarc->record.policy;
	if (dmarc->discovery != DMARC_ABSENT || !below)
		return true;
	if (above == NULL)
		return false;
	dmarc->discovery = look_at(dmarc, organization, above);
	dmarc->policy = dmarc->record.subdomain_policy;
	return true;
}

static const struct inquiry_kind dmarc_kind = {
	.name = "dmarc",
	.state_size = sizeof(struct dmarc),
	.step = dmarc_step,
};

struct inquiry *dmarc_inquire(struct resolver *resolver, const char *domain, int64_t time_limit_ms)
{
	struct inquiry *inquiry = inquiry_about(resolver, &dmarc_kind, domain, strlen(domain) + 1);
	struct dmarc *dmarc;

	if (inquiry_result(inquiry) != NULL)
		return inquiry;
	dmarc = inquiry_state(inquiry);
	/* One that does not fit stays empty, which cannot be asked about. */
	if (!text_copy(dmarc->domain, sizeof(dmarc->domain), domain))
		dmarc->domain[0] = '\0';
	inquiry_start(inquiry, time_limit_ms);
	return inquiry;
}
