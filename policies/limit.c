/* SPDX-License-Identifier: BSD-2-Clause */
/* No more than so much of something per key in any window of time (design section 4). Messages and
 * recipients are reserved at each RCPT that every other policy lets through, bytes at the end of the
 * message (what MAIL declares is only looked at, at the first such RCPT); they are committed when the
 * message is accepted, and given back when it is not. Connections and refused recipients are reserved
 * before anything is found out about a recipient. */
#include <string.h>

#include "exemption.h"
#include "limit_charge.h"
#include "limit_options.h"
#include "limit_raise.h"
#include "limit_report.h"
#include "limit_unusable.h"
#include "mem.h"
#include "policy.h"
#include "reservation.h"

static const struct check limit_checks[] = {
	[LIMIT_CHECK_RATE] = {.name = "rate",
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
enum phase {
	PHASE_CONNECTION = 1,
	PHASE_PROBE = 2,
	PHASE_RECIPIENT = 4,
	PHASE_END = 8,
	PHASE_DECLARED = 16 /* at a recipient, what will be asked at the end */
};

static unsigned phase_of(const struct limit_options *limit)
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

struct limit_state {
	struct reservation message;
	unsigned before; /* its sequence before this recipient */
	bool recipient_judged, refused_by_limit; /* this recipient */
	bool declared_fits; /* SIZE= of MAIL (RFC 1870) did, at a recipient before */
	int64_t bytes;
	struct limit_proof proof;
};

struct connection_state {
	struct reservation
		reservation; /* of the connection and, as PHASE_PROBE, of this recipient */
	bool tried;
};

/* Charging. ------------------------------------------------------------------------------------ */

/* What one step asks: of all limits at once, in one call of the store. */
struct step {
	struct reservation_charge *charges; /* owned; each is of the limit that is its owner */
	size_t count;
};

static const struct limit_options *limit_of(const struct step *step, size_t i)
{
	return step->charges[i].owner;
}

typedef bool is_wanted(const struct limit_options *limit, const struct ipaddr *client);

static bool is_asked(const struct call *call, const struct limit_options *limit, unsigned phases,
	is_wanted *wanted)
{
	/* What only looks on says so at the end. */
	if ((phases & PHASE_DECLARED) != 0 && phase_of(limit) == PHASE_END &&
		limit_refuses(limit, &call->session->client))
		return true;
	return limit->trial.mode != MODE_OFF && (phase_of(limit) & phases) != 0 &&
	       (wanted == NULL || wanted(limit, &call->session->client));
}

/* Of the limits of PHASES that are WANTED (NULL: all). RESERVATION NULL: nothing is held yet, and no
 * transaction has begun. The caller frees it. */
static struct step make_step(struct call *call, unsigned phases,
	const struct reservation *reservation, is_wanted *wanted)
{
	const struct connection_state *connection = call->state[SCOPE_CONNECTION];
	struct limit_state *state = reservation == NULL ? NULL : call->state[SCOPE_TRANSACTION];
	const struct limit_options *limits = call->options;
	struct limit_proof none = {0};
	struct limit_step_facts facts = {
		.session = call->session,
		.deadline_ms = call->deadline_ms,
		.proof = state == NULL ? &none : &state->proof,
		.bytes = state == NULL ? 0 : state->bytes,
		.declared = (phases & PHASE_DECLARED) != 0
				    ? call->session->transaction.declared_size
				    : 0,
		.tried = connection->tried,
	};
	struct step step = {.count = 0};

	for (size_t i = 0; i < call->option_count; i++) {
		struct reservation_charge *charge;

		if (!is_asked(call, &limits[i], phases, wanted))
			continue;
		/* Most steps of most sessions ask for nothing. */
		if (step.charges == NULL) {
			step.charges = mem_array(call->option_count - i, sizeof(*step.charges));
			facts.raises = limit_raises_hold(call->session->services->raises);
		}
		charge = &step.charges[step.count];
		if (!limit_charge_make(&limits[i], &facts, reservation, charge))
			continue;
		charge->part = phase_of(&limits[i]);
		charge->owner = &limits[i];
		step.count++;
	}
	if (step.charges != NULL)
		limit_raises_release(&facts.raises);
	return step;
}

static void free_step(struct step *step)
{
	mem_free(step->charges);
}

static struct reservation_answer ask(
	const struct call *call, struct reservation *reservation, struct step *step)
{
	if (call->session->dry_run)
		return reservation_pretend(
			reservation, call->session->services, step->charges, step->count);
	return reservation_take(reservation, call->session->services, step->charges, step->count);
}

static enum limit_meter_outcome outcome_of(
	const struct call *call, const struct limit_options *limit, enum reservation_result result)
{
	switch (result) {
	case RESERVATION_TAKEN:
		return LIMIT_TAKEN;
	case RESERVATION_DOWN:
		return LIMIT_UNCOUNTED;
	case RESERVATION_OVER:
		break;
	}
	return limit_is_held_back(limit, &call->session->client) ? LIMIT_WATCHED : LIMIT_OVER;
}

/* What became of the charge in a step that was answered so; NULL: nothing, since another refused. */
static const struct reservation_answer *answer_to(
	const struct step *step, size_t i, const struct reservation_answer *answer)
{
	if (answer->result != RESERVATION_TAKEN)
		return i == answer->over ? answer : NULL;
	return step->charges[i].watched ? &step->charges[i].answer : answer;
}

static void meter(
	const struct call *call, const struct step *step, const struct reservation_answer *answer)
{
	for (size_t i = 0; i < step->count && !call->session->dry_run; i++) {
		const struct reservation_answer *own = answer_to(step, i, answer);

		if (own != NULL && !(step->charges[i].looked && own->result == RESERVATION_TAKEN))
			limit_meter_count(limit_of(step, i)->meter,
				outcome_of(call, limit_of(step, i), own->result),
				step->charges[i].label, step->charges[i].units);
	}
}

static void report_step(
	struct call *call, const struct step *step, const struct reservation_answer *answer)
{
	for (size_t i = 0; i < step->count; i++) {
		const struct reservation_answer *own = answer_to(step, i, answer);

		if (own != NULL && own->result == RESERVATION_OVER)
			limit_report_over(call, limit_of(step, i), &step->charges[i], own);
		else if (own != NULL && own->result == RESERVATION_DOWN)
			limit_report_down(call, limit_of(step, i), !step->charges[i].watched);
		else if (call->session->dry_run && !step->charges[i].looked)
			limit_report_use(call, limit_of(step, i), &step->charges[i]);
	}
}

/* A limit is reached: it may have been raised a moment ago, on another host. */
static bool is_raised_now(const struct call *call, const struct reservation_answer *answer)
{
	enum { RAISES_AGE_MS = 100 };

	return answer->result == RESERVATION_OVER && !answer->local &&
	       limit_raises_refresh(call->session->services->raises, RAISES_AGE_MS);
}

/* The store did not answer: was it for one of the keys? */
static void look_for_unusable(
	const struct call *call, const struct step *step, const struct reservation_answer *answer)
{
	if (answer->local)
		limit_unusable_tell(
			call->session->services, step->charges, step->count, call->deadline_ms);
}

/* False when a limit refuses; then nothing of it is held. Those that only look on are charged where they
 * fit, and reported where they do not. */
static bool charge(struct call *call, unsigned phases, struct reservation *reservation)
{
	struct step step = make_step(call, phases, reservation, NULL);
	struct reservation_answer answer = ask(call, reservation, &step);

	if (is_raised_now(call, &answer)) {
		free_step(&step);
		step = make_step(call, phases, reservation, NULL);
		answer = ask(call, reservation, &step);
	}
	look_for_unusable(call, &step, &answer);
	if (!call->session->dry_run)
		reservation_count_attempts(
			reservation, call->session->services, step.charges, step.count, &answer);
	meter(call, &step, &answer);
	report_step(call, &step, &answer);
	free_step(&step);
	return answer.result == RESERVATION_TAKEN;
}

/* Judging. ------------------------------------------------------------------------------------- */

/* It counts what is refused to a client, and the client is known from the start. */
static bool is_of_client(const struct limit_options *limit)
{
	return limit->trial.mode != MODE_OFF && limit->count == COUNT_REFUSED_RECIPIENTS &&
	       limit_key_is_client(&limit->key);
}

static bool refuses_client(const struct limit_options *limit, const struct ipaddr *client)
{
	return is_of_client(limit) && limit_refuses(limit, client);
}

/* Recipients that the MTA refuses itself it goes on refusing, whatever we say of others. Who has had
 * its share of them gets nowhere near a recipient any more. */
static void judge_connect(struct call *call)
{
	struct reservation_answer answer;
	struct step step;

	if (exemption_is_local_submission(call->session))
		return;
	step = make_step(call, PHASE_PROBE, NULL, refuses_client);
	answer = reservation_look(call->session->services, step.charges, step.count);
	look_for_unusable(call, &step, &answer);
	if (answer.result == RESERVATION_OVER)
		limit_report_over(
			call, limit_of(&step, answer.over), &step.charges[answer.over], &answer);
	free_step(&step);
}

/* What the recipient itself takes waits until all other policies have let it through (judge_rcpt), so that
 * nobody's limit is held by what is refused anyway. */
static void before_recipient(struct call *call)
{
	struct connection_state *connection = call->state[SCOPE_CONNECTION];
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	state->refused_by_limit = false;
	/* What must not be refused is let through. */
	if (exemption_is_local_submission(call->session))
		return;
	state->refused_by_limit =
		!charge(call, PHASE_CONNECTION | PHASE_PROBE, &connection->reservation);
	connection->tried = true;
}

static bool is_refused_by_mta(const struct session *session)
{
	return session->recipient != NULL && strcmp(session->recipient->mta_mailer, "error") == 0;
}

/* Until now every recipient has been taken for one that will be refused, so that many at once find
 * out no more than one after the other. */
static void recipient_answered(struct call *call)
{
	const struct services *services = call->session->services;
	struct connection_state *connection = call->state[SCOPE_CONNECTION];
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	/* A recipient that was charged is refused after all. */
	if (call->verdict >= VERDICT_TEMPFAIL && state->recipient_judged)
		reservation_give_back_after(&state->message, services, state->before);
	state->recipient_judged = false;
	if (is_refused_by_mta(call->session) ||
		(call->verdict == VERDICT_REJECT && !state->refused_by_limit))
		reservation_commit_part(&connection->reservation, services, PHASE_PROBE);
	else
		reservation_give_back_part(&connection->reservation, services, PHASE_PROBE);
}

static void judge_rcpt(struct call *call)
{
	struct limit_state *state = call->state[SCOPE_TRANSACTION];
	unsigned phases = PHASE_RECIPIENT;

	state->recipient_judged = true;
	state->before = state->message.sequence;
	/* What the MTA has refused is not counted; what it must not refuse is let through. */
	if (is_refused_by_mta(call->session) || exemption_is_local_submission(call->session))
		return;
	if (call->session->transaction.declared_size > 0 && !state->declared_fits)
		phases |= PHASE_DECLARED;
	state->refused_by_limit = !charge(call, phases, &state->message);
	state->declared_fits = !state->refused_by_limit;
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
	const struct services *services = call->session->services;
	struct connection_state *connection = call->state[SCOPE_CONNECTION];
	struct limit_state *state = call->state[SCOPE_TRANSACTION];

	reservation_give_back_part(&connection->reservation, services, PHASE_PROBE);
	if (outcome == OUTCOME_ACCEPTED)
		reservation_commit(&state->message, services);
	else
		reservation_give_back(&state->message, services);
}

static void end_connection(struct call *call, enum outcome outcome)
{
	struct connection_state *connection = call->state[SCOPE_CONNECTION];

	(void)outcome;
	reservation_commit(&connection->reservation, call->session->services);
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
