/* SPDX-License-Identifier: BSD-2-Clause */
/* What a target of call-aheads says, cut into lines as the connection does; and the text of a target. */
#include "callahead_reply.h"
#include "callahead_target.h"
#include "fuzz.h"

static void read_replies(const char *bytes, size_t length)
{
	struct callahead_reply reply = {0};

	while (length > 0) {
		const char *end = memchr(bytes, '\n', length);
		size_t line = end == NULL ? length : (size_t)(end - bytes);
		enum callahead_line kind = callahead_reply_add(&reply, bytes, line);

		MUST_HOLD(strlen(reply.enhanced) < sizeof(reply.enhanced));
		if (kind != CALLAHEAD_LINE_BAD)
			MUST_HOLD(reply.code >= 200 && reply.code <= 599);
		if (callahead_reply_meaning(&reply) == CALLAHEAD_TAKEN)
			MUST_HOLD(reply.code / 100 == 2);
		if (kind != CALLAHEAD_LINE_MORE)
			reply = (struct callahead_reply){0};
		bytes += end == NULL ? line : line + 1;
		length -= end == NULL ? line : line + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct callahead_target target;
	char *text = fuzz_text(data, size);
	char first[CALLAHEAD_TARGET_SIZE], second[CALLAHEAD_TARGET_SIZE];

	read_replies(text, size);
	if (callahead_target_parse(text, &target)) {
		callahead_target_format(&target, first);
		MUST_HOLD(callahead_target_parse(first, &target));
		MUST_HOLD(strcmp(callahead_target_format(&target, second), first) == 0);
	}
	free(text);
	return 0;
}
