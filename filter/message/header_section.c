/* SPDX-License-Identifier: BSD-2-Clause */
#include "header_section.h"

#include <stdint.h>
#include <string.h>

#include "dkim_signature.h"
#include "encoded_word.h"
#include "header_field.h"
#include "mem.h"
#include "text.h"

/* Names with their lengths, so that most are told apart without a look at their letters. */
#define ROW(text) {text, sizeof(text) - 1}
static const struct {
	const char *name;
	size_t length;
} names[HEADER_FIELDS] = {
	[HEADER_FROM] = ROW("From"),
	[HEADER_SENDER] = ROW("Sender"),
	[HEADER_REPLY_TO] = ROW("Reply-To"),
	[HEADER_TO] = ROW("To"),
	[HEADER_CC] = ROW("Cc"),
	[HEADER_BCC] = ROW("Bcc"),
	[HEADER_MESSAGE_ID] = ROW("Message-ID"),
	[HEADER_IN_REPLY_TO] = ROW("In-Reply-To"),
	[HEADER_REFERENCES] = ROW("References"),
	[HEADER_SUBJECT] = ROW("Subject"),
	[HEADER_DATE] = ROW("Date"),
	[HEADER_MIME_VERSION] = ROW("MIME-Version"),
	[HEADER_CONTENT_TYPE] = ROW("Content-Type"),
	[HEADER_CONTENT_TRANSFER_ENCODING] = ROW("Content-Transfer-Encoding"),
	[HEADER_RETURN_PATH] = ROW("Return-Path"),
	[HEADER_RECEIVED] = ROW("Received"),
	[HEADER_RESENT_FROM] = ROW("Resent-From"),
	[HEADER_RESENT_SENDER] = ROW("Resent-Sender"),
	[HEADER_LIST] = ROW("List-"),
	[HEADER_LIST_ID] = ROW("List-Id"),
	[HEADER_PRECEDENCE] = ROW("Precedence"),
	[HEADER_AUTHENTICATION_RESULTS] = ROW("Authentication-Results"),
	[HEADER_DKIM_SIGNATURE] = ROW("DKIM-Signature"),
	[HEADER_MAILBOX_LINE] = ROW("X-Mailbox-Line"),
	[HEADER_OTHER] = ROW(""),
};

const char *header_field_name(enum header_field field)
{
	return names[field].name;
}

enum header_field header_field_of(const char *name)
{
	size_t length;

	while (ascii_is_space(*name))
		name++;
	length = strlen(name);
	while (length > 0 && ascii_is_space(name[length - 1]))
		length--;
	for (int field = 0; field < HEADER_OTHER; field++)
		if (names[field].length == length && field != HEADER_LIST &&
			ascii_lower_char(*name) == ascii_lower_char(*names[field].name) &&
			ascii_equal_n(name, names[field].name, length))
			return (enum header_field)field;
	if (length > names[HEADER_LIST].length && ascii_starts_with(name, names[HEADER_LIST].name))
		return HEADER_LIST;
	return HEADER_OTHER;
}

struct header_section *header_section_create(void)
{
	return mem_alloc(sizeof(struct header_section));
}

void header_section_free(struct header_section **section_ptr)
{
	struct header_section *section = *section_ptr;

	if (section == NULL)
		return;
	*section_ptr = NULL;
	mailbox_list_clear(&section->from);
	mailbox_list_clear(&section->sender);
	mailbox_list_clear(&section->reply_to);
	mailbox_list_clear(&section->resent_from);
	for (int field = 0; field < HEADER_FIELDS; field++)
		mem_free(section->bodies[field]);
	for (size_t i = 0; i < section->result_count; i++)
		mem_free(section->results[i]);
	mem_free(section->results);
	for (size_t i = 0; i < section->signer_count; i++)
		mem_free(section->signers[i]);
	mem_free(section);
}

/* NULL when the bound is reached. */
static char *keep(struct header_section *section, const char *body, size_t length)
{
	if (length > HEADER_KEPT_MAX - section->kept) {
		section->full = true;
		return NULL;
	}
	section->kept += length;
	return mem_text(body);
}

static bool is_kept(enum header_field field)
{
	return field != HEADER_OTHER && field != HEADER_RECEIVED && field != HEADER_LIST &&
	       field != HEADER_AUTHENTICATION_RESULTS && field != HEADER_DKIM_SIGNATURE;
}

static void keep_result(struct header_section *section, const char *body, size_t length)
{
	char *kept;

	if (section->result_count == HEADER_RESULTS_MAX) {
		section->full = true;
		return;
	}
	kept = keep(section, body, length);
	if (kept == NULL)
		return;
	section->results = mem_resize(
		section->results, section->result_count + 1, sizeof(section->results[0]));
	section->results[section->result_count++] = kept;
	if (section->counts[HEADER_RECEIVED] == 0)
		section->fresh_results = section->result_count;
}

