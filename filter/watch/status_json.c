/* SPDX-License-Identifier: BSD-2-Clause */
/* The same as JSON. */
#include <stdlib.h>

#include "callahead_meter.h"
#include "clock.h"
#include "journal.h"
#include "json_write.h"
#include "limit_meter.h"
#include "mem.h"
#include "stats.h"
#include "status.h"
#include "trials.h"

enum { JSON_SIZE = 1 << 20 };

static void add_count(struct text *json, const char *key, uint64_t count)
{
	json_add_number(json, key, count > INT64_MAX ? INT64_MAX : (int64_t)count);
}

static void add_head(struct text *json, const struct running *running, const struct stats *stats)
{
	char reasons[2048];
	struct journal_state journal;
	struct text text;

	journal_state(&journal);
	text_init(&text, reasons, sizeof(reasons));
	json_add_text(json, "version", MAILREEVE_VERSION);
	add_count(json, "uptime_seconds", (clock_wall_ms() - stats->started_ms) / 1000U);
	add_count(json, "now_ms", clock_monotonic_ms());
	json_add_text(json, "health", health_name(health_look(running, &text)));
	json_add_text(json, "health_reasons", reasons);
	json_open(json, "configuration", '{');
	json_add_text(json, "file", running->reload.file);
	add_count(json, "loaded_ms", running->reload.loaded_ms);
	add_count(json, "tried_ms", running->reload.tried_ms);
	json_add_text(json, "error", running->reload.error);
	json_close(json, '}');
	add_count(json, "reloads", running->reload.done);
	add_count(json, "reloads_failed", running->reload.failed);
	add_count(json, "sessions", stats->sessions);
	add_count(json, "sessions_open", stats->sessions_open);
	json_add_number(json, "sessions_waiting", running->waiting);
	add_count(json, "messages_accepted", stats->messages_accepted);
	add_count(json, "messages_quarantined", stats->messages_quarantined);
	add_count(json, "recipients_accepted", stats->recipients_accepted);
	add_count(json, "too_busy", stats->too_busy);
	add_count(json, "journal_written", journal.written);
	add_count(json, "journal_lost", journal.dropped);
}

/* A median for an eye, and the sum for rates. */
static void add_latency(struct text *json, const struct histogram_state *latency)
{
	uint64_t median = histogram_quantile_us(latency, 500);
	uint64_t most = histogram_quantile_us(latency, 990);

	add_count(json, "count", latency->count);
	add_count(json, "sum_us", latency->sum_us);
	add_count(json, "median_us", median);
	add_count(json, "p99_us", most);
}

static void add_stages(struct text *json, const struct stats *stats)
{
	json_open(json, "refused", '{');
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		json_open(json, stage_name((enum stage)stage), '{');
		add_count(json, "tempfail", stats->tempfails[stage]);
		add_count(json, "reject", stats->rejects[stage]);
		json_close(json, '}');
	}
	json_close(json, '}');
	json_open(json, "stages", '{');
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		if (stage == STAGE_HEADER || stage == STAGE_BODY)
			continue;
		json_open(json, stage_name((enum stage)stage), '{');
		add_latency(json, &stats->latency[stage]);
		json_close(json, '}');
	}
	json_close(json, '}');
	json_open(json, "lookups", '{');
	add_count(json, "transactions", stats->dns_transactions);
	add_count(json, "questions", stats->dns_questions);
	add_count(json, "sent", stats->dns_sent);
	add_count(json, "steps", stats->dns_steps);
	add_count(json, "steps_max", stats->dns_steps_max);
	add_count(json, "spf_steps_max", stats->dns_spf_steps_max);
	json_close(json, '}');
}

