/* SPDX-License-Identifier: BSD-2-Clause */
/* No more than so many messages or recipients per key in any window of time (design section 4). Units
 * are reserved at each RCPT that every other policy lets through, committed when the message is
 * accepted, and given back when it is not. */
#include <stdio.h>
#include <string.h>

#include "exemption.h"
#include "limit_key.h"
#include "policy.h"
#include "reservation.h"
#include "text.h"

enum { CHECK_RATE };

static const struct check limit_checks[] = {
	[CHECK_RATE] = {.name = "rate",
		.fail = ACTION_TEMPFAIL,
		.can_temperror = true,
		.code = "550",
		.tempfail_code = "451",
		.enhanced = "5.7.1",
		.reply = "rate limit",
		.help = "The limit is reached"},
	{.name = NULL},
};

enum count { COUNT_MESSAGES, COUNT_RECIPIENTS };
enum limit_mode { LIMIT_ENFORCE, LIMIT_MONITOR, LIMIT_OFF };

static const char *const count_words[] = {"messages", "recipients", NULL};
static const char *const outage_words[] = {"local", "accept", "tempfail", NULL};
static const char *const mode_words[] = {"enforce", "monitor", "off", NULL};
static const char *const action_words[] = {"tempfail", "reject", "quarantine", "tag", NULL};

struct limit_options {
	char *title;
	char *key_text;
	int count; /* enum count */
	struct rate rate;
	enum action action;
	int outage; /* enum outage */
	int64_t hosts;
	int mode; /* enum limit_mode */
	bool strict;
	char *extension;
	int64_t prefix_v4, prefix_v6;
	struct limit_key key; /* of key_text, by prepare */
};

static const struct setting limit_settings[] = {
	{.name = "key",
		.type = SETTING_TEXT,
		.offset = offsetof(struct limit_options, key_text),
		.default_text = "auth_user | sender",
		.help = "Who is counted: auth_user, sender, sender_domain, client_ip, client_net, "
			"confirmed_name, helo, recipient, recipient_domain, tls_subject, daemon; "
			"\"+\" joins, \"|\" falls back"},
	{.name = "count",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct limit_options, count),
		.default_text = "recipients",
		.choices = count_words,
		.help = "What is counted"},
	{.name = "rate",
		.type = SETTING_RATE,
		.offset = offsetof(struct limit_options, rate),
		.default_text = "200 / 1h",
		.help = "The most in any window of this length"},
	{.name = "action",
		.type = SETTING_ACTION,
		.offset = offsetof(struct limit_options, action),
		.default_text = "tempfail",
		.choices = action_words,
		.help = "What is done with a recipient beyond the limit"},
	{.name = "outage",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct limit_options, outage),
		.default_text = "local",
		.choices = outage_words,
		.help = "While the store does not answer: count in this process, let all through, "
			"or "
			"tempfail"},
	{.name = "hosts",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct limit_options, hosts),
		.default_text = "1",
		.min = 1,
		.max = 1000,
		.help = "Filter hosts that share the store: each counts with its part of the limit "
			"while the store is down"},
	{.name = "mode",
		.type = SETTING_CHOICE,
		.offset = offsetof(struct limit_options, mode),
		.default_text = "enforce",
		.choices = mode_words,
		.help = "Do what action says, only log what would be done, or do not run at all"},
	{.name = "strict",
		.type = SETTING_BOOL,
		.offset = offsetof(struct limit_options, strict),
		.default_text = "no",
		.help = "Count what was tried, not what was accepted: who goes on trying stays "
			"limited"},
	{.name = "extension",
		.type = SETTING_TEXT,
		.offset = offsetof(struct limit_options, extension),
		.default_text = "",
		.example = "\"+\"",
		.help = "Characters that begin an address extension; with \"+\", user+list counts "
			"as "
			"user"},
	{.name = "prefix_v4",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct limit_options, prefix_v4),
		.default_text = "32",
		.min = 8,
		.max = 32,
		.help = "Bits of an IPv4 address that make a client network"},
	{.name = "prefix_v6",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct limit_options, prefix_v6),
		.default_text = "64",
		.min = 16,
		.max = 128,
		.help = "Bits of an IPv6 address that make a client network"},
	{.name = NULL},
};

/* Limits that can refuse share a reservation, all or nothing; those that only look on have their own,
 * so that one of them being over takes nothing from the others. */
struct limit_state {
	struct reservation enforced, watched;
	unsigned enforced_before, watched_before; /* sequences before this recipient */
	struct limit_proof proof;
};

static bool refuses(const struct limit_options *limit)
{
	return limit->mode == LIMIT_ENFORCE &&
	       (limit->action == ACTION_TEMPFAIL || limit->action == ACTION_REJECT);
}

/* Reporting. ----------------------------------------------------------------------------------- */

