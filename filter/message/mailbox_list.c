/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_list.h"

#include <string.h>

#include "mailbox_list_private.h"
#include "mem.h"

enum { COMMENT_DEPTH_MAX = 16 };

static void found(struct mailbox_list *list, enum mailbox_defect defect)
{
	mailbox_defect_add(&list->defects, defect);
}

bool mailbox_list_has(const struct mailbox_list *list, enum mailbox_defect defect)
{
	return (list->defects >> defect & 1) != 0;
}

bool mailbox_list_is_ambiguous(const struct mailbox_list *list)
{
	return (list->defects & ((UINT64_C(1) << DEFECTS_AMBIGUOUS) - 1)) != 0;
}

/* Octets. ------------------------------------------------------------------------------------- */

/* Of words without brackets, the first with an "@" is the address. */
static void end_word(struct mailbox_list_element *element)
{
	element->inner_gap = true;
	if (element->word_has_at)
		element->words_with_at++;
	else if (element->words_with_at == 0)
		text_init(&element->plain, element->plain_buffer, MAILBOX_LIST_RAW_SIZE);
	element->word_has_at = false;
	if (element->words_with_at > 0)
		element->behind_address = true;
}

/* A word goes on with LENGTH bytes; SHOWN is what a reader shows of them. */
static void take_bytes(struct mailbox_list_reader *reader, const char *bytes, size_t length,
	const char *shown, size_t shown_length)
{
	struct mailbox_list_element *element = &reader->element;
	struct text *out = element->open ? &element->bracketed : &element->plain;

	if (!element->open && element->brackets > 0) {
		found(reader->list, DEFECT_TEXT_AFTER_ADDRESS);
		return;
	}
	if (element->second)
		return;
	if (out->length > 0 && element->gap && element->open) {
		bool around_at = *bytes == '@' || out->buffer[out->length - 1] == '@';

		found(reader->list, around_at ? DEFECT_BLANK_AROUND_AT : DEFECT_BLANK_IN_ADDRESS);
	}
	if (out->length > 0 && element->gap && !element->open) {
		if (*bytes == '@' || out->buffer[out->length - 1] == '@') {
			found(reader->list, DEFECT_BLANK_AROUND_AT);
		} else {
			end_word(element);
		}
	}
	if (element->comment_gap && (element->open || out->length > 0))
		element->inner_comment = true;
	if (!element->open && element->gap && element->name.length > 0)
		text_add_char(&element->name, ' ');
	element->gap = element->comment_gap = false;
	if (element->open || !element->behind_address)
		text_add_n(out, bytes, length);
	if (!element->open)
		text_add_n(&element->name, shown, shown_length);
}

static void open_bracket(struct mailbox_list_reader *reader)
{
	struct mailbox_list_element *element = &reader->element;

	if (element->open) {
		found(reader->list, DEFECT_NESTED_BRACKETS);
		text_init(&element->bracketed, element->bracketed_buffer, MAILBOX_LIST_RAW_SIZE);
	} else if (element->brackets > 0) {
		found(reader->list, DEFECT_SEVERAL_BRACKETS);
		element->second = true;
	}
	element->open = true;
	element->gap = element->comment_gap = false;
	/* A comment in the name is none in the address. */
	element->inner_comment = false;
	element->brackets++;
}

static void close_bracket(struct mailbox_list_reader *reader)
{
	struct mailbox_list_element *element = &reader->element;

	if (!element->open)
		found(reader->list, DEFECT_UNBALANCED_BRACKET);
	if (element->comment_gap && element->open)
		element->inner_comment = true;
	element->open = false;
	element->gap = element->comment_gap = false;
}

/* What ends an element. */
static void separate(struct mailbox_list_reader *reader, char separator)
{
	reader->closed = separator == ';';
	if (separator == ';' && reader->in_group) {
		if (reader->element.plain.length > 0 || reader->element.brackets > 0)
			mailbox_list_end_element(reader);
		mailbox_list_begin_element(&reader->element);
		if (reader->list->count == reader->group_start)
			found(reader->list, DEFECT_EMPTY_GROUP);
		reader->in_group = false;
		return;
	}
	if (separator == ';')
		found(reader->list, DEFECT_SEMICOLON);
	mailbox_list_end_element(reader);
}

