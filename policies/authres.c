/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace of a message: removes Authentication-Results and Received-SPF fields that claim to be ours,
 * adds our own (RFC 8601), and looks for loops in what Received says. */
#include <string.h>

#include "author.h"
#include "authres_field.h"
#include "header_field.h"
#include "mem.h"
#include "policy.h"
#include "text.h"

enum { CHECK_TOO_MANY_RECEIVED, CHECK_RECEIVED_BY_US, CHECK_FORGED, CHECK_TOO_MANY_FORGED };

static const struct check authres_checks[] = {
	[CHECK_TOO_MANY_RECEIVED] = {.name = "too_many_received",
		.fail = ACTION_REJECT,
		.code = "554",
		.enhanced = "5.4.6",
		.reply = "too many Received fields, this looks like a mail loop",
		.help = "More than max_received Received fields: a loop (RFC 5321 6.3)"},
	[CHECK_RECEIVED_BY_US] = {.name = "received_by_us",
		.fail = ACTION_TAG,
		.code = "554",
		.enhanced = "5.4.6",
		.reply = "this host has received the message before",
		.help = "A Received field says that hostname or one of own_names has received the "
			"message before: a loop, a forgery, or a mailing list that keeps the "
			"trace (not looked at for clients that may relay)"},
	[CHECK_FORGED] = {.name = "forged",
		.fail = ACTION_OFF,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the message has results that claim to be ours",
		.help = "Fields came with the message that claim to be ours, which remove_forged "
			"removes; also what a mailing list sends back to its author's host"},
	[CHECK_TOO_MANY_FORGED] = {.name = "too_many_forged",
		.fail = ACTION_REJECT,
		.code = "550",
		.enhanced = "5.7.1",
		.reply = "the message has thousands of results that claim to be ours",
		.help = "More than 5000 fields of one name that claim to be ours: MTAs take longer "
			"to remove each the more there are"},
	{.name = NULL},
};

struct authres_options {
	bool add;
	bool remove_forged;
	bool received_spf;
	int64_t max_received;
};

static const struct setting authres_settings[] = {
	{.name = "add",
		.type = SETTING_BOOL,
		.offset = offsetof(struct authres_options, add),
		.default_text = "yes",
		.help = "Add an Authentication-Results field with what was found"},
	{.name = "remove_forged",
		.type = SETTING_BOOL,
		.offset = offsetof(struct authres_options, remove_forged),
		.default_text = "yes",
		.help = "Remove fields of the message that claim to be ours"},
	{.name = "received_spf",
		.type = SETTING_BOOL,
		.offset = offsetof(struct authres_options, received_spf),
		.default_text = "no",
		.help = "Add a Received-SPF field (RFC 7208 9.1) as well"},
	{.name = "max_received",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct authres_options, max_received),
		.default_text = "50",
		.min = 1,
		.max = 10000,
		.help = "Received fields of a message, for too_many_received"},
	{.name = NULL},
};

enum { FORGED_MAX = 5000, VALUE_MAX = 320, FIELD_SIZE = 8192 };

/* Fields of one name: how many there were, and which of them go. */
struct tracked {
	unsigned count;
	unsigned *forged; /* owned; positions from 1 */
	size_t forged_count;
	bool full; /* there were more */
};

enum { TRACK_RESULTS, TRACK_ARC_RESULTS, TRACK_RECEIVED_SPF, TRACKS };

static const char *const track_names[TRACKS] = {
	[TRACK_RESULTS] = "Authentication-Results",
	[TRACK_ARC_RESULTS] = "ARC-Authentication-Results",
	[TRACK_RECEIVED_SPF] = "Received-SPF",
};

struct authres_state {
	struct tracked tracks[TRACKS];
	unsigned received, received_by_us;
};

static bool is_forged(const struct site *site, int track, const char *body)
{
	switch (track) {
	case TRACK_RESULTS:
		return authres_claims(body, site->authserv_id);
	case TRACK_ARC_RESULTS:
		return authres_arc_claims(body, site->authserv_id);
	default:
		return received_spf_claims(body, site->hostname) ||
		       received_spf_claims(body, site->authserv_id);
	}
}

static void track(struct tracked *tracked, bool forged)
{
	tracked->count++;
	if (!forged)
		return;
	tracked->full = tracked->forged_count == FORGED_MAX;
	if (tracked->full)
		return;
	tracked->forged =
		mem_resize(tracked->forged, tracked->forged_count + 1, sizeof(tracked->forged[0]));
	tracked->forged[tracked->forged_count++] = tracked->count;
}

static bool is_by_us(const struct site *site, const char *body)
{
	if (received_by(body, site->hostname))
		return true;
	for (char *const *name = site->own_names; name != NULL && *name != NULL; name++)
		if (received_by(body, *name))
			return true;
	return false;
}

