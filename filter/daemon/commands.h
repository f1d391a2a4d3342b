/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running daemon does for mailreevectl, and what it shows over HTTP. */
#ifndef MAILREEVE_COMMANDS_H
#define MAILREEVE_COMMANDS_H

#include "control.h"
#include "metrics_http.h"
#include "session.h"

/* SERVICES are borrowed. Before the threads of control and metrics start. */
void commands_begin(const struct services *services);

extern const struct control_command commands[]; /* for control_open */
extern const struct metrics_page command_pages[]; /* for metrics_http_open */

#endif
