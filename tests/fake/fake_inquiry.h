/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries without a resolver: answers come from a table that the test fills. A test program gets
 * it by `#include "../tests/fake/fake_inquiry.c"`, which defines every public symbol of inquiry.c.
 * Steps run in rounds as with the real one: what a round asks is there in the next, so that a step
 * that forgets to wait is caught, and the rounds are the dependent DNS steps. */
#ifndef MAILREEVE_FAKE_INQUIRY_H
#define MAILREEVE_FAKE_INQUIRY_H

#include <stdbool.h>

#include "inquiry.h"

/* Forgets all answers; everything is NXDOMAIN then. Call before each case. */
void fake_dns_clear(void);

/* NAME has these records, separated by blanks: "192.0.2.1 192.0.2.2" (DNS_A, DNS_AAAA),
 * "mail.example.net" (DNS_PTR), "10:mx1.example.net 20:mx2.example.net" or "0:." (DNS_MX); a whole
 * text for DNS_TXT. NULL: the name exists, without such a record. A name with any entry answers
 * NODATA for its other types, any other name NXDOMAIN. */
void fake_dns(const char *name, enum dns_type type, const char *records);

/* NAME and TYPE end in STATUS (SERVFAIL, TIMEOUT, ...). */
void fake_dns_status(const char *name, enum dns_type type, enum dns_status status);

/* The same for a table of a test case; a NULL name ends it. With records they are the answer, with a
 * status that is, with neither it is NODATA. */
struct fake_answer {
	const char *name;
	enum dns_type type;
	const char *records;
	enum dns_status status;
};
void fake_dns_rows(const struct fake_answer *rows);

/* Every question that has no entry ends in STATUS, or in NXDOMAIN again. */
void fake_dns_default(enum dns_status status);

/* inquiry_wait never sees an end, as when the deadline has passed. */
void fake_inquiry_hangs(bool hangs);

/* How often NAME was asked for TYPE since fake_dns_clear; NULL: any question. */
unsigned fake_dns_asked(const char *name, enum dns_type type);

#endif
