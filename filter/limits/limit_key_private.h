/* SPDX-License-Identifier: BSD-2-Clause */
/* What limit_key.c and limit_key_named.c share. */
#ifndef MAILREEVE_LIMIT_KEY_PRIVATE_H
#define MAILREEVE_LIMIT_KEY_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "limit_key.h"

enum part {
	PART_AUTH_USER,
	PART_SENDER,
	PART_SENDER_DOMAIN,
	PART_SENDER_ORGANIZATION,
	PART_CLIENT_IP,
	PART_CLIENT_NET,
	PART_CONFIRMED_NAME,
	PART_HELO,
	PART_RECIPIENT,
	PART_RECIPIENT_DOMAIN,
	PART_TLS_SUBJECT,
	PART_DAEMON
};

/* What a stranger can write as he likes. */
bool limit_key_part_is_written(enum part part);

/* Key and label of the values of COUNT parts. */
void limit_key_hash(const char *title, const unsigned char *parts, char (*values)[PATH_SIZE],
	size_t count, struct limit_identity *identity_r);

/* NULL where it has ended. */
const struct limit_override *limit_key_in_force(const struct limit_override *override);

/* The key of what nothing proves, made of the one that IDENTITY holds. */
void limit_key_place(const char *title, const char *network, struct limit_identity *identity);

#endif
