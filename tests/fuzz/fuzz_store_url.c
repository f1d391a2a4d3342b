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
		MUST_HOLD(url.kind != STORE_URL_TCP || (url.host[0] != '\0' && url.port > 0));
		MUST_HOLD(url.kind != STORE_URL_UNIX || url.path[0] == '/');
		MUST_HOLD(url.database >= 0 && url.port <= 65535);
	} else {
		MUST_HOLD(why[0] != '\0');
	}
	free(text);
	return 0;
}
