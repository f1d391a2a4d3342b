/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's half of "mailreevectl why": looks into the store. */
#ifndef MAILREEVE_WHY_COMMAND_H
#define MAILREEVE_WHY_COMMAND_H

#include <stdio.h>

#include "conf.h"

/* WORD: a reference or a queue id. Writes the record; where there is none, the name of the journal's file,
 * if one is kept, for the client to look there. Returns EX_OK, EX_NOINPUT, or EX_TEMPFAIL while the store
 * does not answer. */
int why_command(
	const char *word, FILE *out, const struct conf *conf, const struct services *services);

#endif
