/* SPDX-License-Identifier: BSD-2-Clause */
/* One TXT record at _dmarc.DOMAIN (RFC 7489 6.3, 6.4): what the domain wants done with mail that is not
 * its own. Pure, reentrant. */
#ifndef MAILREEVE_DMARC_RECORD_H
#define MAILREEVE_DMARC_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

/* Ordered from mildest to hardest. */
enum dmarc_policy { DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT };

struct dmarc_record {
	enum dmarc_policy policy; /* p= */
	enum dmarc_policy subdomain_policy; /* sp=, or p= */
	bool strict_dkim, strict_spf; /* adkim=s, aspf=s */
	unsigned percent; /* pct=, 0 to 100 */
	const char *fault; /* what in it was wrong and is read otherwise (static), or NULL */
};

enum dmarc_reading {
	DMARC_FOREIGN, /* no DMARC record at all: other texts may stand at the same name */
	DMARC_BROKEN, /* a DMARC record that says nothing (6.6.3): fault tells why */
	DMARC_GOOD
};

/* TEXT of LENGTH octets: the record's strings joined. Unknown tags and what is wrong in tags other than
 * v, p and sp are passed over (6.3); with a bad p or sp the record still counts as p=none where it
 * asks for reports (6.6.3). */
enum dmarc_reading dmarc_record_parse(
	const char *text, size_t length, struct dmarc_record *record_r) MUST_CHECK;

const char *dmarc_policy_name(enum dmarc_policy policy); /* "none", "quarantine", "reject" */

#endif
