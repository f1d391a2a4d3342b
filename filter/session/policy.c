/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "text.h"

bool check_is_on(const struct call *call, unsigned check)
{
	return call->fail_actions[check] != ACTION_OFF;
}

const char *check_full_name(
	const struct policy *policy, unsigned check, char buffer[TRIAL_NAME_SIZE])
{
	snprintf(buffer, TRIAL_NAME_SIZE, "%s.%s", policy->name, policy->checks[check].name);
	return buffer;
}

bool call_only_looks_on(const struct call *call)
{
	return call->trial != NULL &&
	       trial_holds_back(call->trial, call->policy->name, &call->session->client);
}

static bool goes_on(const struct trial *trial)
{
	return trial_is_on(trial) && !trial_has_ended(trial, clock_wall_ms());
}

bool check_is_on_trial(const struct call *call, unsigned check)
{
	return (call->trial != NULL && goes_on(call->trial)) ||
	       (call->check_trials != NULL && goes_on(&call->check_trials[check]));
}

static enum action action_for(const struct call *call, unsigned check, enum result result)
{
	if (result == RESULT_FAIL)
		return call->fail_actions[check];
	if (result == RESULT_TEMPERROR && call->policy->checks[check].can_temperror)
		return call->temperror_actions[check];
	return ACTION_OFF;
}

/* Most checks of most messages pass: to write their evidence for nobody would be most of our work. */
static bool is_kept(const struct call *call, enum action action)
{
	return action != ACTION_OFF || call->session->keep_all;
}

/* A check may be on trial by itself, in a section that is not. */
static bool only_looks_on(const struct call *call, unsigned check)
{
	char name[TRIAL_NAME_SIZE];

	if (call_only_looks_on(call))
		return true;
	if (call->check_trials == NULL || !trial_is_on(&call->check_trials[check]))
		return false;
	return trial_holds_back(&call->check_trials[check],
		check_full_name(call->policy, check, name), &call->session->client);
}

static struct finding *add(struct call *call, unsigned check, enum result result,
	enum action action, const char *title, const char *format, va_list args) ATTR_PRINTF(6, 0);

static struct finding *add(struct call *call, unsigned check, enum result result,
	enum action action, const char *title, const char *format, va_list args)
{
	struct finding *finding = session_add_finding(call->session, stage_scope(call->stage));
	char raw[EVIDENCE_SIZE];
	struct text evidence;

	/* Trouble of the DNS or the store is no reason to lose mail. */
	if (result == RESULT_TEMPERROR && action == ACTION_REJECT)
		action = ACTION_TEMPFAIL;
	finding->policy = call->policy;
	finding->check = &call->policy->checks[check];
	finding->title = title;
	finding->stage = call->stage;
	finding->result = result;
	finding->would = action;
	finding->action = action;
	finding->beyond = call->session->beyond;
	if (action != ACTION_OFF && only_looks_on(call, check))
		finding->action = ACTION_MONITOR;
	vsnprintf(raw, sizeof(raw), format, args);
	text_init(&evidence, finding->evidence, sizeof(finding->evidence));
	for (const char *c = raw; *c != '\0'; c++) {
		/* Single quotes, since log fields stand in double ones. */
		if (*c < 0x20 || *c > 0x7e)
			text_addf(&evidence, "\\x%02x", (unsigned char)*c);
		else
			text_add_char(&evidence, *c == '"' ? '\'' : *c);
	}
	return finding;
}

bool report_keeps(const struct call *call, unsigned check, enum result result)
{
	return check_is_on(call, check) && is_kept(call, action_for(call, check, result));
}

struct finding *report(
	struct call *call, unsigned check, enum result result, const char *format, ...)
{
	struct finding *finding;
	enum action action;
	va_list args;

	if (!check_is_on(call, check))
		return NULL;
	action = action_for(call, check, result);
	if (!is_kept(call, action))
		return NULL;
	va_start(args, format);
	finding = add(call, check, result, action, NULL, format, args);
	va_end(args);
	return finding;
}

struct finding *report_action(struct call *call, unsigned check, enum result result,
	enum action action, const char *title, const char *format, ...)
{
	struct finding *finding;
	va_list args;

	if (!is_kept(call, action))
		return NULL;
	va_start(args, format);
	finding = add(call, check, result, action, title, format, args);
	va_end(args);
	return finding;
}
