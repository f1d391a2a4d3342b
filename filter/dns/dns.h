/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of the DNS in our own types. Immutable and reference-counted, so that cache, inquiries and
 * evidence can share one. Thread-safe. */
#ifndef MAILREEVE_DNS_H
#define MAILREEVE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "domain.h"
#include "ipaddr.h"

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_status {
	DNS_OK, /* at least one record */
	DNS_NODATA, /* the name exists, without such a record */
	DNS_NXDOMAIN,
	DNS_SERVFAIL, /* SERVFAIL, REFUSED, FORMERR, NOTIMP, or a broken answer from every server */
	DNS_TIMEOUT, /* no server answered in time */
	DNS_INVALID /* the name cannot be asked for (label over 63, name over 253, empty label) */
};

struct dns_record {
	struct ipaddr address; /* A, AAAA */
	uint16_t preference; /* MX */
	char *host; /* MX, PTR: lower case, no trailing dot, "" for the root (null MX); odd bytes
		     * as \DDD, so it may be longer than a domain name */
	char *text; /* TXT: the strings joined; may hold any byte, NUL too */
	size_t text_length;
};

struct dns_answer {
	char *name; /* as asked, canonical */
	enum dns_type type;
	enum dns_status status;
	uint32_t ttl; /* seconds, when the server sent it; for negative answers by RFC 2308 */
	bool authentic; /* the resolver set AD */
	unsigned aliases; /* CNAMEs followed from the name to the answer */
	size_t count;
	struct dns_record *records; /* MX sorted by preference; duplicates removed; bounded */
};

const char *dns_status_name(enum dns_status status); /* "NXDOMAIN", "time-out", ... */
const char *dns_type_name(enum dns_type type);

/* SERVFAIL or TIMEOUT: nothing is known, so nothing may be refused for good. */
bool dns_is_temporary(enum dns_status status);

/* Takes over RECORDS (may be NULL with count 0) and what they point to. Starts with one reference. */
struct dns_answer *dns_answer_create(const char *name, enum dns_type type, enum dns_status status,
	uint32_t ttl, struct dns_record *records, size_t count);
const struct dns_answer *dns_answer_share(const struct dns_answer *answer); /* one more reference */
void dns_answer_release(const struct dns_answer **answer); /* nulls; NULL allowed */

/* Bytes of memory it takes, about. */
size_t dns_answer_size(const struct dns_answer *answer);

/* One line for evidence: "mail.example.net A 192.0.2.9, 192.0.2.10" or "example.net MX: NXDOMAIN";
 * bytes from the wire escaped, at most a few records shown. Returns BUFFER. */
const char *dns_answer_format(const struct dns_answer *answer, char *buffer, size_t size);

#endif
