/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "decision_record.h"
#include "exemption.h"
#include "explain_private.h"
#include "json_write.h"

static void write_facts(struct text *json, const struct explain_request *request)
{
	json_open(json, "session", '{');
	json_add_wire(json, "client", request->client, 256);
	if (request->port != NULL)
		json_add_number(json, "port", strtol(request->port, NULL, 10));
	if (request->helo != NULL)
		json_add_wire(json, "helo", request->helo, 1000);
	if (request->from != NULL)
		json_add_wire(json, "from", request->from, 1000);
	json_open(json, "recipients", '[');
	for (size_t i = 0; i < request->recipient_count; i++)
		json_add_wire(json, NULL, request->recipients[i], 1000);
	json_close(json, ']');
	if (request->auth != NULL)
		json_add_wire(json, "auth", request->auth, 256);
	if (request->tls_subject != NULL)
		json_add_wire(json, "tls_subject", request->tls_subject, 256);
	if (request->message != NULL)
		json_add_number(json, "message_bytes", (int64_t)request->message_length);
	json_close(json, '}');
}

static void write_reply(struct text *json, const struct step *step)
{
	const struct reply *reply = &step->decision.reply;

	if (step->answered)
		json_add_text(json, "verdict",
			step->decision.verdict == VERDICT_CONTINUE
				? "accept"
				: verdict_name(step->decision.verdict));
	else
		json_add_text(json, "answered_at", "rcpt");
	if (step->decided_by[0] != '\0')
		json_add_text(json, "decided_by", step->decided_by);
	if (reply->code[0] == '\0')
		return;
	json_open(json, "reply", '{');
	json_add_text(json, "code", reply->code);
	json_add_text(json, "enhanced", reply->enhanced);
	json_add_text(json, "text", reply->text);
	json_close(json, '}');
}

static void write_step(struct text *json, const struct step *step)
{
	json_open(json, NULL, '{');
	json_add_text(json, "stage", stage_name(step->stage));
	if (step->argument != NULL)
		json_add_wire(json, "argument", step->argument, 1000);
	if (step->unreached)
		json_add_bool(json, "unreached", true);
	if (step->exempt[0] != '\0')
		json_add_text(json, "exempt", step->exempt);
	if (step->exempt_by[0] != '\0')
		json_add_text(json, "exempt_by", step->exempt_by);
	json_open(json, "checks", '[');
	text_add_n(json, step->checks.buffer, step->checks.length);
	json_close(json, ']');
	write_reply(json, step);
	json_close(json, '}');
}

/* The first refusal, or acceptance. */
static void write_result(struct text *json, const struct explanation *explanation)
{
	const struct step *decisive = &explanation->steps[explanation->step_count - 1];

	for (size_t i = explanation->step_count; i > 0; i--) {
		const struct step *step = &explanation->steps[i - 1];

		if (!step->unreached && step->answered && step->decision.verdict > VERDICT_CONTINUE)
			decisive = step;
	}
	json_add_text(json, "verdict",
		decisive->decision.verdict == VERDICT_CONTINUE
			? "accept"
			: verdict_name(decisive->decision.verdict));
	json_add_text(json, "stage", stage_name(decisive->stage));
	if (decisive->decided_by[0] != '\0')
		json_add_text(json, "decided_by", decisive->decided_by);
	if (explanation->cut)
		json_add_bool(json, "cut", true);
}

/* At one of the steps that were gone through. */
static bool was_asked(const struct explanation *explanation, const struct policy *policy)
{
	for (size_t i = 0; i < explanation->step_count; i++)
		if (policy->judge[explanation->steps[i].stage] != NULL)
			return true;
	return false;
}

