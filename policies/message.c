/* SPDX-License-Identifier: BSD-2-Clause */
/* The message itself: who it says it is from, fields that may stand only once, the length of lines.
 * Everything is read in one pass and nothing of it is kept. */
#include <string.h>

#include "exemption.h"
#include "header_field.h"
#include "policy.h"

enum {
	CHECK_FROM_MISSING,
	CHECK_FROM_REPEATED,
	CHECK_FROM_AMBIGUOUS,
	CHECK_FROM_MALFORMED,
	CHECK_FIELD_REPEATED,
	CHECK_LINE_LENGTH
};

static const struct check message_checks[] = {
	[CHECK_FROM_MISSING] = {.name = "from_missing",
		.fail = ACTION_REJECT,
		.code = "550",
		.enhanced = "5.6.0",
		.reply = "the message has no From field",
		.silent = true,
		.help = "No From field (RFC 5322 3.6: exactly one)"},
	[CHECK_FROM_REPEATED] = {.name = "from_repeated",
		.fail = ACTION_REJECT,
		.code = "550",
		.enhanced = "5.6.0",
		.reply = "the message has more than one From field",
		.silent = true,
		.help = "More than one From field, of which readers show one or the other"},
	[CHECK_FROM_AMBIGUOUS] = {.name = "from_ambiguous",
		.fail = ACTION_REJECT,
		.code = "550",
		.enhanced = "5.6.0",
		.reply = "the From field is ambiguous",
		.help = "Readers could disagree about who From names: text after the address, "
			"groups, "
			"routes, open quotes, several addresses without a Sender"},
	[CHECK_FROM_MALFORMED] = {.name = "from_malformed",
		.fail = ACTION_TAG,
		.code = "550",
		.enhanced = "5.6.0",
		.reply = "the From field is malformed",
		.help = "From breaks the grammar of RFC 5322 in a way that misleads nobody"},
	[CHECK_FIELD_REPEATED] = {.name = "field_repeated",
		.fail = ACTION_TAG,
		.code = "550",
		.enhanced = "5.6.0",
		.reply = "a header field stands more than once",
		.help = "Date, Sender, Reply-To, To, Cc, Bcc, Message-ID, In-Reply-To, References "
			"or "
			"Subject stands more than once"},
	[CHECK_LINE_LENGTH] = {.name = "line_length",
		.fail = ACTION_TAG,
		.code = "550",
		.enhanced = "5.6.0",
		.reply = "a line is too long",
		.help = "A line of header section or body has more than 998 octets (RFC 5322 "
			"2.1.1)"},
	{.name = NULL},
};

/* RFC 5322 3.6: fields that stand at most once, From first. */
static const char *const single_fields[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc",
	"Message-ID", "In-Reply-To", "References", "Subject", "Date"};

enum {
	FIELD_FROM,
	FIELD_SENDER,
	SINGLE_FIELDS = ARRAY_COUNT(single_fields),
	LINE_MAX_OCTETS = 998
};

struct message_state {
	unsigned seen[SINGLE_FIELDS];
	struct mailboxes from; /* of the first From */
	bool from_empty;
	size_t longest_header_line, longest_body_line;
	size_t line; /* octets of the body's line that is being read */
	bool after_cr;
};

static void judge_header(struct call *call)
{
	struct message_state *state = call->state[SCOPE_TRANSACTION];
	size_t length = header_field_longest_line(call->field_name, call->field_body);

	if (length > state->longest_header_line)
		state->longest_header_line = length;
	for (size_t i = 0; i < SINGLE_FIELDS; i++) {
		if (!header_field_is(call->field_name, single_fields[i]))
			continue;
		if (i == FIELD_FROM && state->seen[i] == 0) {
			header_field_mailboxes(call->field_body, &state->from);
			state->from_empty =
				call->field_body[strspn(call->field_body, " \t\r\n")] == '\0';
		}
		state->seen[i]++;
		return;
	}
}

static void end_line(struct message_state *state)
{
	if (state->line > state->longest_body_line)
		state->longest_body_line = state->line;
}

/* A line ends with LF; a CR before it is no part of it. Chunks cut lines anywhere. */
static void judge_body(struct call *call)
{
	struct message_state *state = call->state[SCOPE_TRANSACTION];
	const unsigned char *at = call->chunk;
	const unsigned char *end = at + call->chunk_length;

	while (at < end) {
		const unsigned char *lf = memchr(at, '\n', (size_t)(end - at));
		const unsigned char *stop = lf == NULL ? end : lf;

		state->line += (size_t)(stop - at);
		if (stop > at)
			state->after_cr = stop[-1] == '\r';
		if (lf == NULL)
			return;
		if (state->after_cr)
			state->line--;
		end_line(state);
		state->line = 0;
		state->after_cr = false;
		at = lf + 1;
	}
}

static void judge_from(struct call *call, const struct message_state *state)
{
	const struct mailboxes *from = &state->from;

	if (state->seen[FIELD_FROM] == 0 || (state->seen[FIELD_FROM] == 1 && state->from_empty)) {
		report(call, CHECK_FROM_MISSING, RESULT_FAIL, "%s",
			state->from_empty ? "an empty From field" : "no From field");
		return;
	}
	if (state->seen[FIELD_FROM] > 1)
		report(call, CHECK_FROM_REPEATED, RESULT_FAIL, "%u From fields",
			state->seen[FIELD_FROM]);
	if (from->ambiguous != NULL)
		report(call, CHECK_FROM_AMBIGUOUS, RESULT_FAIL, "%s", from->ambiguous);
	else if (from->count > 1 && state->seen[FIELD_SENDER] == 0)
		report(call, CHECK_FROM_AMBIGUOUS, RESULT_FAIL,
			"%zu addresses and no Sender field (RFC 5322 3.6.2)", from->count);
	if (from->malformed != NULL)
		report(call, CHECK_FROM_MALFORMED, RESULT_FAIL, "%s", from->malformed);
}

static void judge_repeated(struct call *call, const struct message_state *state)
{
	for (size_t i = FIELD_FROM + 1; i < SINGLE_FIELDS; i++)
		if (state->seen[i] > 1)
			report(call, CHECK_FIELD_REPEATED, RESULT_FAIL, "%u %s fields",
				state->seen[i], single_fields[i]);
}

static void judge_eom(struct call *call)
{
	struct message_state *state = call->state[SCOPE_TRANSACTION];

	if (exemption_is_local_submission(call->session))
		return;
	judge_from(call, state);
	judge_repeated(call, state);
	end_line(state);
	if (state->longest_header_line > LINE_MAX_OCTETS)
		report(call, CHECK_LINE_LENGTH, RESULT_FAIL,
			"a line of %zu octets in the header section", state->longest_header_line);
	if (state->longest_body_line > LINE_MAX_OCTETS)
		report(call, CHECK_LINE_LENGTH, RESULT_FAIL, "a line of %zu octets in the body",
			state->longest_body_line);
}

const struct policy policy_message = {
	.name = "message",
	.summary = "the form of the header section and the body",
	.checks = message_checks,
	.state_size = {[SCOPE_TRANSACTION] = sizeof(struct message_state)},
	.exempt_by = EXEMPT_TRUSTED,
	.judge =
		{[STAGE_HEADER] = judge_header, [STAGE_BODY] = judge_body, [STAGE_EOM] = judge_eom},
};
