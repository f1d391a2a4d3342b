/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells the administrator that a key has reached its limit: once for each window, over all hosts. */
#ifndef MAILREEVE_LIMIT_ALARM_H
#define MAILREEVE_LIMIT_ALARM_H

#include "limit_options.h"
#include "reservation.h"
#include "session.h"

/* Does nothing for a limit without notify, nor in a dry run. Asks the store at most once for each key and
 * window, and waits for nothing else. */
void limit_alarm(const struct session *session, const struct limit_options *limit,
	const struct reservation_charge *charge, const struct reservation_answer *answer);

#endif
