/* SPDX-License-Identifier: BSD-2-Clause */
#include "breaker.h"

#include <string.h>

bool breaker_failed(struct breaker *breaker, bool refused, uint64_t now_ms)
{
	uint64_t oldest;

	breaker->failed_ms[breaker->next] = now_ms;
	breaker->next = (breaker->next + 1) % BREAKER_FAILURES;
	oldest = breaker->failed_ms[breaker->next];
	breaker->unanswered++;
	if (breaker->open)
		return false;
	if (!refused && breaker->unanswered < BREAKER_FAILURES &&
		(oldest == 0 || now_ms - oldest > BREAKER_WITHIN_MS))
		return false;
	breaker->open = true;
	breaker->probe_ms = now_ms + BREAKER_PROBE_MS - BREAKER_JITTER_MS;
	return true;
}

void breaker_begin_open(struct breaker *breaker)
{
	memset(breaker, 0, sizeof(*breaker));
	breaker->open = true;
}

void breaker_answered(struct breaker *breaker)
{
	breaker->unanswered = 0;
}

bool breaker_closed(struct breaker *breaker)
{
	bool was_open = breaker->open;

	memset(breaker, 0, sizeof(*breaker));
	return was_open;
}

bool breaker_may_probe(struct breaker *breaker, uint32_t random, uint64_t now_ms)
{
	if (!breaker->open || now_ms < breaker->probe_ms)
		return false;
	breaker->probe_ms = now_ms + BREAKER_PROBE_MS - BREAKER_JITTER_MS +
			    random % (2 * BREAKER_JITTER_MS + 1);
	return true;
}
