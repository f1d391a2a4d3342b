/* SPDX-License-Identifier: BSD-2-Clause */
/* A question in flight: who waits for it, which server is being asked, and what comes next. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "mem.h"
#include "resolver_packet.h"
#include "resolver_private.h"

enum {
	PAUSE_MS = 250, /* after every server was unreachable: perhaps one is being restarted */
	PAUSES_MAX = 4,
	KEEP_MIN_MS = 1000, /* so that the policies of one message share even a TTL of 0 */
	KEEP_FAILURE_MS = 2000
};

struct question {
	struct resolver *resolver;
	struct question *chain; /* next in the bucket */
	struct resolver_wait *waits;
	struct resolver_timer timer; /* of the attempt, or of the pause */
	struct question_attempt attempt;
	uint64_t hash;
	uint64_t began_us; /* clock_monotonic_us */
	enum dns_type type;
	unsigned aliases; /* followed so far */
	uint32_t alias_ttl;
	char *alias; /* the name asked for now; NULL: NAME itself */
	uint32_t tried; /* servers of this round */
	unsigned rounds, pauses;
	bool edns;
	bool silent; /* in this round a server let the time pass */
	bool unreachable; /* in this round a server could not be reached */
	bool bad_answer; /* some server answered, but of no use */
	bool hopeless; /* no server worked at the start: one round will do */
	char name[];
};

static void try_next(struct question *question);

struct question_attempt *resolver_question_attempt(struct question *question)
{
	return &question->attempt;
}

static struct resolver_packet_query query_of(const struct question *question)
{
	return (struct resolver_packet_query){
		.id = question->attempt.id,
		.name = question->alias != NULL ? question->alias : question->name,
		.type = question->type,
		.edns = question->edns,
		.asked = question->name,
		.aliases = question->aliases,
		.alias_ttl = question->alias_ttl,
	};
}

size_t resolver_question_write(const struct question *question, uint8_t *packet)
{
	struct resolver_packet_query query = query_of(question);

	return resolver_packet_write(&query, packet);
}

static struct question **bucket_of(struct resolver *resolver, uint64_t hash)
{
	return &resolver->questions[(hash >> 32) % RESOLVER_BUCKETS];
}

static struct question *find(
	struct resolver *resolver, const char *name, enum dns_type type, uint64_t hash)
{
	struct question *question = *bucket_of(resolver, hash);

	while (question != NULL && (question->hash != hash || question->type != type ||
					   strcmp(question->name, name) != 0))
		question = question->chain;
	return question;
}

static void set_in_flight(struct resolver *resolver, size_t in_flight)
{
	resolver->in_flight = in_flight;
	atomic_store_explicit(&resolver->counters.in_flight, in_flight, memory_order_relaxed);
}

static uint64_t lifetime_of(const struct resolver *resolver, const struct dns_answer *answer)
{
	uint64_t lifetime = (uint64_t)answer->ttl * 1000U;
	uint64_t most = answer->status == DNS_OK ? resolver->limits.max_ttl_ms
						 : resolver->limits.max_negative_ttl_ms;

	if (dns_is_temporary(answer->status))
		return KEEP_FAILURE_MS;
	if (lifetime < KEEP_MIN_MS)
		lifetime = KEEP_MIN_MS;
	return lifetime < most ? lifetime : most;
}

/* The attempt is over: nothing that comes for it is read any more. */
static void end_attempt(struct question *question)
{
	resolver_timer_cancel(&question->resolver->timers, &question->timer);
	resolver_udp_forget(question);
	resolver_tcp_forget(question);
}

static void take_time(struct question *question, enum dns_status status)
{
	struct resolver *resolver = question->resolver;
	uint64_t took_us = clock_monotonic_us() - question->began_us;
	char name[SLOWEST_NAME_SIZE];

	histogram_add(&resolver->latency, took_us);
	snprintf(name, sizeof(name), "%s %.70s%s%s", dns_type_name(question->type), question->name,
		status == DNS_OK ? "" : " ", status == DNS_OK ? "" : dns_status_name(status));
	slowest_note(resolver->slowest, name, took_us, resolver->now_ms);
}

