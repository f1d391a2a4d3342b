/* SPDX-License-Identifier: BSD-2-Clause */
/* Which policies are asked when, found out once: the passes over them come many times a message. */
#ifndef MAILREEVE_CONF_HOOKS_H
#define MAILREEVE_CONF_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

#include "conf.h"

/* Makes CONF->hooks anew from its policies, their modes and options. */
void conf_hooks_make(struct conf *conf);

/* Takes the first one out of SET, which has some: its index. */
static inline size_t policy_set_take(policy_set *set)
{
	size_t index = (size_t)ffs((int)*set) - 1;

	*set &= *set - 1;
	return index;
}

#endif
