/* SPDX-License-Identifier: BSD-2-Clause */
/* No more than so much of something per key in any window of time (design section 4). Messages and
 * recipients are reserved at each RCPT that every other policy lets through, bytes at the end of the
 * message; they are committed when the message is accepted, and given back when it is not. Connections
 * and refused recipients are reserved before anything is found out about a recipient. */
#include <stdio.h>
#include <string.h>

#include "exemption.h"
#include "limit_alarm.h"
#include "limit_key.h"
#include "limit_options.h"
#include "limit_raise.h"
#include "limit_reply.h"
#include "mailbox_identity.h"
#include "policy.h"
#include "reservation.h"

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

/* When a limit is asked, which hangs on what it counts. */
enum phase { PHASE_CONNECTION, PHASE_PROBE, PHASE_RECIPIENT, PHASE_END };

static enum phase phase_of(const struct limit_options *limit)
{
	switch ((enum limit_count)limit->count) {
	case COUNT_CONNECTIONS:
		return PHASE_CONNECTION;
	case COUNT_REFUSED_RECIPIENTS:
		return PHASE_PROBE;
	case COUNT_BYTES:
		return PHASE_END;
	case COUNT_MESSAGES:
	case COUNT_RECIPIENTS:
	case COUNT_UNIQUE_RECIPIENTS:
		break;
	}
	return PHASE_RECIPIENT;
}

/* Limits that can refuse share a reservation, all or nothing; those that only look on have their own,
 * so that one of them being over takes nothing from the others. */
struct holdings {
	struct reservation enforced, watched;
};

struct limit_state {
	struct holdings message, probe;
	unsigned enforced_before, watched_before; /* sequences before this recipient */
	bool recipient_judged, refused_by_limit; /* this recipient */
	int64_t bytes;
	struct limit_proof proof;
};

struct connection_state {
	struct holdings holdings;
	bool tried;
};

/* Reporting. ----------------------------------------------------------------------------------- */

static uint32_t some_number(void)
{
	unsigned char bytes[STORE_ID_SIZE];
	uint32_t number;

	store_id(bytes);
	memcpy(&number, bytes, sizeof(number));
	return number;
}

static void report_over(struct call *call, const struct limit_options *limit,
	const struct reservation_charge *charge, const struct reservation_answer *answer)
{
	bool watched = limit_is_held_back(limit, &call->session->client);
	const struct limit_reply reply = {
		.text = limit->reply,
		.count = (enum limit_count)limit->count,
		.limit = answer->limit,
		.window_ms = charge->window_ms,
		.wait_ms = limit_spread_wait(
			answer->retry_after_ms, charge->window_ms, limit->spread, some_number()),
	};
	char window[32], amount[48];
	struct finding *finding;

	limit_window(charge->window_ms, window, sizeof(window));
	finding = report_action(call, CHECK_RATE, RESULT_FAIL,
		watched ? ACTION_MONITOR : limit->action, limit->title,
		"limit %s: %s has used %lld of %s per %s%s", limit->title, charge->label,
		(long long)answer->used,
		limit_amount(reply.count, answer->limit, amount, sizeof(amount)), window,
		answer->local ? ", counted here since the store does not answer" : "");
	if (finding != NULL) {
		finding->would = limit->action;
		finding->used = answer->used;
		finding->most = answer->limit;
		finding->window_ms = charge->window_ms;
		limit_reply_write(&reply, finding->reply, sizeof(finding->reply));
	}
	limit_alarm(call->session, limit, charge, answer);
}

static void report_down(struct call *call, const struct limit_options *limit, bool refuse)
{
	struct finding *finding = report_action(call, CHECK_RATE, RESULT_TEMPERROR,
		refuse ? ACTION_TEMPFAIL : ACTION_MONITOR, limit->title,
		"limit %s: the store does not answer", limit->title);

	if (finding != NULL)
		snprintf(finding->reply, sizeof(finding->reply),
			"cannot be counted now, try again later");
}

/* Charging. ------------------------------------------------------------------------------------ */

/* What one step asks of the limits of one kind. */
struct step {
	const struct limit_options *limits[STORE_CHARGES_MAX];
	struct reservation_charge charges[STORE_CHARGES_MAX];
	size_t count;
};

/* Counted once, however many recipients there are. */
static bool is_counted_once(const struct limit_options *limit)
{
	return limit->count == COUNT_MESSAGES || limit->count == COUNT_CONNECTIONS;
}

/* What the recipient counts as; one that is no path, as it is written. */
static void make_member(const struct call *call, const struct limit_options *limit,
	unsigned char member[STORE_MEMBER_SIZE])
{
	const struct recipient *recipient = call->session->recipient;
	char identity[PATH_SIZE];

	if (recipient->error == PATH_OK)
		store_member(
			member, mailbox_identity(&recipient->path, limit->extension, identity));
	else
		store_member(member, recipient->raw);
}