/* Takes over ANSWER, tells all who wait, and frees the question. */
static void complete(struct question *question, const struct dns_answer *answer)
{
	struct resolver *resolver = question->resolver;
	struct question **at = bucket_of(resolver, question->hash);
	struct resolver_wait *wait;

	end_attempt(question);
	while (*at != question)
		at = &(*at)->chain;
	*at = question->chain;
	set_in_flight(resolver, resolver->in_flight - 1);
	take_time(question, answer->status);
	if (dns_is_temporary(answer->status)) {
		resolver_count(&resolver->counters.failures, 1);
		resolver_count(&resolver->counters.failures_in_a_row, 1);
	} else {
		atomic_store_explicit(
			&resolver->counters.failures_in_a_row, 0, memory_order_relaxed);
	}
	if (!resolver->closing)
		dnscache_put(resolver->cache, answer, question->hash,
			resolver->now_ms + lifetime_of(resolver, answer), resolver->now_ms);
	while ((wait = question->waits) != NULL) {
		resolver_question_leave(wait);
		wait->arrived(wait, answer);
	}
	dns_answer_release(&answer);
	mem_free(question->alias);
	mem_free(question);
}

static void fail(struct question *question, enum dns_status status)
{
	complete(question, dns_answer_create(question->name, question->type, status, 0, NULL, 0));
}

static void pause_over(struct resolver_timer *timer)
{
	try_next((struct question *)((char *)timer - offsetof(struct question, timer)));
}

static void time_out(struct resolver_timer *timer)
{
	struct question *question =
		(struct question *)((char *)timer - offsetof(struct question, timer));

	resolver_count(&question->resolver->counters.timeouts, 1);
	question->silent = true;
	resolver_server_failed(question->resolver, question->attempt.server, false);
	end_attempt(question);
	try_next(question);
}

static void start_timer(struct question *question)
{
	struct resolver *resolver = question->resolver;

	question->timer.expired = time_out;
	resolver_timer_set(&resolver->timers, &question->timer,
		resolver->now_ms + resolver->limits.timeout_ms);
}

/* Every server was asked in vain: fail, pause, or begin another round (true). */
static bool next_round(struct question *question)
{
	struct resolver *resolver = question->resolver;
	bool restarting = question->unreachable && !question->silent && !question->bad_answer &&
			  !question->hopeless;

	question->tried = 0;
	if (restarting && question->pauses < PAUSES_MAX) {
		question->pauses++;
		question->unreachable = false;
		question->timer.expired = pause_over;
		resolver_timer_set(
			&resolver->timers, &question->timer, resolver->now_ms + PAUSE_MS);
		return false;
	}
	question->rounds++;
	if (!question->silent || question->hopeless ||
		question->rounds >= resolver->limits.attempts) {
		fail(question, question->bad_answer ? DNS_SERVFAIL : DNS_TIMEOUT);
		return false;
	}
	question->silent = false;
	question->unreachable = false;
	return true;
}

static void try_next(struct question *question)
{
	struct resolver *resolver = question->resolver;

	for (;;) {
		struct resolver_server *server = resolver_server_next(resolver, question->tried);

		if (server == NULL) {
			if (!next_round(question))
				return;
			continue;
		}
		question->tried |= resolver_server_bit(resolver, server);
		question->attempt.server = server;
		if (resolver_udp_send(resolver, question)) {
			start_timer(question);
			return;
		}
		question->unreachable = true;
		resolver_server_failed(resolver, server, true);
	}
}

void resolver_question_unreachable(struct question *question)
{
	bool over_tcp = question->attempt.connection != NULL;

	resolver_server_failed(question->resolver, question->attempt.server, !over_tcp);
	if (over_tcp)
		question->bad_answer = true; /* it said more was to be had over TCP */
	else
		question->unreachable = true;
	end_attempt(question);
	try_next(question);
}

static void useless(struct question *question)
{
	question->bad_answer = true;
	resolver_server_failed(question->resolver, question->attempt.server, false);
	try_next(question);
}

/* The same server once more, in another way. */
static void ask_again(struct question *question, bool over_tcp)
{
	struct resolver *resolver = question->resolver;
	bool sent = over_tcp ? resolver_tcp_send(resolver, question)
			     : resolver_udp_send(resolver, question);

	if (sent)
		start_timer(question);
	else
		useless(question);
}

