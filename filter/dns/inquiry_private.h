/* SPDX-License-Identifier: BSD-2-Clause */
/* What inquiry.c and inquiry_cache.c share; nobody else includes it. */
#ifndef MAILREEVE_INQUIRY_PRIVATE_H
#define MAILREEVE_INQUIRY_PRIVATE_H

#include <stdatomic.h>

#include "inquiry.h"
#include "lock.h"
#include "resolver_private.h"

enum {
	INQUIRY_ASKS_INLINE = 6, /* without memory of their own */
};

/* An ask whose answer is not there yet. */
struct inquiry_pending {
	struct resolver_wait wait; /* first */
	struct inquiry *inquiry;
	size_t index;
	char name[];
};

struct inquiry_ask {
	const struct dns_answer *answer; /* NULL: see PENDING */
	struct inquiry_pending *pending;
	uint64_t hash;
	enum dns_type type;
	unsigned level; /* dependent DNS steps until it is answered; 0: from the cache */
	unsigned wanted_in; /* the last run of the step that could not go on without it */
};

struct inquiry {
	struct resolver *resolver;
	const struct inquiry_kind *kind;
	struct resolver_job job;
	struct resolver_timer timer;
	atomic_uint references; /* the owner, and the resolver thread while it works on it */
	atomic_bool finished; /* set with the lock held */
	atomic_bool abandoned; /* by its owner, before it was finished */
	struct lock lock;
	struct condition condition;
	uint64_t deadline_ms;
	bool is_late; /* open questions get DNS_TIMEOUT */
	bool is_queued; /* to run again */
	unsigned run; /* runs of the step so far */
	unsigned level; /* the highest of the answers the step has used */
	const void *key; /* behind the state */
	size_t key_length; /* 0: it is nobody else's */
	uint64_t key_hash;
	uint64_t expires_ms; /* of the cached answers, the first that does */
	size_t waiting; /* answers that the step cannot go on without */
	size_t unsent; /* the first ask that the resolver thread has not seen */
	struct inquiry_ask *asks; /* in the order asked */
	size_t count, room;
	const struct dns_answer *overflow; /* for what is asked above ASKS_MAX */
	struct inquiry_ask inline_asks[INQUIRY_ASKS_INLINE];
	_Alignas(max_align_t) unsigned char state[];
};

/* A new one with a KEY of LENGTH bytes behind its state. */
struct inquiry *inquiry_make(
	struct resolver *resolver, const struct inquiry_kind *kind, const void *key, size_t length);
void inquiry_release(struct inquiry *inquiry); /* one reference less */

/* It is made for this thread, or found: a trace of the thread keeps it. */
void inquiry_trace_note(struct inquiry *inquiry);

/* Keeps an inquiry with a key, which has finished in its first run, for who asks the same. */
void inquiry_cache_keep(const struct inquiry *inquiry);

#endif