/* It is counted by this message already. */
static bool is_held(const struct limit_options *limit, const struct reservation *reservation,
	const struct reservation_charge *charge)
{
	if (charge->unique)
		return reservation_holds_member(reservation, charge->key, charge->member);
	return is_counted_once(limit) && reservation_holds(reservation, charge->key);
}

/* False when the limit is not about this recipient, or has counted it already. RESERVATION NULL: nothing
 * is held yet, and no transaction has begun. */
static bool make_charge(struct call *call, const struct limit_options *limit,
	const struct limit_raise_set *raises, const struct reservation *reservation,
	struct reservation_charge *charge)
{
	struct limit_state *state = reservation == NULL ? NULL : call->state[SCOPE_TRANSACTION];
	struct limit_proof none = {0};
	const struct connection_state *connection = call->state[SCOPE_CONNECTION];
	const struct limit_key_options key_options = {
		.title = limit->title,
		.extension = limit->extension,
		.prefix_v4 = (unsigned)limit->prefix_v4,
		.prefix_v6 = (unsigned)limit->prefix_v6,
		.overrides = limit->overrides,
		.raises = limit_raises_of(raises, limit->title),
	};
	struct rate rate = limit->rate;
	struct limit_identity identity;

	if (!limit_key_make(&limit->key, &key_options, call->session,
		    state == NULL ? &none : &state->proof, call->deadline_ms, &identity))
		return false;
	if (identity.override != NULL && identity.override->unlimited)
		return false;
	if (identity.override != NULL)
		rate = identity.override->rate;
	*charge = (struct reservation_charge){
		.window_ms = rate.window_ms,
		.limit = rate.count,
		.local_limit = limit_share(limit, &rate),
		.units = limit->count == COUNT_BYTES ? state->bytes : 1,
		.title = limit->title,
		.unique = limit->count == COUNT_UNIQUE_RECIPIENTS,
		.outage = (enum outage)limit->outage,
		/* One connection is one attempt, however many recipients it asks for. */
		.strict =
			limit->strict && !(limit->count == COUNT_CONNECTIONS && connection->tried),
	};
	memcpy(charge->key, identity.key, sizeof(charge->key));
	memcpy(charge->label, identity.label, sizeof(charge->label));
	if (charge->unique)
		make_member(call, limit, charge->member);
	/* A message is one attempt, too: it is counted by its first recipient that was refused. */
	if (limit->count == COUNT_MESSAGES && reservation_has_tried(reservation, charge->key)) {
		charge->units = 0;
		charge->strict = false;
	}
	return reservation == NULL || !is_held(limit, reservation, charge);
}

/* Fills STEP from limit *NEXT on. */
static void make_step(struct call *call, enum phase phase, bool refusing,
	const struct reservation *reservation, size_t *next, struct step *step)
{
	const struct limit_raise_set *raises = limit_raises_hold(call->session->services->raises);
	const struct limit_options *limits = call->options;

	step->count = 0;
	for (; *next < call->option_count && step->count < STORE_CHARGES_MAX; (*next)++) {
		const struct limit_options *limit = &limits[*next];

		if (limit->trial.mode == MODE_OFF || phase_of(limit) != phase ||
			limit_refuses(limit, &call->session->client) != refusing ||
			!make_charge(call, limit, raises, reservation, &step->charges[step->count]))
			continue;
		step->limits[step->count++] = limit;
	}
	limit_raises_release(&raises);
}

static struct reservation_answer ask(
	const struct call *call, struct reservation *reservation, const struct step *step)
{
	if (call->session->dry_run)
		return reservation_look(call->session->services, step->charges, step->count);
	return reservation_take(reservation, call->session->services, step->charges, step->count);
}

static void meter(
	const struct call *call, const struct step *step, const struct reservation_answer *answer)
{
	enum limit_meter_outcome outcome = LIMIT_TAKEN;

	if (answer->result == RESERVATION_DOWN)
		outcome = LIMIT_UNCOUNTED;
	else if (answer->result == RESERVATION_OVER)
		outcome = limit_is_held_back(step->limits[answer->over], &call->session->client)
				  ? LIMIT_WATCHED
				  : LIMIT_OVER;
	for (size_t i = 0; i < step->count && !call->session->dry_run; i++)
		if (outcome == LIMIT_TAKEN || i == answer->over)
			limit_meter_count(step->limits[i]->meter, outcome, step->charges[i].label,
				step->charges[i].units);
}

