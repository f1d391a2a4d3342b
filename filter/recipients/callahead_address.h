/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the target of a call-ahead is. */
#ifndef MAILREEVE_CALLAHEAD_ADDRESS_H
#define MAILREEVE_CALLAHEAD_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "callahead_target.h"
#include "ipaddr.h"
#include "resolver.h"

enum { CALLAHEAD_ADDRESSES_MAX = 4 };

/* The addresses to try, in this order: the one that TARGET has (of no family where it is a socket), or
 * those of its name, for which RESOLVER is waited for until DEADLINE_MS of clock_monotonic_ms. Returns
 * how many. Thread-safe. */
size_t callahead_addresses(const struct callahead_target *target, struct resolver *resolver,
	uint64_t deadline_ms, struct ipaddr addresses_r[CALLAHEAD_ADDRESSES_MAX]);

#endif
