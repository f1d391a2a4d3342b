/* SPDX-License-Identifier: BSD-2-Clause */
/* An inquiry belongs to the thread that started it until its first step has run, then to the
 * resolver thread until it is finished, then to its owner again. */
#include "inquiry.h"

#include <string.h>

#include "clock.h"
#include "dns_name.h"
#include "inquiry_private.h"
#include "mem.h"

enum { ASKS_MAX = 1000 };

static void advance(struct resolver_job *job);
static void run_out(struct resolver_timer *timer);

/* Only threads that serve one explained session set it, never those of libmilter. */
static _Thread_local struct inquiry_trace *current_trace;

void inquiry_trace_note(struct inquiry *inquiry)
{
	if (current_trace == NULL)
		return;
	current_trace->items = mem_resize(
		current_trace->items, current_trace->count + 1, sizeof(current_trace->items[0]));
	current_trace->items[current_trace->count++] = inquiry;
	atomic_fetch_add_explicit(&inquiry->references, 1, memory_order_relaxed);
}

struct inquiry *inquiry_make(
	struct resolver *resolver, const struct inquiry_kind *kind, const void *key, size_t length)
{
	struct inquiry *inquiry = mem_alloc(sizeof(*inquiry) + kind->state_size + length);

	inquiry->resolver = resolver;
	inquiry->kind = kind;
	inquiry->job.run = advance;
	inquiry->timer.expired = run_out;
	inquiry->asks = inquiry->inline_asks;
	inquiry->room = INQUIRY_ASKS_INLINE;
	atomic_init(&inquiry->references, 1);
	atomic_init(&inquiry->finished, false);
	atomic_init(&inquiry->abandoned, false);
	lock_init(&inquiry->lock);
	condition_init(&inquiry->condition);
	inquiry->expires_ms = UINT64_MAX;
	inquiry->key = inquiry->state + kind->state_size;
	inquiry->key_length = length;
	if (length > 0)
		memcpy(inquiry->state + kind->state_size, key, length);
	inquiry_trace_note(inquiry);
	return inquiry;
}

struct inquiry *inquiry_create(struct resolver *resolver, const struct inquiry_kind *kind)
{
	return inquiry_make(resolver, kind, NULL, 0);
}

void *inquiry_state(struct inquiry *inquiry)
{
	return inquiry->state;
}

void inquiry_release(struct inquiry *inquiry)
{
	if (atomic_fetch_sub_explicit(&inquiry->references, 1, memory_order_acq_rel) > 1)
		return;
	if (inquiry->kind->clear != NULL)
		inquiry->kind->clear(inquiry->state);
	for (size_t i = 0; i < inquiry->count; i++) {
		dns_answer_release(&inquiry->asks[i].answer);
		mem_free(inquiry->asks[i].pending);
	}
	dns_answer_release(&inquiry->overflow);
	if (inquiry->asks != inquiry->inline_asks)
		mem_free(inquiry->asks);
	condition_destroy(&inquiry->condition);
	lock_destroy(&inquiry->lock);
	mem_free(inquiry);
}

void inquiry_free(struct inquiry **inquiry)
{
	struct inquiry *freed = *inquiry;

	*inquiry = NULL;
	if (freed == NULL)
		return;
	atomic_store_explicit(&freed->abandoned, true, memory_order_relaxed);
	inquiry_release(freed);
}

static const char *name_of(const struct inquiry_ask *ask)
{
	return ask->answer != NULL ? ask->answer->name : ask->pending->name;
}

static struct inquiry_ask *add_ask(struct inquiry *inquiry, enum dns_type type, uint64_t hash)
{
	struct inquiry_ask *ask;

	if (inquiry->count == inquiry->room) {
		bool was_inline = inquiry->asks == inquiry->inline_asks;

		inquiry->room *= 2;
		inquiry->asks =
			mem_resize(was_inline ? NULL : inquiry->asks, inquiry->room, sizeof(*ask));
		if (was_inline)
			memcpy(inquiry->asks, inquiry->inline_asks, sizeof(inquiry->inline_asks));
	}
	ask = &inquiry->asks[inquiry->count++];
	*ask = (struct inquiry_ask){.type = type, .hash = hash};
	return ask;
}

static void arrived(struct resolver_wait *wait, const struct dns_answer *answer);

static struct inquiry_pending *add_pending(const struct inquiry *inquiry, const char *name)
{
	size_t size = strlen(name) + 1;
	struct inquiry_pending *pending = mem_alloc(sizeof(*pending) + size);

	memcpy(pending->name, name, size);
	pending->wait.arrived = arrived;
	pending->inquiry = (struct inquiry *)(uintptr_t)inquiry;
	pending->index = inquiry->count - 1;
	return pending;
}

static const struct dns_answer *cached(
	struct inquiry *inquiry, const char *name, enum dns_type type, uint64_t hash)
{
	uint64_t expires_ms = UINT64_MAX;
	const struct dns_answer *answer =
		resolver_cached(inquiry->resolver, name, type, hash, &expires_ms);

