/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the most permissive MTA would send a path. Private to path.c. Pure, reentrant. */
#ifndef MAILREEVE_PATH_ROUTE_H
#define MAILREEVE_PATH_ROUTE_H

#include "path.h"

/* Fills routed and routed_domain of a path whose other members are those of an accepted path. */
void path_route_accepted(struct path *path);

/* The same for TEXT that the grammar refused; the other members of PATH are zero. */
void path_route_refused(const char *text, struct path *path);

#endif
