/* SPDX-License-Identifier: BSD-2-Clause */
/* The header section as a whole (RFC 5322 3.6): which fields stand, how often, and whether what stands
 * in those beside From can be read in one way only. */
#include <string.h>

#include "encoded_word.h"
#include "exemption.h"
#include "field_form.h"
#include "message_check.h"
#include "policy.h"
#include "text.h"
#include "utf8.h"

enum {
	CHECK_FROM_MISSING,
	CHECK_FROM_EMPTY,
	CHECK_FROM_REPEATED,
	CHECK_FIELD_REPEATED,
	CHECK_MIME_FIELD_REPEATED,
	CHECK_DATE_MISSING,
	CHECK_DATE_MALFORMED,
	CHECK_MESSAGE_ID_MISSING,
	CHECK_MESSAGE_ID_MALFORMED,
	CHECK_SENDER_AMBIGUOUS,
	CHECK_REPLY_TO_AMBIGUOUS,
	CHECK_RESENT_FROM_AMBIGUOUS,
	CHECK_RECIPIENTS_AMBIGUOUS,
	CHECK_CONTENT_TYPE_MALFORMED,
	CHECK_FIELD_NAME_MALFORMED,
	CHECK_BLANK_BEFORE_COLON,
	CHECK_FIELD_TOO_LONG,
	CHECK_TOO_MANY_FIELDS,
	CHECK_CONTROL_CHARACTER,
	CHECK_ENCODED_CONTROL,
	CHECK_BLANK_FOLD,
	CHECK_MAILBOX_LINE,
	CHECK_RETURN_PATH,
	CHECK_SUBJECT_INVISIBLE,
	CHECK_NOT_ASCII,
	CHECK_LINE_LENGTH
};

