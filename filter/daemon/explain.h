/* SPDX-License-Identifier: BSD-2-Clause */
/* What the chain makes of a supposed session, with every check, its evidence, and the DNS answers. Nothing
 * is charged, kept or logged. */
#ifndef MAILREEVE_EXPLAIN_H
#define MAILREEVE_EXPLAIN_H

#include <stdio.h>

#include "compiler.h"
#include "conf.h"
#include "explain_request.h"

/* Writes one JSON object, described in mailreevectl(8). Blocks for as long as the session's lookups take,
 * at most about half a minute. Several may run at once, each in a thread of its own, none of libmilter's.
 * REQUEST has passed explain_request_verify. */
void explain_write(const struct explain_request *request, struct conf *conf,
	const struct services *services, FILE *out);

#endif
