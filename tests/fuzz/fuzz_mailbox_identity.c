/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"
#include "mailbox_identity.h"
#include "text.h"

/* A mailbox has one identity in whatever case and quotes it is written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char identity[PATH_SIZE], again[PATH_SIZE], lower[PATH_SIZE];
	struct path path;

	if (path_parse(text, true, &path) == PATH_OK) {
		mailbox_identity(&path, "+", identity);
		MUST_HOLD(path.null == (identity[0] == '\0'));
		MUST_HOLD(path.null || strchr(identity, '@') != NULL);
		strcpy(lower, identity);
		ascii_lower(lower);
		MUST_HOLD(strcmp(identity, lower) == 0);
		ascii_lower(path.local_part);
		path.quoted = !path.quoted;
		MUST_HOLD(strcmp(mailbox_identity(&path, "+", again), identity) == 0);
	}
	free(text);
	return 0;
}
