/* SPDX-License-Identifier: BSD-2-Clause */
/* What a Redis answers to our script, or somebody in its place. */
#include "fuzz.h"
#include "window_answer.h"

enum { CHARGES = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct store_watch watch = {.over = false};
	struct store_charge charges[CHARGES] = {[1] = {.watch = &watch}, [3] = {.watch = &watch}};
	bool charged[CHARGES] = {false};
	struct window_decided decided = {.charged = size % 2 == 0 ? charged : NULL};
	int64_t used[CHARGES];

	if (window_answer_decision(text, charges, CHARGES, &decided)) {
		MUST_HOLD(decided.decision.over < CHARGES);
		MUST_HOLD(decided.decision.used >= 0 && decided.decision.used <= INT64_MAX / 2);
		MUST_HOLD(decided.decision.retry_after_ms >= 0 && decided.foreign >= 0);
	}
	MUST_HOLD(watch.used >= 0 && watch.used <= INT64_MAX / 2 && watch.retry_after_ms >= 0);
	if (window_answer_used(text, CHARGES, used))
		for (size_t i = 0; i < CHARGES; i++)
			MUST_HOLD(used[i] >= 0 && used[i] <= INT64_MAX / 2);
	free(text);
	return 0;
}
