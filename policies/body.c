/* SPDX-License-Identifier: BSD-2-Clause */
/* The body: octets and lines that mail may not have, or that MTAs and readers read differently. It is
 * looked at in one pass and nothing of it is kept. */
#include "body_scan.h"
#include "exemption.h"
#include "message_check.h"
#include "policy.h"

enum {
	CHECK_LINE_LENGTH,
	CHECK_BARE_CR,
	CHECK_BARE_LF,
	CHECK_NUL,
	CHECK_8BIT_UNDECLARED,
	CHECK_BASE64_UNDECODABLE,
	CHECK_SMTP_DIALOGUE,
	CHECK_HEADER_IN_BODY
};

static const struct check body_checks[] = {
	[CHECK_LINE_LENGTH] =
		MESSAGE_CHECK("line_length", ACTION_TAG, "a line of the body is too long",
			"A line of more than 998 octets (RFC 5322 2.1.1)"),
	[CHECK_BARE_CR] =
		MESSAGE_CHECK("bare_cr", ACTION_TAG, "the body has a CR that ends no line",
			"CR without LF (RFC 5321 2.3.8), where the MTA shows it"),
	[CHECK_BARE_LF] = MESSAGE_CHECK("bare_lf", ACTION_TAG, "the body has an LF without CR",
		"LF without CR (RFC 5321 2.3.8), where the MTA shows it"),
	[CHECK_NUL] = MESSAGE_CHECK("nul", ACTION_TAG, "the body has NUL octets",
		"NUL octets (RFC 5322 2.3), at which some readers stop"),
	[CHECK_8BIT_UNDECLARED] = MESSAGE_CHECK("undeclared_8bit", ACTION_TAG,
		"the body has 8-bit octets that nothing declares",
		"8-bit octets without BODY=8BITMIME at MAIL and without a "
		"Content-Transfer-Encoding that says 8bit or binary"),
	[CHECK_BASE64_UNDECODABLE] = MESSAGE_CHECK("undecodable_base64", ACTION_TAG,
		"base64 in the body does not decode",
		"base64 with other characters, with more behind its padding, or cut: scanners and "
		"readers decode different things"),
	[CHECK_SMTP_DIALOGUE] = MESSAGE_CHECK("smtp_dialogue", ACTION_TAG,
		"the body has the commands of another message",
		"MAIL FROM, RCPT TO and DATA in consecutive lines: what is left of SMTP smuggling, "
		"or a text on SMTP"),
	[CHECK_HEADER_IN_BODY] = MESSAGE_CHECK("header_in_body", ACTION_TAG,
		"the header section ended early",
		"The body begins with a From, Sender, Reply-To, Resent-From, Return-Path or "
		"Received field that is none: a blank before its name, or a fold within it"),
	{.name = NULL},
};

enum { LINE_MAX_OCTETS = 998 };

struct body_state {
	struct body_scan scan;
	bool started;
};

static struct body_scan *scan_of(struct call *call)
{
	struct body_state *state = call->state[SCOPE_TRANSACTION];
	const struct header_section *header = call->session->transaction.header;

	if (!state->started)
		body_scan_start(&state->scan,
			header == NULL ? NULL : header->bodies[HEADER_CONTENT_TYPE],
			header == NULL ? NULL : header->bodies[HEADER_CONTENT_TRANSFER_ENCODING]);
	state->started = true;
	return &state->scan;
}

static void judge_body(struct call *call)
{
	body_scan_add(scan_of(call), call->chunk, call->chunk_length);
}

static void judge_octets(struct call *call, const struct body_scan *scan)
{
	if (scan->longest_line > LINE_MAX_OCTETS)
		report(call, CHECK_LINE_LENGTH, RESULT_FAIL, "a line of %zu octets",
			scan->longest_line);
	if (scan->bare_cr > 0)
		report(call, CHECK_BARE_CR, RESULT_FAIL, "%zu times", scan->bare_cr);
	if (scan->bare_lf > 0)
		report(call, CHECK_BARE_LF, RESULT_FAIL, "%zu times", scan->bare_lf);
	if (scan->nul > 0)
		report(call, CHECK_NUL, RESULT_FAIL, "%zu times", scan->nul);
}

static void judge_eom(struct call *call)
{
	struct body_scan *scan = scan_of(call);

	if (exemption_is_local_submission(call->session))
		return;
	body_scan_end(scan);
	judge_octets(call, scan);
	if (scan->eight_bit_line > 0 && !scan->declared_8bit &&
		!call->session->transaction.declared_8bit)
		report(call, CHECK_8BIT_UNDECLARED, RESULT_FAIL, "first in line %zu",
			scan->eight_bit_line);
	if (scan->bad_base64_line > 0)
		report(call, CHECK_BASE64_UNDECODABLE, RESULT_FAIL, "first in line %zu",
			scan->bad_base64_line);
	if (scan->smtp_line > 0)
		report(call, CHECK_SMTP_DIALOGUE, RESULT_FAIL, "up to line %zu", scan->smtp_line);
	if (scan->starts_with_header)
		report(call, CHECK_HEADER_IN_BODY, RESULT_FAIL, "in its first line");
}

const struct policy policy_body = {
	.name = "body",
	.summary = "the octets and lines of the body",
	.checks = body_checks,
	.state_size = {[SCOPE_TRANSACTION] = sizeof(struct body_state)},
	.exempt_by = EXEMPT_TRUSTED | EXEMPT_ALLOWED,
	.reads_header = true,
	.only_checks = true,
	.judge = {[STAGE_BODY] = judge_body, [STAGE_EOM] = judge_eom},
};
