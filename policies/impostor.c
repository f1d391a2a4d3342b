/* SPDX-License-Identifier: BSD-2-Clause */
/* Corroboration (design section 3): one weak sign refuses nobody, but several of them, from different
 * policies and with no proof against them, do. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"
#include "text.h"

enum { CHECK_CORROBORATED, CHECK_UNREGISTERED };

static const struct check impostor_checks[] = {
	[CHECK_CORROBORATED] = {.name = "corroborated",
		.fail = ACTION_TEMPFAIL,
		.can_temperror = true,
		.code = "550",
		.tempfail_code = "451",
		.enhanced = "5.7.1",
		.reply = "this client looks like an impostor",
		.help = "At least signs failed checks set to suspect, from at least policies "
			"different policies, and no proof for the sender's domain"},
	[CHECK_UNREGISTERED] = {.name = "unregistered",
		.fail = ACTION_OFF,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the client is not registered for the names it uses",
		.help = "The hard reading: the client is not registered for its HELO name, or not "
			"for the sender's domain"},
	{.name = NULL},
};

struct impostor_options {
	int64_t signs, policies;
};

#define OPTION(member) offsetof(struct impostor_options, member)

static const struct setting impostor_settings[] = {
	{.name = "signs",
		.type = SETTING_INTEGER,
		.offset = OPTION(signs),
		.default_text = "3",
		.min = 1,
		.max = 20,
		.help = "How many failed checks set to suspect make an impostor"},
	{.name = "policies",
		.type = SETTING_INTEGER,
		.offset = OPTION(policies),
		.default_text = "2",
		.min = 1,
		.max = 5,
		.help = "From how many different policies they must come at least"},
	{.name = NULL},
};

/* Signs. -------------------------------------------------------------------------------------- */

enum { COUNTED_POLICIES_MAX = 16 };

struct signs {
	int64_t count, policy_count;
	const struct policy *policies[COUNTED_POLICIES_MAX];
	char names_buffer[EVIDENCE_SIZE / 2];
	struct text names;
};

static void count_policy(struct signs *signs, const struct policy *policy)
{
	for (int64_t i = 0; i < signs->policy_count; i++)
		if (signs->policies[i] == policy)
			return;
	if (signs->policy_count < COUNTED_POLICIES_MAX)
		signs->policies[signs->policy_count++] = policy;
}

static void count_sign(struct signs *signs, const struct finding *finding)
{
	if (finding->result != RESULT_FAIL || finding->action != ACTION_SUSPECT)
		return;
	text_addf(&signs->names, "%s%s.%s", signs->count == 0 ? "" : ", ", finding->policy->name,
		finding->check->name);
	signs->count++;
	count_policy(signs, finding->policy);
}

static void count_signs(const struct session *session, struct signs *signs)
{
	static const enum scope scopes[] = {SCOPE_CONNECTION, SCOPE_GREETING, SCOPE_TRANSACTION};

	text_init(&signs->names, signs->names_buffer, sizeof(signs->names_buffer));
	for (size_t s = 0; s < ARRAY_COUNT(scopes); s++)
		for (size_t i = 0; i < session->findings[scopes[s]].count; i++)
			count_sign(signs, session->findings[scopes[s]].items[i]);
}

/* Announce and judge. ------------------------------------------------------------------------- */

static void impostor_announce(struct call *call)
{
	struct session *session = call->session;

	session_iprev(session);
	session_sender_mailhosts(session);
	session_sender_spf(session);
	if (!check_is_on(call, CHECK_UNREGISTERED))
		return;
	session_helo_mailhosts(session);
	session_helo_spf(session);
}

/* The reply names the signs; what each of them found is in the log. */
static void name_signs(struct finding *finding, const struct signs *signs)
{
	struct text reply;

	if (finding == NULL)
		return;
	text_init(&reply, finding->reply, sizeof(finding->reply));
	text_addf(&reply, "%s", signs->names_buffer);
}

static void judge_signs(struct call *call)
{
	const struct impostor_options *options = call->options;
	struct signs signs = {0};
	char evidence[EVIDENCE_SIZE];
	bool temporary;

	if (!check_is_on(call, CHECK_CORROBORATED))
		return;
	count_signs(call->session, &signs);
	if (signs.count < options->signs || signs.policy_count < options->policies)
		report(call, CHECK_CORROBORATED, RESULT_PASS,
			"%lld signs from %lld policies (%s); it takes %lld from %lld",
			(long long)signs.count, (long long)signs.policy_count,
			signs.count == 0 ? "none" : signs.names_buffer, (long long)options->signs,
			(long long)options->policies);
	else if (session_proof(
			 call->session, PROOF_OF_SENDER, call->deadline_ms, evidence, &temporary))
		report(call, CHECK_CORROBORATED, RESULT_PASS, "signs %s, but %s",
			signs.names_buffer, evidence);
	else if (temporary)
		report(call, CHECK_CORROBORATED, RESULT_TEMPERROR, "signs %s, but %s",
			signs.names_buffer, evidence);
	else
		name_signs(report(call, CHECK_CORROBORATED, RESULT_FAIL,
				   "signs %.150s, and %.170s; a proof by SPF, MX, address or PTR "
				   "would be right",
				   signs.names_buffer, evidence),
			&signs);
}

static void judge_registration(struct call *call)
{
	static const enum proof_of proofs[] = {PROOF_OF_HELO, PROOF_OF_SENDER};
	char evidence[ARRAY_COUNT(proofs)][EVIDENCE_SIZE];
	bool temporary = false;

	if (!check_is_on(call, CHECK_UNREGISTERED))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(proofs); i++) {
		bool unknown;

		if (session_proof(
			    call->session, proofs[i], call->deadline_ms, evidence[i], &unknown))
			continue;
		if (!unknown) {
			report(call, CHECK_UNREGISTERED, RESULT_FAIL,
				"%s: %s; an SPF, MX, address or PTR record that ties them would be "
				"right",
				proofs[i] == PROOF_OF_HELO ? "HELO" : "sender", evidence[i]);
			return;
		}
		temporary = true;
	}
	report(call, CHECK_UNREGISTERED, temporary ? RESULT_TEMPERROR : RESULT_PASS,
		"HELO: %.180s; sender: %.180s", evidence[0], evidence[1]);
}

static void impostor_judge(struct call *call)
{
	/* Without an address nobody can be registered for anything: local submission. */
	if (call->session->client.family == IP_NONE || call->session->transaction.error != PATH_OK)
		return;
	judge_signs(call);
	judge_registration(call);
}

static void impostor_advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	const struct impostor_options *options = call->options;
	char text[200];

	(void)site;
	if (options->policies <= options->signs)
		return;
	snprintf(text, sizeof(text),
		"signs = %" PRId64 " is below policies = %" PRId64
		", so that as many signs as policies are needed; make one of them fit the other",
		options->signs, options->policies);
	warn(context, "signs", text);
}

const struct policy policy_impostor = {
	.name = "impostor",
	.summary = "several weak signs together, and no proof against them",
	.checks = impostor_checks,
	.settings = impostor_settings,
	.options_size = sizeof(struct impostor_options),
	.exempt_by = EXEMPT_ALL,
	.reserved_mailboxes_exempt = true,
	.announce = {[STAGE_MAIL] = impostor_announce},
	.judge = {[STAGE_MAIL] = impostor_judge},
	.advise = impostor_advise,
};
