/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's half of "mailreevectl forget": call-aheads ask anew about a recipient. */
#ifndef MAILREEVE_FORGET_COMMAND_H
#define MAILREEVE_FORGET_COMMAND_H

#include <stdio.h>

#include "conf.h"

/* ADDRESS: user@example.org. Writes a sentence. Returns EX_OK, EX_USAGE, EX_NOINPUT where no call-ahead
 * is asked about its domain, or EX_TEMPFAIL while the store does not answer. */
int forget_command(
	const char *address, FILE *out, const struct conf *conf, const struct services *services);

#endif
