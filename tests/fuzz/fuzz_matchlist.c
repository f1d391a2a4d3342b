/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"
#include "matchlist.h"
#include "matchlist_entry.h"

/* What was added is found again, under its own place, and only once. */
static void check_entry(struct matchlist *list, const char *text)
{
	struct matchlist_entry entry, again;
	struct match match = {.entry = ""};
	size_t count = matchlist_count(list);
	const char *why = NULL;
	struct path path;

	if (!matchlist_add(list, text, "fuzz", &why)) {
		MUST_HOLD(why != NULL && matchlist_count(list) == count);
		return;
	}
	MUST_HOLD(matchlist_entry_parse(text, &entry, &why));
	MUST_HOLD(matchlist_entry_parse(entry.text, &again, &why));
	MUST_HOLD(strcmp(entry.text, again.text) == 0);
	count = matchlist_count(list);
	MUST_HOLD(matchlist_add(list, entry.text, "again", &why) && matchlist_count(list) == count);
	if (entry.is_network)
		MUST_HOLD(matchlist_match_address(list, &entry.network.address, &match));
	else if (strchr(entry.text, '@') == NULL)
		MUST_HOLD(
			matchlist_match_domain(list, entry.text + (entry.text[0] == '.'), &match));
	else if (path_parse(entry.text, true, &path) == PATH_OK)
		MUST_HOLD(matchlist_match_path(list, &path, &match));
	else
		return;
	MUST_HOLD(strcmp(match.where, "fuzz") == 0 && match.entry[0] != '\0');
}

/* One entry a line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct matchlist *list = matchlist_create();
	char *text = fuzz_text(data, size);
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest))
		check_entry(list, line);
	matchlist_free(&list);
	free(text);
	return 0;
}