static void follow_alias(struct question *question, const struct resolver_packet_reply *reply)
{
	mem_free(question->alias);
	question->alias = mem_text(reply->alias);
	question->aliases = reply->aliases;
	question->alias_ttl = reply->alias_ttl;
	question->tried = 0;
	question->rounds = 0;
	question->silent = false;
	question->unreachable = false;
	try_next(question);
}

/* All servers were asked in this round, and none failed. */
static bool all_agree(const struct question *question)
{
	return resolver_server_next(question->resolver, question->tried) == NULL &&
	       !question->bad_answer && !question->silent && !question->unreachable;
}

void resolver_question_reply(
	struct question *question, const uint8_t *packet, size_t length, bool over_tcp)
{
	struct resolver *resolver = question->resolver;
	struct resolver_packet_query query = query_of(question);
	struct resolver_packet_reply reply;
	enum resolver_packet_result result = resolver_packet_read(packet, length, &query, &reply);
	const struct dns_answer *empty;

	if (result == RESOLVER_PACKET_FOREIGN && !over_tcp) {
		resolver_count(&resolver->counters.rejected, 1);
		return;
	}
	end_attempt(question);
	switch (result) {
	case RESOLVER_PACKET_ANSWER:
		resolver_server_works(question->attempt.server);
		complete(question, reply.answer);
		return;
	case RESOLVER_PACKET_EMPTY:
		if (all_agree(question)) {
			complete(question, reply.answer);
			return;
		}
		empty = reply.answer;
		dns_answer_release(&empty);
		try_next(question);
		return;
	case RESOLVER_PACKET_ALIAS:
		resolver_server_works(question->attempt.server);
		follow_alias(question, &reply);
		return;
	case RESOLVER_PACKET_NO_EDNS:
		question->edns = false;
		ask_again(question, over_tcp);
		return;
	case RESOLVER_PACKET_TRUNCATED:
		if (over_tcp)
			break;
		ask_again(question, true);
		return;
	case RESOLVER_PACKET_FOREIGN:
	case RESOLVER_PACKET_BROKEN:
	case RESOLVER_PACKET_REFUSED:
		break;
	}
	useless(question);
}

const struct dns_answer *resolver_question_ask(struct resolver *resolver, const char *name,
	enum dns_type type, uint64_t hash, struct resolver_wait *wait)
{
	uint64_t expires_ms;
	const struct dns_answer *answer =
		dnscache_get(resolver->cache, name, type, hash, resolver->now_ms, &expires_ms);
	struct question *question = find(resolver, name, type, hash);
	size_t size = strlen(name) + 1;

	if (answer != NULL)
		return answer;
	if (question == NULL &&
		(resolver->closing || resolver->in_flight >= resolver->limits.max_in_flight)) {
		resolver_count(&resolver->counters.failures, 1);
		return dns_answer_create(name, type, DNS_SERVFAIL, 0, NULL, 0);
	}
	if (question == NULL) {
		question = mem_alloc(sizeof(*question) + size);
		memcpy(question->name, name, size);
		question->resolver = resolver;
		question->type = type;
		question->hash = hash;
		question->began_us = clock_monotonic_us();
		question->alias_ttl = UINT32_MAX;
		question->edns = true;
		question->hopeless = resolver_server_none_works(resolver);
		question->chain = *bucket_of(resolver, hash);
		*bucket_of(resolver, hash) = question;
		set_in_flight(resolver, resolver->in_flight + 1);
		question->timer.expired = pause_over;
		resolver_timer_set(&resolver->timers, &question->timer, 0);
	} else {
		resolver_count(&resolver->counters.joined, 1);
	}
	wait->link = &question->waits;
	wait->next = question->waits;
	if (wait->next != NULL)
		wait->next->link = &wait->next;
	question->waits = wait;
	return NULL;
}

void resolver_question_leave(struct resolver_wait *wait)
{
	if (wait->link == NULL)
		return;
	*wait->link = wait->next;
	if (wait->next != NULL)
		wait->next->link = wait->link;
	wait->link = NULL;
	wait->next = NULL;
}

void resolver_question_fail_all(struct resolver *resolver)
{
	for (size_t i = 0; i < RESOLVER_BUCKETS; i++)
		while (resolver->questions[i] != NULL)
			fail(resolver->questions[i], DNS_SERVFAIL);
}
