/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"
#include "header_field.h"
#include "mailbox_list.h"

/* A body that is read without complaint names mailboxes that print and read back the same. */
static void check_clean(const struct mailbox_list *list)
{
	struct mailbox_list again;
	char text[PATH_SIZE];

	MUST_HOLD(list->count > 0 && list->kept > 0);
	for (size_t i = 0; i < list->kept; i++) {
		MUST_HOLD(!list->items[i].path.null);
		path_format(&list->items[i].path, text);
		mailbox_list_parse(text, &again);
		MUST_HOLD(again.count == 1 && again.kept == 1 && again.defects == 0);
		MUST_HOLD(strcmp(again.items[0].domain, list->items[i].domain) == 0);
		MUST_HOLD(strcmp(again.items[0].path.local_part, list->items[i].path.local_part) ==
			  0);
		mailbox_list_clear(&again);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_text(data, size);
	struct mailbox_list list;

	mailbox_list_parse(body, &list);
	MUST_HOLD(list.count <= MAILBOX_LIST_MAX && list.kept <= MAILBOX_LIST_KEPT);
	MUST_HOLD(list.kept <= list.count);
	for (size_t i = 0; i < list.kept; i++) {
		MUST_HOLD(strlen(list.items[i].name) < MAILBOX_TEXT_SIZE);
		MUST_HOLD(strlen(list.items[i].address) < PATH_SIZE);
	}
	if (list.defects == 0)
		check_clean(&list);
	mailbox_list_clear(&list);
	MUST_HOLD(header_field_longest_line("From", body) <= strlen("From: ") + strlen(body));
	MUST_HOLD(!header_field_is(body, "From") || strlen(body) >= strlen("From"));
	free(body);
	return 0;
}
