/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_list.h"

#include <string.h>

#include "encoded_word.h"
#include "mem.h"
#include "text.h"

enum { COMMENT_DEPTH_MAX = 16, RAW_SIZE = 4096 };

/* One element of the list while it is read. */
struct element {
	struct text plain; /* what stands outside of brackets and comments, quotes kept */
	struct text name; /* the same without quotes, blanks kept: what would be shown */
	struct text bracketed;
	struct text comment; /* the last one */
	char plain_buffer[RAW_SIZE], name_buffer[RAW_SIZE], bracketed_buffer[RAW_SIZE];
	char comment_buffer[RAW_SIZE];
	unsigned brackets; /* "<" seen */
	bool open; /* inside of <> */
	bool second; /* inside of a second <>, which only counts */
	bool gap; /* blanks stand before the next octet */
	bool comment_gap; /* a comment does */
	bool inner_gap, inner_comment; /* within the address, or before more words */
	unsigned unquoted_at; /* "@" outside of brackets and quotes */
	unsigned words_with_at;
	bool word_has_at;
	bool behind_address; /* words behind one with an "@" */
	bool quoted_at; /* in quotes, outside of brackets */
};

struct reader {
	struct mailbox_list *list;
	struct element element;
	char joined[2 * RAW_SIZE], quoted[RAW_SIZE]; /* what is put together for a moment */
	char held[RAW_SIZE]; /* names that a comma has cut: "Doe" of "Doe, John <a@b>" */
	bool in_group;
	size_t group_start; /* addresses before it */
	bool shown_address; /* an address stands in a name or comment */
	bool words; /* some stand without an address */
	bool closed; /* a ";" was the last that was seen */
};

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

static void begin_element(struct element *element)
{
	element->brackets = 0;
	element->open = element->second = element->gap = element->comment_gap = false;
	element->inner_gap = element->inner_comment = false;
	element->unquoted_at = element->words_with_at = 0;
	element->word_has_at = element->quoted_at = element->behind_address = false;
	text_init(&element->plain, element->plain_buffer, RAW_SIZE);
	text_init(&element->name, element->name_buffer, RAW_SIZE);
	text_init(&element->bracketed, element->bracketed_buffer, RAW_SIZE);
	text_init(&element->comment, element->comment_buffer, RAW_SIZE);
}

/* Elements. ----------------------------------------------------------------------------------- */

/* The name, or the comment where there is none, behind what a comma has cut from it. */
static const char *shown_name(struct reader *reader)
{
	const struct element *element = &reader->element;
	bool named = element->name.length > 0 && element->brackets > 0;
	struct text text;

	text_init(&text, reader->joined, sizeof(reader->joined));
	text_addf(&text, "%s%s%s", reader->held, reader->held[0] == '\0' ? "" : ", ",
		named ? element->name_buffer : element->comment_buffer);
	return reader->joined;
}

/* What stands before the "<" could be taken for the address. */
static void look_at_words(struct reader *reader, const struct mailbox *mailbox)
{
	static const enum mailbox_defect stumbled[] = {DEFECT_UNQUOTED_COMMA, DEFECT_UNQUOTED_COLON,
		DEFECT_UNQUOTED_AT, DEFECT_UNQUOTED_BRACKET, DEFECT_SEMICOLON,
		DEFECT_STRAY_BACKSLASH, DEFECT_EMPTY_ELEMENT, DEFECT_BLANK_AROUND_AT,
		DEFECT_LOCAL_PART_MALFORMED, DEFECT_DOMAIN_MALFORMED};
	const struct element *element = &reader->element;
	bool sloppy = reader->held[0] != '\0';

	if (element->brackets > 0 && element->unquoted_at > 0)
		mailbox_form_words(mailbox, element->name_buffer, &reader->list->defects);
	/* Who stumbles over something looks for an address elsewhere. */
	for (size_t i = 0; i < ARRAY_COUNT(stumbled); i++)
		sloppy = sloppy || mailbox_list_has(reader->list, stumbled[i]);
	if (sloppy && mailbox_words_name_other(mailbox->name, mailbox->domain))
		found(reader->list, DEFECT_OTHER_ADDRESS_AS_NAME);
}

