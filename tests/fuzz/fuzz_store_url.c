/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"
#include "store_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct store_url url;
	char why[64] = "", shown[400] = "";

	if (store_url_parse(text, &url, why, sizeof(why))) {
		store_url_show(&url, shown, sizeof(shown));
		MUST_HOLD(shown[0] != '\0' && why[0] == '\0');
		MUST_HOLD(url.kind != STORE_URL_TCP || url.host_count == 1);
		MUST_HOLD(url.host_count <= STORE_HOSTS_MAX);
		for (size_t i = 0; i < url.host_count; i++)
			MUST_HOLD(url.hosts[i].name[0] != '\0' && url.hosts[i].port > 0 &&
				  url.hosts[i].port <= 65535);
		MUST_HOLD((url.kind == STORE_URL_SENTINEL) == (url.primary[0] != '\0'));
		MUST_HOLD(url.kind != STORE_URL_UNIX || url.path[0] == '/');
		MUST_HOLD(url.database >= 0);
	} else {
		MUST_HOLD(why[0] != '\0');
	}
	free(text);
	return 0;
}