/* For explain: what is used of each limit that is not over. */
static void report_uses(struct call *call, const struct step *step)
{
	for (size_t i = 0; i < step->count && call->session->dry_run; i++) {
		const struct limit_options *limit = step->limits[i];
		const struct reservation_charge *charge = &step->charges[i];
		const struct store_charge peek = {.key = charge->key,
			.label = charge->label,
			.window_ms = charge->window_ms,
			.limit = charge->limit,
			.members = charge->unique ? charge->member : NULL,
			.member_count = charge->unique};
		char window[32], most[48], left[48];
		struct finding *finding;
		int64_t used;

		if (store_peek(call->session->services->store, &peek, 1, &used) != STORE_OK ||
			used + charge->units > charge->limit)
			continue;
		finding = report_action(call, CHECK_RATE, RESULT_PASS, ACTION_OFF, limit->title,
			"limit %s: %s has used %lld of %s per %s, %s left", limit->title,
			charge->label, (long long)used,
			limit_amount(
				(enum limit_count)limit->count, charge->limit, most, sizeof(most)),
			limit_window(charge->window_ms, window, sizeof(window)),
			limit_amount((enum limit_count)limit->count, charge->limit - used, left,
				sizeof(left)));
		if (finding == NULL)
			return;
		finding->used = used;
		finding->most = charge->limit;
		finding->window_ms = charge->window_ms;
	}
}

/* A limit is reached: it may have been raised a moment ago, on another host. */
static bool is_raised_now(const struct call *call, const struct reservation_answer *answer)
{
	enum { RAISES_AGE_MS = 100 };

	return answer->result == RESERVATION_OVER && !answer->local &&
	       limit_raises_refresh(call->session->services->raises, RAISES_AGE_MS);
}

/* False when a limit refuses; then nothing of it is held. */
static bool charge_enforced(struct call *call, enum phase phase, struct reservation *reservation)
{
	unsigned before = reservation->sequence;
	struct step step;
	size_t next = 0;

	while (next < call->option_count) {
		struct reservation_answer answer;
		size_t start = next;

		make_step(call, phase, true, reservation, &next, &step);
		answer = ask(call, reservation, &step);
		if (is_raised_now(call, &answer)) {
			next = start;
			make_step(call, phase, true, reservation, &next, &step);
			answer = ask(call, reservation, &step);
		}
		meter(call, &step, &answer);
		report_uses(call, &step);
		if (answer.result == RESERVATION_TAKEN)
			continue;
		if (answer.result == RESERVATION_OVER)
			report_over(call, step.limits[answer.over], &step.charges[answer.over],
				&answer);
		else
			report_down(call, step.limits[answer.over], true);
		reservation_give_back_after(reservation, call->session->services, before);
		return false;
	}
	return true;
}

