/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace of what was found: removes Authentication-Results and Received-SPF fields that claim to be
 * ours, adds our own (RFC 8601), and marks the message with the findings whose action is tag. */
#include <stdio.h>
#include <string.h>

#include "author.h"
#include "authres_field.h"
#include "header_field.h"
#include "mem.h"
#include "policy.h"
#include "text.h"

static const struct check authres_checks[] = {{.name = NULL}};

struct authres_options {
	bool add;
	bool remove_forged;
	bool received_spf;
	char *mark_field;
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
	{.name = "mark_field",
		.type = SETTING_TEXT,
		.offset = offsetof(struct authres_options, mark_field),
		.default_text = "X-Mailreeve",
		.help = "Name of the field that lists findings with the action tag; empty for "
			"none"},
	{.name = NULL},
};

/* No MTA lets more than a few thousand fields through. */
enum { FORGED_MAX = 65536, VALUE_MAX = 320, FIELD_SIZE = 8192, MARKS_MAX = 16, MARK_MAX = 200 };

/* Fields of one name: how many there were, and which of them go. */
struct tracked {
	unsigned count;
	unsigned *forged; /* owned; positions from 1 */
	size_t forged_count;
};

enum { TRACK_RESULTS, TRACK_RECEIVED_SPF, TRACK_MARK, TRACKS };

struct authres_state {
	struct tracked tracks[TRACKS];
};

static const char *track_name(const struct authres_options *options, int track)
{
	switch (track) {
	case TRACK_RESULTS:
		return "Authentication-Results";
	case TRACK_RECEIVED_SPF:
		return "Received-SPF";
	default:
		return options->mark_field;
	}
}

static bool is_forged(const struct site *site, int track, const char *body)
{
	switch (track) {
	case TRACK_RESULTS:
		return authres_claims(body, site->authserv_id);
	case TRACK_RECEIVED_SPF:
		return received_spf_claims(body, site->hostname) ||
		       received_spf_claims(body, site->authserv_id);
	default:
		return true;
	}
}

static void judge_header(struct call *call)
{
	const struct authres_options *options = call->options;
	struct authres_state *state = call->state[SCOPE_TRANSACTION];

	for (int track = 0; track < TRACKS && options->remove_forged; track++) {
		struct tracked *tracked = &state->tracks[track];
		const char *name = track_name(options, track);

		if (name == NULL || !header_field_is(call->field_name, name))
			continue;
		tracked->count++;
		if (tracked->forged_count == FORGED_MAX ||
			!is_forged(call->session->site, track, call->field_body))
			return;
		tracked->forged = mem_resize(
			tracked->forged, tracked->forged_count + 1, sizeof(tracked->forged[0]));
		tracked->forged[tracked->forged_count++] = tracked->count;
		return;
	}
}

/* From the highest position down, so that those still to go keep theirs. */
static void remove_forged(struct call *call)
{
	struct authres_state *state = call->state[SCOPE_TRANSACTION];

	for (int track = 0; track < TRACKS; track++) {
		const struct tracked *tracked = &state->tracks[track];

		for (size_t i = tracked->forged_count; i > 0; i--)
			session_add_edit(call->session, EDIT_DELETE_FIELD,
				track_name(call->options, track), NULL, tracked->forged[i - 1]);
	}
}

/* Our fields. ---------------------------------------------------------------------------------- */

