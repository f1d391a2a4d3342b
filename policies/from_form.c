/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of the From field: whether all readers would name the same author. What could be read in more
 * than one way is refused, not interpreted; what only breaks the grammar is noted. */
#include <string.h>

#include "exemption.h"
#include "message_check.h"
#include "policy.h"

/* A check for each defect, and those of the list as a whole. */
enum { CHECK_SEVERAL_ADDRESSES = DEFECTS, CHECK_SEVERAL_DOMAINS, CHECK_LENGTH };

#define AMBIGUOUS(name, help)                                                                      \
	MESSAGE_CHECK(name, ACTION_REJECT, "the From field is ambiguous", help)
#define SLOPPY(name, help) MESSAGE_CHECK(name, ACTION_TAG, "the From field is malformed", help)

static const struct check from_form_checks[] = {
	[DEFECT_GROUP] = AMBIGUOUS("group", "A group: 'x: a@b, c@d;'"),
	[DEFECT_EMPTY_GROUP] = AMBIGUOUS("empty_group", "A group without an address: 'nobody:;'"),
	[DEFECT_ROUTE] = AMBIGUOUS("route", "A route before the address: '<@a,@b:c@d>'"),
	[DEFECT_ESCAPED_SEPARATOR] = AMBIGUOUS("escaped_separator",
		"A backslash before a comma, bracket or the like, outside of quotes"),
	[DEFECT_TEXT_AFTER_ADDRESS] =
		AMBIGUOUS("text_after_address", "Text after '>': '<a@b> c@d'"),
	[DEFECT_SEVERAL_BRACKETS] = AMBIGUOUS(
		"several_brackets", "More than one address in brackets: '<a@b><c@d>', '<a@b,c@d>'"),
	[DEFECT_NESTED_BRACKETS] =
		AMBIGUOUS("nested_brackets", "Brackets within brackets: '<<a@b>>'"),
	[DEFECT_UNBALANCED_BRACKET] = AMBIGUOUS("unbalanced_bracket",
		"'<' without '>', or the other way round; what is left of an address that a NUL "
		"has cut"),
	[DEFECT_UNBALANCED_QUOTE] = AMBIGUOUS("unbalanced_quote", "A quote that does not end"),
	[DEFECT_UNBALANCED_COMMENT] =
		AMBIGUOUS("unbalanced_comment", "A comment that does not end, or not begin"),
	[DEFECT_DEEP_COMMENT] =
		AMBIGUOUS("deep_comment", "Comments nested more than 16 levels deep"),
	[DEFECT_COMMENT_IN_ADDRESS] =
		AMBIGUOUS("comment_in_address", "A comment within the address: 'a@b(x).c'"),
	[DEFECT_ENCODED_ADDRESS] = AMBIGUOUS(
		"encoded_address", "An encoded word in place of the address (RFC 2047 5)"),
	[DEFECT_ENCODED_PART] =
		AMBIGUOUS("encoded_part", "An encoded word within the address (RFC 2047 5)"),
	[DEFECT_ADDRESS_IN_ENCODED_NAME] = AMBIGUOUS("address_in_encoded_name",
		"The encoded name holds another address in brackets, which some readers show"),
	[DEFECT_ENCODED_CONTROL] = AMBIGUOUS("encoded_control",
		"An encoded word hides NUL, a line end or another control character, at which some "
		"readers stop"),
	[DEFECT_CONTROL_CHARACTER] = AMBIGUOUS("control_character", "A control character"),
	[DEFECT_INVISIBLE_IN_ADDRESS] = AMBIGUOUS("invisible_in_address",
		"Invisible characters in the address, or octets that are no UTF-8"),
	[DEFECT_BLANK_IN_ADDRESS] = AMBIGUOUS("blank_in_address",
		"A blank within the address, at which some readers stop: '<a@b .c>'"),
	[DEFECT_TWO_AT] = AMBIGUOUS("two_at", "More than one '@' outside of quotes: '<a@b@c>'"),
	[DEFECT_SPECIAL_IN_ADDRESS] = AMBIGUOUS("special_in_address",
		"A special character in the address outside of quotes, at which some readers "
		"stop: '<a@b;c>'"),
	[DEFECT_ADDRESS_IN_NAME_ONLY] = AMBIGUOUS("address_in_name_only",
		"An address stands in a name or comment, and none where it belongs"),
	[DEFECT_OTHER_ADDRESS_AS_NAME] = AMBIGUOUS("other_address_as_name",
		"Another organization's address as the name, without quotes: 'c@d.e <a@b>'; some "
		"readers take it for the address (in quotes: see from)"),
	[DEFECT_BLANK_FOLD] = AMBIGUOUS("blank_fold",
		"A line of blanks within the field, which some take for the end of the header "
		"section"),
	[DEFECT_NO_ADDRESS] = SLOPPY("no_address", "A name, and no address"),
	[DEFECT_NULL_ADDRESS] = SLOPPY("null_address", "An empty address: '<>'"),
	[DEFECT_UNQUALIFIED] =
		SLOPPY("unqualified", "An address without a full domain: '<root>', 'root@host'"),
	[DEFECT_UNQUOTED_COMMA] =
		SLOPPY("unquoted_comma", "A comma in the name, without quotes: 'Doe, John <a@b>'"),
	[DEFECT_UNQUOTED_COLON] =
		SLOPPY("unquoted_colon", "A colon in the name, without quotes: 'Re: x <a@b>'"),
	[DEFECT_UNQUOTED_AT] = SLOPPY("unquoted_at", "'@' in the name, without quotes"),
	[DEFECT_UNQUOTED_BRACKET] = SLOPPY(
		"unquoted_bracket", "A square bracket in the name, without quotes: '[x] <a@b>'"),
	[DEFECT_SEMICOLON] = SLOPPY("semicolon", "A semicolon between or after addresses"),
	[DEFECT_STRAY_BACKSLASH] = SLOPPY("stray_backslash", "A backslash outside of quotes"),
	[DEFECT_EMPTY_ELEMENT] =
		SLOPPY("empty_element", "An empty place in the list: 'a@b,,c@d', 'a@b,'"),
	[DEFECT_BLANK_AROUND_AT] = SLOPPY("blank_around_at", "A blank beside '@': 'a @ b'"),
	[DEFECT_WORDS_BESIDE_ADDRESS] = SLOPPY(
		"words_beside_address", "Words beside an address without brackets: 'Anna a@b'"),
	[DEFECT_NESTED_COMMENT] = SLOPPY("nested_comment", "A comment within a comment"),
	[DEFECT_LOCAL_PART_MALFORMED] = SLOPPY(
		"local_part_malformed", "A local-part that is none: 'a..b@c' (RFC 5322 3.4.1)"),
	[DEFECT_DOMAIN_MALFORMED] = SLOPPY("domain_malformed",
		"A domain with other characters than letters, digits and hyphens"),
	[DEFECT_ADDRESS_LENGTH] =
		SLOPPY("address_length", "A local-part over 64 octets, or an address over 254"),
	[DEFECT_8BIT_ADDRESS] = SLOPPY("address_not_ascii",
		"8-bit octets in the address of a message that was not sent with SMTPUTF8"),
	[DEFECT_INVISIBLE_IN_NAME] = SLOPPY(
		"invisible_in_name", "Invisible or direction-changing characters in the name"),
	[DEFECT_ENCODED_WORD_MALFORMED] = SLOPPY(
		"encoded_word_malformed", "An encoded word that does not decode (RFC 2047 2)"),
	[DEFECT_FOLD_AFTER_COLON] = MESSAGE_CHECK("fold_after_colon", ACTION_OFF,
		"the From field is folded right after its colon",
		"Nothing on the first line of the field; grammatical, and mail has it"),
	[CHECK_SEVERAL_ADDRESSES] = AMBIGUOUS("several_addresses",
		"More than one address, and no Sender field to say who sent it (RFC 5322 3.6.2)"),
	[CHECK_SEVERAL_DOMAINS] = AMBIGUOUS("several_domains",
		"More than one address, with a Sender, but not all of one organization"),
	[CHECK_LENGTH] = AMBIGUOUS(
		"length", "The field has more than max_size, so that MTAs or readers may cut it"),
	{.name = NULL},
};

