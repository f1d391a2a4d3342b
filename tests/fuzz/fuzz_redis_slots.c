/* SPDX-License-Identifier: BSD-2-Clause */
/* What a node of a cluster says of it, and where it sends us. */
#include "fuzz.h"
#include "redis_slots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct redis_view view;
	struct store_host asked = {.name = "192.0.2.1", .port = 6379};
	struct store_host host;
	char *text = fuzz_text(data, size);
	unsigned slot;

	MUST_HOLD(redis_slot((const char *)data, size) < REDIS_SLOTS);
	if (redis_view_parse(text, &asked, &view)) {
		size_t covered = 0;

		MUST_HOLD(view.count > 0 && view.count <= REDIS_NODES_MAX);
		for (size_t i = 0; i < REDIS_SLOTS; i++) {
			MUST_HOLD(view.owner[i] <= view.count);
			covered += view.owner[i] != 0;
		}
		MUST_HOLD(covered == view.covered);
		for (size_t i = 0; i < view.count; i++)
			MUST_HOLD(view.primaries[i].host.port > 0 &&
				  view.primaries[i].host.port < 65536 &&
				  view.primaries[i].host.name[0] != '\0');
	}
	if (redis_redirection_parse(text, &asked, &slot, &host))
		MUST_HOLD(slot < REDIS_SLOTS && host.port > 0 && host.port < 65536);
	free(text);
	return 0;
}
