/* SPDX-License-Identifier: BSD-2-Clause */
/* The resolver: one thread carries all questions of all sessions over non-blocking sockets. Sessions
 * do not call it directly but start inquiries (inquiry.h). Packets are read by ldns, which only
 * resolver_packet.c includes. Thread-safe.
 *
 * A server that can say nothing (time-out, SERVFAIL, REFUSED, a broken answer, unreachable) is
 * followed by the next; one that keeps failing is asked last for some seconds. Answers are kept for
 * their TTL, but at least 1 s, and failures for 2 s. */
#ifndef MAILREEVE_RESOLVER_H
#define MAILREEVE_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "dns.h"
#include "histogram.h"
#include "slowest.h"

struct resolver;

/* A number that is 0 or less stands for the default in brackets. */
struct resolver_options {
	char **nameservers; /* "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53"; NULL or empty:
			     * those of /etc/resolv.conf, else 127.0.0.1 */
	int64_t timeout_ms; /* per attempt, before the next server is asked [2000] */
	int64_t attempts; /* rounds over all servers [2] */
	int64_t cache_bytes; /* bound on cached answers, all told [16 MB]; a quarter is for what
			      * inquiries found out from them */
	int64_t max_ttl_ms; /* answers are kept no longer [1 d] */
	int64_t max_negative_ttl_ms; /* NXDOMAIN and NODATA no longer than this [15 min] */
	int64_t max_in_flight; /* questions; above it a question fails as SERVFAIL at once [20000] */
};

/* Starts the thread. NULL with a sentence in WHY (no usable nameserver, no socket). */
struct resolver *resolver_start(
	const struct resolver_options *options, char *why, size_t why_size) MUST_CHECK;

/* Ends the thread; inquiries still waiting are finished with DNS_SERVFAIL. Nulls. */
void resolver_stop(struct resolver **resolver);

struct resolver_stats {
	uint64_t questions; /* asked by inquiries, cached ones included */
	uint64_t cache_hits;
	uint64_t joined; /* found the same question already in flight */
	uint64_t queries_udp; /* packets sent */
	uint64_t queries_tcp;
	uint64_t timeouts; /* attempts without an answer */
	uint64_t rejected; /* answers with the wrong id, question or form */
	uint64_t failures; /* questions that ended in SERVFAIL or TIMEOUT */
	uint64_t failures_in_a_row; /* now */
	uint64_t in_flight;
	uint64_t cache_entries, cache_bytes;
	struct histogram_state latency; /* of the questions that the cache could not answer */
};
void resolver_stats(const struct resolver *resolver, struct resolver_stats *stats_r);

/* The questions of the last minutes that took longest: "MX example.net TIMEOUT". */
size_t resolver_slowest(
	const struct resolver *resolver, struct slowest_entry entries_r[SLOWEST_COUNT]);

/* Forgets all cached answers (tests, mailreevectl). */
void resolver_flush(struct resolver *resolver);

#endif