	if (expires_ms < inquiry->expires_ms)
		inquiry->expires_ms = expires_ms;
	return answer;
}

/* The ask for this question, new if need be; NULL when there are too many. */
static struct inquiry_ask *find_ask(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	char canonical[DNS_NAME_SIZE];
	bool is_valid = dns_name_canonical(name, canonical);
	struct inquiry_ask *ask;
	uint64_t hash;

	if (!is_valid) {
		size_t length = strnlen(name, sizeof(canonical) - 1);

		memcpy(canonical, name, length);
		canonical[length] = '\0';
	}
	hash = dnscache_hash(inquiry->resolver->cache, canonical, type);
	for (size_t i = 0; i < inquiry->count; i++) {
		ask = &inquiry->asks[i];
		if (ask->hash == hash && ask->type == type && strcmp(name_of(ask), canonical) == 0)
			return ask;
	}
	if (inquiry->count == ASKS_MAX)
		return NULL;
	ask = add_ask(inquiry, type, hash);
	if (!is_valid)
		ask->answer = dns_answer_create(canonical, type, DNS_INVALID, 0, NULL, 0);
	else
		ask->answer = cached(inquiry, canonical, type, hash);
	if (ask->answer == NULL && inquiry->is_late)
		ask->answer = dns_answer_create(canonical, type, DNS_TIMEOUT, 0, NULL, 0);
	if (ask->answer == NULL) {
		ask->pending = add_pending(inquiry, canonical);
		ask->level = inquiry->level + 1;
	}
	return ask;
}

const struct dns_answer *inquiry_ask(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	struct inquiry_ask *ask = find_ask(inquiry, name, type);

	if (ask == NULL) {
		if (inquiry->overflow == NULL)
			inquiry->overflow = dns_answer_create("", type, DNS_SERVFAIL, 0, NULL, 0);
		return inquiry->overflow;
	}
	if (ask->answer != NULL) {
		if (ask->level > inquiry->level)
			inquiry->level = ask->level;
		return ask->answer;
	}
	if (ask->wanted_in != inquiry->run) {
		ask->wanted_in = inquiry->run;
		inquiry->waiting++;
	}
	return NULL;
}

void inquiry_prefetch(struct inquiry *inquiry, const char *name, enum dns_type type)
{
	(void)find_ask(inquiry, name, type);
}

/* A step that only prefetched waits for all of that. */
static void want_all(struct inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->count; i++) {
		if (inquiry->asks[i].answer != NULL)
			continue;
		inquiry->asks[i].wanted_in = inquiry->run;
		inquiry->waiting++;
	}
}

/* True when the inquiry is finished. */
static bool run_step(struct inquiry *inquiry)
{
	inquiry->run++;
	inquiry->waiting = 0;
	if (inquiry->kind->step(inquiry, inquiry->state))
		return true;
	if (inquiry->waiting == 0)
		want_all(inquiry);
	return inquiry->waiting == 0;
}

void inquiry_start(struct inquiry *inquiry, int64_t time_limit_ms)
{
	inquiry->is_late = time_limit_ms <= 0;
	if (run_step(inquiry)) {
		atomic_store_explicit(&inquiry->finished, true, memory_order_release);
		inquiry_cache_keep(inquiry);
		return;
	}
	inquiry->deadline_ms = clock_monotonic_ms() + (uint64_t)time_limit_ms;
	atomic_fetch_add_explicit(&inquiry->references, 1, memory_order_relaxed);
	resolver_submit(inquiry->resolver, &inquiry->job);
}

static bool is_finished(struct inquiry *inquiry)
{
	return atomic_load_explicit(&inquiry->finished, memory_order_acquire);
}

const void *inquiry_result(struct inquiry *inquiry)
{
	return is_finished(inquiry) ? inquiry->state : NULL;
}

const void *inquiry_wait(struct inquiry *inquiry, uint64_t deadline_ms)
{
	bool in_time = true;

	if (is_finished(inquiry))
		return inquiry->state;
	lock_take(&inquiry->lock);
	while (in_time && !is_finished(inquiry))
		in_time = condition_wait(&inquiry->condition, &inquiry->lock, deadline_ms);
	lock_give(&inquiry->lock);
	return inquiry_result(inquiry);
}

/* In the resolver thread from here on. ----------------------------------------------------------- */

static void set_answer(struct inquiry_ask *ask, const struct dns_answer *answer)
{
	ask->answer = answer;
	mem_free(ask->pending);
	ask->pending = NULL;
}

