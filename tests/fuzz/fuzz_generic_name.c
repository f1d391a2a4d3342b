/* SPDX-License-Identifier: BSD-2-Clause */
/* Line 1: an address. Line 2: a name. */
#include "fuzz.h"
#include "generic_name.h"

static char *pool[] = {"dsl", "dynamic", "pool", NULL};
static char *server[] = {"mail", "smtp", "mx", NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct generic_words words = {pool, server};
	char *text = fuzz_text(data, size);
	char *line = text, *address_text = strsep(&line, "\n");
	char name[DOMAIN_SIZE], reason[40];
	struct ipaddr address;

	if (line != NULL && ipaddr_parse(address_text, &address) && domain_canonical(line, name)) {
		bool generic = generic_name(name, &address, &words, reason, sizeof(reason));

		MUST_HOLD(generic == (reason[0] != '\0'));
		MUST_HOLD(strlen(reason) < sizeof(reason));
	}
	free(text);
	return 0;
}
