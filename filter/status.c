/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include <inttypes.h>

#include "clock.h"
#include "stats.h"
#include "text.h"

static void write_json(FILE *out, const struct stats *stats, const struct resolver_stats *resolver,
	const struct store_state *store)
{
	fprintf(out, "{\"version\": \"%s\", \"uptime_seconds\": %" PRIu64, MAILREEVE_VERSION,
		(clock_wall_ms() - stats->started_ms) / 1000U);
	fprintf(out, ", \"sessions\": %" PRIu64 ", \"sessions_open\": %" PRIu64, stats->sessions,
		stats->sessions_open);
	fprintf(out,
		", \"messages_accepted\": %" PRIu64 ", \"messages_quarantined\": %" PRIu64
		", \"recipients_accepted\": %" PRIu64,
		stats->messages_accepted, stats->messages_quarantined, stats->recipients_accepted);
	fputs(", \"refused\": {", out);
	for (int stage = 0; stage < STAGE_COUNT; stage++)
		fprintf(out, "%s\"%s\": {\"tempfail\": %" PRIu64 ", \"reject\": %" PRIu64 "}",
			stage == 0 ? "" : ", ", stage_name((enum stage)stage),
			stats->tempfails[stage], stats->rejects[stage]);
	fprintf(out, "}, \"reloads\": %" PRIu64 ", \"reloads_failed\": %" PRIu64, stats->reloads,
		stats->reloads_failed);
	fprintf(out,
		", \"lookups\": {\"transactions\": %" PRIu64 ", \"questions\": %" PRIu64
		", \"sent\": %" PRIu64 ", \"steps\": %" PRIu64 ", \"steps_max\": %" PRIu64
		", \"spf_steps_max\": %" PRIu64 "}",
		stats->dns_transactions, stats->dns_questions, stats->dns_sent, stats->dns_steps,
		stats->dns_steps_max, stats->dns_spf_steps_max);
	fprintf(out,
		", \"resolver\": {\"questions\": %" PRIu64 ", \"cache_hits\": %" PRIu64
		", \"queries_udp\": %" PRIu64 ", \"queries_tcp\": %" PRIu64
		", \"timeouts\": %" PRIu64 ", \"failures\": %" PRIu64 ", \"in_flight\": %" PRIu64
		", \"cache_entries\": %" PRIu64 ", \"cache_bytes\": %" PRIu64 "}",
		resolver->questions, resolver->cache_hits, resolver->queries_udp,
		resolver->queries_tcp, resolver->timeouts, resolver->failures, resolver->in_flight,
		resolver->cache_entries, resolver->cache_bytes);
	fprintf(out,
		", \"store\": {\"kind\": \"%s\", \"up\": %s, \"calls\": %" PRIu64
		", \"failures\": %" PRIu64 ", \"outages\": %" PRIu64 "}}\n",
		store->kind, store->up ? "true" : "false", store->calls, store->failures,
		store->outages);
}

static void write_refused(FILE *out, const struct stats *stats)
{
	fputs("refused at       tempfail     reject\n", out);
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		if (stage == STAGE_HEADER || stage == STAGE_BODY)
			continue;
		fprintf(out, "  %-10s %12" PRIu64 " %10" PRIu64 "\n", stage_name((enum stage)stage),
			stats->tempfails[stage], stats->rejects[stage]);
	}
}

static void write_text(FILE *out, const struct stats *stats, const struct resolver_stats *resolver,
	const struct store_state *store)
{
	uint64_t up = (clock_wall_ms() - stats->started_ms) / 1000U;
	char detail[2 * sizeof(store->detail)];

	fprintf(out, "mailreeve %s, up %" PRIu64 " d %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 "\n",
		MAILREEVE_VERSION, up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
	fprintf(out, "sessions    %10" PRIu64 "   open now %" PRIu64 "\n", stats->sessions,
		stats->sessions_open);
	fprintf(out, "messages    %10" PRIu64 "   accepted, %" PRIu64 " quarantined\n",
		stats->messages_accepted, stats->messages_quarantined);
	fprintf(out, "recipients  %10" PRIu64 "   accepted\n", stats->recipients_accepted);
	write_refused(out, stats);
	fprintf(out,
		"resolver    %10" PRIu64 "   questions, %" PRIu64 " from the cache, %" PRIu64
		" failed, %" PRIu64 " in flight\n",
		resolver->questions, resolver->cache_hits, resolver->failures, resolver->in_flight);
	fprintf(out, "store       %10s   %s, %" PRIu64 " calls, %" PRIu64 " failed%s%s\n",
		store->kind, store->up ? "up" : "DOWN", store->calls, store->failures,
		store->up || store->detail[0] == '\0' ? "" : ": ",
		store->up ? "" : text_escape(store->detail, detail, sizeof(detail)));
	fprintf(out, "reloads     %10" PRIu64 "   done, %" PRIu64 " failed\n", stats->reloads,
		stats->reloads_failed);
}

void status_write(FILE *out, const struct services *services, bool json)
{
	struct resolver_stats resolver;
	struct store_state store;
	struct stats stats;

	stats_read(&stats);
	resolver_stats(services->resolver, &resolver);
	store_state(services->store, &store);
	if (json)
		write_json(out, &stats, &resolver, &store);
	else
		write_text(out, &stats, &resolver, &store);
}
