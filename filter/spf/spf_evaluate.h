/* SPDX-License-Identifier: BSD-2-Clause */
/* check_host() of RFC 7208 section 4, as the body of an inquiry's step. */
#ifndef MAILREEVE_SPF_EVALUATE_H
#define MAILREEVE_SPF_EVALUATE_H

#include "compiler.h"
#include "inquiry.h"
#include "spf_check.h"

/* Evaluates the record of spf->domain for spf->client, and fills in the result. False: an answer is on
 * its way, call it again when it is there. */
bool spf_evaluate(struct inquiry *inquiry, struct spf_asker *asker, struct spf *spf) MUST_CHECK;

#endif
