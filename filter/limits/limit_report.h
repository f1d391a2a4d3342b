/* SPDX-License-Identifier: BSD-2-Clause */
/* What a limit has come to, as findings of the policy. */
#ifndef MAILREEVE_LIMIT_REPORT_H
#define MAILREEVE_LIMIT_REPORT_H

#include <stdbool.h>

#include "limit_options.h"
#include "policy.h"
#include "reservation.h"

enum { LIMIT_CHECK_RATE };

/* It is reached: says so, and tells whom it concerns (limit_alarm). */
void limit_report_over(struct call *call, const struct limit_options *limit,
	const struct reservation_charge *charge, const struct reservation_answer *answer);

/* It cannot be counted now. */
void limit_report_down(struct call *call, const struct limit_options *limit, bool refuse);

/* For explain: what is used of one that is not reached. */
void limit_report_use(struct call *call, const struct limit_options *limit,
	const struct reservation_charge *charge);

#endif