static void keep_signer(struct header_section *section, const char *body)
{
	char domain[DOMAIN_SIZE];

	if (!dkim_signature_domain(body, domain))
		return;
	if (section->signer_count == HEADER_SIGNERS_MAX)
		section->more_signers = true;
	else
		section->signers[section->signer_count++] = mem_text(domain);
}

static struct mailbox_list *mailboxes_of(struct header_section *section, enum header_field field)
{
	switch (field) {
	case HEADER_FROM:
		return &section->from;
	case HEADER_SENDER:
		return &section->sender;
	case HEADER_REPLY_TO:
		return &section->reply_to;
	case HEADER_RESENT_FROM:
		return &section->resent_from;
	default:
		return NULL;
	}
}

static void note(char where[64], const char *name)
{
	if (where[0] == '\0')
		text_escape(name, where, 64);
}

static void look_at_name(struct header_section *section, const char *name)
{
	size_t length = strlen(name);

	if (length > 0 && ascii_is_space(name[length - 1]))
		section->blank_before_colon++;
	while (length > 0 && ascii_is_space(name[length - 1]))
		length--;
	for (size_t i = 0; i < length; i++)
		if (name[i] <= 0x20 || name[i] > 0x7e) {
			note(section->bad_name, name);
			return;
		}
	if (length == 0)
		note(section->bad_name, "(empty)");
}

/* Nothing but printable ASCII and SP; eight octets at once, since most lines are so. */
static bool is_plain(const char *line, size_t length)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t word, tail = each * ' ', top_bits = 0;

	/* A top bit stays set for an octet that has one, for DEL, and for what is below SP. */
	for (; length >= sizeof(word); line += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, line, sizeof(word));
		top_bits |= word | (word + each) | (word - each * ' ');
	}
	memcpy(&tail, line, length);
	top_bits |= tail | (tail + each) | (tail - each * ' ');
	return (top_bits & each * 0x80) == 0;
}

static void look_at_octets(
	struct header_section *section, const char *name, const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char octet = (unsigned char)line[i];

		if ((octet < ' ' && octet != '\t') || octet == 0x7f)
			note(section->control_in, name);
		else if (octet > 0x7f)
			note(section->not_ascii_in, name);
	}
}

static void look_at_lines(struct header_section *section, const char *name, const char *body)
{
	for (const char *line = body;; line++) {
		const char *start = line, *end = line + strcspn(line, "\n");
		size_t length;

		while (*line == ' ' || *line == '\t')
			line++;
		if (start > body && line + strspn(line, " \t\r") == end)
			note(section->blank_fold_in, name);
		length = (size_t)(end - line);
		if (*end == '\n' && length > 0 && end[-1] == '\r')
			length--;
		if (!is_plain(line, length))
			look_at_octets(section, name, line, length);
		if (*end == '\0')
			return;
		line = end;
	}
}

static void look_at_body(struct header_section *section, const char *name, const char *body)
{
	look_at_lines(section, name, body);
	if (strstr(body, "=?") != NULL) {
		char shown[MAILBOX_TEXT_SIZE];
		struct encoded_words seen;
		struct text text;

		text_init(&text, shown, sizeof(shown));
		encoded_word_decode(body, &text, &seen);
		if (seen.control)
			note(section->encoded_control_in, name);
	}
}

static void measure(
	struct header_section *section, const char *name, const char *body, size_t octets)
{
	size_t line = header_field_longest_line(name, body);

	if (line > section->longest_line)
		section->longest_line = line;
	section->fields++;
	section->octets += octets;
	if (octets <= section->longest_field)
		return;
	section->longest_field = octets;
	text_escape(name, section->longest_name, sizeof(section->longest_name));
}

void header_section_add(struct header_section *section, const char *name, const char *body)
{
	enum header_field field = header_field_of(name);
	struct mailbox_list *mailboxes = mailboxes_of(section, field);
	size_t length = strlen(body);

	measure(section, name, body, strlen(name) + length);
	look_at_name(section, name);
	look_at_body(section, name, body);
	if (is_kept(field) && section->counts[field] == 0) {
		if (mailboxes == NULL) {
			section->bodies[field] = keep(section, body, length);
		} else {
			section->bodies[field] = mem_text_n(body, HEADER_IDENTITY_MAX);
			mailbox_list_parse(body, mailboxes);
		}
		if (field == HEADER_FROM)
			section->from_octets = length;
	}
	section->counts[field]++;
	if (field == HEADER_LIST_ID)
		section->counts[HEADER_LIST]++;
	if (field == HEADER_AUTHENTICATION_RESULTS)
		keep_result(section, body, length);
	else if (field == HEADER_DKIM_SIGNATURE)
		keep_signer(section, body);
}