static const char *unit_word(const struct limit_options *limit, int64_t count)
{
	if (limit->count == COUNT_MESSAGES)
		return count == 1 ? "message" : "messages";
	return count == 1 ? "recipient" : "recipients";
}

static void add_wait(struct text *reply, int64_t wait_ms)
{
	static const struct {
		int64_t ms;
		const char *one, *many;
	} units[] = {{86400000, "day", "days"}, {3600000, "hour", "hours"},
		{60000, "minute", "minutes"}, {1000, "second", "seconds"}};

	if (wait_ms <= 0) {
		text_add(reply, ", try again later");
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		int64_t count = (wait_ms + units[i].ms - 1) / units[i].ms;

		/* "2 hours" would be a poor answer for 61 minutes. */
		if (count <= 2 && i + 1 < ARRAY_COUNT(units))
			continue;
		text_addf(reply, ", try again in %lld %s", (long long)count,
			count == 1 ? units[i].one : units[i].many);
		return;
	}
}

static void report_over(struct call *call, const struct limit_options *limit,
	const struct reservation_charge *charge, const struct reservation_answer *answer)
{
	bool watched = limit->mode == LIMIT_MONITOR;
	char window[32];
	struct finding *finding;
	struct text reply;

	format_duration(limit->rate.window_ms, window, sizeof(window));
	finding = report_action(call, CHECK_RATE, RESULT_FAIL,
		watched ? ACTION_MONITOR : limit->action, limit->title,
		"limit %s: %s has used %lld of %lld %s per %s%s", limit->title, charge->label,
		(long long)answer->used, (long long)answer->limit, unit_word(limit, answer->limit),
		window, answer->local ? ", counted here since the store does not answer" : "");
	finding->would = limit->action;
	text_init(&reply, finding->reply, sizeof(finding->reply));
	text_addf(&reply, "%lld %s per %s reached", (long long)answer->limit,
		unit_word(limit, answer->limit), window);
	add_wait(&reply, answer->retry_after_ms);
}

static void report_down(struct call *call, const struct limit_options *limit, bool refuse)
{
	struct finding *finding = report_action(call, CHECK_RATE, RESULT_TEMPERROR,
		refuse ? ACTION_TEMPFAIL : ACTION_MONITOR, limit->title,
		"limit %s: the store does not answer", limit->title);

	snprintf(finding->reply, sizeof(finding->reply), "cannot be counted now, try again later");
}

/* Charging. ------------------------------------------------------------------------------------ */

/* What one step asks of the limits of one kind. */
struct step {
	const struct limit_options *limits[STORE_CHARGES_MAX];
	struct reservation_charge charges[STORE_CHARGES_MAX];
	size_t count;
};

/* What this host lets through while it counts alone: at least one, or a small limit would stop all. */
static int64_t share_of(const struct limit_options *limit)
{
	int64_t share = limit->rate.count / limit->hosts;

	return share == 0 && limit->rate.count > 0 ? 1 : share;
}

/* False when the limit is not about this recipient, or its message is counted already. */
static bool make_charge(struct call *call, const struct limit_options *limit,
	const struct reservation *reservation, struct reservation_charge *charge)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];
	const struct limit_key_options key_options = {
		.title = limit->title,
		.extension = limit->extension,
		.prefix_v4 = (unsigned)limit->prefix_v4,
		.prefix_v6 = (unsigned)limit->prefix_v6,
	};
	struct limit_identity identity;

	if (!limit_key_make(&limit->key, &key_options, call->session, &state->proof,
		    call->deadline_ms, &identity))
		return false;
	if (limit->count == COUNT_MESSAGES && reservation_holds(reservation, identity.key))
		return false;
	*charge = (struct reservation_charge){
		.window_ms = limit->rate.window_ms,
		.limit = limit->rate.count,
		.local_limit = share_of(limit),
		.units = 1,
		.outage = (enum outage)limit->outage,
		.strict = limit->strict,
	};
	memcpy(charge->key, identity.key, sizeof(charge->key));
	memcpy(charge->label, identity.label, sizeof(charge->label));
	return true;
}

/* Fills STEP from limit *NEXT on. */
static void make_step(struct call *call, bool refusing, const struct reservation *reservation,
	size_t *next, struct step *step)
{
	const struct limit_options *limits = call->options;

	step->count = 0;
	for (; *next < call->option_count && step->count < STORE_CHARGES_MAX; (*next)++) {
		const struct limit_options *limit = &limits[*next];

		if (limit->mode == LIMIT_OFF || refuses(limit) != refusing ||
			!make_charge(call, limit, reservation, &step->charges[step->count]))
			continue;
		step->limits[step->count++] = limit;
	}
}

