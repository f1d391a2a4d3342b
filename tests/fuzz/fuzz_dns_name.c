/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain name as strangers write it, to the wire and back. */
#include "dns_name.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char canonical[DNS_NAME_SIZE], again[DNS_NAME_SIZE];
	uint8_t wire[DNS_NAME_WIRE];
	size_t length;

	if (dns_name_canonical(text, canonical)) {
		for (const char *at = canonical; *at != '\0'; at++)
			MUST_HOLD(*at > ' ' && *at < 0x7f && !(*at >= 'A' && *at <= 'Z'));
		MUST_HOLD(dns_name_canonical(canonical, again));
		MUST_HOLD(strcmp(again, canonical) == 0);
		length = dns_name_to_wire(canonical, wire);
		MUST_HOLD(length > 1 && length <= DNS_NAME_WIRE);
		MUST_HOLD(dns_name_from_wire(wire, length, again));
		MUST_HOLD(strcmp(again, canonical) == 0);
	}
	(void)!dns_name_to_wire(text, wire);
	if (dns_name_from_wire(data, size, canonical)) {
		length = dns_name_to_wire(canonical, wire);
		MUST_HOLD(length == size);
	}
	free(text);
	return 0;
}
