/* SPDX-License-Identifier: BSD-2-Clause */
/* What a look at the settings of an MTA is for, and how it tells. */
#ifndef MAILREEVE_MTA_FINDING_H
#define MAILREEVE_MTA_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler.h"

struct mta_view {
	const char *socket; /* ours */
	int64_t wait_ms; /* the longest that we take for an answer */
	void (*tell)(void *context, bool dangerous, const char *text);
	void *context;
};

/* Something dangerous; something that may be as it is meant. */
void mta_warn(const struct mta_view *view, const char *format, ...) ATTR_PRINTF(2, 3);
void mta_note(const struct mta_view *view, const char *format, ...) ATTR_PRINTF(2, 3);

#endif
