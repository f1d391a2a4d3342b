/* SPDX-License-Identifier: BSD-2-Clause */
/* Skeletons, display names and look-alikes of bytes from the wire. */
#include "confusable.h"
#include "display_name.h"
#include "fuzz.h"
#include "look_alike.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_text(data, size);
	char skeleton[200], domain[DOMAIN_SIZE];
	char *names[] = {body, NULL};
	struct display_names *looked_for;

	MUST_HOLD(display_name_address(body, domain) == (domain[0] != '\0'));
	looked_for = display_names_create(names);
	MUST_HOLD(!display_name_is_usable(body) || display_names_match(looked_for, body) == body);
	display_names_free(&looked_for);
	confusable_skeleton(body, skeleton, sizeof(skeleton));
	MUST_HOLD(strlen(skeleton) < sizeof(skeleton));
	if (domain_canonical(body, domain)) {
		MUST_HOLD(look_alike_of(domain, domain) == LOOK_ALIKE_NONE);
		look_alike_of(domain, "example.org");
		look_alike_of("example.org", domain);
	}
	free(body);
	return 0;
}