static const struct check message_checks[] = {
	[CHECK_FROM_MISSING] = MESSAGE_CHECK("from_missing", ACTION_REJECT,
		"the message has no From field",
		"No From field (RFC 5322 3.6: exactly one), or one that MTAs take for text: a "
		"blank before its name, a fold within its name"),
	[CHECK_FROM_EMPTY] = MESSAGE_CHECK("from_empty", ACTION_REJECT, "the From field is empty",
		"A From field with nothing in it"),
	[CHECK_FROM_REPEATED] = MESSAGE_CHECK("from_repeated", ACTION_REJECT,
		"the message has more than one From field",
		"More than one From field, of which readers show one or the other"),
	[CHECK_FIELD_REPEATED] = MESSAGE_CHECK("field_repeated", ACTION_TAG,
		"a header field stands more than once",
		"Date, Sender, Reply-To, To, Cc, Bcc, Message-ID, In-Reply-To, References or "
		"Subject stands more than once"),
	[CHECK_MIME_FIELD_REPEATED] = MESSAGE_CHECK("mime_field_repeated", ACTION_TAG,
		"a MIME header field stands more than once",
		"MIME-Version, Content-Type or Content-Transfer-Encoding stands more than once: "
		"scanners and readers may see different bodies"),
	[CHECK_DATE_MISSING] = MESSAGE_CHECK("date_missing", ACTION_TAG,
		"the message has no Date field", "No Date field (RFC 5322 3.6: exactly one)"),
	[CHECK_DATE_MALFORMED] = MESSAGE_CHECK("date_malformed", ACTION_TAG,
		"the Date field is malformed", "A Date field that is no date (RFC 5322 3.3)"),
	[CHECK_MESSAGE_ID_MISSING] = MESSAGE_CHECK("message_id_missing", ACTION_TAG,
		"the message has no Message-ID field",
		"No Message-ID field (RFC 5322 3.6.4: there should be one)"),
	[CHECK_MESSAGE_ID_MALFORMED] = MESSAGE_CHECK("message_id_malformed", ACTION_TAG,
		"the Message-ID field is malformed",
		"A Message-ID that is not one word in brackets (RFC 5322 3.6.4)"),
	[CHECK_SENDER_AMBIGUOUS] = MESSAGE_CHECK("sender_ambiguous", ACTION_TAG,
		"the Sender field is ambiguous",
		"Sender could be read in more than one way, or names more than one address"),
	[CHECK_REPLY_TO_AMBIGUOUS] = MESSAGE_CHECK("reply_to_ambiguous", ACTION_TAG,
		"the Reply-To field is ambiguous", "Reply-To could be read in more than one way"),
	[CHECK_RESENT_FROM_AMBIGUOUS] = MESSAGE_CHECK("resent_from_ambiguous", ACTION_TAG,
		"the Resent-From field is ambiguous",
		"Resent-From could be read in more than one way"),
	[CHECK_RECIPIENTS_AMBIGUOUS] = MESSAGE_CHECK("recipients_ambiguous", ACTION_TAG,
		"the To or Cc field is ambiguous", "To or Cc could be read in more than one way"),
	[CHECK_CONTENT_TYPE_MALFORMED] = MESSAGE_CHECK("content_type_malformed", ACTION_TAG,
		"Content-Type or Content-Transfer-Encoding is malformed",
		"Content-Type or Content-Transfer-Encoding breaks RFC 2045, or gives a parameter "
		"twice: scanners and readers may see different bodies"),
	[CHECK_FIELD_NAME_MALFORMED] = MESSAGE_CHECK("field_name_malformed", ACTION_TAG,
		"the name of a header field is malformed",
		"The name of a field has other octets than printable ASCII"),
	[CHECK_BLANK_BEFORE_COLON] = MESSAGE_CHECK("blank_before_colon", ACTION_TAG,
		"a blank stands before the colon of a header field",
		"A blank between the name of a field and its colon, where the MTA shows it "
		"(Postfix does not)"),
	[CHECK_FIELD_TOO_LONG] =
		MESSAGE_CHECK("field_too_long", ACTION_TAG, "a header field is too long",
			"A field of more than max_field_size, which MTAs may cut"),
	[CHECK_TOO_MANY_FIELDS] = MESSAGE_CHECK("too_many_fields", ACTION_TAG,
		"the message has too many header fields", "More than max_fields fields"),
	[CHECK_CONTROL_CHARACTER] = MESSAGE_CHECK("control_character", ACTION_TAG,
		"a header field has control characters",
		"Control characters in a field (for From see from_form)"),
	[CHECK_ENCODED_CONTROL] = MESSAGE_CHECK("encoded_control", ACTION_TAG,
		"a header field hides control characters",
		"NUL, line ends or other control characters in an encoded word"),
	[CHECK_BLANK_FOLD] = MESSAGE_CHECK("blank_fold", ACTION_TAG,
		"a header field has a line of blanks only",
		"A line of blanks within a field, which some take for the end of the header "
		"section"),
	[CHECK_MAILBOX_LINE] =
		MESSAGE_CHECK("mailbox_line", ACTION_TAG, "the message has an mbox line",
			"A line 'From address date' in the header section, as mbox files have it"),
	[CHECK_RETURN_PATH] = MESSAGE_CHECK("return_path", ACTION_OFF,
		"the message has a Return-Path field already",
		"A Return-Path field, which only the MTA that delivers adds (RFC 5321 4.4)"),
	[CHECK_SUBJECT_INVISIBLE] = MESSAGE_CHECK("subject_invisible", ACTION_TAG,
		"the Subject has invisible characters",
		"Invisible or direction-changing characters in the Subject"),
	[CHECK_NOT_ASCII] = MESSAGE_CHECK("not_ascii", ACTION_OFF,
		"the header section has 8-bit octets without SMTPUTF8",
		"8-bit octets in a field of a message that was not sent with SMTPUTF8"),
	[CHECK_LINE_LENGTH] =
		MESSAGE_CHECK("line_length", ACTION_TAG, "a line of the header section is too long",
			"A line of more than 998 octets in the header section (RFC 5322 2.1.1)"),
	{.name = NULL},
};

struct message_options {
	int64_t max_fields, max_field_size;
};

static const struct setting message_settings[] = {
	{.name = "max_fields",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct message_options, max_fields),
		.default_text = "1000",
		.min = 10,
		.max = 1000000,
		.help = "Fields of a header section, for too_many_fields"},
	{.name = "max_field_size",
		.type = SETTING_SIZE,
		.offset = offsetof(struct message_options, max_field_size),
		.default_text = "32KB",
		.min = 1000,
		.max = 1 << 24,
		.help = "Octets of one field, for field_too_long"},
	{.name = NULL},
};

enum { LINE_MAX_OCTETS = 998 };

static bool is_blank(const char *body)
{
	return body[strspn(body, " \t\r\n")] == '\0';
}

