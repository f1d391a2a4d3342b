/* SPDX-License-Identifier: BSD-2-Clause */
/* What a fuzz target is: one function, called by libFuzzer or by replay.c. */
#ifndef MAILREEVE_FUZZ_H
#define MAILREEVE_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process when what must always hold does not; unlike assert, in every build. */
#define MUST_HOLD(condition)                                                                       \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* DATA as a string; owned by the caller, exactly as long as needed so that over-reads show. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST_HOLD(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif
