/* SPDX-License-Identifier: BSD-2-Clause */
/* The text format of Prometheus, 0.0.4. */
#ifndef MAILREEVE_METRICS_FORMAT_H
#define MAILREEVE_METRICS_FORMAT_H

#include <stdio.h>

#include "histogram.h"

/* What a name stands for; its values follow. TYPE: "counter", "gauge", "histogram". */
void metrics_family(FILE *out, const char *name, const char *type, const char *help);
/* One value; then pairs of a label's name and value, METRICS_END ends. */
#define METRICS_END ((const char *)0)
void metrics_value(FILE *out, const char *name, double value, ...) __attribute__((sentinel));
/* A family of one value without labels. */
void metrics_single(FILE *out, const char *name, const char *type, const char *help, double value);
/* LABEL NULL: none. In seconds. */
void metrics_histogram(FILE *out, const char *name, const struct histogram_state *state,
	const char *label, const char *value);

#endif
