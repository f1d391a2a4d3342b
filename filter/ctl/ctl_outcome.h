/* SPDX-License-Identifier: BSD-2-Clause */
/* How mailreevectl shows what a lookup has found: as text or as JSON, with the DNS answers used. */
#ifndef MAILREEVE_CTL_OUTCOME_H
#define MAILREEVE_CTL_OUTCOME_H

#include <stdbool.h>

#include "inquiry.h"

struct ctl_outcome {
	const char *result; /* first word of the answer */
	const char *evidence;
	const char *explanation; /* of SPF; NULL for the others */
	bool temporary;
};

/* INQUIRIES: finished ones whose answers are shown, NULL ends. Returns the exit status. */
int ctl_print_outcome(
	bool json, const struct ctl_outcome *outcome, struct inquiry *const *inquiries);

#endif