static struct reservation_answer ask(
	const struct call *call, struct reservation *reservation, const struct step *step)
{
	if (call->session->dry_run)
		return reservation_look(call->session->services, step->charges, step->count);
	return reservation_take(reservation, call->session->services, step->charges, step->count);
}

/* False when a limit refuses the recipient; then nothing of it is held. */
static bool charge_enforced(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];
	struct step step;
	size_t next = 0;

	while (next < call->option_count) {
		struct reservation_answer answer;

		make_step(call, true, &state->enforced, &next, &step);
		answer = ask(call, &state->enforced, &step);
		if (answer.result == RESERVATION_TAKEN)
			continue;
		if (answer.result == RESERVATION_OVER)
			report_over(call, step.limits[answer.over], &step.charges[answer.over],
				&answer);
		else
			report_down(call, step.limits[answer.over], true);
		reservation_give_back_after(
			&state->enforced, call->session->services, state->enforced_before);
		return false;
	}
	return true;
}

/* Limits that are over are reported and left out; the others are charged. */
static void charge_watched(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];
	struct step step;
	size_t next = 0;

	while (next < call->option_count) {
		make_step(call, false, &state->watched, &next, &step);
		while (step.count > 0) {
			struct reservation_answer answer = ask(call, &state->watched, &step);

			if (answer.result == RESERVATION_TAKEN)
				break;
			if (answer.result == RESERVATION_OVER)
				report_over(call, step.limits[answer.over],
					&step.charges[answer.over], &answer);
			else
				report_down(call, step.limits[answer.over], false);
			step.count--;
			step.limits[answer.over] = step.limits[step.count];
			step.charges[answer.over] = step.charges[step.count];
		}
	}
}

static void judge_rcpt(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];
	const struct recipient *recipient = call->session->recipient;

	state->enforced_before = state->enforced.sequence;
	state->watched_before = state->watched.sequence;
	/* What the MTA has refused is not counted; what it must not refuse is let through. */
	if (strcmp(recipient->mta_mailer, "error") == 0 ||
		exemption_is_local_submission(call->session))
		return;
	if (charge_enforced(call))
		charge_watched(call);
}

static void recipient_refused(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];
	const struct services *services = call->session->services;

	reservation_give_back_after(&state->enforced, services, state->enforced_before);
	reservation_give_back_after(&state->watched, services, state->watched_before);
}

static void end_transaction(struct call *call, enum outcome outcome)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];
	const struct services *services = call->session->services;

	if (outcome == OUTCOME_ACCEPTED) {
		reservation_commit(&state->enforced, services);
		reservation_commit(&state->watched, services);
	} else {
		reservation_give_back(&state->enforced, services);
		reservation_give_back(&state->watched, services);
	}
}

/* Options. ------------------------------------------------------------------------------------- */

static bool verify(const void *options_given, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct limit_options *limit = options_given;
	struct limit_key key;

	(void)site;
	*setting_r = "key";
	return limit_key_parse(limit->key_text == NULL ? "" : limit->key_text, &key, why, why_size);
}

static void prepare(void *options_given)
{
	struct limit_options *limit = options_given;
	char why[160];

	if (!limit_key_parse(
		    limit->key_text == NULL ? "" : limit->key_text, &limit->key, why, sizeof(why)))
		limit->key = (struct limit_key){0};
}

static void advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	const struct limit_options *limit = call->options;
	struct limit_key key;
	char text[320];

	(void)site;
	if (limit->mode == LIMIT_OFF || limit->key_text == NULL)
		return;
	if (limit_key_parse(limit->key_text, &key, text, sizeof(text)) &&
		limit_key_is_forgeable(&key)) {
		snprintf(text, sizeof(text),
			"limit \"%.64s\" counts only by what a client writes, so one that changes "
			"it from message to message is never limited; add another limit by "
			"client_net, or write auth_user first",
			limit->title);
		warn(context, "key", text);
	}
	if (limit->action == ACTION_REJECT)
		warn(context, "action",
			"action = reject loses the mail of a busy hour for good; tempfail lets it "
			"come when there is room again");
	if (limit->outage == OUTAGE_ACCEPT)
		warn(context, "outage",
			"outage = accept lifts the limit while the store is down, so whoever can "
			"slow it down has no limit; use local");
}

const struct policy policy_limit = {
	.name = "limit",
	.summary = "so many messages or recipients per key in any window of time",
	.checks = limit_checks,
	.settings = limit_settings,
	.options_size = sizeof(struct limit_options),
	.state_size = {[SCOPE_TRANSACTION] = sizeof(struct limit_state)},
	.titled = true,
	.charges = true,
	.judge = {[STAGE_RCPT] = judge_rcpt},
	.end = {[SCOPE_TRANSACTION] = end_transaction},
	.recipient_refused = recipient_refused,
	.verify = verify,
	.advise = advise,
	.prepare = prepare,
};
