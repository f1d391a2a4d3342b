/* SPDX-License-Identifier: BSD-2-Clause */
#include "limit_unusable.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "limit_options.h"
#include "log.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };

/* When the store was asked for its complaint, and for the keys; 0: never. */
static _Atomic uint64_t asked_ms, looked_ms;

/* One of all threads, once in EVERY_MS. */
static bool is_due(_Atomic uint64_t *last_ms, uint64_t every_ms)
{
	uint64_t now_ms = clock_monotonic_ms(), before_ms = atomic_load(last_ms);

	return (before_ms == 0 || now_ms - before_ms >= every_ms) &&
	       atomic_compare_exchange_strong(last_ms, &before_ms, now_ms);
}

static bool complains_of_a_type(struct store *store)
{
	struct store_state state;

	store_state(store, &state);
	return state.up && strstr(state.detail, "WRONGTYPE") != NULL;
}

static bool is_unusable(struct store *store, const struct reservation_charge *charge)
{
	const struct store_charge window = {.key = charge->key, .window_ms = charge->window_ms};
	int64_t used;

	return store_peek(store, &window, 1, &used) == STORE_DOWN && complains_of_a_type(store);
}

void limit_unusable_tell(const struct services *services, const struct reservation_charge *charges,
	size_t count, uint64_t deadline_ms)
{
	/* In an outage every step comes here. */
	if (services->store == services->local || !is_due(&asked_ms, SECOND_MS) ||
		!complains_of_a_type(services->store) || !is_due(&looked_ms, MINUTE_MS))
		return;
	for (size_t i = 0; i < count && clock_monotonic_ms() < deadline_ms; i++) {
		const struct limit_options *limit = charges[i].owner;

		if (is_unusable(services->store, &charges[i]))
			log_error("limit %s: the store cannot count %s, since its key w:%s:%" PRId64
				  " (behind the prefix) was written by somebody else; what is "
				  "counted with it goes by outage until you remove it: redis-cli "
				  "DEL",
				limit->title, charges[i].label, charges[i].key,
				charges[i].window_ms);
	}
}