_Static_assert(ARRAY_COUNT(from_form_checks) <= POLICY_CHECKS_MAX, "room for all checks");

struct from_form_options {
	int64_t max_size;
};

static const struct setting from_form_settings[] = {
	{.name = "max_size",
		.type = SETTING_SIZE,
		.offset = offsetof(struct from_form_options, max_size),
		.default_text = "8KB",
		.min = 256,
		.max = 1 << 24,
		.help = "Octets of the From field, for length"},
	{.name = NULL},
};

static const char *excerpt(const struct header_section *header)
{
	const char *body = header->bodies[HEADER_FROM];

	return body + strspn(body, " \t\r\n");
}

static void judge_defects(struct call *call, const struct header_section *header)
{
	for (unsigned defect = 0; defect < DEFECTS; defect++) {
		if (!mailbox_list_has(&header->from, (enum mailbox_defect)defect))
			continue;
		if (defect == DEFECT_8BIT_ADDRESS && call->session->transaction.smtputf8)
			continue;
		report(call, defect, RESULT_FAIL, "%s in '%.120s'",
			mailbox_defect_text((enum mailbox_defect)defect), excerpt(header));
	}
}

/* The domain in which one mailbox of FROM is not of the same organization as the Sender; NULL when they
 * agree. */
static const char *foreign_domain(
	const struct mailbox_list *from, const struct mailbox_list *sender)
{
	const char *own = sender->kept == 0 ? "" : sender->items[0].domain;

	for (size_t i = 0; i < from->kept; i++)
		if (own[0] == '\0' || !domain_same_organization(from->items[i].domain, own))
			return from->items[i].domain;
	return from->count > from->kept ? "" : NULL;
}

