/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"
#include "header_field.h"

/* A body that is read without complaint names mailboxes that print and read back the same. */
static void check_clean(const struct mailboxes *mailboxes)
{
	char text[PATH_SIZE], again_text[PATH_SIZE];
	struct mailboxes again;

	MUST_HOLD(mailboxes->count > 0 && !mailboxes->first.null);
	path_format(&mailboxes->first, text);
	header_field_mailboxes(text, &again);
	MUST_HOLD(again.count == 1 && again.ambiguous == NULL && again.malformed == NULL);
	MUST_HOLD(strcmp(path_format(&again.first, again_text), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_text(data, size);
	struct mailboxes mailboxes;

	header_field_mailboxes(body, &mailboxes);
	MUST_HOLD(mailboxes.count <= MAILBOXES_MAX);
	if (mailboxes.ambiguous == NULL && mailboxes.malformed == NULL)
		check_clean(&mailboxes);
	MUST_HOLD(header_field_longest_line("From", body) <= strlen("From: ") + strlen(body));
	MUST_HOLD(!header_field_is(body, "From") || strlen(body) >= strlen("From"));
	free(body);
	return 0;
}