/* Limits that are over are reported and left out; the others are charged. */
static void charge_watched(struct call *call, enum phase phase, struct reservation *reservation)
{
	struct step step;
	size_t next = 0;

	while (next < call->option_count) {
		make_step(call, phase, false, reservation, &next, &step);
		while (step.count > 0) {
			struct reservation_answer answer = ask(call, reservation, &step);

			meter(call, &step, &answer);
			if (answer.result == RESERVATION_TAKEN) {
				report_uses(call, &step);
				break;
			}
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

static bool charge(struct call *call, enum phase phase, struct holdings *holdings)
{
	if (!charge_enforced(call, phase, &holdings->enforced))
		return false;
	charge_watched(call, phase, &holdings->watched);
	return true;
}

static void commit(const struct call *call, struct holdings *holdings)
{
	reservation_commit(&holdings->enforced, call->session->services);
	reservation_commit(&holdings->watched, call->session->services);
}

static void give_back(const struct call *call, struct holdings *holdings)
{
	reservation_give_back(&holdings->enforced, call->session->services);
	reservation_give_back(&holdings->watched, call->session->services);
}

/* Judging. ------------------------------------------------------------------------------------- */

/* It counts what is refused to a client, and the client is known from the start. */
static bool is_of_client(const struct limit_options *limit)
{
	return limit->trial.mode != MODE_OFF && limit->count == COUNT_REFUSED_RECIPIENTS &&
	       limit_key_is_client(&limit->key);
}

/* Recipients that the MTA refuses itself it goes on refusing, whatever we say of others. Who has had
 * its share of them gets nowhere near a recipient any more. */
static void judge_connect(struct call *call)
{
	const struct limit_raise_set *raises = limit_raises_hold(call->session->services->raises);
	const struct limit_options *limits = call->options;
	struct reservation_answer answer = {.result = RESERVATION_TAKEN};
	struct step step = {.count = 0};

	for (size_t i = 0; i < call->option_count && step.count < STORE_CHARGES_MAX; i++) {
		step.limits[step.count] = &limits[i];
		step.count +=
			is_of_client(&limits[i]) &&
			limit_refuses(&limits[i], &call->session->client) &&
			make_charge(call, &limits[i], raises, NULL, &step.charges[step.count]);
	}
	limit_raises_release(&raises);
	if (!exemption_is_local_submission(call->session))
		answer = reservation_look(call->session->services, step.charges, step.count);
	if (answer.result == RESERVATION_OVER)
		report_over(call, step.limits[answer.over], &step.charges[answer.over], &answer);
}

static void before_recipient(struct call *call)
{
	struct connection_state *connection = call->state[SCOPE_CONNECTION];
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	state->refused_by_limit = false;
	/* What must not be refused is let through. */
	if (exemption_is_local_submission(call->session))
		return;
	state->refused_by_limit = !charge(call, PHASE_CONNECTION, &connection->holdings) ||
				  !charge(call, PHASE_PROBE, &state->probe);
	connection->tried = true;
}

static bool is_refused_by_mta(const struct session *session)
{
	return session->recipient != NULL && strcmp(session->recipient->mta_mailer, "error") == 0;
}

/* A recipient that was charged is refused after all. */
static void give_back_recipient(const struct call *call, struct limit_state *state)
{
	const struct services *services = call->session->services;

	reservation_give_back_after(&state->message.enforced, services, state->enforced_before);
	reservation_give_back_after(&state->message.watched, services, state->watched_before);
}

/* Until now every recipient has been taken for one that will be refused, so that many at once find
 * out no more than one after the other. */
static void recipient_answered(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	if (call->verdict >= VERDICT_TEMPFAIL && state->recipient_judged)
		give_back_recipient(call, state);
	state->recipient_judged = false;
	if (is_refused_by_mta(call->session) ||
		(call->verdict == VERDICT_REJECT && !state->refused_by_limit))
		commit(call, &state->probe);
	else
		give_back(call, &state->probe);
}

static void judge_rcpt(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	state->recipient_judged = true;
	state->enforced_before = state->message.enforced.sequence;
	state->watched_before = state->message.watched.sequence;
	/* What the MTA has refused is not counted; what it must not refuse is let through. */
	if (is_refused_by_mta(call->session) || exemption_is_local_submission(call->session))
		return;
	state->refused_by_limit = !charge(call, PHASE_RECIPIENT, &state->message);
}

static bool wants(const void *options, size_t count, enum stage stage)
{
	const struct limit_options *limits = options;

	for (size_t i = 0; i < count; i++) {
		bool content = stage == STAGE_HEADER || stage == STAGE_BODY;

		if (stage == STAGE_CONNECT && !is_of_client(&limits[i]))
			continue;
		if (limits[i].trial.mode != MODE_OFF &&
			(!content || limits[i].count == COUNT_BYTES))
			return true;
	}
	return false;
}

static void judge_header(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	/* ": " and the end of the line. */
	state->bytes += (int64_t)(strlen(call->field_name) + strlen(call->field_body) + 4);
}

static void judge_body(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	state->bytes += (int64_t)call->chunk_length;
}

static void judge_eom(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	if (!exemption_is_local_submission(call->session))
		charge(call, PHASE_END, &state->message);
}

static void end_transaction(struct call *call, enum outcome outcome)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	give_back(call, &state->probe);
	if (outcome == OUTCOME_ACCEPTED)
		commit(call, &state->message);
	else
		give_back(call, &state->message);
}

static void end_connection(struct call *call, enum outcome outcome)
{
	struct connection_state *connection = call->state[SCOPE_CONNECTION];

	(void)outcome;
	commit(call, &connection->holdings);
}

const struct policy policy_limit = {
	.name = "limit",
	.summary =
		"so many connections, messages, recipients or bytes per key in any window of time",
	.checks = limit_checks,
	.settings = limit_settings,
	.options_size = sizeof(struct limit_options),
	.state_size = {[SCOPE_CONNECTION] = sizeof(struct connection_state),
		[SCOPE_TRANSACTION] = sizeof(struct limit_state)},
	.titled = true,
	.charges = true,
	.immediate = true,
	.wants = wants,
	.before_recipient = before_recipient,
	.recipient_answered = recipient_answered,
	.judge = {[STAGE_CONNECT] = judge_connect,
		[STAGE_RCPT] = judge_rcpt,
		[STAGE_HEADER] = judge_header,
		[STAGE_BODY] = judge_body,
		[STAGE_EOM] = judge_eom},
	.end = {[SCOPE_CONNECTION] = end_connection, [SCOPE_TRANSACTION] = end_transaction},
	.verify = limit_verify,
	.advise = limit_advise,
	.prepare = limit_prepare,
	.clear = limit_clear,
};