static void arrived(struct resolver_wait *wait, const struct dns_answer *answer)
{
	struct inquiry_pending *pending = (struct inquiry_pending *)wait;
	struct inquiry *inquiry = pending->inquiry;
	struct inquiry_ask *ask = &inquiry->asks[pending->index];

	set_answer(ask, dns_answer_share(answer));
	if (ask->wanted_in != inquiry->run)
		return;
	inquiry->waiting--;
	if (inquiry->waiting == 0 && !inquiry->is_queued) {
		inquiry->is_queued = true;
		resolver_later(inquiry->resolver, &inquiry->job);
	}
}

static void finish(struct inquiry *inquiry)
{
	resolver_timer_cancel(&inquiry->resolver->timers, &inquiry->timer);
	for (size_t i = 0; i < inquiry->count; i++)
		if (inquiry->asks[i].pending != NULL)
			resolver_question_leave(&inquiry->asks[i].pending->wait);
	lock_take(&inquiry->lock);
	atomic_store_explicit(&inquiry->finished, true, memory_order_release);
	lock_give(&inquiry->lock);
	condition_signal(
		&inquiry->condition); /* our reference keeps it; the waiter finds it free */
	inquiry_release(inquiry);
}

static void send_asks(struct inquiry *inquiry)
{
	for (; inquiry->unsent < inquiry->count; inquiry->unsent++) {
		struct inquiry_ask *ask = &inquiry->asks[inquiry->unsent];
		const struct dns_answer *answer;

		if (ask->answer != NULL)
			continue;
		answer = resolver_question_ask(inquiry->resolver, ask->pending->name, ask->type,
			ask->hash, &ask->pending->wait);
		if (answer == NULL)
			continue;
		set_answer(ask, answer);
		if (ask->wanted_in == inquiry->run)
			inquiry->waiting--;
	}
}

/* Runs the step as often as it has all its answers. */
static void advance(struct resolver_job *job)
{
	struct inquiry *inquiry = (struct inquiry *)((char *)job - offsetof(struct inquiry, job));

	inquiry->is_queued = false;
	for (;;) {
		if (atomic_load_explicit(&inquiry->abandoned, memory_order_relaxed))
			break;
		send_asks(inquiry);
		if (inquiry->waiting > 0) {
			if (inquiry->timer.place == 0)
				resolver_timer_set(&inquiry->resolver->timers, &inquiry->timer,
					inquiry->deadline_ms);
			return;
		}
		if (run_step(inquiry))
			break;
	}
	finish(inquiry);
}

/* The time limit has passed. */
static void run_out(struct resolver_timer *timer)
{
	struct inquiry *inquiry =
		(struct inquiry *)((char *)timer - offsetof(struct inquiry, timer));

	inquiry->is_late = true;
	for (size_t i = 0; i < inquiry->count; i++) {
		struct inquiry_ask *ask = &inquiry->asks[i];

		if (ask->answer != NULL)
			continue;
		resolver_question_leave(&ask->pending->wait);
		set_answer(ask,
			dns_answer_create(ask->pending->name, ask->type, DNS_TIMEOUT, 0, NULL, 0));
	}
	inquiry->waiting = 0;
	if (!inquiry->is_queued) {
		inquiry->is_queued = true;
		resolver_later(inquiry->resolver, &inquiry->job);
	}
}

/* For the owner, when it is finished. ------------------------------------------------------------ */

void inquiry_cost(struct inquiry *inquiry, struct inquiry_cost *cost_r)
{
	*cost_r = (struct inquiry_cost){
		.steps = inquiry->level,
		.questions = (unsigned)inquiry->count,
	};
	for (size_t i = 0; i < inquiry->count; i++)
		if (inquiry->asks[i].level > 0)
			cost_r->sent++;
}

size_t inquiry_answers(
	struct inquiry *inquiry, const struct dns_answer **answers_r, size_t capacity)
{
	size_t count = 0;

	for (size_t i = 0; i < inquiry->count && count < capacity; i++)
		if (inquiry->asks[i].answer != NULL)
			answers_r[count++] = inquiry->asks[i].answer;
	return count;
}

size_t inquiry_uses(struct inquiry *inquiry, struct inquiry_use *uses_r, size_t capacity)
{
	size_t count = 0;

	for (size_t i = 0; i < inquiry->count && count < capacity; i++)
		if (inquiry->asks[i].answer != NULL)
			uses_r[count++] = (struct inquiry_use){
				inquiry->asks[i].answer, inquiry->asks[i].level == 0};
	return count;
}

const char *inquiry_name(const struct inquiry *inquiry)
{
	return inquiry->kind->name;
}

/* Traces. -------------------------------------------------------------------------------------- */

void inquiry_trace_start(struct inquiry_trace *trace)
{
	current_trace = trace;
}

void inquiry_trace_stop(void)
{
	current_trace = NULL;
}

void inquiry_trace_release(struct inquiry_trace *trace)
{
	for (size_t i = 0; i < trace->count; i++)
		inquiry_release(trace->items[i]);
	mem_free(trace->items);
	*trace = (struct inquiry_trace){.items = NULL};
}
