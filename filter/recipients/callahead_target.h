/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a call-ahead goes: "smtp:host:port", "lmtp:host:port", "lmtp:/socket". Pure, reentrant. */
#ifndef MAILREEVE_CALLAHEAD_TARGET_H
#define MAILREEVE_CALLAHEAD_TARGET_H

#include <stdbool.h>

#include "compiler.h"
#include "domain.h"
#include "ipaddr.h"

enum { CALLAHEAD_SOCKET_SIZE = 108, CALLAHEAD_TARGET_SIZE = 400 };

struct callahead_target {
	bool lmtp;
	char host[DOMAIN_SIZE]; /* canonical name of the DNS; "" with an address or a socket */
	struct ipaddr address; /* family IP_NONE without one */
	unsigned port; /* [25, LMTP 24] */
	char socket[CALLAHEAD_SOCKET_SIZE]; /* absolute path, or "" */
};

/* TEXT begins with "smtp:" or "lmtp:". An IPv6 address stands in brackets where a port follows. */
bool callahead_target_parse(const char *text, struct callahead_target *target_r) MUST_CHECK;

/* The canonical text into BUFFER of CALLAHEAD_TARGET_SIZE; returns BUFFER. */
const char *callahead_target_format(const struct callahead_target *target, char *buffer);

#endif
