/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the resolver and inquiry.c share; nobody else includes it. Unless said otherwise,
 * everything here belongs to the resolver thread. */
#ifndef MAILREEVE_RESOLVER_PRIVATE_H
#define MAILREEVE_RESOLVER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "dns.h"
#include "dnscache.h"
#include "histogram.h"
#include "lock.h"
#include "resolver_config.h"
#include "resolver_timer.h"
#include "slowest.h"

enum {
	RESOLVER_UDP_SOCKETS = 8, /* open for each server at once: so many ports to guess from */
	RESOLVER_BUCKETS = 4096, /* of the table of questions in flight */
	RESOLVER_RANDOM_POOL = 256,
	RESOLVER_UDP_BATCH = 16, /* datagrams taken by one call */
	RESOLVER_UDP_BUFFER = 4096
};

struct question;
struct udp_socket;
struct udp_slot;
struct tcp_connection;

/* A file descriptor watched by epoll; first member of what it belongs to. */
struct resolver_watch {
	void (*ready)(struct resolver_watch *watch, uint32_t events);
	struct resolver *resolver;
	int fd;
	bool closed; /* freed at the end of the round, as events for it may be on their way */
	struct resolver_watch *next_closed;
};

/* Work handed to the resolver thread. */
struct resolver_job {
	struct resolver_job *next;
	void (*run)(struct resolver_job *job);
};

struct resolver_jobs {
	struct resolver_job *first, *last;
};

/* One who waits for the answer of a question in flight. */
struct resolver_wait {
	struct resolver_wait *next, **link; /* link NULL: not waiting */
	void (*arrived)(struct resolver_wait *wait, const struct dns_answer *answer);
};

struct resolver_server {
	struct resolver_address address;
	struct udp_socket *sockets[RESOLVER_UDP_SOCKETS];
	unsigned failures; /* in a row */
	uint64_t avoid_until_ms; /* asked last until then */
	uint64_t log_after_ms;
	bool is_logged; /* that it does not answer */
};

struct resolver_counters {
	atomic_uint_fast64_t questions, cache_hits, joined, queries_udp, queries_tcp, timeouts,
		rejected, failures, failures_in_a_row, in_flight;
};

/* Of the options, with the defaults filled in. Constant. */
struct resolver_limits {
	uint64_t timeout_ms;
	uint64_t attempts;
	uint64_t max_ttl_ms;
	uint64_t max_negative_ttl_ms;
	uint64_t max_in_flight;
};

struct resolver {
	struct resolver_limits limits;
	struct ttlcache *cache; /* of answers; thread-safe */
	/* Finished inquiries, made at the first one by inquiry_cache.c; thread-safe. */
	_Atomic(struct ttlcache *) inquiries;
	size_t inquiries_bytes; /* most of them */
	struct resolver_counters counters;
	struct histogram latency;
	struct slowest *slowest;
	struct lock submit_lock; /* guards submitted and stopping */
	struct resolver_jobs submitted;
	bool stopping;
	pthread_t thread;

	int epoll;
	struct resolver_watch wake; /* the eventfd */
	uint64_t now_ms; /* of this round */
	struct resolver_timers timers;
	struct resolver_jobs later; /* run at the end of this round */
	struct resolver_watch *closed;
	struct question *questions[RESOLVER_BUCKETS];
	size_t in_flight;
	size_t tcp_connections;
	bool closing; /* every question fails at once */
	uint8_t random[RESOLVER_RANDOM_POOL];
	size_t random_left;
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	size_t server_count;
	uint8_t datagrams[RESOLVER_UDP_BATCH][RESOLVER_UDP_BUFFER];
};

/* resolver.c -------------------------------------------------------------------------------------- */

/* From the cache, with a reference for the caller, and when it expires; NULL: not there. Any thread. */
const struct dns_answer *resolver_cached(struct resolver *resolver, const char *name,
	enum dns_type type, uint64_t hash, uint64_t *expires_ms_r);

/* Runs JOB in the resolver thread soon. Any thread; one wake-up for all that is submitted at once. */
void resolver_submit(struct resolver *resolver, struct resolver_job *job);

/* Runs JOB when the packets of this round have been read. */
void resolver_later(struct resolver *resolver, struct resolver_job *job);

bool resolver_watch_open(struct resolver_watch *watch, uint32_t events) MUST_CHECK;
void resolver_watch_change(struct resolver_watch *watch, uint32_t events);
void resolver_watch_close(struct resolver_watch *watch); /* frees it too, later */

uint16_t resolver_random(struct resolver *resolver); /* from the system's random source */

static inline void resolver_count(atomic_uint_fast64_t *counter, size_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* resolver_server.c ------------------------------------------------------------------------------- */

/* The server to ask next of those not in the set TRIED (bits); NULL when all were. */
struct resolver_server *resolver_server_next(struct resolver *resolver, uint32_t tried);
uint32_t resolver_server_bit(const struct resolver *resolver, const struct resolver_server *server);
void resolver_server_works(struct resolver_server *server);

/* UNREACHABLE: the network said so, not only a time-out or a bad answer. */
void resolver_server_failed(
	struct resolver *resolver, struct resolver_server *server, bool unreachable);
bool resolver_server_none_works(const struct resolver *resolver);

/* resolver_question.c ----------------------------------------------------------------------------- */

/* The answer, with a reference for the caller, when it is known or cannot be had; else NULL, and
 * WAIT is told when it comes. NAME is canonical, HASH of dnscache_hash. */
const struct dns_answer *resolver_question_ask(struct resolver *resolver, const char *name,
	enum dns_type type, uint64_t hash, struct resolver_wait *wait);
void resolver_question_leave(struct resolver_wait *wait);
void resolver_question_fail_all(struct resolver *resolver);

/* A question as the transports see it: what to send, and where the attempt is. */
struct question_attempt {
	struct resolver_server *server;
	struct udp_socket *socket;
	struct udp_slot *slot;
	struct tcp_connection *connection;
	uint16_t id;
};
struct question_attempt *resolver_question_attempt(struct question *question);
size_t resolver_question_write(const struct question *question, uint8_t *packet);
void resolver_question_reply(
	struct question *question, const uint8_t *packet, size_t length, bool over_tcp);
void resolver_question_unreachable(struct question *question);

/* resolver_udp.c ---------------------------------------------------------------------------------- */

/* Sends the question to its server; false when no packet could leave. */
bool resolver_udp_send(struct resolver *resolver, struct question *question) MUST_CHECK;
void resolver_udp_forget(struct question *question); /* what comes for it is not ours any more */
void resolver_udp_close(struct resolver_server *server);

/* resolver_tcp.c ---------------------------------------------------------------------------------- */

bool resolver_tcp_send(struct resolver *resolver, struct question *question) MUST_CHECK;
void resolver_tcp_forget(struct question *question);

#endif
