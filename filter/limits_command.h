/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's half of "mailreevectl limits": what is used under a key, and when it may send again. */
#ifndef MAILREEVE_LIMITS_COMMAND_H
#define MAILREEVE_LIMITS_COMMAND_H

#include <stdio.h>

#include "conf.h"

/* ARGUMENTS: "show KEY" or "predict COST KEY", after "json " for JSON. Charges nothing. Returns an exit
 * status of sysexits.h. */
int limits_command(
	const char *arguments, FILE *out, const struct conf *conf, const struct services *services);

#endif
