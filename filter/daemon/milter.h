/* SPDX-License-Identifier: BSD-2-Clause */
/* The door to the MTA: translates libmilter's callbacks into facts and chain calls, and decisions into
 * replies and message changes. The only includer of libmilter. */
#ifndef MAILREEVE_MILTER_H
#define MAILREEVE_MILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"
#include "conf.h"

/* Registers with libmilter and opens the socket of CONF (a stale unix socket is removed), with mode
 * and group. Call as the user that may create it, before dropping privileges. False with a sentence
 * in WHY. */
bool milter_open(const struct conf *conf, char *why, size_t why_size) MUST_CHECK;

/* Serves until stopped; SERVICES are borrowed. Returns 0, or -1 when libmilter gave up. */
int milter_serve(struct conf *conf, const struct services *services);

/* Sessions that begin from now on use this configuration. Takes over the reference. */
void milter_set_conf(struct conf *conf);
/* A reference to the configuration in use. */
struct conf *milter_conf(void);

/* From now on, new sessions are told to come back later (421). */
void milter_drain(void);
bool milter_is_draining(void);
/* Mail transactions between MAIL and the end of the message, and callbacks that run now. */
unsigned milter_busy(void);

#endif
