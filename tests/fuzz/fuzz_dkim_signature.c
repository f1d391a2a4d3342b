/* SPDX-License-Identifier: BSD-2-Clause */
#include "dkim_signature.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_text(data, size);
	char domain[DOMAIN_SIZE], again[DOMAIN_SIZE];

	if (dkim_signature_domain(body, domain))
		MUST_HOLD(domain_canonical(domain, again) && strcmp(domain, again) == 0);
	else
		MUST_HOLD(domain[0] == '\0');
	free(body);
	return 0;
}
