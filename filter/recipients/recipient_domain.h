/* SPDX-License-Identifier: BSD-2-Clause */
/* How the recipients of a domain are looked up, as "DOMAIN option=value ..." in the configuration:
 *
 *   example.org extension=+- case_sensitive=yes outage=tempfail
 *   .example.org catch_all=yes
 *   example.net outage=backup
 *
 * Pure, reentrant. */
#ifndef MAILREEVE_RECIPIENT_DOMAIN_H
#define MAILREEVE_RECIPIENT_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "domain.h"
#include "path.h"

enum recipient_outage {
	RECIPIENT_OUTAGE_CHECK, /* what the check says */
	RECIPIENT_OUTAGE_ACCEPT,
	RECIPIENT_OUTAGE_TEMPFAIL,
	RECIPIENT_OUTAGE_BACKUP /* accept, but refuse what a call-ahead refused before */
};

/* Their words, NULL at the end. */
extern const char *const recipient_outage_words[];

struct recipient_domain {
	char domain
		[DOMAIN_SIZE]; /* canonical, with a dot before it for all below; "" every domain */
	char extension[16]; /* characters that begin an address extension */
	bool case_sensitive;
	bool catch_all; /* every address is known */
	bool wildcard; /* "@domain" of a source stands for every address */
	enum recipient_outage outage;
};

/* DOMAIN of a text of the configuration, up to the first blank, into a buffer of DOMAIN_SIZE as it
 * stands in the structs; returns what follows it, or NULL when there is none. */
const char *recipient_domain_read(const char *text, char domain_r[DOMAIN_SIZE]) MUST_CHECK;

/* PATTERN as above; DOMAIN canonical. */
bool recipient_domain_covers(const char *pattern, const char *domain);

/* Both PATTERNs: all that LATER covers is covered by EARLIER. */
bool recipient_domain_includes(const char *earlier, const char *later);

/* What is wrong with TEXT as the characters that begin an extension, or NULL. */
const char *recipient_domain_extension_fault(const char *text);

/* DEFAULTS for what TEXT does not say. False with what is wrong in WHY_R. */
bool recipient_domain_parse(const char *text, const struct recipient_domain *defaults,
	struct recipient_domain *domain_r, const char **why_r) MUST_CHECK;

/* LOCAL_PART without its extension into BASE, folded unless case counts; false when it has none. */
bool recipient_domain_base(const struct recipient_domain *domain, const char *local_part,
	char base_r[PATH_LOCAL_PART_MAX + 1]);

#endif
