/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF (RFC 7208) as an inquiry: libspf2 evaluates, behind a guard of ours (see spf_guard.c) that
 * reads every record strictly first and counts terms, void lookups, names and time. */
#ifndef MAILREEVE_SPF_H
#define MAILREEVE_SPF_H

#include "dns.h"
#include "inquiry.h"
#include "path.h"

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR
};
enum spf_identity { SPF_HELO, SPF_MAILFROM };

/* Result of the inquiry. */
struct spf {
	enum spf_identity identity;
	struct ipaddr client;
	char helo[DOMAIN_SIZE]; /* as given, bounded */
	char sender[PATH_SIZE]; /* local-part@domain; postmaster@HELO for the null reverse-path */
	char domain[DOMAIN_SIZE]; /* the one whose record was looked up */
	enum spf_result result;
	bool over_broad; /* the record passes +all, or a network wider than /8 (IPv4), /32 (IPv6):
			  * a pass proves nothing and counts as none */
	bool no_mail; /* the record is exactly "v=spf1 -all" */
	char explanation[256]; /* of a fail, from exp=, printable ASCII; empty without */
	char evidence[400]; /* one line: which term of whose record decided, or what went wrong */
};

/* The HELO identity needs SENDER_LOCAL_PART and SENDER_DOMAIN empty. MAILFROM with an empty domain
 * uses postmaster@HELO (RFC 7208 2.4). RECEIVER: our name, for %{r}. Its result is a const struct
 * spf *. */
struct inquiry *spf_inquire(struct resolver *resolver, enum spf_identity identity,
	const struct ipaddr *client, const char *helo, const char *sender_local_part,
	const char *sender_domain, const char *receiver, int64_t time_limit_ms);

const char *spf_result_name(enum spf_result result); /* the word of RFC 7208 2.6 */

#endif
