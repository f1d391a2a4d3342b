/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the metrics are served: "9749" (on loopback), "127.0.0.1:9749", "[::1]:9749". Pure. */
#ifndef MAILREEVE_METRICS_ADDRESS_H
#define MAILREEVE_METRICS_ADDRESS_H

#include <stdbool.h>

#include "compiler.h"
#include "ipaddr.h"

struct metrics_address {
	struct ipaddr address;
	unsigned port; /* 0: the system picks one, which the log names */
};

bool metrics_address_parse(const char *text, struct metrics_address *address_r) MUST_CHECK;

#endif
