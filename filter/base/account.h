/* SPDX-License-Identifier: BSD-2-Clause */
/* Users and groups of the system, by name. Thread-safe. */
#ifndef MAILREEVE_ACCOUNT_H
#define MAILREEVE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "compiler.h"

struct account {
	char user[64];
	uid_t uid;
	gid_t gid; /* of the group that was named, else the user's own */
};

/* TEXT is "user" or "user:group". False with "there is no user ..." in WHY. */
bool account_find(
	const char *text, struct account *account_r, char *why, size_t why_size) MUST_CHECK;
bool account_find_group(const char *name, gid_t *gid_r, char *why, size_t why_size) MUST_CHECK;

#endif