static void judge_header(struct call *call)
{
	const struct authres_options *options = call->options;
	struct authres_state *state = call->state[SCOPE_TRANSACTION];
	const struct site *site = call->session->site;

	if (header_field_is(call->field_name, "Received")) {
		state->received++;
		if (is_by_us(site, call->field_body))
			state->received_by_us++;
		return;
	}
	for (int i = 0; i < TRACKS && options->remove_forged; i++)
		if (header_field_is(call->field_name, track_names[i]))
			track(&state->tracks[i], is_forged(site, i, call->field_body));
}

/* From the highest position down, so that those still to go keep theirs. */
static void remove_forged(struct call *call)
{
	struct authres_state *state = call->state[SCOPE_TRANSACTION];

	for (int i = 0; i < TRACKS; i++) {
		const struct tracked *tracked = &state->tracks[i];

		for (size_t k = tracked->forged_count; k > 0; k--)
			session_add_edit(call->session, EDIT_DELETE_FIELD, track_names[i], NULL,
				tracked->forged[k - 1]);
	}
}

static void judge_trace(struct call *call)
{
	const struct authres_options *options = call->options;
	const struct authres_state *state = call->state[SCOPE_TRANSACTION];
	bool may_relay = (call->session->exemptions & EXEMPT_MAY_RELAY) != 0;

	if (state->received > options->max_received)
		report(call, CHECK_TOO_MANY_RECEIVED, RESULT_FAIL,
			"%u Received fields; at most %lld", state->received,
			(long long)options->max_received);
	if (state->received_by_us > 0 && !may_relay)
		report(call, CHECK_RECEIVED_BY_US, RESULT_FAIL,
			"%u of %u Received fields say by %s", state->received_by_us,
			state->received, call->session->site->hostname);
	for (int i = 0; i < TRACKS; i++)
		if (state->tracks[i].forged_count > 0)
			report(call, CHECK_FORGED, RESULT_FAIL,
				"%zu of %u %s fields claim to be ours",
				state->tracks[i].forged_count, state->tracks[i].count,
				track_names[i]);
	for (int i = 0; i < TRACKS; i++)
		if (state->tracks[i].full)
			report(call, CHECK_TOO_MANY_FORGED, RESULT_FAIL, "more than %d %s fields",
				FORGED_MAX, track_names[i]);
}

/* Our fields. ---------------------------------------------------------------------------------- */

static void add_property(
	struct text *field, const char *name, const char *value, bool internationalized)
{
	text_addf(field, " %s=", name);
	authres_add_value(field, value, VALUE_MAX, internationalized);
}

static void add_iprev(struct text *field, const struct iprev *iprev)
{
	char address[IPADDR_TEXT_SIZE];

	text_addf(field, ";\n\tiprev=%s", result_name(iprev->result));
	if (iprev->confirmed_name[0] != '\0') {
		text_add(field, " (");
		authres_add_comment(field, iprev->confirmed_name, VALUE_MAX);
		text_add(field, ")");
	}
	add_property(field, "policy.iprev", ipaddr_format(&iprev->client, address), false);
}

static enum spf_result spf_result_shown(const struct spf *spf)
{
	return spf->result == SPF_PASS && spf->over_broad ? SPF_NONE : spf->result;
}

/* What RFC 7208 2.4 calls the sender: postmaster of the HELO name where there is none. */
static const char *sender_of(const struct session *session, char sender[PATH_SIZE])
{
	const struct path *path = &session->transaction.reverse_path;
	struct text text;

	text_init(&text, sender, PATH_SIZE);
	text_add(
		&text, path->null || path->local_part[0] == '\0' ? "postmaster" : path->local_part);
	text_add_char(&text, '@');
	text_add(&text, session_sender_domain(session));
	return sender;
}

static void add_spf(struct text *field, const struct spf *spf, const char *property,
	const char *value, bool internationalized)
{
	text_addf(field, ";\n\tspf=%s", spf_result_name(spf_result_shown(spf)));
	if (spf->result != spf_result_shown(spf))
		text_add(field, " (over-broad record)");
	add_property(field, property, value, internationalized);
}

static void add_dmarc(struct text *field, const struct dmarc_outcome *dmarc)
{
	text_addf(field, ";\n\tdmarc=%s", result_name(dmarc->result));
	if (dmarc->dkim_unknown)
		text_add(field, " (a DKIM signature is not verified here)");
	else if (dmarc->result == RESULT_PASS || dmarc->result == RESULT_FAIL)
		text_addf(field, " (p=%s)", dmarc_policy_name(dmarc->policy));
	if (dmarc->domain[0] != '\0')
		add_property(field, "header.from", dmarc->domain, false);
}

