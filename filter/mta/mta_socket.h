/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket of a milter as its two ends write it. Pure, reentrant. */
#ifndef MAILREEVE_MTA_SOCKET_H
#define MAILREEVE_MTA_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

/* THEIRS ("unix:run/x", "inet:host:port" of Postfix; "inet:port@host" of Sendmail) leads to OURS
 * ("local:/path", "inet:port@host"). ROOT: where the MTA starts relative paths, or is locked in. */
bool mta_socket_is_same(const char *theirs, const char *ours, const char *root);

#endif
