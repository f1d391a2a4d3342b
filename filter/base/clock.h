/* SPDX-License-Identifier: BSD-2-Clause */
/* Time. Thread-safe. */
#ifndef MAILREEVE_CLOCK_H
#define MAILREEVE_CLOCK_H

#include <stdint.h>

/* Since an arbitrary start, never going back: for deadlines and durations. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);

/* Since 1970-01-01 UTC; can step: only for what a person or another host reads. */
uint64_t clock_wall_ms(void);

#endif
