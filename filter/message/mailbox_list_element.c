/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "encoded_word.h"
#include "mailbox_list_private.h"
#include "mem.h"

static void found(struct mailbox_list *list, enum mailbox_defect defect)
{
	mailbox_defect_add(&list->defects, defect);
}

void mailbox_list_begin_element(struct mailbox_list_element *element)
{
	element->brackets = 0;
	element->open = element->second = element->gap = element->comment_gap = false;
	element->inner_gap = element->inner_comment = false;
	element->unquoted_at = element->words_with_at = 0;
	element->word_has_at = element->quoted_at = element->behind_address = false;
	text_init(&element->plain, element->plain_buffer, MAILBOX_LIST_RAW_SIZE);
	text_init(&element->name, element->name_buffer, MAILBOX_LIST_RAW_SIZE);
	text_init(&element->bracketed, element->bracketed_buffer, MAILBOX_LIST_RAW_SIZE);
	text_init(&element->comment, element->comment_buffer, MAILBOX_LIST_RAW_SIZE);
}

/* The name, or the comment where there is none, behind what a comma has cut from it. */
static const char *shown_name(struct mailbox_list_reader *reader)
{
	const struct mailbox_list_element *element = &reader->element;
	bool named = element->name.length > 0 && element->brackets > 0;
	struct text text;

	text_init(&text, reader->joined, sizeof(reader->joined));
	text_add(&text, reader->held);
	if (text.length > 0)
		text_add(&text, ", ");
	text_add(&text, named ? element->name_buffer : element->comment_buffer);
	return reader->joined;
}

/* What stands before the "<" could be taken for the address. */
static void look_at_words(struct mailbox_list_reader *reader, const struct mailbox *mailbox)
{
	static const enum mailbox_defect stumbled[] = {DEFECT_UNQUOTED_COMMA, DEFECT_UNQUOTED_COLON,
		DEFECT_UNQUOTED_AT, DEFECT_UNQUOTED_BRACKET, DEFECT_SEMICOLON,
		DEFECT_STRAY_BACKSLASH, DEFECT_EMPTY_ELEMENT, DEFECT_BLANK_AROUND_AT,
		DEFECT_LOCAL_PART_MALFORMED, DEFECT_DOMAIN_MALFORMED};
	const struct mailbox_list_element *element = &reader->element;
	bool sloppy = reader->held[0] != '\0';

	if (element->brackets > 0 && element->unquoted_at > 0)
		mailbox_form_words(mailbox, element->name_buffer, &reader->list->defects);
	/* Who stumbles over something looks for an address elsewhere. */
	for (size_t i = 0; i < ARRAY_COUNT(stumbled); i++)
		sloppy = sloppy || mailbox_list_has(reader->list, stumbled[i]);
	if (sloppy && mailbox_words_name_other(mailbox->name, mailbox->domain))
		found(reader->list, DEFECT_OTHER_ADDRESS_AS_NAME);
}

static void add_mailbox(struct mailbox_list_reader *reader, const char *address)
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

static void end_bracketed(struct mailbox_list_reader *reader)
{
	struct mailbox_list_element *element = &reader->element;
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

static void end_bare_address(struct mailbox_list_reader *reader)
{
	struct mailbox_list_element *element = &reader->element;
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
static void end_words(struct mailbox_list_reader *reader)
{
	struct mailbox_list_element *element = &reader->element;
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
	text_init(&held, reader->held, MAILBOX_LIST_RAW_SIZE);
	held.length = strlen(reader->held);
	text_addf(&held, "%s%s", held.length == 0 ? "" : ", ", element->name_buffer);
}

void mailbox_list_end_element(struct mailbox_list_reader *reader)
{
	struct mailbox_list_element *element = &reader->element;

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
	mailbox_list_begin_element(element);
}
