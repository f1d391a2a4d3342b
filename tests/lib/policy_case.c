/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "mem.h"
#include "text.h"

enum { CASE_WAIT_MS = 60000 };

static void set_defaults(struct policy_case *policy_case, const struct policy *policy)
{
	for (size_t i = 0; policy->checks != NULL && policy->checks[i].name != NULL; i++) {
		policy_case->fail_actions[i] = policy->checks[i].fail;
		policy_case->temperror_actions[i] = ACTION_MONITOR;
	}
	policy_case->options = mem_alloc(policy->options_size == 0 ? 1 : policy->options_size);
	for (const struct setting *row = policy->settings; row != NULL && row->name != NULL; row++)
		setting_set_default(row, policy_case->options);
	if (policy->prepare != NULL)
		policy->prepare(policy_case->options, &policy_case->site);
}

void policy_case_list(struct matchlist **list, const char *entry)
{
	const char *why;

	if (*list == NULL)
		*list = matchlist_create();
	assert_true(matchlist_add(*list, entry, "test", &why));
}

void policy_case_start(struct policy_case *policy_case, const struct policy *policy)
{
	memset(policy_case, 0, sizeof(*policy_case));
	policy_case->site.hostname = mem_text("mx.example.org");
	policy_case->site.authserv_id = mem_text("mx.example.org");
	policy_case->site.time_limit_ms = CASE_WAIT_MS;
	policy_case_list(&policy_case->site.local_domains, "example.org");
	policy_case_list(&policy_case->site.local_domains, ".example.org");
	policy_case_list(&policy_case->site.trusted_networks, "127.0.0.0/8");
	policy_case->site.own_addresses = mem_array(1, sizeof(struct ipaddr));
	assert_true(ipaddr_parse("198.51.100.1", &policy_case->site.own_addresses[0]));
	policy_case->site.own_address_count = 1;
	set_defaults(policy_case, policy);
	session_init(&policy_case->session, &policy_case->site, &policy_case->services);
	policy_case->session.keep_all = true;
	policy_case->call = (struct call){
		.session = &policy_case->session,
		.policy = policy,
		.options = policy_case->options,
		.option_count = 1,
		.fail_actions = policy_case->fail_actions,
		.temperror_actions = policy_case->temperror_actions,
		.deadline_ms = clock_monotonic_ms() + CASE_WAIT_MS,
	};
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (policy->state_size[i] != 0)
			policy_case->call.state[i] = mem_alloc(policy->state_size[i]);
}

void policy_case_end(struct policy_case *policy_case)
{
	const struct policy *policy = policy_case->call.policy;

	session_end_scope(&policy_case->session, SCOPE_CONNECTION);
	if (policy->clear != NULL)
		policy->clear(policy_case->options);
	if (policy->settings != NULL)
		settings_clear(policy->settings, policy_case->options);
	mem_free(policy_case->options);
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		mem_free(policy_case->call.state[i]);
	mem_free(policy_case->site.hostname);
	mem_free(policy_case->site.authserv_id);
	mem_free(policy_case->site.own_addresses);
	matchlist_free(&policy_case->site.local_domains);
	matchlist_free(&policy_case->site.relay_domains);
	matchlist_free(&policy_case->site.trusted_networks);
	matchlist_free(&policy_case->site.allow);
	matchlist_free(&policy_case->site.deny);
	matchlist_free(&policy_case->site.forwarders);
}

static bool set_action(struct policy_case *policy_case, const char *name, const char *value)
{
	const struct check *checks = policy_case->call.policy->checks;
	char temperror[80];

	for (size_t i = 0; checks != NULL && checks[i].name != NULL; i++) {
		snprintf(temperror, sizeof(temperror), "%s_temperror", checks[i].name);
		if (strcmp(name, checks[i].name) == 0)
			return action_parse(value, &policy_case->fail_actions[i]);
		if (checks[i].can_temperror && strcmp(name, temperror) == 0)
			return action_parse(value, &policy_case->temperror_actions[i]);
	}
	return false;
}

static void set_setting(
	struct policy_case *policy_case, const struct setting *row, const char *value)
{
	const struct policy *policy = policy_case->call.policy;
	const char *blamed = NULL;
	char why[200] = "";

	if (policy->clear != NULL)
		policy->clear(policy_case->options);
	if (!setting_parse(row, value, "test", policy_case->options, why, sizeof(why)))
		fail_msg("%s = %s: %s", row->name, value, why);
	if (policy->verify != NULL && !policy->verify(policy_case->options, &policy_case->site,
					      &blamed, why, sizeof(why)))
		fail_msg("%s = %s: %s", row->name, value, why);
	if (policy->prepare != NULL)
		policy->prepare(policy_case->options, &policy_case->site);
}

