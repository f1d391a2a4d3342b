/* SPDX-License-Identifier: BSD-2-Clause */
/* The guard around libspf2: lets it decide whether one term matches the client, and nothing else.
 *
 * Why one term at a time: libspf2 counts terms anew in each include, drops what does not fit 511
 * bytes, follows redirect where it stands, and its macro code writes past its buffers. So
 * spf_evaluate.c walks the terms and keeps the limits, and libspf2 never sees text from the wire: it
 * compiles a record that is made here of one mechanism and a number ("v=spf1 a/24"), takes the name
 * from its current domain, and reads the DNS through a layer of ours that asks the inquiry. What it
 * cannot decide even so is decided here: prefix length 0 (it takes /0 for none), a DNS error below
 * ptr (RFC 7208 5.5: skip the name), more than 10 PTR names (5.5: look at 10), a null MX. */
#ifndef MAILREEVE_SPF_GUARD_H
#define MAILREEVE_SPF_GUARD_H

#include <stdbool.h>

#include "compiler.h"
#include "dns.h"
#include "inquiry.h"
#include "ipaddr.h"
#include "spf_record.h"

enum { SPF_NAMES_MAX = 10 }; /* MX or PTR names looked at (RFC 7208 4.6.4) */

enum spf_match {
	SPF_MATCH_NO,
	SPF_MATCH_YES,
	SPF_MATCH_TEMPERROR,
	SPF_MATCH_PERMERROR,
	SPF_MATCH_PENDING /* an answer is on its way; the step must end and be run again */
};

struct spf_guard;

/* For one run of an inquiry's step; what is passed is borrowed. */
struct spf_guard *spf_guard_create(struct inquiry *inquiry, const struct ipaddr *client);
void spf_guard_free(struct spf_guard **guard); /* nulls; NULL allowed */

/* Whether TERM (a, mx, ptr, exists, ip4, ip6) matches the client; TARGET is its expanded name. After
 * YES, *HOST_R is the name whose addresses matched; it lives as long as the guard. */
enum spf_match spf_guard_match(struct spf_guard *guard, const struct spf_term *term,
	const char *target, const char **host_r) MUST_CHECK;

/* Since it was created, a DNS error below ptr was passed over: a name that could have matched. */
bool spf_guard_skipped(const struct spf_guard *guard);

#endif