static void judge_from(struct call *call, const struct header_section *header)
{
	unsigned count = header->counts[HEADER_FROM];

	if (count == 0)
		report(call, CHECK_FROM_MISSING, RESULT_FAIL, "no From field among %u",
			header->fields);
	else if (is_blank(header->bodies[HEADER_FROM]))
		report(call, CHECK_FROM_EMPTY, RESULT_FAIL, "an empty From field");
	if (count > 1)
		report(call, CHECK_FROM_REPEATED, RESULT_FAIL, "%u From fields", count);
}

static void judge_repeated(struct call *call, const struct header_section *header)
{
	for (int field = HEADER_FROM + 1; field < HEADER_SINGLE; field++) {
		unsigned check = field >= HEADER_MIME_VERSION ? CHECK_MIME_FIELD_REPEATED
							      : CHECK_FIELD_REPEATED;

		if (header->counts[field] > 1)
			report(call, check, RESULT_FAIL, "%u %s fields", header->counts[field],
				header_field_name((enum header_field)field));
	}
}

/* A field that should be there, and be what it says; FORM says what is wrong with it. */
static void judge_form(struct call *call, enum header_field field, int missing, unsigned malformed,
	const char *(*form)(const char *body))
{
	const struct header_section *header = call->session->transaction.header;
	const char *body = header->bodies[field];
	const char *wrong = body == NULL ? NULL : form(body);

	if (header->counts[field] == 0 && missing >= 0)
		report(call, (unsigned)missing, RESULT_FAIL, "no %s field",
			header_field_name(field));
	else if (wrong != NULL)
		report(call, malformed, RESULT_FAIL, "%s: %s: %.100s", header_field_name(field),
			wrong, body + strspn(body, " \t"));
}

static void judge_forms(struct call *call)
{
	judge_form(call, HEADER_DATE, CHECK_DATE_MISSING, CHECK_DATE_MALFORMED, field_form_date);
	judge_form(call, HEADER_MESSAGE_ID, CHECK_MESSAGE_ID_MISSING, CHECK_MESSAGE_ID_MALFORMED,
		field_form_message_id);
	judge_form(call, HEADER_CONTENT_TYPE, -1, CHECK_CONTENT_TYPE_MALFORMED,
		field_form_content_type);
	judge_form(call, HEADER_CONTENT_TRANSFER_ENCODING, -1, CHECK_CONTENT_TYPE_MALFORMED,
		field_form_transfer_encoding);
}

/* Groups are for recipients and for replies (RFC 5322 3.4, RFC 6854). */
static void judge_mailboxes(struct call *call, unsigned check, enum header_field field,
	const struct mailbox_list *list, bool groups, size_t max)
{
	bool ambiguous = mailbox_list_is_ambiguous(list);

	for (int defect = 0; ambiguous && defect < DEFECTS_AMBIGUOUS; defect++) {
		if (groups && (defect == DEFECT_GROUP || defect == DEFECT_EMPTY_GROUP))
			continue;
		if (!mailbox_list_has(list, (enum mailbox_defect)defect))
			continue;
		report(call, check, RESULT_FAIL, "%s: %s", header_field_name(field),
			mailbox_defect_text((enum mailbox_defect)defect));
		return;
	}
	if (list->count > max)
		report(call, check, RESULT_FAIL, "%s: %zu addresses", header_field_name(field),
			list->count);
}

static void judge_recipients(struct call *call, const struct header_section *header)
{
	static const enum header_field fields[] = {HEADER_TO, HEADER_CC};

	if (!check_is_on(call, CHECK_RECIPIENTS_AMBIGUOUS))
		return;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		struct mailbox_list list;

		if (header->bodies[fields[i]] == NULL)
			continue;
		mailbox_list_parse(header->bodies[fields[i]], &list);
		judge_mailboxes(call, CHECK_RECIPIENTS_AMBIGUOUS, fields[i], &list, true, SIZE_MAX);
		mailbox_list_clear(&list);
	}
}