static const void *finished(struct inquiry *inquiry)
{
	return inquiry == NULL ? NULL : inquiry_result(inquiry);
}

/* Only what policies have asked already is shown; nothing is asked for it. */
static void add_results(struct call *call)
{
	struct session *session = call->session;
	const struct iprev *iprev = finished(session->iprev);
	const struct spf *mailfrom = finished(session->transaction.spf);
	const struct spf *helo = finished(session->helo_spf);
	char sender[PATH_SIZE];
	/* Not on the stack, of which each of some hundred threads keeps what it once used. */
	char *buffer = mem_resize(NULL, FIELD_SIZE, 1);
	struct text field;
	size_t id_end;

	text_init(&field, buffer, FIELD_SIZE);
	authres_add_value(&field, session->site->authserv_id, VALUE_MAX, false);
	id_end = field.length;
	if (session->auth_user[0] != '\0') {
		text_add(&field, ";\n\tauth=pass");
		add_property(&field, "smtp.auth", session->auth_user, false);
	}
	if (iprev != NULL)
		add_iprev(&field, iprev);
	if (mailfrom != NULL && !session->transaction.reverse_path.null)
		add_spf(&field, mailfrom, "smtp.mailfrom", sender_of(session, sender),
			session->transaction.smtputf8);
	if (helo == NULL && session->transaction.reverse_path.null)
		helo = mailfrom;
	if (helo != NULL)
		add_spf(&field, helo, "smtp.helo", session->helo, false);
	if (session->transaction.dmarc_outcome != NULL)
		add_dmarc(&field, session->transaction.dmarc_outcome);
	if (field.length == id_end)
		text_add(&field, "; none");
	session_add_edit(session, EDIT_INSERT_FIELD, "Authentication-Results", buffer, 0);
	mem_free(buffer);
}

static void add_received_spf(struct call *call)
{
	const struct session *session = call->session;
	const struct spf *spf = finished(session->transaction.spf);
	char buffer[FIELD_SIZE], address[IPADDR_TEXT_SIZE], sender[PATH_SIZE];
	struct text field;

	if (spf == NULL)
		return;
	text_init(&field, buffer, sizeof(buffer));
	text_addf(&field, "%s (", spf_result_name(spf_result_shown(spf)));
	authres_add_comment(&field, session->site->hostname, VALUE_MAX);
	text_add(&field, ": ");
	authres_add_comment(&field, spf->evidence, VALUE_MAX);
	text_add(&field, ")\n\treceiver=");
	authres_add_dot_atom(&field, session->site->hostname, VALUE_MAX);
	text_addf(&field, "; identity=%s",
		session->transaction.reverse_path.null ? "helo" : "mailfrom");
	text_add(&field, ";\n\tclient-ip=");
	authres_add_dot_atom(&field, ipaddr_format(&spf->client, address), VALUE_MAX);
	text_add(&field, "; helo=");
	authres_add_dot_atom(&field, session->helo, VALUE_MAX);
	text_add(&field, ";\n\tenvelope-from=");
	authres_add_dot_atom(&field, sender_of(session, sender), VALUE_MAX);
	session_add_edit(call->session, EDIT_INSERT_FIELD, "Received-SPF", buffer, 0);
}

static void judge_eom(struct call *call)
{
	const struct authres_options *options = call->options;

	judge_trace(call);
	if (call_only_looks_on(call))
		return;
	if (options->remove_forged)
		remove_forged(call);
	if (options->received_spf)
		add_received_spf(call);
	if (options->add)
		add_results(call);
}

static void end_transaction(struct call *call, enum outcome outcome)
{
	struct authres_state *state = call->state[SCOPE_TRANSACTION];

	(void)outcome;
	for (int i = 0; i < TRACKS; i++)
		mem_free(state->tracks[i].forged);
	*state = (struct authres_state){0};
}

static void advise(const struct call *call, const struct site *site,
	void (*warn)(void *context, const char *setting, const char *text), void *context)
{
	const struct authres_options *options = call->options;

	(void)site;
	if (!options->remove_forged)
		warn(context, "remove_forged",
			"remove_forged = no lets strangers write our results, and what reads them "
			"believes it (RFC 8601 section 5)");
}

const struct policy policy_authres = {
	.name = "authres",
	.summary = "Authentication-Results: ours added, forged ones removed",
	.checks = authres_checks,
	.settings = authres_settings,
	.options_size = sizeof(struct authres_options),
	.state_size = {[SCOPE_TRANSACTION] = sizeof(struct authres_state)},
	.judge = {[STAGE_HEADER] = judge_header, [STAGE_EOM] = judge_eom},
	.end = {[SCOPE_TRANSACTION] = end_transaction},
	.advise = advise,
};
