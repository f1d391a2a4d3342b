/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char canonical[DOMAIN_SIZE], again[DOMAIN_SIZE];
	bool good = domain_canonical(text, canonical);

	MUST_HOLD(good == (canonical[0] != '\0'));
	if (good) {
		const char *organizational = domain_organizational(canonical);

		MUST_HOLD(strlen(canonical) <= 253);
		MUST_HOLD(domain_canonical(canonical, again) && strcmp(canonical, again) == 0);
		MUST_HOLD(domain_is_within(canonical, organizational));
		MUST_HOLD(domain_same_organization(canonical, organizational));
	}
	if (domain_is_hostname(text))
		MUST_HOLD(good && strlen(canonical) == strlen(text));
	(void)domain_is_qualified(text);
	free(text);
	return 0;
}
