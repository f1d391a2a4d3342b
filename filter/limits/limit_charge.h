/* SPDX-License-Identifier: BSD-2-Clause */
/* What one limit asks of the store at a step of a session. */
#ifndef MAILREEVE_LIMIT_CHARGE_H
#define MAILREEVE_LIMIT_CHARGE_H

#include <stdbool.h>
#include <stdint.h>

#include "limit_key.h"
#include "limit_options.h"
#include "limit_raise.h"
#include "reservation.h"
#include "session.h"

struct limit_step_facts {
	struct session *session;
	uint64_t deadline_ms; /* for proofs of who somebody is */
	const struct limit_raise_set *raises;
	struct limit_proof *proof; /* of this transaction */
	int64_t bytes; /* of this message */
	int64_t declared; /* the same before it has come, as far as is known; 0: nothing is */
	bool tried; /* this connection has asked for a recipient before */
};

/* False when the limit is not about this session, recipient or message, or RESERVATION (NULL: none yet)
 * has counted it already. TITLE of the charge is borrowed from LIMIT. */
bool limit_charge_make(const struct limit_options *limit, const struct limit_step_facts *facts,
	const struct reservation *reservation, struct reservation_charge *charge_r);

#endif