static void judge_count(struct call *call, const struct header_section *header)
{
	const char *foreign;

	if (header->from.count <= 1)
		return;
	if (header->counts[HEADER_SENDER] == 0) {
		report(call, CHECK_SEVERAL_ADDRESSES, RESULT_FAIL,
			"%zu addresses and no Sender field in '%.120s'", header->from.count,
			excerpt(header));
		return;
	}
	foreign = foreign_domain(&header->from, &header->sender);
	if (foreign != NULL)
		report(call, CHECK_SEVERAL_DOMAINS, RESULT_FAIL,
			"%zu addresses in '%.120s'; that of '%s' is not in the organization of the "
			"Sender",
			header->from.count, excerpt(header), foreign);
}

static void judge_eom(struct call *call)
{
	const struct from_form_options *options = call->options;
	const struct header_section *header = call->session->transaction.header;

	/* No From, or an empty one, is the message policy's. */
	if (exemption_is_local_submission(call->session) || header->counts[HEADER_FROM] == 0 ||
		*excerpt(header) == '\0')
		return;
	if (header->from_octets > (size_t)options->max_size)
		report(call, CHECK_LENGTH, RESULT_FAIL, "%zu octets; at most %lld",
			header->from_octets, (long long)options->max_size);
	judge_defects(call, header);
	judge_count(call, header);
}

const struct policy policy_from_form = {
	.name = "from_form",
	.summary = "the form of the From field",
	.checks = from_form_checks,
	.settings = from_form_settings,
	.options_size = sizeof(struct from_form_options),
	.exempt_by = EXEMPT_TRUSTED | EXEMPT_ALLOWED,
	.reads_header = true,
	.only_checks = true,
	.judge = {[STAGE_EOM] = judge_eom},
};