static void judge_identities(struct call *call, const struct header_section *header)
{
	judge_mailboxes(call, CHECK_SENDER_AMBIGUOUS, HEADER_SENDER, &header->sender, false, 1);
	judge_mailboxes(
		call, CHECK_REPLY_TO_AMBIGUOUS, HEADER_REPLY_TO, &header->reply_to, true, SIZE_MAX);
	judge_mailboxes(call, CHECK_RESENT_FROM_AMBIGUOUS, HEADER_RESENT_FROM, &header->resent_from,
		false, SIZE_MAX);
	judge_recipients(call, header);
}

static void judge_sizes(struct call *call, const struct header_section *header)
{
	const struct message_options *options = call->options;

	if (header->longest_field > (size_t)options->max_field_size)
		report(call, CHECK_FIELD_TOO_LONG, RESULT_FAIL, "%s has %zu octets; at most %lld",
			header->longest_name, header->longest_field,
			(long long)options->max_field_size);
	if (header->fields > options->max_fields)
		report(call, CHECK_TOO_MANY_FIELDS, RESULT_FAIL, "%u fields; at most %lld",
			header->fields, (long long)options->max_fields);
	if (header->longest_line > LINE_MAX_OCTETS)
		report(call, CHECK_LINE_LENGTH, RESULT_FAIL, "a line of %zu octets",
			header->longest_line);
}

static void judge_octets(struct call *call, const struct header_section *header)
{
	if (header->bad_name[0] != '\0')
		report(call, CHECK_FIELD_NAME_MALFORMED, RESULT_FAIL, "a field named '%s'",
			header->bad_name);
	if (header->blank_before_colon > 0)
		report(call, CHECK_BLANK_BEFORE_COLON, RESULT_FAIL, "in %u fields",
			header->blank_before_colon);
	if (header->control_in[0] != '\0')
		report(call, CHECK_CONTROL_CHARACTER, RESULT_FAIL, "in %s", header->control_in);
	if (header->encoded_control_in[0] != '\0')
		report(call, CHECK_ENCODED_CONTROL, RESULT_FAIL, "in %s",
			header->encoded_control_in);
	if (header->blank_fold_in[0] != '\0')
		report(call, CHECK_BLANK_FOLD, RESULT_FAIL, "in %s", header->blank_fold_in);
	if (header->not_ascii_in[0] != '\0' && !call->session->transaction.smtputf8)
		report(call, CHECK_NOT_ASCII, RESULT_FAIL, "in %s", header->not_ascii_in);
}

static void judge_subject(struct call *call, const char *subject)
{
	char shown[MAILBOX_TEXT_SIZE];
	struct encoded_words seen;
	struct text text;

	if (subject == NULL || !check_is_on(call, CHECK_SUBJECT_INVISIBLE))
		return;
	text_init(&text, shown, sizeof(shown));
	encoded_word_decode(subject, &text, &seen);
	for (const char *at = shown; *at != '\0';) {
		uint32_t code_point;
		size_t length = utf8_decode(at, &code_point);

		if (length > 0 && utf8_is_invisible(code_point)) {
			report(call, CHECK_SUBJECT_INVISIBLE, RESULT_FAIL, "U+%04X in the Subject",
				(unsigned)code_point);
			return;
		}
		at += length == 0 ? 1 : length;
	}
}

static void judge_eom(struct call *call)
{
	const struct header_section *header = call->session->transaction.header;

	if (exemption_is_local_submission(call->session))
		return;
	judge_from(call, header);
	judge_repeated(call, header);
	judge_forms(call);
	judge_identities(call, header);
	judge_sizes(call, header);
	judge_octets(call, header);
	judge_subject(call, header->bodies[HEADER_SUBJECT]);
	if (header->counts[HEADER_MAILBOX_LINE] > 0)
		report(call, CHECK_MAILBOX_LINE, RESULT_FAIL, "%u X-Mailbox-Line fields",
			header->counts[HEADER_MAILBOX_LINE]);
	if (header->counts[HEADER_RETURN_PATH] > 0)
		report(call, CHECK_RETURN_PATH, RESULT_FAIL, "%u Return-Path fields",
			header->counts[HEADER_RETURN_PATH]);
}

const struct policy policy_message = {
	.name = "message",
	.summary = "the header section as a whole",
	.checks = message_checks,
	.settings = message_settings,
	.options_size = sizeof(struct message_options),
	.exempt_by = EXEMPT_TRUSTED | EXEMPT_ALLOWED,
	.reads_header = true,
	.only_checks = true,
	.judge = {[STAGE_EOM] = judge_eom},
};
