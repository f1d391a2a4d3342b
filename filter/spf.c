/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf.h"

#include <string.h>

#include "spf_evaluate.h"
#include "text.h"

enum { TIME_LIMIT_MAX_MS = 8000 };

struct spf_state {
	struct spf spf; /* first: the state is handed out as the result */
	char receiver[DOMAIN_SIZE];
};

static const char *const result_names[] = {
	[SPF_NONE] = "none",
	[SPF_NEUTRAL] = "neutral",
	[SPF_PASS] = "pass",
	[SPF_FAIL] = "fail",
	[SPF_SOFTFAIL] = "softfail",
	[SPF_TEMPERROR] = "temperror",
	[SPF_PERMERROR] = "permerror",
};

const char *spf_result_name(enum spf_result result)
{
	return result_names[result];
}

static bool spf_step(struct inquiry *inquiry, void *state)
{
	struct spf_state *run = state;

	if (run->spf.domain[0] == '\0') /* no domain to ask: set when it was created */
		return true;
	return spf_evaluate(inquiry, run->receiver, &run->spf);
}

static const struct inquiry_kind spf_kind = {
	.name = "spf",
	.state_size = sizeof(struct spf_state),
	.step = spf_step,
};

/* As much of TEXT as fits. */
static void copy_bounded(char *buffer, size_t size, const char *string)
{
	struct text text;

	text_init(&text, buffer, size);
	text_add(&text, string);
}

/* RFC 7208 4.3: local-part "postmaster" where there is none; a malformed domain, one of a single
 * label, and an address literal have no SPF record to look up. */
static void set_sender(struct spf *spf, const char *local_part, const char *domain)
{
	struct text text;

	if (local_part[0] == '\0')
		local_part = "postmaster";
	if (!domain_canonical(domain, spf->domain) || !domain_is_qualified(spf->domain)) {
		text_init(&text, spf->evidence, sizeof spf->evidence);
		text_add_char(&text, '"');
		text_add_escaped(&text, domain, strlen(domain), DOMAIN_SIZE / 2);
		text_add(&text, "\" is no fully qualified domain name: there is no SPF record to "
				"look up");
		spf->domain[0] = '\0';
	}
	text_init(&text, spf->sender, sizeof spf->sender);
	text_addf(&text, "%s@%s", local_part, spf->domain[0] != '\0' ? spf->domain : domain);
	if (text.truncated && spf->domain[0] != '\0') {
		copy_bounded(spf->evidence, sizeof spf->evidence, "the sender is too long");
		spf->domain[0] = '\0';
	}
}

struct inquiry *spf_inquire(struct resolver *resolver, enum spf_identity identity,
	const struct ipaddr *client, const char *helo, const char *sender_local_part,
	const char *sender_domain, const char *receiver, int64_t time_limit_ms)
{
	struct inquiry *inquiry = inquiry_create(resolver, &spf_kind);
	struct spf_state *state = inquiry_state(inquiry);
	struct spf *spf = &state->spf;

	spf->identity = identity;
	spf->client = *client;
	spf->result = SPF_NONE;
	copy_bounded(spf->helo, sizeof spf->helo, helo);
	copy_bounded(state->receiver, sizeof state->receiver, receiver);
	if (identity == SPF_HELO || sender_domain[0] == '\0')
		set_sender(spf, "", spf->helo);
	else
		set_sender(spf, sender_local_part, sender_domain);
	inquiry_start(
		inquiry, time_limit_ms < TIME_LIMIT_MAX_MS ? time_limit_ms : TIME_LIMIT_MAX_MS);
	return inquiry;
}