void policy_case_set(struct policy_case *policy_case, const char *name, const char *value)
{
	const struct setting *row = policy_case->call.policy->settings;

	for (; row != NULL && row->name != NULL; row++) {
		if (strcmp(row->name, name) == 0) {
			set_setting(policy_case, row, value);
			return;
		}
	}
	if (!set_action(policy_case, name, value))
		fail_msg("no setting %s = %s", name, value);
}

void policy_case_look_on(struct policy_case *policy_case)
{
	static const struct trial monitored = {.mode = MODE_MONITOR, .percent = 100};

	policy_case->call.trial = &monitored;
}

static void clear_state(struct policy_case *policy_case, enum scope scope)
{
	for (int i = (int)scope; i < SCOPE_COUNT; i++)
		if (policy_case->call.state[i] != NULL)
			memset(policy_case->call.state[i], 0,
				policy_case->call.policy->state_size[i]);
}

static void copy_raw(char raw[WIRE_TEXT_SIZE], bool *cut, const char *text)
{
	snprintf(raw, WIRE_TEXT_SIZE, "%s", text);
	*cut = strlen(text) >= WIRE_TEXT_SIZE;
}

void policy_case_connect(struct policy_case *policy_case, const char *client)
{
	struct session *session = &policy_case->session;

	session->client = (struct ipaddr){0};
	if (client[0] != '\0')
		assert_true(ipaddr_parse(client, &session->client));
	session->client_port = 40000;
}

void policy_case_helo(struct policy_case *policy_case, const char *helo)
{
	struct session *session = &policy_case->session;
	bool cut;

	session_end_scope(session, SCOPE_GREETING);
	clear_state(policy_case, SCOPE_GREETING);
	copy_raw(session->helo_raw, &cut, helo);
	session->greeted = true;
	if (!domain_parse_literal(helo, &session->helo_literal)) {
		session->helo_literal = (struct ipaddr){0};
		if (!domain_canonical(helo, session->helo))
			session->helo[0] = '\0';
	}
}

void policy_case_mail(struct policy_case *policy_case, const char *reverse_path)
{
	struct session *session = &policy_case->session;
	struct transaction *transaction = &session->transaction;

	session_end_scope(session, SCOPE_TRANSACTION);
	clear_state(policy_case, SCOPE_TRANSACTION);
	transaction->open = true;
	copy_raw(transaction->raw, &transaction->cut, reverse_path);
	transaction->error =
		path_parse(reverse_path, transaction->smtputf8, &transaction->reverse_path);
	session->messages++;
}

void policy_case_rcpt(struct policy_case *policy_case, const char *forward_path)
{
	struct session *session = &policy_case->session;

	session_end_scope(session, SCOPE_RECIPIENT);
	clear_state(policy_case, SCOPE_RECIPIENT);
	policy_case->recipient = (struct recipient){0};
	session->recipient = &policy_case->recipient;
	copy_raw(session->recipient->raw, &session->recipient->cut, forward_path);
	session->recipient->error =
		path_parse(forward_path, session->transaction.smtputf8, &session->recipient->path);
	session->transaction.recipients_seen++;
}

void policy_case_field(struct policy_case *policy_case, const char *name, const char *body)
{
	struct transaction *transaction = &policy_case->session.transaction;

	if (transaction->header == NULL)
		transaction->header = header_section_create();
	header_section_add(transaction->header, name, body);
	policy_case->call.field_name = name;
	policy_case->call.field_body = body;
	policy_case_run(policy_case, STAGE_HEADER);
}

void policy_case_run(struct policy_case *policy_case, enum stage stage)
{
	const struct policy *policy = policy_case->call.policy;

	policy_case->call.stage = stage;
	if (stage == STAGE_EOM && policy->reads_header &&
		policy_case->session.transaction.header == NULL)
		policy_case->session.transaction.header = header_section_create();
	if (policy->announce[stage] != NULL)
		policy->announce[stage](&policy_case->call);
	if (policy->judge[stage] != NULL)
		policy->judge[stage](&policy_case->call);
}

const struct finding *policy_case_finding(struct policy_case *policy_case, const char *check)
{
	for (int scope = SCOPE_COUNT; scope-- > 0;) {
		const struct findings *findings = &policy_case->session.findings[scope];

		for (size_t i = findings->count; i-- > 0;)
			if (findings->items[i]->policy == policy_case->call.policy &&
				strcmp(findings->items[i]->check->name, check) == 0)
				return findings->items[i];
	}
	return NULL;
}

enum result policy_case_result(struct policy_case *policy_case, const char *check)
{
	const struct finding *finding = policy_case_finding(policy_case, check);

	if (finding == NULL)
		fail_msg("no finding of %s", check);
	return finding->result;
}

enum action policy_case_action(struct policy_case *policy_case)
{
	enum action hardest = ACTION_OFF;

	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		const struct findings *findings = &policy_case->session.findings[scope];

		for (size_t i = 0; i < findings->count; i++)
			if (findings->items[i]->action > hardest)
				hardest = findings->items[i]->action;
	}
	return hardest;
}
