/* SPDX-License-Identifier: BSD-2-Clause */
/* Reverse DNS of a client, forward-confirmed: the iprev method (RFC 8601 3). */
#ifndef MAILREEVE_IPREV_H
#define MAILREEVE_IPREV_H

#include "dns.h"
#include "inquiry.h"
#include "verdict.h"

enum { IPREV_NAMES_MAX = 10 };

/* Result of the inquiry. */
struct iprev {
	struct ipaddr client; /* in: set by iprev_inquire */
	/* PASS confirmed; FAIL names but none confirms; PERMERROR no PTR (as RFC 8601 3 has it);
	 * TEMPERROR DNS trouble and nothing confirmed. */
	enum result result;
	enum dns_status ptr_status;
	size_t name_count; /* PTR names looked at */
	char *names[IPREV_NAMES_MAX]; /* canonical, owned; unconfirmed ones are for the log only */
	bool confirmed[IPREV_NAMES_MAX]; /* by name: the client is one of its addresses */
	bool temporary; /* one of the names could not be asked about: it may have confirmed too */
	const char *confirmed_name; /* first of names that confirms; "" otherwise */
	char evidence[400]; /* one line: what was asked, what came back */
};

/* Creates and starts the inquiry; its result is a const struct iprev *. */
struct inquiry *iprev_inquire(
	struct resolver *resolver, const struct ipaddr *client, int64_t time_limit_ms);

#endif
