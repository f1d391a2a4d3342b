/* SPDX-License-Identifier: BSD-2-Clause */
/* One limit section judged in a session, over stores that a test can take down. A test of limits
 * includes this file. */
#include <string.h>

#include "../lib/policy_case.h"
#include "fake_inquiry.c"
#include "fake_spf.c"
#include "flaky_store.c"

extern const struct policy policy_limit;

static struct services services;

static int begin(void **state)
{
	(void)state;
	services.store = flaky_store_open();
	services.local = flaky_store_open();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	flaky_store_close(&services.store);
	flaky_store_close(&services.local);
	return 0;
}

struct row {
	const char *name, *value;
};

static void start(struct policy_case *policy_case, const struct row *rows)
{
	fake_dns_clear();
	fake_spf_clear();
	fake_spf("example.com", SPF_PASS);
	policy_case_start(policy_case, &policy_limit);
	policy_case->services = services;
	*(char **)policy_case->options = mem_text("test");
	for (; rows->name != NULL; rows++)
		policy_case_set(policy_case, rows->name, rows->value);
	policy_case_connect(policy_case, "192.0.2.7");
	policy_case_helo(policy_case, "mail.example.com");
	policy_case_mail(policy_case, "<anna@example.com>");
}

static void end_message(struct policy_case *policy_case, enum outcome outcome)
{
	policy_limit.end[SCOPE_TRANSACTION](&policy_case->call, outcome);
	memset(policy_case->call.state[SCOPE_TRANSACTION], 0,
		policy_limit.state_size[SCOPE_TRANSACTION]);
	policy_case_mail(policy_case, "<anna@example.com>");
}
