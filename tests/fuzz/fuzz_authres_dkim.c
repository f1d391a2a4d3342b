/* SPDX-License-Identifier: BSD-2-Clause */
#include "authres_dkim.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_text(data, size);
	struct authres_dkim dkim;
	bool good = authres_dkim_read(body, &dkim);

	MUST_HOLD(good || (!dkim.seen && dkim.pass_count == 0));
	MUST_HOLD(dkim.seen || dkim.pass_count == 0);
	MUST_HOLD(dkim.pass_count <= AUTHRES_DKIM_PASSES_MAX);
	for (size_t i = 0; i < dkim.pass_count; i++)
		MUST_HOLD(domain_is_hostname(dkim.passes[i]));
	free(body);
	return 0;
}
