/* SPDX-License-Identifier: BSD-2-Clause */
/* What to do about each error that Redis answers. Pure. */
#ifndef MAILREEVE_REDIS_ERROR_H
#define MAILREEVE_REDIS_ERROR_H

#include <stdbool.h>

enum redis_remedy {
	REDIS_SEND_SCRIPT, /* the server does not know the script: send it whole */
	REDIS_RETRY, /* passes by itself at once: again, if there is time */
	REDIS_MOVED, /* another node of the cluster has the slot */
	REDIS_ASK, /* another node is about to get the slot */
	REDIS_REDISCOVER, /* not the server that may write this: connect anew, then again */
	REDIS_DOWN, /* the server cannot serve now */
	REDIS_CONFIGURE, /* an administrator must change something */
	REDIS_DATA /* only this key is unusable; the server is well */
};

struct redis_error {
	const char *prefix; /* how the error begins */
	enum redis_remedy remedy;
	const char *advice; /* for the log; NULL: the error says it all */
};

/* The row for an error text; never NULL (an unknown error counts as down). */
const struct redis_error *redis_error(const char *text);

/* The first words of an error text, escaped and without anything it quotes from us. */
void redis_error_show(const char *text, char *buffer, unsigned size);

#endif
