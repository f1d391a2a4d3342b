/* SPDX-License-Identifier: BSD-2-Clause */
/* The metrics as Prometheus reads them (text format 0.0.4), and the page that says whether we are well.
 * No value of a label comes from the wire: they are names of policies, checks and stages, and what the
 * configuration calls its limits. Thread-safe. */
#ifndef MAILREEVE_METRICS_H
#define MAILREEVE_METRICS_H

#include <stdio.h>

#include "health.h"

void metrics_write(FILE *out, const struct running *running);

/* "good", "degraded" or "failing", then the reasons, a line each. Returns the HTTP status: 503 only for
 * failing. */
unsigned metrics_write_health(FILE *out, const struct running *running);

#endif
