/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of checks, the actions set for them, and the verdicts they merge to (design section 2). */
#ifndef MAILREEVE_VERDICT_H
#define MAILREEVE_VERDICT_H

#include <stdbool.h>

#include "compiler.h"

/* What a check found (words of RFC 8601 2.7). */
enum result { RESULT_NONE, RESULT_PASS, RESULT_FAIL, RESULT_TEMPERROR, RESULT_PERMERROR };

/* What the administrator wants done about it; ordered from mildest to hardest. */
enum action {
	ACTION_OFF, /* the check does not run */
	ACTION_MONITOR, /* accept, log and count as would-reject */
	ACTION_TAG, /* accept, note in the header section */
	ACTION_SUSPECT, /* a weak sign: counts for the impostor policy */
	ACTION_QUARANTINE, /* accept into the MTA's hold queue */
	ACTION_TEMPFAIL, /* 4yz */
	ACTION_REJECT /* 5yz */
};

/* What the MTA is told; ordered so that the larger of two wins, but for the order in time: the first
 * tempfail and the first reject keep their reply. */
enum verdict { VERDICT_CONTINUE, VERDICT_QUARANTINE, VERDICT_TEMPFAIL, VERDICT_REJECT };

const char *result_name(enum result result);
const char *action_name(enum action action);
bool action_parse(const char *name, enum action *action_r) MUST_CHECK;
const char *verdict_name(enum verdict verdict);
enum verdict verdict_of_action(enum action action);

/* True when NEXT replaces SO_FAR: a reject overrides anything but a reject, a tempfail overrides what
 * accepts, and the first of equals stands. */
bool verdict_overrides(enum verdict so_far, enum verdict next);

#endif
