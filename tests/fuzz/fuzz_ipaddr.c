/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain.h"
#include "fuzz.h"
#include "ipaddr.h"

static void check_address(const struct ipaddr *address)
{
	char text[IPADDR_TEXT_SIZE], reverse[REVERSE_NAME_SIZE];
	struct ipaddr again;

	MUST_HOLD(address->family == IP_V4 || address->family == IP_V6);
	MUST_HOLD(ipaddr_parse(ipaddr_format(address, text), &again));
	MUST_HOLD(ipaddr_equal(address, &again));
	MUST_HOLD(domain_is_hostname(ipaddr_reverse_name(address, reverse)));
	MUST_HOLD(ip_scope_name(ipaddr_scope(address)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char formatted[NETWORK_TEXT_SIZE];
	struct network network, again;
	struct ipaddr address;
	const char *why;

	if (ipaddr_parse(text, &address))
		check_address(&address);
	if (domain_parse_literal(text, &address))
		check_address(&address);
	if (network_parse(text, &network, &why)) {
		MUST_HOLD(network_contains(&network, &network.address));
		MUST_HOLD(network_parse(network_format(&network, formatted), &again, &why));
		MUST_HOLD(network.prefix == again.prefix &&
			  ipaddr_equal(&network.address, &again.address));
	} else {
		MUST_HOLD(why != NULL);
	}
	free(text);
	return 0;
}
