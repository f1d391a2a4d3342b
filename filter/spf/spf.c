/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf.h"

#include <string.h>

#include "spf_evaluate.h"
#include "text.h"

enum { TIME_LIMIT_MAX_MS = 8000 };

struct spf_state {
	struct spf spf; /* first: the state is handed out as the result */
	struct spf_asker asker;
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
	return spf_evaluate(inquiry, &run->asker, &run->spf);
}

static bool asker_mattered(const void *state)
{
	const struct spf_state *run = state;

	return run->asker.mattered;
}

static const struct inquiry_kind spf_kind = {
	.name = "spf",
	.state_size = sizeof(struct spf_state),
	.step = spf_step,
	.beyond_key = asker_mattered,
};

/* As much of TEXT as fits. */
static void copy_bounded(char *buffer, size_t size, const char *string)
{
	struct text text;

	text_init(&text, buffer, size);
	text_add(&text, string);
}

/* RFC 7208 4.3: a malformed domain, one of a single label, and an address literal have no SPF record to
 * look up. */
static void set_domain(struct spf *spf, const char *domain)
{
	struct text text;

	if (domain_canonical(domain, spf->domain) && domain_is_qualified(spf->domain))
		return;
	text_init(&text, spf->evidence, sizeof spf->evidence);
	text_add_char(&text, '"');
	text_add_escaped(&text, domain, strlen(domain), DOMAIN_SIZE / 2);
	text_add(&text, "\" is no fully qualified domain name: there is no SPF record to look up");
	spf->domain[0] = '\0';
}

/* RFC 7208 4.3: local-part "postmaster" where there is none. */
static void set_asker(
	struct spf_state *state, const char *helo, const char *local_part, const char *receiver)
{
	struct spf_asker *asker = &state->asker;
	struct spf *spf = &state->spf;
	struct text text;

	copy_bounded(asker->helo, sizeof asker->helo, helo);
	copy_bounded(asker->receiver, sizeof asker->receiver, receiver);
	text_init(&text, asker->sender, sizeof asker->sender);
	text_add(&text, local_part[0] != '\0' ? local_part : "postmaster");
	text_add_char(&text, '@');
	text_add(&text, spf->domain);
	if (!text.truncated || spf->domain[0] == '\0')
		return;
	copy_bounded(spf->evidence, sizeof spf->evidence, "the sender is too long");
	spf->domain[0] = '\0';
	asker->mattered = true;
}

/* Who asks again about the same client and domain gets what is known, unless it matters who asks. */
static struct inquiry *inquire(struct resolver *resolver, enum spf_identity identity,
	const struct ipaddr *client, const char *domain)
{
	char key[1 + IPADDR_KEY_SIZE + DOMAIN_SIZE] = {(char)identity};
	size_t length = strlen(domain) + 1;

	if (length > DOMAIN_SIZE)
		return inquiry_create(resolver, &spf_kind);
	ipaddr_key(client, key + 1);
	memcpy(key + 1 + IPADDR_KEY_SIZE, domain, length);
	return inquiry_about(resolver, &spf_kind, key, 1 + IPADDR_KEY_SIZE + length);
}

struct inquiry *spf_inquire(struct resolver *resolver, enum spf_identity identity,
	const struct ipaddr *client, const char *helo, const char *sender_local_part,
	const char *sender_domain, const char *receiver, int64_t time_limit_ms)
{
	bool is_helo = identity == SPF_HELO || sender_domain[0] == '\0';
	const char *domain = is_helo ? helo : sender_domain;
	struct inquiry *inquiry = inquire(resolver, identity, client, domain);
	struct spf_state *state;

	if (inquiry_result(inquiry) != NULL)
		return inquiry;
	state = inquiry_state(inquiry);
	state->spf.identity = identity;
	state->spf.client = *client;
	state->spf.result = SPF_NONE;
	set_domain(&state->spf, domain);
	set_asker(state, helo, is_helo ? "" : sender_local_part, receiver);
	inquiry_start(
		inquiry, time_limit_ms < TIME_LIMIT_MAX_MS ? time_limit_ms : TIME_LIMIT_MAX_MS);
	return inquiry;
}
