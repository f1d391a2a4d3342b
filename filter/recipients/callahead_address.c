/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_address.h"

#include <string.h>

#include "clock.h"
#include "compiler.h"
#include "inquiry.h"

struct places {
	char host[DOMAIN_SIZE];
	struct ipaddr addresses[CALLAHEAD_ADDRESSES_MAX];
	size_t count;
};

static bool step(struct inquiry *inquiry, void *state)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA};
	struct places *places = state;
	const struct dns_answer *answers[ARRAY_COUNT(types)];

	for (size_t t = 0; t < ARRAY_COUNT(types); t++)
		answers[t] = inquiry_ask(inquiry, places->host, types[t]);
	if (answers[0] == NULL || answers[1] == NULL)
		return false;
	places->count = 0;
	for (size_t t = 0; t < ARRAY_COUNT(types); t++)
		for (size_t i = 0; i < answers[t]->count && places->count < CALLAHEAD_ADDRESSES_MAX;
			i++)
			places->addresses[places->count++] = answers[t]->records[i].address;
	return true;
}

static const struct inquiry_kind kind = {
	.name = "callahead", .state_size = sizeof(struct places), .step = step};

static size_t look_up(const struct callahead_target *target, struct resolver *resolver,
	uint64_t deadline_ms, struct ipaddr addresses_r[CALLAHEAD_ADDRESSES_MAX])
{
	uint64_t now = clock_monotonic_ms();
	const struct places *found;
	struct inquiry *inquiry;
	size_t count = 0;

	if (now >= deadline_ms)
		return 0;
	inquiry = inquiry_create(resolver, &kind);
	memcpy(((struct places *)inquiry_state(inquiry))->host, target->host, sizeof(target->host));
	inquiry_start(inquiry, (int64_t)(deadline_ms - now));
	found = inquiry_wait(inquiry, deadline_ms);
	if (found != NULL) {
		count = found->count;
		memcpy(addresses_r, found->addresses, sizeof(found->addresses));
	}
	inquiry_free(&inquiry);
	return count;
}

size_t callahead_addresses(const struct callahead_target *target, struct resolver *resolver,
	uint64_t deadline_ms, struct ipaddr addresses_r[CALLAHEAD_ADDRESSES_MAX])
{
	if (target->host[0] != '\0')
		return look_up(target, resolver, deadline_ms, addresses_r);
	addresses_r[0] = target->address;
	return 1;
}
