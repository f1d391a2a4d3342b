/* SPDX-License-Identifier: BSD-2-Clause */
/* An inquiry: something found out by one or more dependent DNS questions (is this address's PTR
 * confirmed? which hosts take this domain's mail? what does SPF say?), started early and waited for
 * late.
 *
 * An inquiry is a state and a step function. The step asks for every answer it needs with
 * inquiry_ask, and returns false when an answer that it cannot go on without is not there yet; it is
 * run again, from its beginning, once all the answers it asked for have come. So a step is a plain
 * function that reads like blocking code, asks side by side what does not depend on each other, and
 * must be cheap and free of other effects. It runs first in the thread that starts it (with a warm
 * cache it finishes there, without any other thread), later in the resolver thread, never in two at
 * once.
 *
 *     static bool iprev_step(struct inquiry *inquiry, void *state)
 *     {
 *             const struct dns_answer *ptr = inquiry_ask(inquiry, state->reverse_name, DNS_PTR);
 *             if (ptr == NULL)
 *                     return false;
 *             for (...)
 *                     if (inquiry_ask(inquiry, ptr->records[i].host, DNS_A) == NULL)
 *                             pending = true;
 *             ...
 *     }
 */
#ifndef MAILREEVE_INQUIRY_H
#define MAILREEVE_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "dns.h"
#include "resolver.h"

struct inquiry;

struct inquiry_kind {
	const char *name; /* "iprev", for logs */
	size_t state_size; /* zeroed at creation */
	bool (*step)(
		struct inquiry *inquiry, void *state); /* true: finished, state is the result */
	void (*clear)(void *state); /* frees what the state owns; may be NULL */
	/* The result hangs on more than the key of inquiry_about; NULL: never. */
	bool (*beyond_key)(const void *state);
};

/* The resolver is borrowed and must outlive it. The caller fills inquiry_state before starting. */
struct inquiry *inquiry_create(struct resolver *resolver, const struct inquiry_kind *kind);
/* The same for what the LENGTH bytes of KEY ask: it is already finished, and must not be touched, when
 * another one of this kind has found it out from cached answers that all still hold. */
struct inquiry *inquiry_about(
	struct resolver *resolver, const struct inquiry_kind *kind, const void *key, size_t length);
void *inquiry_state(struct inquiry *inquiry);

/* TIME_LIMIT_MS from now: when it passes, questions still open are answered with DNS_TIMEOUT and the
 * step runs to its end with them. */
void inquiry_start(struct inquiry *inquiry, int64_t time_limit_ms);

/* The finished state, or NULL while it is under way. Never blocks. */
const void *inquiry_result(struct inquiry *inquiry);

/* Waits until it is finished, at most until DEADLINE_MS of clock_monotonic_ms; NULL if it is not. */
const void *inquiry_wait(struct inquiry *inquiry, uint64_t deadline_ms);

/* Gives it up or frees it, finished or not; does not block. Nulls; NULL allowed. While it is under
 * way a step may still run, and clear is called, in the resolver thread afterwards: so the state must
 * own, or hold a reference to, all that it points to. */
void inquiry_free(struct inquiry **inquiry);

/* For steps only. ---------------------------------------------------------------------------- */

/* The answer, which lives as long as the inquiry, or NULL: it is on its way and the step will run
 * again. The name may be in any case, with or without a trailing dot. Never NULL for a name that
 * cannot be asked (DNS_INVALID), nor once the time limit has passed (DNS_TIMEOUT). */
const struct dns_answer *inquiry_ask(struct inquiry *inquiry, const char *name, enum dns_type type);

/* Sends the question without waiting for it: a later inquiry_ask finds it under way or answered. */
void inquiry_prefetch(struct inquiry *inquiry, const char *name, enum dns_type type);

/* What it took, for tests, bench and explain. */
struct inquiry_cost {
	unsigned steps; /* waits for answers one after another: dependent DNS steps */
	unsigned questions; /* different questions asked, cached or not */
	unsigned sent; /* of them not answered from the cache */
};
void inquiry_cost(struct inquiry *inquiry, struct inquiry_cost *cost_r);

/* The answers it used, in the order asked; owned by the inquiry, call when finished only. */
size_t inquiry_answers(
	struct inquiry *inquiry, const struct dns_answer **answers_r, size_t capacity);

/* The same, each with whether it came from the cache. */
struct inquiry_use {
	const struct dns_answer *answer;
	bool cached;
};
size_t inquiry_uses(struct inquiry *inquiry, struct inquiry_use *uses_r, size_t capacity);
/* What it is about: the name of its kind. */
const char *inquiry_name(const struct inquiry *inquiry);

/* All inquiries that this thread creates, from start to stop, for explain: kept until they are released,
 * though their owners free them. Costs nothing where nobody traces. */
struct inquiry_trace {
	struct inquiry **items;
	size_t count;
};
void inquiry_trace_start(struct inquiry_trace *trace);
void inquiry_trace_stop(void);
void inquiry_trace_release(struct inquiry_trace *trace);

#endif
