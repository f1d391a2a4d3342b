/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC policy discovery (RFC 7489 6.6.3) as an inquiry: the record of a domain, or that of its
 * organizational domain, asked side by side. */
#ifndef MAILREEVE_DMARC_H
#define MAILREEVE_DMARC_H

#include "dmarc_record.h"
#include "dns.h"
#include "inquiry.h"

enum dmarc_discovery {
	DMARC_ABSENT, /* neither has a record */
	DMARC_FOUND,
	DMARC_UNUSABLE, /* several records, or one that says nothing: as if there were none */
	DMARC_UNKNOWN /* trouble of the DNS */
};

/* Result of the inquiry. */
struct dmarc {
	char domain[DOMAIN_SIZE]; /* the one asked about */
	char record_domain[DOMAIN_SIZE]; /* where the record stands */
	enum dmarc_discovery discovery;
	struct dmarc_record record;
	enum dmarc_policy policy; /* what it asks for domain: p=, or sp= of the organization */
	char evidence[400]; /* one line: what was asked, what came back */
};

/* DOMAIN is canonical. Creates and starts the inquiry; its result is a const struct dmarc *. */
struct inquiry *dmarc_inquire(struct resolver *resolver, const char *domain, int64_t time_limit_ms);

#endif
