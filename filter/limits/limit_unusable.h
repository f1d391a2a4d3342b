/* SPDX-License-Identifier: BSD-2-Clause */
/* A key of the store that is no window: everything of a step that holds it is answered by the outage rules,
 * while the store is well. Thread-safe. */
#ifndef MAILREEVE_LIMIT_UNUSABLE_H
#define MAILREEVE_LIMIT_UNUSABLE_H

#include <stddef.h>
#include <stdint.h>

#include "reservation.h"
#include "session.h"

/* Of CHARGES, each of the limit_options that is its owner, which the store has not answered: where it
 * complained of a key's type, finds those that it cannot use, one call each until DEADLINE_MS
 * (clock_monotonic_ms), and says so in the log. Does nothing within a minute after that. */
void limit_unusable_tell(const struct services *services, const struct reservation_charge *charges,
	size_t count, uint64_t deadline_ms);

#endif
