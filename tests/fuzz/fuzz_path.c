/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"
#include "path.h"

static void check_accepted(const struct path *path, bool smtputf8)
{
	char text[PATH_SIZE];
	struct path again;

	MUST_HOLD(strlen(path_format(path, text)) <= PATH_MAX_OCTETS);
	MUST_HOLD(path_parse(text, smtputf8, &again) == PATH_OK);
	MUST_HOLD(again.null == path->null && again.quoted == path->quoted);
	MUST_HOLD(strcmp(again.local_part, path->local_part) == 0);
	MUST_HOLD(strcmp(again.domain, path->domain) == 0);
	MUST_HOLD(ipaddr_equal(&again.literal, &path->literal));
	MUST_HOLD(again.routed == path->routed);
	MUST_HOLD(strcmp(again.routed_domain, path->routed_domain) == 0);
	MUST_HOLD(path->null || path_is_postmaster(path) || domain_is_hostname(path->domain) ||
		  path->literal.family != IP_NONE);
	for (const char *at = text; *at != '\0'; at++)
		MUST_HOLD((unsigned char)*at >= 0x20 && *at != 0x7f &&
			  (smtputf8 || (unsigned char)*at < 0x80));
}

/* The first byte says whether SMTPUTF8 was announced: "8", or anything else. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool smtputf8 = size > 0 && data[0] == '8';
	char *text = fuzz_text(size > 0 ? data + 1 : data, size > 0 ? size - 1 : 0);
	struct path path;
	enum path_error error = path_parse(text, smtputf8, &path);

	MUST_HOLD(!path.routed || path.routed_domain[0] != '\0');
	MUST_HOLD(path.routed == (strcmp(path.routed_domain, path.domain) != 0));
	if (error == PATH_OK)
		check_accepted(&path, smtputf8);
	else
		MUST_HOLD(!path.null && path.local_part[0] == '\0' && path.domain[0] == '\0' &&
			  path.literal.family == IP_NONE);
	free(text);
	return 0;
}
