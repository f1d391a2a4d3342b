/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF (RFC 7208) as an inquiry. Every record is read strictly first (spf_record.h); the terms are walked
 * and their limits kept by us (spf_evaluate.c); whether a term matches, libspf2 says, behind a guard
 * (spf_guard.h). A check ends within 8 seconds. */
#ifndef MAILREEVE_SPF_H
#define MAILREEVE_SPF_H

#include "dns.h"
#include "inquiry.h"
#include "path.h"
#include "spf_result.h"

/* The HELO identity needs SENDER_LOCAL_PART and SENDER_DOMAIN empty. MAILFROM with an empty domain
 * uses postmaster@HELO (RFC 7208 2.4). RECEIVER: our name, for %{r}. Its result is a const struct
 * spf *. */
struct inquiry *spf_inquire(struct resolver *resolver, enum spf_identity identity,
	const struct ipaddr *client, const char *helo, const char *sender_local_part,
	const char *sender_domain, const char *receiver, int64_t time_limit_ms);

const char *spf_result_name(enum spf_result result); /* the word of RFC 7208 2.6 */

#endif
