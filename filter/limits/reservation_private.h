/* SPDX-License-Identifier: BSD-2-Clause */
/* What taking (reservation.c) and ending (reservation_end.c) share. */
#ifndef MAILREEVE_RESERVATION_PRIVATE_H
#define MAILREEVE_RESERVATION_PRIVATE_H

#include "reservation.h"

/* What is held under one key. */
struct reservation_hold {
	char key[STORE_KEY_SIZE];
	int64_t window_ms;
	int64_t units; /* of members: how many */
	int64_t last_units; /* of the last step that touched it */
	unsigned char *members; /* owned; UNITS times STORE_MEMBER_SIZE bytes, or NULL */
	unsigned last_sequence;
	bool local; /* counted in the local window too */
	bool strict;
	bool attempted; /* was refused, and counted as an attempt */
	unsigned part;
};

/* The local window, where it is another one than the store. */
static inline struct store *reservation_spare(const struct services *services)
{
	return services->local == services->store ? NULL : services->local;
}

#endif
