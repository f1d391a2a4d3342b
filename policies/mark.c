/* SPDX-License-Identifier: BSD-2-Clause */
/* What the action tag does: one field that lists the findings, and by choice a mark in the Subject. It
 * runs last, so that it sees what all others have found. */
#include <stdio.h>
#include <string.h>

#include "authres_field.h"
#include "encoded_word.h"
#include "header_field.h"
#include "mem.h"
#include "policy.h"
#include "text.h"

static const struct check mark_checks[] = {{.name = NULL}};

struct mark_options {
	char *field;
	char *subject;
	char **subject_checks;
};

static const struct setting mark_settings[] = {
	{.name = "field",
		.type = SETTING_TEXT,
		.offset = offsetof(struct mark_options, field),
		.default_text = "X-Mailreeve",
		.help = "Name of the field that lists findings with the action tag; fields of that "
			"name that come with a message are removed; empty for none"},
	{.name = "subject",
		.type = SETTING_TEXT,
		.offset = offsetof(struct mark_options, subject),
		.default_text = "",
		.help = "Text to put before the Subject of a message with such findings, in UTF-8; "
			"empty for none",
		.example = "\"[suspicious] \""},
	{.name = "subject_checks",
		.type = SETTING_TEXTS,
		.names_checks = true,
		.offset = offsetof(struct mark_options, subject_checks),
		.default_text = "",
		.help = "Which findings mark the Subject: names of policies or checks; empty for "
			"all with the action tag",
		.example = "{ \"dmarc\", \"from_form.unquoted_at\" }"},
	{.name = NULL},
};

enum { MARKS_MAX = 16, MARK_MAX = 200, FIELD_SIZE = 8192, SUBJECT_MARK_MAX = 200 };

struct mark_state {
	char *marks[MARKS_MAX]; /* owned; "helo.mismatch=\"...\"" */
	size_t count;
	bool subject; /* one of them marks the Subject */
	unsigned forged; /* fields of our name that came with the message */
};

/* NAME is "policy.check". */
static bool marks_subject(const struct mark_options *options, const char *policy, const char *name)
{
	if (options->subject_checks == NULL || options->subject_checks[0] == NULL)
		return true;
	for (char *const *wanted = options->subject_checks; *wanted != NULL; wanted++)
		if (strcmp(*wanted, policy) == 0 || strcmp(*wanted, name) == 0)
			return true;
	return false;
}

static void keep_mark(
	const struct call *call, struct mark_state *state, const struct finding *finding)
{
	char name[TRIAL_NAME_SIZE], buffer[2 * MARK_MAX + TRIAL_NAME_SIZE + 8];
	struct text mark;

	snprintf(name, sizeof(name), "%s.%s", finding->policy->name, finding->check->name);
	state->subject =
		state->subject || marks_subject(call->options, finding->policy->name, name);
	text_init(&mark, buffer, sizeof(buffer));
	text_addf(&mark, "%s=", name);
	authres_add_value(&mark, finding->evidence, MARK_MAX, false);
	for (size_t i = 0; i < state->count; i++)
		if (strcmp(state->marks[i], buffer) == 0)
			return;
	if (state->count < MARKS_MAX)
		state->marks[state->count++] = mem_text(buffer);
}

/* Findings of a policy from which all of the message's recipients are exempt do not count. */
static void keep_marks(struct call *call, enum scope scope)
{
	const struct session *session = call->session;
	const struct findings *findings = &session->findings[scope];

	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i]->action == ACTION_TAG &&
			(findings->items[i]->policy->exempt_by & session->exemptions) == 0)
			keep_mark(call, call->state[SCOPE_TRANSACTION], findings->items[i]);
}

/* What was found about one recipient is forgotten at the next. */
static void recipient_answered(struct call *call)
{
	if (call->verdict < VERDICT_TEMPFAIL)
		keep_marks(call, SCOPE_RECIPIENT);
}

static void judge_header(struct call *call)
{
	const struct mark_options *options = call->options;
	struct mark_state *state = call->state[SCOPE_TRANSACTION];

	if (options->field != NULL && header_field_is(call->field_name, options->field))
		state->forged++;
}

static void add_field(struct call *call, const struct mark_state *state)
{
	const struct mark_options *options = call->options;
	char buffer[FIELD_SIZE];
	struct text field;

	text_init(&field, buffer, sizeof(buffer));
	for (size_t i = 0; i < state->count; i++)
		text_addf(&field, "%s%s", i == 0 ? "" : ";\n\t", state->marks[i]);
	session_add_edit(call->session, EDIT_INSERT_FIELD, options->field, buffer, 0);
}

/* Subject. ------------------------------------------------------------------------------------- */

/* SUBJECT, decoded, has the mark already: another host of ours was here, or it is an answer. */
static bool is_marked(const char *subject, const char *mark)
{
	char shown[1024];
	struct encoded_words seen;
	struct text text;
	size_t length = strlen(mark);

	while (length > 0 && mark[length - 1] == ' ')
		length--;
	text_init(&text, shown, sizeof(shown));
	encoded_word_decode(subject, &text, &seen);
	for (const char *at = shown; *at != '\0'; at++)
		if (strncmp(at, mark, length) == 0)
			return true;
	return false;
}

/* The blanks behind the mark are those that part it from the Subject. Before an encoded-word they would
 * not show, so there an encoded mark takes them in (RFC 2047 6.2). */
