/* SPDX-License-Identifier: BSD-2-Clause */
/* One question about a recipient, as a transaction that never gets to DATA. */
#ifndef MAILREEVE_CALLAHEAD_DIALOGUE_H
#define MAILREEVE_CALLAHEAD_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "callahead_link.h"
#include "compiler.h"
#include "path.h"

enum callahead_answer {
	CALLAHEAD_KNOWN,
	CALLAHEAD_UNKNOWN,
	CALLAHEAD_CATCH_ALL, /* the target takes any recipient of the domain: it knows nothing */
	CALLAHEAD_UNSURE /* no answer, a temporary one, or one that says nothing about the mailbox */
};

struct callahead_finding {
	enum callahead_answer answer;
	bool proved_choosy; /* a random recipient was refused */
	bool lost; /* the connection is of no further use */
	bool before_reply; /* it was lost before it said anything */
	bool refused; /* at least one recipient was; targets slow down who collects these */
	char why[CALLAHEAD_WHY_SIZE]; /* of CALLAHEAD_UNSURE, without words of the target */
};

/* PATH has a domain. TRY_RANDOM: whether the target takes any recipient is not known yet. */
void callahead_dialogue(struct callahead_link *link, const struct path *path, bool try_random,
	uint64_t deadline_ms, struct callahead_finding *finding_r);

#endif
