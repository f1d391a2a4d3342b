/* SPDX-License-Identifier: BSD-2-Clause */
/* The beginning of a connection to the target of a call-ahead: banner, EHLO or LHLO, STARTTLS. */
#ifndef MAILREEVE_CALLAHEAD_GREETING_H
#define MAILREEVE_CALLAHEAD_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include "callahead_link.h"
#include "compiler.h"

struct callahead_greeting {
	const struct callahead_target *target;
	const char *our_name; /* of EHLO */
	struct callahead_tls_context *tls; /* NULL: without, whatever is offered */
	bool may_be_plain; /* a target that offers no TLS will do */
	bool tls_failed; /* result: TLS it was that ended it */
};

/* A connection that listens to MAIL. NULL with a reason in WHY. A handshake of TLS that may be done
 * without takes half of the time until DEADLINE_MS at most. */
struct callahead_link *callahead_greeting_open(struct callahead_greeting *greeting,
	const struct ipaddr *address, uint64_t deadline_ms,
	char why[CALLAHEAD_WHY_SIZE]) MUST_CHECK;

#endif
