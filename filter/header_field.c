/* SPDX-License-Identifier: BSD-2-Clause */
#include "header_field.h"

#include <string.h>

#include "text.h"

enum { COMMENT_DEPTH_MAX = 50, MAILBOX_TEXT_MAX = PATH_SIZE };

bool header_field_is(const char *name, const char *wanted)
{
	size_t length;

	while (ascii_is_space(*name))
		name++;
	length = strlen(name);
	while (length > 0 && ascii_is_space(name[length - 1]))
		length--;
	return length == strlen(wanted) && ascii_equal_n(name, wanted, length);
}

size_t header_field_longest_line(const char *name, const char *body)
{
	size_t before = strlen(name) + strlen(": ");
	size_t longest = 0;

	for (;;) {
		size_t length = strcspn(body, "\n");
		size_t octets = before + length;

		if (length > 0 && body[length - 1] == '\r')
			octets--;
		if (octets > longest)
			longest = octets;
		if (body[length] == '\0')
			return longest;
		body += length + 1;
		before = 0;
	}
}

/* Behind the quoted-string that starts at AT; NULL when it does not end. */
static const char *skip_quoted(const char *at)
{
	for (at++; *at != '"'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		if (*at == '\0')
			return NULL;
	}
	return at + 1;
}

/* Behind the comment that starts at AT (they nest); NULL when it does not end. */
static const char *skip_comment(const char *at)
{
	unsigned depth = 0;

	for (; *at != '\0'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		else if (*at == '(' && ++depth > COMMENT_DEPTH_MAX)
			return NULL;
		else if (*at == ')' && --depth == 0)
			return at + 1;
	}
	return NULL;
}

/* One mailbox while it is read: what stands outside of comments. */
struct mailbox {
	struct text plain; /* before "<", or the whole address without brackets */
	struct text bracketed;
	unsigned brackets; /* "<" seen */
	bool open; /* inside of <> */
	bool after; /* something after ">" */
	bool gap; /* a blank or comment stands before the next octet */
	bool inner_gap; /* blanks inside of the address */
};

static void begin_mailbox(struct mailbox *mailbox, char *plain, char *bracketed)
{
	*mailbox = (struct mailbox){0};
	text_init(&mailbox->plain, plain, MAILBOX_TEXT_MAX);
	text_init(&mailbox->bracketed, bracketed, MAILBOX_TEXT_MAX);
}

static void ambiguous(struct mailboxes *mailboxes, const char *why)
{
	if (mailboxes->ambiguous == NULL)
		mailboxes->ambiguous = why;
}

static void malformed(struct mailboxes *mailboxes, const char *why)
{
	if (mailboxes->malformed == NULL)
		mailboxes->malformed = why;
}

static void take_address(struct mailboxes *mailboxes, const char *address)
{
	struct path path;
	enum path_error error = path_parse(address, true, &path);

	if (mailboxes->count < MAILBOXES_MAX)
		mailboxes->count++;
	if (address[0] == '@' || error == PATH_SOURCE_ROUTE)
		ambiguous(mailboxes, "a route before the address");
	else if (strstr(address, "=?") != NULL)
		ambiguous(mailboxes, "an encoded word inside of the address");
	else if (error != PATH_OK && strpbrk(address, ",<>") != NULL)
		ambiguous(mailboxes, "more than one address in brackets");
	else if (error != PATH_OK || path.null)
		malformed(mailboxes, "an address that is none");
	else if (mailboxes->first.domain[0] == '\0' && mailboxes->first.literal.family == IP_NONE)
		mailboxes->first = path;
}

static void end_mailbox(struct mailboxes *mailboxes, const struct mailbox *mailbox)
{
	bool has_plain = mailbox->plain.length > 0;

	if (mailbox->open)
		ambiguous(mailboxes, "\"<\" without \">\"");
	if (mailbox->after)
		ambiguous(mailboxes, "text after \">\"");
	if (mailbox->brackets > 1)
		ambiguous(mailboxes, "more than one address in brackets");
	if (mailbox->brackets > 0) {
		if (mailbox->inner_gap)
			malformed(mailboxes, "a blank inside of the address");
		take_address(mailboxes, mailbox->bracketed.buffer);
	} else if (has_plain && strchr(mailbox->plain.buffer, '@') != NULL) {
		if (mailbox->inner_gap)
			malformed(mailboxes, "words beside an address without brackets");
		take_address(mailboxes, mailbox->plain.buffer);
	} else if (strstr(mailbox->plain.buffer, "=?") != NULL) {
		ambiguous(mailboxes, "an encoded word in place of an address");
	} else if (has_plain) {
		malformed(mailboxes, "a name without an address");
	} else {
		malformed(mailboxes, "an empty place in the list of addresses");
	}
}

static void take_bytes(struct mailbox *mailbox, const char *bytes, size_t length)
{
	struct text *out = mailbox->open ? &mailbox->bracketed : &mailbox->plain;

	if (!mailbox->open && mailbox->brackets > 0) {
		mailbox->after = true;
		return;
	}
	if (mailbox->gap && out->length > 0)
		mailbox->inner_gap = true;
	mailbox->gap = false;
	text_add_n(out, bytes, length);
}

/* A special character outside of quotes and comments; false when C is an ordinary one. */
static bool take_special(struct mailboxes *mailboxes, struct mailbox *mailbox, char c)
{
	if (ascii_is_space(c)) {
		mailbox->gap = true;
	} else if (c == '<') {
		if (mailbox->open)
			ambiguous(mailboxes, "\"<\" inside of brackets");
		mailbox->open = true;
		mailbox->gap = false;
		mailbox->inner_gap = false;
		mailbox->brackets++;
	} else if (c == '>') {
		if (!mailbox->open)
			ambiguous(mailboxes, "\">\" without \"<\"");
		mailbox->open = false;
		mailbox->gap = false;
	} else if (!mailbox->open && (c == ':' || c == ';')) {
		ambiguous(mailboxes, "a group");
	} else {
		return false;
	}
	return true;
}

/* Takes one element at AT into MAILBOX; returns what is behind it. */
static const char *take_element(
	struct mailboxes *mailboxes, struct mailbox *mailbox, const char *at)
{
	const char *end = at + 1;

	if (*at == '"') {
		end = skip_quoted(at);
		if (end == NULL)
			ambiguous(mailboxes, "a quote that does not end");
		else
			take_bytes(mailbox, at, (size_t)(end - at));
	} else if (*at == '(') {
		end = skip_comment(at);
		if (end == NULL)
			ambiguous(mailboxes, "a comment that does not end");
		mailbox->gap = true;
	} else if ((unsigned char)*at < 0x20 && !ascii_is_space(*at)) {
		ambiguous(mailboxes, "a control character");
	} else if (!take_special(mailboxes, mailbox, *at)) {
		take_bytes(mailbox, at, 1);
	}
	return end == NULL ? at + strlen(at) : end;
}

void header_field_mailboxes(const char *body, struct mailboxes *mailboxes)
{
	char plain[MAILBOX_TEXT_MAX], bracketed[MAILBOX_TEXT_MAX];
	struct mailbox mailbox;

	*mailboxes = (struct mailboxes){.first = {.null = true}};
	begin_mailbox(&mailbox, plain, bracketed);
	while (*body != '\0') {
		if (*body != ',' || mailbox.open) {
			body = take_element(mailboxes, &mailbox, body);
			continue;
		}
		end_mailbox(mailboxes, &mailbox);
		begin_mailbox(&mailbox, plain, bracketed);
		body++;
	}
	end_mailbox(mailboxes, &mailbox);
}