/* REST is what stands behind the colon. */
static void take_colon(struct mailbox_list_reader *reader, const char *rest)
{
	struct mailbox_list_element *element = &reader->element;

	if (element->brackets > 0 || element->unquoted_at > 0 || strchr(rest, ';') != NULL) {
		found(reader->list, DEFECT_GROUP);
		reader->in_group = true;
		reader->group_start = reader->list->count;
		mailbox_list_begin_element(element);
		return;
	}
	found(reader->list, DEFECT_UNQUOTED_COLON);
	take_bytes(reader, ":", 1, ":", 1);
}

/* Elements of more than one octet; each returns what is behind it. ------------------------------- */

static void look_at_control(struct mailbox_list *list, const char *at)
{
	if (((unsigned char)*at < 0x20 && !ascii_is_space(*at)) || *at == 0x7f)
		found(list, DEFECT_CONTROL_CHARACTER);
}

static const char *take_quoted(struct mailbox_list_reader *reader, const char *start)
{
	struct mailbox_list_element *element = &reader->element;
	const char *at = start + 1;
	struct text text;

	text_init(&text, reader->quoted, sizeof(reader->quoted));
	for (; *at != '"' && *at != '\0'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		look_at_control(reader->list, at);
		element->quoted_at = element->quoted_at || (*at == '@' && !element->open);
		text_add_char(&text, *at);
	}
	if (*at == '\0') {
		found(reader->list, DEFECT_UNBALANCED_QUOTE);
		reader->shown_address = reader->shown_address || element->quoted_at;
		return at;
	}
	take_bytes(reader, start, (size_t)(at + 1 - start), reader->quoted, text.length);
	return at + 1;
}

static const char *take_comment(struct mailbox_list_reader *reader, const char *at)
{
	struct mailbox_list_element *element = &reader->element;
	unsigned depth = 0;

	text_init(&element->comment, element->comment_buffer, MAILBOX_LIST_RAW_SIZE);
	for (; *at != '\0'; at++) {
		look_at_control(reader->list, at);
		if (*at == '\\' && at[1] != '\0') {
			at++;
		} else if (*at == '(') {
			if (++depth == 1)
				continue;
			found(reader->list, depth > COMMENT_DEPTH_MAX ? DEFECT_DEEP_COMMENT
								      : DEFECT_NESTED_COMMENT);
		} else if (*at == ')' && --depth == 0) {
			element->comment_gap = true;
			return at + 1;
		}
		text_add_char(&element->comment, *at);
	}
	found(reader->list, DEFECT_UNBALANCED_COMMENT);
	return at;
}

static const char *take_backslash(struct mailbox_list_reader *reader, const char *at)
{
	size_t length = at[1] == '\0' || ascii_is_space(at[1]) ? 1 : 2;

	found(reader->list, length == 2 && strchr(",<>@:;()[]", at[1]) != NULL
				    ? DEFECT_ESCAPED_SEPARATOR
				    : DEFECT_STRAY_BACKSLASH);
	/* A separator counts: who escapes one means to hide it. */
	if (length == 2 && strchr(",<>@:;", at[1]) != NULL)
		length = 1;
	take_bytes(reader, at, length, at + length - 1, 1);
	return at + length;
}

static const char *take_blanks(struct mailbox_list_reader *reader, const char *at)
{
	size_t length = strspn(at, " \t\r\n");
	const char *fold = memchr(at, '\n', length);

	/* Two folds with blanks between them. */
	if (fold != NULL && memchr(fold + 1, '\n', length - (size_t)(fold + 1 - at)) != NULL)
		found(reader->list, DEFECT_BLANK_FOLD);
	for (size_t i = 0; i < length; i++)
		if (at[i] == '\r' && at[i + 1] != '\n')
			found(reader->list, DEFECT_CONTROL_CHARACTER);
	reader->element.gap = true;
	return at + length;
}