/* Why a check that is silent is so. */
static void write_silence(struct text *json, const struct explanation *explanation,
	const struct policy_conf *policy_conf, size_t check)
{
	const struct policy *policy = policy_conf->policy;
	char name[TRIAL_NAME_SIZE], why[160] = "nothing found against it", exempt[100];
	unsigned by = policy->exempt_by & explanation->session->exemptions;

	if (policy_conf->trial.mode == MODE_OFF)
		snprintf(why, sizeof(why), "off: mode = off");
	else if (!policy->titled && policy_conf->fail[check] == ACTION_OFF)
		snprintf(why, sizeof(why), "off");
	else if (policy->titled && policy_conf->option_count == 0)
		snprintf(why, sizeof(why), "none is set");
	else if (by != 0)
		snprintf(why, sizeof(why), "skipped: %s",
			exemption_format(by, exempt, sizeof(exempt)));
	else if (!was_asked(explanation, policy))
		snprintf(why, sizeof(why), "not asked: no message was given");
	json_open(json, NULL, '{');
	json_add_text(json, "check", check_full_name(policy, (unsigned)check, name));
	json_add_text(json, "why", why);
	json_close(json, '}');
}

static void write_silent(struct text *json, const struct explanation *explanation)
{
	const struct conf *conf = explanation->conf;

	json_open(json, "silent", '[');
	for (size_t p = 0; p < conf->policy_count && p < ARRAY_COUNT(explanation->spoke); p++) {
		const struct check *checks = conf->policies[p].policy->checks;

		for (size_t c = 0; checks != NULL && checks[c].name != NULL; c++)
			if (!explanation->spoke[p][c])
				write_silence(json, explanation, &conf->policies[p], c);
	}
	json_close(json, ']');
}

/* One of the questions was asked before. */
static bool is_known(const struct inquiry_use *uses, size_t count, const struct dns_answer *answer)
{
	for (size_t i = 0; i < count; i++)
		if (uses[i].answer->type == answer->type &&
			strcmp(uses[i].answer->name, answer->name) == 0)
			return true;
	return false;
}

static void write_answers(struct text *json, struct explanation *explanation)
{
	struct inquiry_use all[USES_MAX], uses[USES_MAX];
	uint64_t until_ms = clock_monotonic_ms() + LOOKUP_MS;
	size_t known = 0;

	json_open(json, "dns", '[');
	for (size_t i = 0; i < explanation->trace.count; i++) {
		struct inquiry *inquiry = explanation->trace.items[i];
		size_t count = 0;

		if (inquiry_wait(inquiry, until_ms) != NULL)
			count = inquiry_uses(inquiry, uses, USES_MAX);
		for (size_t u = 0; u < count && known < USES_MAX; u++) {
			if (is_known(all, known, uses[u].answer))
				continue;
			all[known++] = uses[u];
			json_open(json, NULL, '{');
			json_add_text(json, "asked_by", inquiry_name(inquiry));
			decision_record_answer(json, uses[u].answer);
			json_add_bool(json, "cached", uses[u].cached);
			json_close(json, '}');
		}
	}
	json_close(json, ']');
}

static void write_changes(struct text *json, const struct explanation *explanation)
{
	const struct transaction *transaction = &explanation->session->transaction;

	if (transaction->edit_count == 0)
		return;
	json_open(json, "changes", '[');
	for (size_t i = 0; i < transaction->edit_count; i++) {
		const struct edit *edit = &transaction->edits[i];

		json_open(json, NULL, '{');
		json_add_text(json, "change",
			edit->kind == EDIT_QUARANTINE	  ? "quarantine"
			: edit->kind == EDIT_DELETE_FIELD ? "delete"
			: edit->kind == EDIT_CHANGE_FIELD ? "replace"
							  : "insert");
		json_add_wire(json, "name", edit->name, 1000);
		if (edit->value != NULL)
			json_add_wire(json, "value", edit->value, 1000);
		json_close(json, '}');
	}
	json_close(json, ']');
}

void explain_json(struct text *json, struct explanation *explanation)
{
	json_open(json, NULL, '{');
	json_add_text(json, "version", MAILREEVE_VERSION);
	json_add_text(json, "configuration",
		explanation->conf->file == NULL ? "built in" : explanation->conf->file);
	write_facts(json, explanation->request);
	json_open(json, "result", '{');
	write_result(json, explanation);
	json_close(json, '}');
	json_open(json, "stages", '[');
	for (size_t i = 0; i < explanation->step_count; i++)
		write_step(json, &explanation->steps[i]);
	json_close(json, ']');
	write_changes(json, explanation);
	write_answers(json, explanation);
	write_silent(json, explanation);
	json_close(json, '}');
}