static void add_resolver(struct text *json, const struct running *running)
{
	const struct resolver_stats *resolver = &running->resolver;

	json_open(json, "resolver", '{');
	add_count(json, "questions", resolver->questions);
	add_count(json, "cache_hits", resolver->cache_hits);
	add_count(json, "joined", resolver->joined);
	add_count(json, "queries_udp", resolver->queries_udp);
	add_count(json, "queries_tcp", resolver->queries_tcp);
	add_count(json, "timeouts", resolver->timeouts);
	add_count(json, "rejected", resolver->rejected);
	add_count(json, "failures", resolver->failures);
	add_count(json, "failures_in_a_row", resolver->failures_in_a_row);
	add_count(json, "in_flight", resolver->in_flight);
	add_count(json, "cache_entries", resolver->cache_entries);
	add_count(json, "cache_bytes", resolver->cache_bytes);
	json_open(json, "latency", '{');
	add_latency(json, &resolver->latency);
	json_close(json, '}');
	json_open(json, "slowest", '[');
	for (size_t i = 0; i < running->slowest_count; i++) {
		json_open(json, NULL, '{');
		json_add_text(json, "name", running->slowest[i].name);
		add_count(json, "us", running->slowest[i].us);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static void add_store(struct text *json, const struct store_state *store)
{
	json_open(json, "store", '{');
	json_add_text(json, "kind", store->kind);
	json_add_bool(json, "up", store->up);
	add_count(json, "calls", store->calls);
	add_count(json, "failures", store->failures);
	add_count(json, "outages", store->outages);
	json_add_text(json, "mode", store->mode == NULL ? store->kind : store->mode);
	json_add_text(json, "primary", store->primary);
	add_count(json, "servers", store->servers);
	add_count(json, "servers_up", store->servers_up);
	add_count(json, "late", store->late);
	add_count(json, "lost", store->lost);
	add_count(json, "refused", store->refused);
	add_count(json, "redirected", store->redirected);
	add_count(json, "unconfirmed", store->unconfirmed);
	add_count(json, "failovers", store->failovers);
	add_count(json, "losses", store->losses);
	add_count(json, "keys", store->keys);
	add_count(json, "bytes", store->bytes);
	json_add_text(json, "detail", store->detail);
	json_close(json, '}');
}

static void add_check(struct text *json, const struct stats_check *check)
{
	char name[TRIAL_NAME_SIZE];

	for (int result = 0; result < RESULT_COUNT; result++)
		for (int action = ACTION_MONITOR; action < ACTION_COUNT; action++) {
			uint64_t acted = check->acted[result][action];
			uint64_t watched = check->watched[result][action];

			if (acted + watched == 0)
				continue;
			json_open(json, NULL, '{');
			json_add_text(
				json, "check", check_full_name(check->policy, check->check, name));
			json_add_text(json, "result", result_name((enum result)result));
			json_add_text(json, "action", action_name((enum action)action));
			add_count(json, "done", acted);
			add_count(json, "monitored", watched);
			json_close(json, '}');
		}
}

static void add_limits(struct text *json)
{
	struct limit_meter_state *limits = mem_array(LIMIT_METERS_MAX, sizeof(*limits));
	size_t count = limit_meter_read(limits, LIMIT_METERS_MAX);
	struct busiest_entry keys[STATUS_KEYS_SHOWN];

	json_open(json, "limits", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		json_add_text(json, "limit", limits[i].title);
		for (int outcome = 0; outcome < LIMIT_OUTCOMES; outcome++)
			add_count(json, limit_meter_outcome_name((enum limit_meter_outcome)outcome),
				limits[i].charges[outcome]);
		add_count(json, "units", limits[i].units);
		json_close(json, '}');
	}
	json_close(json, ']');
	mem_free(limits);
	count = limit_meter_busiest(keys, STATUS_KEYS_SHOWN);
	json_open(json, "busiest", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		json_add_text(json, "limit", keys[i].group);
		json_add_text(json, "key", keys[i].name);
		add_count(json, "units", keys[i].units);
		add_count(json, "over", keys[i].refused);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void add_callaheads(struct text *json)
{
	struct callahead_meter_state *targets = mem_array(CALLAHEAD_METERS_MAX, sizeof(*targets));
	size_t count = callahead_meter_read(targets, CALLAHEAD_METERS_MAX);

	json_open(json, "callaheads", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		json_add_text(json, "target", targets[i].target);
		json_add_bool(json, "up", targets[i].up);
		for (int event = 0; event < CALLAHEAD_EVENTS; event++)
			add_count(json, callahead_event_name((enum callahead_event)event),
				targets[i].events[event]);
		json_close(json, '}');
	}
	json_close(json, ']');
	mem_free(targets);
}

static void add_trial(void *context, const char *name, const struct trial *trial)
{
	struct text *json = context;
	char until[UNTIL_TEXT_SIZE];

	json_open(json, NULL, '{');
	json_add_text(json, "name", name);
	json_add_text(json, "mode", trial_mode_words[trial->mode]);
	json_add_number(json, "percent", trial->percent);
	json_add_text(json, "until", trial_format_until(trial->until_ms, until));
	json_add_bool(json, "ended", trial_has_ended(trial, clock_wall_ms()));
	json_close(json, '}');
}

void status_write_json(FILE *out, const struct running *running)
{
	char *buffer = mem_alloc(JSON_SIZE);
	struct stats_check check;
	struct stats stats;
	struct text json;

	stats_read(&stats);
	text_init(&json, buffer, JSON_SIZE);
	json_open(&json, NULL, '{');
	add_head(&json, running, &stats);
	add_stages(&json, &stats);
	json_open(&json, "findings", '[');
	for (size_t i = 0; stats_read_check(i, &check); i++)
		add_check(&json, &check);
	json_close(&json, ']');
	add_limits(&json);
	add_callaheads(&json);
	json_open(&json, "trials", '[');
	trials_each(running->conf, add_trial, &json);
	json_close(&json, ']');
	add_resolver(&json, running);
	add_store(&json, &running->store);
	json_close(&json, '}');
	fprintf(out, "%s\n", buffer);
	mem_free(buffer);
}
