/* SPDX-License-Identifier: BSD-2-Clause */
/* What mailreevectl status prints: counters and the state of the services, for people or as JSON. */
#ifndef MAILREEVE_STATUS_H
#define MAILREEVE_STATUS_H

#include <stdbool.h>
#include <stdio.h>

#include "session.h"

void status_write(FILE *out, const struct services *services, bool json);

#endif
