/* SPDX-License-Identifier: BSD-2-Clause */
/* What mailbox_list.c, which reads octets, and mailbox_list_element.c, which knows what one place of the list
 * names, share. */
#ifndef MAILREEVE_MAILBOX_LIST_PRIVATE_H
#define MAILREEVE_MAILBOX_LIST_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "mailbox_list.h"
#include "text.h"

enum { MAILBOX_LIST_RAW_SIZE = 4096 };

/* One element of the list while it is read. */
struct mailbox_list_element {
	struct text plain; /* what stands outside of brackets and comments, quotes kept */
	struct text name; /* the same without quotes, blanks kept: what would be shown */
	struct text bracketed;
	struct text comment; /* the last one */
	char plain_buffer[MAILBOX_LIST_RAW_SIZE], name_buffer[MAILBOX_LIST_RAW_SIZE],
		bracketed_buffer[MAILBOX_LIST_RAW_SIZE];
	char comment_buffer[MAILBOX_LIST_RAW_SIZE];
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

struct mailbox_list_reader {
	struct mailbox_list *list;
	struct mailbox_list_element element;
	char joined[2 * MAILBOX_LIST_RAW_SIZE],
		quoted[MAILBOX_LIST_RAW_SIZE]; /* what is put together for a moment */
	char held
		[MAILBOX_LIST_RAW_SIZE]; /* names that a comma has cut: "Doe" of "Doe, John <a@b>" */
	bool in_group;
	size_t group_start; /* addresses before it */
	bool shown_address; /* an address stands in a name or comment */
	bool words; /* some stand without an address */
	bool closed; /* a ";" was the last that was seen */
};

/* Empties the element for the next place. */
void mailbox_list_begin_element(struct mailbox_list_element *element);
/* Adds what the element names, and what is wrong with it, to the list; begins the next one. */
void mailbox_list_end_element(struct mailbox_list_reader *reader);

#endif