static void add_mailbox(struct reader *reader, const char *address)
{
	struct mailbox_list *list = reader->list;
	struct mailbox mailbox = {0};

	if (list->count < MAILBOX_LIST_MAX)
		list->count++;
	mailbox_form_address(&mailbox, address, &list->defects);
	mailbox_form_name(&mailbox, shown_name(reader), &list->defects);
	look_at_words(reader, &mailbox);
	reader->held[0] = '\0';
	if (list->kept == MAILBOX_LIST_KEPT) {
		mem_free(mailbox.address);
		mem_free(mailbox.name);
		return;
	}
	list->items = mem_resize(list->items, list->kept + 1, sizeof(list->items[0]));
	list->items[list->kept++] = mailbox;
}

static void end_bracketed(struct reader *reader)
{
	struct element *element = &reader->element;
	const char *address = element->bracketed_buffer;

	if (element->open)
		found(reader->list, DEFECT_UNBALANCED_BRACKET);
	if (element->inner_comment)
		found(reader->list, DEFECT_COMMENT_IN_ADDRESS);
	if (reader->held[0] != '\0')
		found(reader->list, DEFECT_UNQUOTED_COMMA);
	if (address[0] == '\0') {
		found(reader->list, DEFECT_NULL_ADDRESS);
		if (strchr(element->name_buffer, '@') != NULL ||
			strchr(element->comment_buffer, '@') != NULL)
			found(reader->list, DEFECT_ADDRESS_IN_NAME_ONLY);
		reader->held[0] = '\0';
		return;
	}
	add_mailbox(reader, address);
}

static size_t count_at(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == '@';
	return count;
}

static void end_bare_address(struct reader *reader)
{
	struct element *element = &reader->element;
	struct encoded_words seen;
	struct text text;

	text_init(&text, reader->joined, sizeof(reader->joined));
	encoded_word_decode(element->name_buffer, &text, &seen);
	if (count_at(reader->joined) > count_at(element->name_buffer))
		found(reader->list, DEFECT_ENCODED_ADDRESS);

	/* "a@b c@d": two, whatever stands between. */
	if (element->words_with_at > 1 && reader->list->count < MAILBOX_LIST_MAX)
		reader->list->count++;
	/* "a@b .c": words behind it can be read as its end, those before it cannot. */
	if (element->behind_address) {
		found(reader->list, DEFECT_BLANK_IN_ADDRESS);
	} else if (element->inner_gap) {
		found(reader->list, DEFECT_WORDS_BESIDE_ADDRESS);
	}
	if (element->inner_comment)
		found(reader->list, DEFECT_COMMENT_IN_ADDRESS);
	if (reader->held[0] != '\0')
		found(reader->list, DEFECT_UNQUOTED_COMMA);
	add_mailbox(reader, element->plain_buffer);
}

/* Words without an address: a name, or what a comma has cut from one. */
static void end_words(struct reader *reader)
{
	struct element *element = &reader->element;
	char buffer[MAILBOX_TEXT_SIZE];
	struct encoded_words seen;
	struct text decoded, held;

	text_init(&decoded, buffer, sizeof(buffer));
	encoded_word_decode(element->name_buffer, &decoded, &seen);
	if (seen.count > 0 && strchr(buffer, '@') != NULL)
		found(reader->list, DEFECT_ENCODED_ADDRESS);
	if (seen.control)
		found(reader->list, DEFECT_ENCODED_CONTROL);
	reader->words = true;
	if (element->quoted_at || strchr(element->comment_buffer, '@') != NULL)
		reader->shown_address = true;
	text_init(&held, reader->held, RAW_SIZE);
	held.length = strlen(reader->held);
	text_addf(&held, "%s%s", held.length == 0 ? "" : ", ", element->name_buffer);
}

static void end_element(struct reader *reader)
{
	struct element *element = &reader->element;

	if (element->word_has_at)
		element->words_with_at++;
	if (element->brackets > 0) {
		end_bracketed(reader);
	} else if (element->unquoted_at > 0) {
		end_bare_address(reader);
	} else if (element->plain.length > 0) {
		end_words(reader);
	} else {
		if (element->comment.length > 0)
			reader->shown_address = strchr(element->comment_buffer, '@') != NULL ||
						reader->shown_address;
		found(reader->list, DEFECT_EMPTY_ELEMENT);
	}
	begin_element(element);
}

