/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead.h"

#include <stdio.h>
#include <string.h>

#include "breaker.h"
#include "callahead_cache.h"
#include "callahead_meter.h"
#include "callahead_pool.h"
#include "clock.h"
#include "lock.h"
#include "log.h"
#include "mem.h"

/* A question that is being asked; on the stack of the thread that asks. */
struct under_way {
	struct under_way *next;
	const char *name;
	bool finished;
	unsigned waiters;
	enum callahead_answer answer;
	char why[CALLAHEAD_WHY_SIZE];
};

struct callahead {
	char text[CALLAHEAD_TARGET_SIZE];
	struct callahead_options options;
	struct callahead_pool *pool;
	struct callahead_meter *meter;
	struct lock lock;
	struct condition changed; /* a question is answered */
	struct under_way *under_way GUARDED_BY(lock);
	struct breaker breaker GUARDED_BY(lock);
	struct callahead_state counts GUARDED_BY(lock);
};

struct callahead *callahead_create(
	const struct callahead_target *target, const struct callahead_options *options)
{
	struct callahead *callahead = mem_alloc(sizeof(*callahead));

	callahead->options = *options;
	callahead->pool = callahead_pool_create(target, &options->tls);
	callahead_target_format(target, callahead->text);
	callahead->meter = callahead_meter_of(callahead->text);
	lock_init(&callahead->lock);
	condition_init(&callahead->changed);
	return callahead;
}

void callahead_free(struct callahead **callahead_ptr)
{
	struct callahead *callahead = *callahead_ptr;

	if (callahead == NULL)
		return;
	*callahead_ptr = NULL;
	callahead_pool_free(&callahead->pool);
	callahead_meter_leave(callahead->meter);
	condition_destroy(&callahead->changed);
	lock_destroy(&callahead->lock);
	mem_free(callahead);
}

void callahead_state(struct callahead *callahead, struct callahead_state *state_r)
{
	lock_take(&callahead->lock);
	*state_r = callahead->counts;
	state_r->up = !callahead->breaker.open;
	lock_give(&callahead->lock);
	callahead_pool_count(callahead->pool, &state_r->open, &state_r->idle);
}

/* Asking. -------------------------------------------------------------------------------------- */

static void note_health(struct callahead *callahead, bool well, bool silent, const char *why)
{
	bool turned;

	lock_take(&callahead->lock);
	if (!well)
		callahead->counts.failures++;
	turned = well ? breaker_closed(&callahead->breaker)
		      : breaker_failed(&callahead->breaker, silent, clock_monotonic_ms());
	lock_give(&callahead->lock);
	if (!well)
		callahead_meter_count(callahead->meter, CALLAHEAD_EVENT_FAILED);
	if (turned)
		callahead_meter_set(callahead->meter, well);
	if (turned && well)
		log_info("call-ahead %s answers again", callahead->text);
	else if (turned)
		log_warning("call-ahead %s: %s", callahead->text, why);
}

static bool may_try(struct callahead *callahead)
{
	unsigned char random[STORE_ID_SIZE];
	bool may;

	store_id(random);
	lock_take(&callahead->lock);
	may = !callahead->breaker.open ||
	      breaker_may_probe(&callahead->breaker, (uint32_t)random[0] << 8 | random[1],
		      clock_monotonic_ms());
	lock_give(&callahead->lock);
	return may;
}

/* A kept connection may turn out to be dead only when it is used: then once more with another. */
static void ask_target(struct callahead *callahead, const struct callahead_question *question,
	bool try_random, struct callahead_finding *finding)
{
	uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)callahead->options.timeout_ms;
	struct callahead_lease lease;
	bool again;

	if (deadline_ms > question->deadline_ms)
		deadline_ms = question->deadline_ms;
	do {
		*finding = (struct callahead_finding){.answer = CALLAHEAD_UNSURE, .lost = true};
		if (!callahead_pool_take(callahead->pool, question->resolver, question->our_name,
			    deadline_ms, &lease, finding->why))
			break;
		callahead_dialogue(lease.link, question->path, try_random, deadline_ms, finding);
		again = finding->before_reply && lease.kept;
		lease.refusals += finding->refused;
		if (finding->lost)
			callahead_pool_drop(callahead->pool, &lease);
		else
			callahead_pool_put_back(callahead->pool, &lease);
	} while (again);
	if (finding->lost && finding->answer == CALLAHEAD_UNSURE)
		note_health(callahead, false, clock_monotonic_ms() >= deadline_ms, finding->why);
	else
		note_health(callahead, true, false, NULL);
}