static void add_mark(struct text *value, const char *mark, const char *subject)
{
	char encoded[8 * SUBJECT_MARK_MAX];
	struct text text;
	size_t length = strlen(mark);

	text_init(&text, encoded, sizeof(encoded));
	encoded_word_add(&text, mark);
	if (strcmp(encoded, mark) == 0) {
		while (length > 0 && mark[length - 1] == ' ')
			length--;
		text_add_n(value, mark, length);
	} else {
		text_add(value, encoded);
	}
	if (*subject != '\0')
		text_add(value, strlen(mark) + strcspn(subject, "\n") > 70 ? "\n " : " ");
}

static void mark_subject(struct call *call)
{
	const struct mark_options *options = call->options;
	const struct header_section *header = call->session->transaction.header;
	const char *subject = header->bodies[HEADER_SUBJECT];
	char *buffer;
	struct text value;
	size_t size;

	if (header->counts[HEADER_SUBJECT] == 0) {
		subject = "";
	} else if (subject == NULL || is_marked(subject, options->subject)) {
		return;
	}
	subject += strspn(subject, " \t\r\n");
	size = strlen(subject) + (size_t)8 * SUBJECT_MARK_MAX;
	buffer = mem_alloc(size);
	text_init(&value, buffer, size);
	add_mark(&value, options->subject, subject);
	for (const char *c = subject; *c != '\0'; c++)
		if (*c != '\r')
			text_add_char(&value, *c);
	if (header->counts[HEADER_SUBJECT] == 0)
		session_add_edit(
			call->session, EDIT_INSERT_FIELD, "Subject", buffer, header->fields + 1);
	else
		session_add_edit(call->session, EDIT_CHANGE_FIELD, "Subject", buffer, 1);
	mem_free(buffer);
}

static void judge_eom(struct call *call)
{
	static const enum scope scopes[] = {SCOPE_CONNECTION, SCOPE_GREETING, SCOPE_TRANSACTION};
	const struct mark_options *options = call->options;
	struct mark_state *state = call->state[SCOPE_TRANSACTION];

	if (call_only_looks_on(call))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(scopes); i++)
		keep_marks(call, scopes[i]);
	for (unsigned position = state->forged; position > 0; position--)
		session_add_edit(call->session, EDIT_DELETE_FIELD, options->field, NULL, position);
	if (state->count == 0)
		return;
	if (options->field != NULL)
		add_field(call, state);
	if (options->subject != NULL && state->subject)
		mark_subject(call);
}

static void end_transaction(struct call *call, enum outcome outcome)
{
	struct mark_state *state = call->state[SCOPE_TRANSACTION];

	(void)outcome;
	for (size_t i = 0; i < state->count; i++)
		mem_free(state->marks[i]);
	*state = (struct mark_state){0};
}

/* RFC 5322 2.2: printable, no colon. */
static bool is_field_name(const char *name)
{
	for (; *name != '\0'; name++)
		if (*name <= ' ' || *name >= 0x7f || *name == ':')
			return false;
	return true;
}

/* Ours is written anew for each message, and one that came with it is removed. */
static bool is_fields_of_others(const char *name)
{
	static const char *const names[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc",
		"Subject", "Date", "Message-ID", "In-Reply-To", "References", "Comments",
		"Keywords", "Received", "Return-Path", "Delivered-To", "MIME-Version",
		"DKIM-Signature", "Authentication-Results", "Received-SPF"};
	static const char *const groups[] = {"Resent-", "Content-", "List-", "ARC-"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (ascii_equal(name, names[i]))
			return true;
	for (size_t i = 0; i < ARRAY_COUNT(groups); i++)
		if (ascii_starts_with(name, groups[i]))
			return true;
	return false;
}

static bool verify(const void *options_given, const struct site *site, const char **setting_r,
	char *why, size_t why_size)
{
	const struct mark_options *options = options_given;

	(void)site;
	if (options->field != NULL && !is_field_name(options->field)) {
		*setting_r = "field";
		snprintf(why, why_size,
			"\"%s\" is not the name of a header field; write a name like X-Mailreeve",
			options->field);
		return false;
	}
	if (options->field != NULL && is_fields_of_others(options->field)) {
		*setting_r = "field";
		snprintf(why, why_size,
			"\"%s\" stands in honest messages, from which it would be removed; write a "
			"name of your own, like X-Mailreeve",
			options->field);
		return false;
	}
	if (options->subject != NULL && strlen(options->subject) > SUBJECT_MARK_MAX) {
		*setting_r = "subject";
		snprintf(why, why_size, "the mark has %zu octets; write one of at most %d",
			strlen(options->subject), SUBJECT_MARK_MAX);
		return false;
	}
	return true;
}

const struct policy policy_mark = {
	.name = "mark",
	.summary = "what the action tag does",
	.checks = mark_checks,
	.settings = mark_settings,
	.options_size = sizeof(struct mark_options),
	.state_size = {[SCOPE_TRANSACTION] = sizeof(struct mark_state)},
	.charges = true, /* runs last, and not for what is refused */
	.reads_header = true,
	.judge = {[STAGE_HEADER] = judge_header, [STAGE_EOM] = judge_eom},
	.recipient_answered = recipient_answered,
	.end = {[SCOPE_TRANSACTION] = end_transaction},
	.verify = verify,
};
