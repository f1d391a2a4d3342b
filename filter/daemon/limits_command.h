/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's half of "mailreevectl limits": what is used under a key, when it may send again, and what
 * an administrator changes of that while the filter runs. */
#ifndef MAILREEVE_LIMITS_COMMAND_H
#define MAILREEVE_LIMITS_COMMAND_H

#include <stdio.h>

#include "conf.h"

/* ARGUMENTS: words parted by tabs, at most LIMITS_WORDS_MAX: "text" or "json", the title of a limit or
 * "", then
 *   show KEY | predict KEY COST | top COUNT | reset KEY | raise KEY RATE END | unraise KEY | raises
 * END in milliseconds of clock_wall_ms. Returns an exit status of sysexits.h. */
enum { LIMITS_WORDS_MAX = 6 };
int limits_command(
	const char *arguments, FILE *out, const struct conf *conf, const struct services *services);

#endif
