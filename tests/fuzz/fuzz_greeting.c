/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client says about itself, through the helo and sender policies. Line 1: the HELO name, line 2:
 * the argument of MAIL, line 3: what the MTA reads in it. Every answer of the DNS is NXDOMAIN, or with
 * an input of odd length SERVFAIL. */
#include <stdio.h>

#include "../fake/fake_inquiry.c"
#include "../fake/fake_spf.c"
#include "fuzz.h"
#include "policy.h"

extern const struct policy policy_helo, policy_sender;

static void set_text(char *buffer, size_t size, const char *text)
{
	snprintf(buffer, size, "%s", text == NULL ? "" : text);
}

/* Found without the DNS, though the check asks it of other names. */
static bool needs_no_dns(const struct session *session, const struct check *check)
{
	return strcmp(check->name, "own_name") == 0 ||
	       (strcmp(check->name, "unregistered") == 0 &&
		       session->transaction.reverse_path.literal.family != IP_NONE);
}

static void check_finding(
	const struct session *session, const struct finding *finding, bool trouble)
{
	MUST_HOLD(finding->evidence[0] != '\0');
	for (const char *c = finding->evidence; *c != '\0'; c++)
		MUST_HOLD(*c >= 0x20 && *c <= 0x7e);
	/* What asks the DNS never fails for what the DNS did not say. */
	MUST_HOLD(!trouble || !finding->check->can_temperror ||
		  needs_no_dns(session, finding->check) || finding->result != RESULT_FAIL);
}

static void check_findings(const struct session *session, bool trouble)
{
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		for (size_t i = 0; i < session->findings[scope].count; i++)
			check_finding(session, session->findings[scope].items[i], trouble);
}

static void run(struct session *session, const struct policy *policy, enum stage stage)
{
	enum action actions[POLICY_CHECKS_MAX];
	void *options = mem_alloc(policy->options_size);
	struct call call = {.session = session,
		.policy = policy,
		.options = options,
		.option_count = 1,
		.fail_actions = actions,
		.temperror_actions = actions,
		.stage = stage};

	for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
		actions[i] = ACTION_TAG;
	for (const struct setting *row = policy->settings; row->name != NULL; row++)
		setting_set_default(row, options);
	policy->announce[stage](&call);
	policy->judge[stage](&call);
	settings_clear(policy->settings, options);
	mem_free(options);
}

/* As the door does it. */
static void set_facts(struct session *session, char *lines)
{
	const char *helo = strsep(&lines, "\n"), *from = strsep(&lines, "\n");

	set_text(session->helo_raw, sizeof(session->helo_raw), helo);
	session->greeted = true;
	if (!domain_parse_literal(session->helo_raw, &session->helo_literal) &&
		!domain_canonical(session->helo_raw, session->helo))
		session->helo[0] = '\0';
	session->transaction.open = true;
	set_text(session->transaction.raw, sizeof(session->transaction.raw), from);
	session->transaction.error =
		path_parse(from == NULL ? "" : from, false, &session->transaction.reverse_path);
	set_text(session->transaction.mta_address, sizeof(session->transaction.mta_address), lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char hostname[] = "mx.example.org";
	struct site site = {.hostname = hostname, .time_limit_ms = 1000};
	struct services services = {0};
	struct session session;
	bool trouble = size % 2 == 1;

	session_init(&session, &site, &services);
	session.keep_all = true;
	MUST_HOLD(ipaddr_parse("192.0.2.7", &session.client));
	set_facts(&session, text);
	fake_dns_clear();
	fake_spf_clear();
	fake_dns_default(trouble ? DNS_SERVFAIL : DNS_NXDOMAIN);
	run(&session, &policy_helo, STAGE_HELO);
	run(&session, &policy_sender, STAGE_MAIL);
	check_findings(&session, trouble);
	session_end_scope(&session, SCOPE_CONNECTION);
	free(text);
	return 0;
}
