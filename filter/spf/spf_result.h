/* SPDX-License-Identifier: BSD-2-Clause */
/* The result of an SPF check; spf.h makes it. */
#ifndef MAILREEVE_SPF_RESULT_H
#define MAILREEVE_SPF_RESULT_H

#include <stdbool.h>

#include "domain.h"
#include "ipaddr.h"
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
	char domain[DOMAIN_SIZE]; /* the one whose record was looked up */
	enum spf_result result;
	bool over_broad; /* the record passes +all, or a network wider than /8 (IPv4), /32 (IPv6):
			  * a pass proves nothing and counts as none */
	bool no_mail; /* the record is exactly "v=spf1 -all" */
	bool uncertain; /* neutral, but a PTR name that could have passed it was in trouble */
	char explanation[256]; /* of a fail, from exp=, printable ASCII; empty without */
	char evidence[400]; /* one line: which term of whose record decided, or what went wrong */
};

#endif
