/* SPDX-License-Identifier: BSD-2-Clause */
/* All that a configuration tries before it is enforced (trial.h). */
#ifndef MAILREEVE_TRIALS_H
#define MAILREEVE_TRIALS_H

#include "conf.h"
#include "trial.h"

/* Calls EACH for every trial, over or not, in the order of the policies: "sender" for a section,
 * "sender.unregistered" for a check, "limit per-sender" for a limit. */
void trials_each(const struct conf *conf,
	void (*each)(void *context, const char *name, const struct trial *trial), void *context);

/* Logs each that has ended, or begun its last week, after BEFORE_MS and not after NOW_MS of
 * clock_wall_ms; 0: all that have. */
void trials_log(const struct conf *conf, uint64_t before_ms, uint64_t now_ms);

#endif