static void add_property(struct text *field, const char *name, const char *value)
{
	text_addf(field, " %s=", name);
	authres_add_value(field, value, VALUE_MAX);
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
	add_property(field, "policy.iprev", ipaddr_format(&iprev->client, address));
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

static void add_spf(
	struct text *field, const struct spf *spf, const char *property, const char *value)
{
	text_addf(field, ";\n\tspf=%s", spf_result_name(spf_result_shown(spf)));
	if (spf->result != spf_result_shown(spf))
		text_add(field, " (over-broad record)");
	add_property(field, property, value);
}

static void add_dmarc(struct text *field, const struct dmarc_outcome *dmarc)
{
	text_addf(field, ";\n\tdmarc=%s", result_name(dmarc->result));
	if (dmarc->dkim_unknown)
		text_add(field, " (a DKIM signature is not verified here)");
	else if (dmarc->result == RESULT_PASS || dmarc->result == RESULT_FAIL)
		text_addf(field, " (p=%s)", dmarc_policy_name(dmarc->policy));
	if (dmarc->domain[0] != '\0')
		add_property(field, "header.from", dmarc->domain);
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
	char buffer[FIELD_SIZE], sender[PATH_SIZE];
	struct text field;
	size_t id_end;

	text_init(&field, buffer, sizeof(buffer));
	authres_add_value(&field, session->site->authserv_id, VALUE_MAX);
	id_end = field.length;
	if (session->auth_user[0] != '\0') {
		text_add(&field, ";\n\tauth=pass");
		add_property(&field, "smtp.auth", session->auth_user);
	}
	if (iprev != NULL)
		add_iprev(&field, iprev);
	if (mailfrom != NULL && !session->transaction.reverse_path.null)
		add_spf(&field, mailfrom, "smtp.mailfrom", sender_of(session, sender));
	if (helo == NULL && session->transaction.reverse_path.null)
		helo = mailfrom;
	if (helo != NULL)
		add_spf(&field, helo, "smtp.helo", session->helo);
	if (session->transaction.dmarc_outcome != NULL)
		add_dmarc(&field, session->transaction.dmarc_outcome);
	if (field.length == id_end)
		text_add(&field, "; none");
	session_add_edit(session, EDIT_INSERT_FIELD, "Authentication-Results", buffer, 0);
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

static void add_mark(struct text *field, const struct finding *finding)
{
	if (field->length > 0)
		text_add(field, ";\n\t");
	text_addf(field, "%s.%s=", finding->policy->name, finding->check->name);
	authres_add_value(field, finding->evidence, MARK_MAX);
}

static void add_marks(struct call *call)
{
	const struct authres_options *options = call->options;
	struct session *session = call->session;
	char buffer[FIELD_SIZE];
	struct text field;
	unsigned count = 0;

	text_init(&field, buffer, sizeof(buffer));
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		const struct findings *findings = &session->findings[scope];

		for (size_t i = 0; i < findings->count; i++) {
			if (findings->items[i]->action == ACTION_TAG && count++ < MARKS_MAX)
				add_mark(&field, findings->items[i]);
		}
	}
	if (count > 0)
		session_add_edit(session, EDIT_INSERT_FIELD, options->mark_field, buffer, 0);
}

static void judge_eom(struct call *call)
{
	const struct authres_options *options = call->options;

	if (call->monitor)
		return;
	if (options->remove_forged)
		remove_forged(call);
	if (options->mark_field != NULL)
		add_marks(call);
	if (options->received_spf)
		add_received_spf(call);
	if (options->add)
		add_results(call);
}

static void end_transaction(struct call *call, enum outcome outcome)
{
	struct authres_state *state = call->state[SCOPE_TRANSACTION];

	(void)outcome;
	for (int track = 0; track < TRACKS; track++)
		mem_free(state->tracks[track].forged);
	*state = (struct authres_state){0};
}

/* RFC 5322 2.2: printable, no colon. */
static bool verify(const void *options_given, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct authres_options *options = options_given;

	(void)site;
	*setting_r = "mark_field";
	for (const char *c = options->mark_field; c != NULL && *c != '\0'; c++) {
		if (*c > ' ' && *c < 0x7f && *c != ':')
			continue;
		snprintf(why, why_size,
			"\"%s\" is not the name of a header field; write a name "
			"like X-Mailreeve",
			options->mark_field);
		return false;
	}
	return true;
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
	.verify = verify,
	.advise = advise,
};