static void keep(struct callahead *callahead, const struct callahead_question *question,
	const struct callahead_names *names, const struct callahead_finding *finding)
{
	const struct callahead_options *options = &callahead->options;

	if (question->dry_run)
		return;
	if (finding->answer == CALLAHEAD_CATCH_ALL)
		callahead_cache_put(question->store, names->domain, 'a', options->unknown_ms);
	else if (finding->proved_choosy)
		callahead_cache_put(question->store, names->domain, 'n', options->known_ms);
	if (finding->answer == CALLAHEAD_KNOWN) {
		callahead_cache_put(question->store, names->address, 'k', options->known_ms);
		if (question->remember)
			callahead_cache_put(
				question->store, names->refused, 'k', options->remember_ms);
	}
	if (finding->answer == CALLAHEAD_UNKNOWN) {
		callahead_cache_put(question->store, names->address, 'u', options->unknown_ms);
		if (question->remember)
			callahead_cache_put(
				question->store, names->refused, 'u', options->remember_ms);
	}
}

static void ask_anew(struct callahead *callahead, const struct callahead_question *question,
	const struct callahead_names *names, struct under_way *own)
{
	char domain = callahead_cache_get(question->store, names->domain);
	struct callahead_finding finding;

	if (domain == 'a') {
		own->answer = CALLAHEAD_CATCH_ALL;
		return;
	}
	own->answer = CALLAHEAD_UNSURE;
	if (!may_try(callahead)) {
		snprintf(own->why, sizeof(own->why), "it did not answer just now");
		return;
	}
	ask_target(callahead, question, domain != 'n', &finding);
	keep(callahead, question, names, &finding);
	if (finding.answer == CALLAHEAD_CATCH_ALL)
		log_warning("call-ahead %s takes any recipient of %s: nobody is unknown to it",
			callahead->text, question->path->domain);
	own->answer = finding.answer;
	memcpy(own->why, finding.why, sizeof(own->why));
}

/* False: OWN is entered now, and the caller asks. */
static bool share(struct callahead *callahead, const struct callahead_question *question,
	struct under_way *own)
{
	struct under_way *other;

	lock_take(&callahead->lock);
	for (other = callahead->under_way; other != NULL; other = other->next)
		if (strcmp(other->name, own->name) == 0)
			break;
	if (other == NULL) {
		own->next = callahead->under_way;
		callahead->under_way = own;
		callahead->counts.asked++;
		lock_give(&callahead->lock);
		callahead_meter_count(callahead->meter, CALLAHEAD_EVENT_ASKED);
		return false;
	}
	callahead->counts.shared++;
	callahead_meter_count(callahead->meter, CALLAHEAD_EVENT_SHARED);
	other->waiters++;
	while (!other->finished)
		if (!condition_wait(&callahead->changed, &callahead->lock, question->deadline_ms))
			break;
	own->answer = other->finished ? other->answer : CALLAHEAD_UNSURE;
	snprintf(own->why, sizeof(own->why), "%s",
		other->finished ? other->why : "no answer in time");
	other->waiters--;
	condition_broadcast(&callahead->changed);
	lock_give(&callahead->lock);
	return true;
}

/* OWN is on this thread's stack: it stays until the last waiter has read it. */
static void publish(struct callahead *callahead, struct under_way *own)
{
	struct under_way **link = &callahead->under_way;

	lock_take(&callahead->lock);
	while (*link != own)
		link = &(*link)->next;
	*link = own->next;
	own->finished = true;
	condition_broadcast(&callahead->changed);
	while (own->waiters > 0)
		(void)condition_wait(
			&callahead->changed, &callahead->lock, clock_monotonic_ms() + 1000);
	lock_give(&callahead->lock);
}

enum callahead_answer callahead_ask(struct callahead *callahead,
	const struct callahead_question *question, char why[CALLAHEAD_WHY_SIZE])
{
	struct callahead_names names;
	struct under_way own = {.name = names.address};
	char kept;

	callahead_names(&names, callahead->text, question->path);
	kept = callahead_cache_get(question->store, names.address);
	why[0] = '\0';
	if (kept == 'k' || kept == 'u') {
		lock_take(&callahead->lock);
		callahead->counts.cached++;
		lock_give(&callahead->lock);
		callahead_meter_count(callahead->meter, CALLAHEAD_EVENT_CACHED);
		return kept == 'k' ? CALLAHEAD_KNOWN : CALLAHEAD_UNKNOWN;
	}
	if (!share(callahead, question, &own)) {
		ask_anew(callahead, question, &names, &own);
		publish(callahead, &own);
	}
	memcpy(why, own.why, CALLAHEAD_WHY_SIZE);
	if (own.answer == CALLAHEAD_UNSURE && question->remember &&
		callahead_cache_get(question->store, names.refused) == 'u')
		return CALLAHEAD_UNKNOWN;
	return own.answer;
}

bool callahead_forget(
	const struct callahead *callahead, struct store *store, const struct path *path)
{
	struct callahead_names names;

	callahead_names(&names, callahead->text, path);
	return callahead_cache_forget(store, names.address) &&
	       callahead_cache_forget(store, names.refused) &&
	       callahead_cache_forget(store, names.domain);
}