/* Octets. ------------------------------------------------------------------------------------- */

/* Of words without brackets, the first with an "@" is the address. */
static void end_word(struct element *element)
{
	element->inner_gap = true;
	if (element->word_has_at)
		element->words_with_at++;
	else if (element->words_with_at == 0)
		text_init(&element->plain, element->plain_buffer, RAW_SIZE);
	element->word_has_at = false;
	if (element->words_with_at > 0)
		element->behind_address = true;
}

/* A word goes on with LENGTH bytes; SHOWN is what a reader shows of them. */
static void take_bytes(struct reader *reader, const char *bytes, size_t length, const char *shown,
	size_t shown_length)
{
	struct element *element = &reader->element;
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

static void open_bracket(struct reader *reader)
{
	struct element *element = &reader->element;

	if (element->open) {
		found(reader->list, DEFECT_NESTED_BRACKETS);
		text_init(&element->bracketed, element->bracketed_buffer, RAW_SIZE);
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

static void close_bracket(struct reader *reader)
{
	struct element *element = &reader->element;

	if (!element->open)
		found(reader->list, DEFECT_UNBALANCED_BRACKET);
	if (element->comment_gap && element->open)
		element->inner_comment = true;
	element->open = false;
	element->gap = element->comment_gap = false;
}

/* What ends an element. */
static void separate(struct reader *reader, char separator)
{
	reader->closed = separator == ';';
	if (separator == ';' && reader->in_group) {
		if (reader->element.plain.length > 0 || reader->element.brackets > 0)
			end_element(reader);
		begin_element(&reader->element);
		if (reader->list->count == reader->group_start)
			found(reader->list, DEFECT_EMPTY_GROUP);
		reader->in_group = false;
		return;
	}
	if (separator == ';')
		found(reader->list, DEFECT_SEMICOLON);
	end_element(reader);
}

/* REST is what stands behind the colon. */
static void take_colon(struct reader *reader, const char *rest)
{
	struct element *element = &reader->element;

	if (element->brackets > 0 || element->unquoted_at > 0 || strchr(rest, ';') != NULL) {
		found(reader->list, DEFECT_GROUP);
		reader->in_group = true;
		reader->group_start = reader->list->count;
		begin_element(element);
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

static const char *take_quoted(struct reader *reader, const char *start)
{
	struct element *element = &reader->element;
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

static const char *take_comment(struct reader *reader, const char *at)
{
	struct element *element = &reader->element;
	unsigned depth = 0;

	text_init(&element->comment, element->comment_buffer, RAW_SIZE);
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

static const char *take_backslash(struct reader *reader, const char *at)
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

static const char *take_blanks(struct reader *reader, const char *at)
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
static const char *take_literal(struct reader *reader, const char *at)
{
	static const char octets[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-";
	const struct element *element = &reader->element;
	const struct text *out = element->open ? &element->bracketed : &element->plain;
	size_t length = 1 + strspn(at + 1, octets);

	if (out->length == 0 || out->buffer[out->length - 1] != '@' || at[length] != ']')
		return NULL;
	take_bytes(reader, at, length + 1, at, length + 1);
	return at + length + 1;
}

static void take_bracket(struct reader *reader, const char *at)
{
	if (!reader->element.open)
		found(reader->list, DEFECT_UNQUOTED_BRACKET);
	take_bytes(reader, at, 1, at, 1);
}

static const char *take_octet(struct reader *reader, const char *at)
{
	struct element *element = &reader->element;

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

static const char *take(struct reader *reader, const char *at)
{
	const char *behind = *at == '[' ? take_literal(reader, at) : NULL;

	if (behind != NULL)
		return behind;
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

static void finish(struct reader *reader)
{
	struct mailbox_list *list = reader->list;
	struct element *element = &reader->element;
	bool last = element->plain.length > 0 || element->brackets > 0;

	if (last || !reader->closed)
		end_element(reader);
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
	struct reader *reader = mem_resize(NULL, 1, sizeof(*reader));

	*list_r = (struct mailbox_list){0};
	reader->list = list_r;
	reader->held[0] = '\0';
	reader->in_group = reader->shown_address = reader->words = reader->closed = false;
	begin_element(&reader->element);
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