/* RFC 5322 3.4.1: an address literal, whose colons and commas separate nothing. NULL when it is none. */
static const char *take_literal(struct mailbox_list_reader *reader, const char *at)
{
	static const char octets[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-";
	const struct mailbox_list_element *element = &reader->element;
	const struct text *out = element->open ? &element->bracketed : &element->plain;
	size_t length = 1 + strspn(at + 1, octets);

	if (out->length == 0 || out->buffer[out->length - 1] != '@' || at[length] != ']')
		return NULL;
	take_bytes(reader, at, length + 1, at, length + 1);
	return at + length + 1;
}

static void take_bracket(struct mailbox_list_reader *reader, const char *at)
{
	if (!reader->element.open)
		found(reader->list, DEFECT_UNQUOTED_BRACKET);
	take_bytes(reader, at, 1, at, 1);
}

static const char *take_octet(struct mailbox_list_reader *reader, const char *at)
{
	struct mailbox_list_element *element = &reader->element;

	switch (*at) {
	case '<':
		open_bracket(reader);
		break;
	case '>':
		close_bracket(reader);
		break;
	case ',':
	case ';':
		if (element->open)
			take_bytes(reader, at, 1, at, 1);
		else
			separate(reader, *at);
		break;
	case ':':
		if (element->open)
			take_bytes(reader, at, 1, at, 1);
		else
			take_colon(reader, at + 1);
		break;
	case '[':
	case ']':
		take_bracket(reader, at);
		break;
	default:
		look_at_control(reader->list, at);
		take_bytes(reader, at, 1, at, 1);
		if (*at == '@' && element->brackets == 0) {
			element->unquoted_at++;
			element->word_has_at = true;
		}
	}
	return at + 1;
}

/* Letters and digits, which mean nothing by themselves. */
static size_t plain_length(const char *at)
{
	size_t length = 0;

	while (ascii_is_alnum(at[length]))
		length++;
	return length;
}

static const char *take(struct mailbox_list_reader *reader, const char *at)
{
	const char *behind = *at == '[' ? take_literal(reader, at) : NULL;
	size_t plain = plain_length(at);

	if (behind != NULL)
		return behind;
	if (plain > 0) {
		take_bytes(reader, at, plain, at, plain);
		return at + plain;
	}
	if (ascii_is_space(*at))
		return take_blanks(reader, at);
	if (*at == ')')
		found(reader->list, DEFECT_UNBALANCED_COMMENT);
	switch (*at) {
	case '"':
		return take_quoted(reader, at);
	case '(':
		return take_comment(reader, at);
	case '\\':
		return take_backslash(reader, at);
	default:
		return take_octet(reader, at);
	}
}

static void finish(struct mailbox_list_reader *reader)
{
	struct mailbox_list *list = reader->list;
	struct mailbox_list_element *element = &reader->element;
	bool last = element->plain.length > 0 || element->brackets > 0;

	if (last || !reader->closed)
		mailbox_list_end_element(reader);
	if (reader->in_group && list->count == reader->group_start)
		found(list, DEFECT_EMPTY_GROUP);
	if (list->count == 0 && reader->words)
		found(list, DEFECT_NO_ADDRESS);
	/* "a@b, Anna": a word that nobody's address follows. */
	if (list->count > 0 && reader->held[0] != '\0')
		found(list, DEFECT_UNQUOTED_COMMA);
	if (list->count == 0 && reader->shown_address)
		found(list, DEFECT_ADDRESS_IN_NAME_ONLY);
}

void mailbox_list_parse(const char *body, struct mailbox_list *list_r)
{
	/* Not on the stack: every thread that ever came by here would keep its pages. */
	struct mailbox_list_reader *reader = mem_resize(NULL, 1, sizeof(*reader));

	*list_r = (struct mailbox_list){0};
	reader->list = list_r;
	reader->held[0] = '\0';
	reader->in_group = reader->shown_address = reader->words = reader->closed = false;
	mailbox_list_begin_element(&reader->element);
	if (body[strspn(body, " \t\r")] == '\n')
		found(list_r, DEFECT_FOLD_AFTER_COLON);
	while (*body != '\0')
		body = take(reader, body);
	finish(reader);
	mem_free(reader);
}

void mailbox_list_clear(struct mailbox_list *list)
{
	for (size_t i = 0; i < list->kept; i++) {
		mem_free(list->items[i].address);
		mem_free(list->items[i].name);
	}
	mem_free(list->items);
	*list = (struct mailbox_list){0};
}
