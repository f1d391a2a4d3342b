/* SPDX-License-Identifier: BSD-2-Clause */
#include "resolver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "resolver_private.h"

enum { EVENTS = 64 };

/* Defaults. */
enum {
	TIMEOUT_MS = 2000,
	ATTEMPTS = 2,
	CACHE_BYTES = 16 * 1024 * 1024,
	INQUIRIES_SHARE = 4, /* of the memory, one part is for finished inquiries */
	MAX_TTL_MS = 24 * 60 * 60 * 1000,
	MAX_NEGATIVE_TTL_MS = 15 * 60 * 1000,
	MAX_IN_FLIGHT = 20000
};

static void add_job(struct resolver_jobs *jobs, struct resolver_job *job)
{
	job->next = NULL;
	if (jobs->last != NULL)
		jobs->last->next = job;
	else
		jobs->first = job;
	jobs->last = job;
}

static void run_jobs(struct resolver_jobs *jobs)
{
	struct resolver_job *job;

	while ((job = jobs->first) != NULL) {
		jobs->first = job->next;
		if (jobs->first == NULL)
			jobs->last = NULL;
		job->run(job);
	}
}

static void wake_up(struct resolver *resolver)
{
	const uint64_t one = 1;

	while (write(resolver->wake.fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

void resolver_submit(struct resolver *resolver, struct resolver_job *job)
{
	bool first;

	lock_take(&resolver->submit_lock);
	first = resolver->submitted.first == NULL;
	add_job(&resolver->submitted, job);
	lock_give(&resolver->submit_lock);
	if (first)
		wake_up(resolver);
}

void resolver_later(struct resolver *resolver, struct resolver_job *job)
{
	add_job(&resolver->later, job);
}

static void run_submitted(struct resolver *resolver)
{
	struct resolver_jobs jobs;

	lock_take(&resolver->submit_lock);
	jobs = resolver->submitted;
	resolver->submitted = (struct resolver_jobs){.first = NULL};
	lock_give(&resolver->submit_lock);
	run_jobs(&jobs);
}

static void woken(struct resolver_watch *watch, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(watch->fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		return;
	run_submitted(watch->resolver);
}

bool resolver_watch_open(struct resolver_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(watch->resolver->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void resolver_watch_change(struct resolver_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	(void)epoll_ctl(watch->resolver->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void resolver_watch_close(struct resolver_watch *watch)
{
	(void)epoll_ctl(watch->resolver->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
	watch->closed = true;
	watch->next_closed = watch->resolver->closed;
	watch->resolver->closed = watch;
}

static void free_closed(struct resolver *resolver)
{
	struct resolver_watch *watch;

	while ((watch = resolver->closed) != NULL) {
		resolver->closed = watch->next_closed;
		mem_free(watch);
	}
}

uint16_t resolver_random(struct resolver *resolver)
{
	uint16_t number;

	if (resolver->random_left < sizeof(number)) {
		ssize_t got;

		do {
			got = getrandom(resolver->random, sizeof(resolver->random), 0);
		} while (got != (ssize_t)sizeof(resolver->random));
		resolver->random_left = sizeof(resolver->random);
	}
	resolver->random_left -= sizeof(number);
	memcpy(&number, resolver->random + resolver->random_left, sizeof(number));
	return number;
}

/* Steps of inquiries ask questions, questions may end at once, and then steps run again. */
static void settle(struct resolver *resolver)
{
	do {
		run_jobs(&resolver->later);
		resolver_timer_run(&resolver->timers, resolver->now_ms);
	} while (resolver->later.first != NULL);
	free_closed(resolver);
}

static bool is_stopping(struct resolver *resolver)
{
	bool stopping;

	lock_take(&resolver->submit_lock);
	stopping = resolver->stopping;
	lock_give(&resolver->submit_lock);
	return stopping;
}

static void one_round(struct resolver *resolver)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(resolver->epoll, events, EVENTS,
		resolver_timer_wait(&resolver->timers, clock_monotonic_ms()));

	resolver->now_ms = clock_monotonic_ms();
	for (int i = 0; i < count; i++) {
		struct resolver_watch *watch = events[i].data.ptr;

		if (!watch->closed)
			watch->ready(watch, events[i].events);
	}
	settle(resolver);
}

static void *serve(void *argument)
{
	struct resolver *resolver = argument;

	pthread_setname_np(pthread_self(), "resolver");
	resolver->now_ms = clock_monotonic_ms();
	while (!is_stopping(resolver))
		one_round(resolver);
	resolver->closing = true;
	run_submitted(resolver);
	settle(resolver);
	resolver_question_fail_all(resolver);
	settle(resolver);
	for (size_t i = 0; i < resolver->server_count; i++)
		resolver_udp_close(&resolver->servers[i]);
	settle(resolver);
	return NULL;
}

static uint64_t positive(int64_t value, uint64_t fallback)
{
	return value > 0 ? (uint64_t)value : fallback;
}

static bool find_servers(
	struct resolver *resolver, const struct resolver_options *options, char *why, size_t size)
{
	struct resolver_address found[RESOLVER_SERVERS_MAX];
	char *const *names = options->nameservers;
	size_t count = 0;

	for (; names != NULL && *names != NULL && count < RESOLVER_SERVERS_MAX; names++, count++) {
		if (resolver_config_address(*names, &found[count]))
			continue;
		snprintf(why, size, "\"%.64s\" is not the address of a nameserver", *names);
		return false;
	}
	if (count == 0)
		count = resolver_config_file("/etc/resolv.conf", found);
	if (count == 0 && resolver_config_address("127.0.0.1", &found[0]))
		count = 1;
	for (size_t i = 0; i < count; i++)
		resolver->servers[i].address = found[i];
	resolver->server_count = count;
	return true;
}

static struct resolver_limits limits_of(const struct resolver_options *options)
{
	return (struct resolver_limits){
		.timeout_ms = positive(options->timeout_ms, TIMEOUT_MS),
		.attempts = positive(options->attempts, ATTEMPTS),
		.max_ttl_ms = positive(options->max_ttl_ms, MAX_TTL_MS),
		.max_negative_ttl_ms = positive(options->max_negative_ttl_ms, MAX_NEGATIVE_TTL_MS),
		.max_in_flight = positive(options->max_in_flight, MAX_IN_FLIGHT),
	};
}

static void release(struct resolver *resolver)
{
	struct ttlcache *inquiries;

	if (resolver->epoll >= 0)
		close(resolver->epoll);
	if (resolver->wake.fd >= 0)
		close(resolver->wake.fd);
	resolver_timer_clear(&resolver->timers);
	ttlcache_free(&resolver->cache);
	inquiries = atomic_load(&resolver->inquiries);
	ttlcache_free(&inquiries);
	slowest_free(&resolver->slowest);
	lock_destroy(&resolver->submit_lock);
	mem_free(resolver);
}

/* Signals are for the main thread. */
static bool start_thread(struct resolver *resolver)
{
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&resolver->thread, NULL, serve, resolver) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

struct resolver *resolver_start(const struct resolver_options *options, char *why, size_t why_size)
{
	size_t bytes = (size_t)positive(options->cache_bytes, CACHE_BYTES);
	struct resolver *resolver = mem_alloc(sizeof(*resolver));

	resolver->limits = limits_of(options);
	lock_init(&resolver->submit_lock);
	resolver->slowest = slowest_create();
	resolver->cache = dnscache_create(bytes - bytes / INQUIRIES_SHARE);
	resolver->inquiries_bytes = bytes / INQUIRIES_SHARE;
	resolver->epoll = epoll_create1(EPOLL_CLOEXEC);
	resolver->wake = (struct resolver_watch){
		.ready = woken,
		.resolver = resolver,
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
	};
	if (!find_servers(resolver, options, why, why_size)) {
		release(resolver);
		return NULL;
	}
	if (resolver->epoll < 0 || resolver->wake.fd < 0 ||
		!resolver_watch_open(&resolver->wake, EPOLLIN) || !start_thread(resolver)) {
		snprintf(why, why_size, "cannot start the resolver: %s", strerror(errno));
		release(resolver);
		return NULL;
	}
	return resolver;
}

void resolver_stop(struct resolver **resolver)
{
	struct resolver *stopped = *resolver;

	if (stopped == NULL)
		return;
	*resolver = NULL;
	lock_take(&stopped->submit_lock);
	stopped->stopping = true;
	lock_give(&stopped->submit_lock);
	wake_up(stopped);
	pthread_join(stopped->thread, NULL);
	release(stopped);
}

const struct dns_answer *resolver_cached(struct resolver *resolver, const char *name,
	enum dns_type type, uint64_t hash, uint64_t *expires_ms_r)
{
	const struct dns_answer *answer =
		dnscache_get(resolver->cache, name, type, hash, clock_monotonic_ms(), expires_ms_r);

	resolver_count(&resolver->counters.questions, 1);
	resolver_count(&resolver->counters.cache_hits, answer != NULL);
	return answer;
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void resolver_stats(const struct resolver *resolver, struct resolver_stats *stats_r)
{
	const struct resolver_counters *counters = &resolver->counters;

	*stats_r = (struct resolver_stats){
		.questions = read_counter(&counters->questions),
		.cache_hits = read_counter(&counters->cache_hits),
		.joined = read_counter(&counters->joined),
		.queries_udp = read_counter(&counters->queries_udp),
		.queries_tcp = read_counter(&counters->queries_tcp),
		.timeouts = read_counter(&counters->timeouts),
		.rejected = read_counter(&counters->rejected),
		.failures = read_counter(&counters->failures),
		.failures_in_a_row = read_counter(&counters->failures_in_a_row),
		.in_flight = read_counter(&counters->in_flight),
	};
	ttlcache_count(resolver->cache, &stats_r->cache_entries, &stats_r->cache_bytes);
	histogram_read(&resolver->latency, &stats_r->latency);
}

size_t resolver_slowest(
	const struct resolver *resolver, struct slowest_entry entries_r[SLOWEST_COUNT])
{
	return slowest_read(resolver->slowest, entries_r, clock_monotonic_ms());
}

void resolver_flush(struct resolver *resolver)
{
	struct ttlcache *inquiries = atomic_load(&resolver->inquiries);

	ttlcache_flush(resolver->cache);
	if (inquiries != NULL)
		ttlcache_flush(inquiries);
}
