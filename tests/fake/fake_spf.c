/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_spf.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { FAKE_SPF_MAX = 16 };

static struct spf fake_spf_results[FAKE_SPF_MAX];
static size_t fake_spf_count;
static unsigned fake_spf_started;

void fake_spf_clear(void)
{
	fake_spf_count = 0;
	fake_spf_started = 0;
}

struct spf *fake_spf(const char *domain, enum spf_result result)
{
	struct spf *spf = &fake_spf_results[fake_spf_count];

	if (fake_spf_count++ == FAKE_SPF_MAX)
		abort();
	*spf = (struct spf){.result = result};
	if (!text_copy(spf->domain, sizeof(spf->domain), domain))
		abort();
	return spf;
}

unsigned fake_spf_asked(void)
{
	return fake_spf_started;
}

static bool fake_spf_step(struct inquiry *inquiry, void *state)
{
	(void)inquiry;
	(void)state;
	return true;
}

static const struct inquiry_kind fake_spf_kind = {
	.name = "spf", .state_size = sizeof(struct spf), .step = fake_spf_step};

struct inquiry *spf_inquire(struct resolver *resolver, enum spf_identity identity,
	const struct ipaddr *client, const char *helo, const char *sender_local_part,
	const char *sender_domain, const char *receiver, int64_t time_limit_ms)
{
	struct inquiry *inquiry = inquiry_create(resolver, &fake_spf_kind);
	struct spf *spf = inquiry_state(inquiry);
	const char *domain = sender_domain[0] != '\0' ? sender_domain : helo;
	struct text text;

	(void)sender_local_part;
	(void)receiver;
	fake_spf_started++;
	spf->result = SPF_NONE;
	for (size_t i = 0; i < fake_spf_count; i++)
		if (ascii_equal(fake_spf_results[i].domain, domain))
			*spf = fake_spf_results[i];
	spf->identity = identity;
	spf->client = *client;
	if (!text_copy(spf->domain, sizeof(spf->domain), domain))
		abort();
	if (spf->evidence[0] == '\0') {
		text_init(&text, spf->evidence, sizeof(spf->evidence));
		text_addf(&text, "%s TXT: %s by the test's table", domain,
			spf_result_name(spf->result));
	}
	inquiry_start(inquiry, time_limit_ms);
	return inquiry;
}

const char *spf_result_name(enum spf_result result)
{
	static const char *const names[] = {[SPF_NONE] = "none",
		[SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass",
		[SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror",
		[SPF_PERMERROR] = "permerror"};

	return names[result];
}
