/* SPDX-License-Identifier: BSD-2-Clause */
/* What mailreevectl status prints: what is running, and how it fares; for people or as JSON, one line
 * that mailreevectl top and scripts read. Thread-safe. */
#ifndef MAILREEVE_STATUS_H
#define MAILREEVE_STATUS_H

#include <stdio.h>

#include "health.h"

enum { STATUS_KEYS_SHOWN = 32 };

void status_write_text(FILE *out, const struct running *running);
void status_write_json(FILE *out, const struct running *running);

#endif
