/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "callahead_meter.h"
#include "clock.h"
#include "journal.h"
#include "limit_meter.h"
#include "mem.h"
#include "stats.h"
#include "trials.h"

enum { NAME_COLUMNS = 34, TIME_SIZE = 24 };

static const char *format_time(uint64_t ms, char buffer[TIME_SIZE])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm local;

	localtime_r(&seconds, &local);
	if (strftime(buffer, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
		buffer[0] = '\0';
	return buffer;
}

/* "0.25 ms", "12 ms", "1.5 s". */
static const char *format_us(uint64_t us, char buffer[TIME_SIZE])
{
	if (us == UINT64_MAX)
		snprintf(buffer, TIME_SIZE, "> 10 s");
	else if (us < 10000)
		snprintf(buffer, TIME_SIZE, "%.3g ms", (double)us / 1000);
	else if (us < 1000000)
		snprintf(buffer, TIME_SIZE, "%" PRIu64 " ms", us / 1000);
	else
		snprintf(buffer, TIME_SIZE, "%.3g s", (double)us / 1000000);
	return buffer;
}

static void write_head(FILE *out, const struct running *running, const struct stats *stats)
{
	uint64_t up = (clock_wall_ms() - stats->started_ms) / 1000U;
	const struct reload_state *reload = &running->reload;
	char reasons[2048], error[2 * RELOAD_ERROR_SIZE], when[TIME_SIZE], *line, *rest = reasons;
	enum health health;
	struct text text;

	text_init(&text, reasons, sizeof(reasons));
	health = health_look(running, &text);
	fprintf(out,
		"mailreeve %s, up %" PRIu64 " d %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ", %s\n",
		MAILREEVE_VERSION, up / 86400, up / 3600 % 24, up / 60 % 60, up % 60,
		health_name(health));
	while (health != HEALTH_GOOD && (line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			fprintf(out, "  %s\n", line);
	fprintf(out, "configuration   %s, read %s", reload->file == NULL ? "none" : reload->file,
		format_time(reload->loaded_ms, when));
	fprintf(out, "; %" PRIu64 " reloads, %" PRIu64 " failed\n", reload->done, reload->failed);
	if (reload->error[0] != '\0')
		fprintf(out, "  failed %s: %s\n", format_time(reload->tried_ms, when),
			text_escape(reload->error, error, sizeof(error)));
}

/* Of Redis: whom it is kept by, and what went wrong with single commands. */
static void write_servers(FILE *out, const struct store_state *store)
{
	if (store->primary[0] != '\0')
		fprintf(out, "  %-13s %s\n", store->mode, store->primary);
	else
		fprintf(out, "  %-13s %" PRIu64 " of %" PRIu64 " primaries up\n", store->mode,
			store->servers_up, store->servers);
	fprintf(out,
		"  commands      %" PRIu64 " without an answer in time, %" PRIu64
		" with a lost connection, %" PRIu64 " not sent while it was down",
		store->late, store->lost, store->refused);
	if (store->redirected > 0)
		fprintf(out, ", %" PRIu64 " sent on to another node", store->redirected);
	if (store->unconfirmed > 0)
		fprintf(out, ", %" PRIu64 " confirmed by too few replicas", store->unconfirmed);
	fputc('\n', out);
	if (store->failovers > 0 || store->losses > 0)
		fprintf(out,
			"  changes       %" PRIu64 " failovers; counts lost %" PRIu64 " times\n",
			store->failovers, store->losses);
}

static void write_services(FILE *out, const struct running *running, const struct stats *stats)
{
	struct journal_state journal;
	const struct resolver_stats *resolver = &running->resolver;
	const struct store_state *store = &running->store;
	char detail[2 * sizeof(store->detail)], median[TIME_SIZE];

	fprintf(out,
		"sessions        %" PRIu64 " open, %" PRId64 " waiting for look-ups, %" PRIu64
		" since the start\n",
		stats->sessions_open, running->waiting, stats->sessions);
	fprintf(out, "messages        %" PRIu64 " accepted, %" PRIu64 " quarantined\n",
		stats->messages_accepted, stats->messages_quarantined);
	fprintf(out, "recipients      %" PRIu64 " accepted\n", stats->recipients_accepted);
	fprintf(out,
		"resolver        %" PRIu64 " questions, %" PRIu64 " from the cache, %" PRIu64
		" failed, %" PRIu64 " under way; median %s\n",
		resolver->questions, resolver->cache_hits, resolver->failures, resolver->in_flight,
		format_us(histogram_quantile_us(&resolver->latency, 500), median));
	fprintf(out, "cache           %" PRIu64 " answers in %" PRIu64 " kB\n",
		resolver->cache_entries, resolver->cache_bytes / 1024);
	fprintf(out,
		"store           %s, %s, %" PRIu64 " calls, %" PRIu64 " failed, %" PRIu64
		" outages%s%s\n",
		store->kind, store->up ? "up" : "DOWN", store->calls, store->failures,
		store->outages, store->up || store->detail[0] == '\0' ? "" : ": ",
		store->up ? "" : text_escape(store->detail, detail, sizeof(detail)));
	if (store->servers > 0)
		write_servers(out, store);
	journal_state(&journal);
	if (journal.open)
		fprintf(out, "journal         %" PRIu64 " records written, %" PRIu64 " lost\n",
			journal.written, journal.dropped);
}

static void write_stages(FILE *out, const struct stats *stats)
{
	fprintf(out, "\n%-12s %10s %10s %10s %10s %10s\n", "answered at", "accept", "tempfail",
		"reject", "median", "99 %");
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		const struct histogram_state *latency = &stats->latency[stage];
		uint64_t refused = stats->tempfails[stage] + stats->rejects[stage];
		char median[TIME_SIZE], most[TIME_SIZE];

		if (stage == STAGE_HEADER || stage == STAGE_BODY)
			continue;
		fprintf(out, "  %-10s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10s %10s\n",
			stage_name((enum stage)stage),
			latency->count > refused ? latency->count - refused : 0,
			stats->tempfails[stage], stats->rejects[stage],
			latency->count == 0
				? "-"
				: format_us(histogram_quantile_us(latency, 500), median),
			latency->count == 0 ? "-"
					    : format_us(histogram_quantile_us(latency, 990), most));
	}
}

static void write_check(FILE *out, const struct stats_check *check, bool *head)
{
	char name[TRIAL_NAME_SIZE];

	for (int result = 0; result < RESULT_COUNT; result++)
		for (int action = ACTION_MONITOR; action < ACTION_COUNT; action++) {
			uint64_t acted = check->acted[result][action];
			uint64_t watched = check->watched[result][action];

			if (acted + watched == 0)
				continue;
			if (!*head)
				fprintf(out, "\n%-*s %-9s %-10s %10s %10s\n", NAME_COLUMNS,
					"findings", "", "action", "done", "monitored");
			*head = true;
			fprintf(out, "  %-*s %-9s %-10s %10" PRIu64 " %10" PRIu64 "\n",
				NAME_COLUMNS - 2,
				check_full_name(check->policy, check->check, name),
				result_name((enum result)result), action_name((enum action)action),
				acted, watched);
		}
}

static void write_findings(FILE *out)
{
	struct stats_check check;
	bool head = false;

	for (size_t i = 0; stats_read_check(i, &check); i++)
		write_check(out, &check, &head);
}

static void write_limits(FILE *out)
{
	struct limit_meter_state *limits = mem_array(LIMIT_METERS_MAX, sizeof(*limits));
	size_t count = limit_meter_read(limits, LIMIT_METERS_MAX);
	char title[80];

	if (count > 0)
		fprintf(out, "\n%-*s %10s %10s %10s %10s\n", NAME_COLUMNS, "limits", "taken",
			"over", "watched", "uncounted");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "  %-*s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n",
			NAME_COLUMNS - 2, text_escape(limits[i].title, title, sizeof(title)),
			limits[i].charges[LIMIT_TAKEN], limits[i].charges[LIMIT_OVER],
			limits[i].charges[LIMIT_WATCHED], limits[i].charges[LIMIT_UNCOUNTED]);
	mem_free(limits);
}

static void write_callaheads(FILE *out)
{
	struct callahead_meter_state *targets = mem_array(CALLAHEAD_METERS_MAX, sizeof(*targets));
	size_t count = callahead_meter_read(targets, CALLAHEAD_METERS_MAX);
	char target[120];

	if (count > 0)
		fprintf(out, "\n%-*s %10s %10s %10s %10s\n", NAME_COLUMNS, "call-aheads", "asked",
			"cached", "shared", "failed");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "  %-*s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "%s\n",
			NAME_COLUMNS - 2, text_escape(targets[i].target, target, sizeof(target)),
			targets[i].events[CALLAHEAD_EVENT_ASKED],
			targets[i].events[CALLAHEAD_EVENT_CACHED],
			targets[i].events[CALLAHEAD_EVENT_SHARED],
			targets[i].events[CALLAHEAD_EVENT_FAILED], targets[i].up ? "" : "  DOWN");
	mem_free(targets);
}

struct trial_list {
	FILE *out;
	uint64_t now_ms;
	unsigned count;
};

static void write_trial(void *context, const char *name, const struct trial *trial)
{
	struct trial_list *list = context;
	char shown[TRIAL_TEXT_SIZE], what[TRIAL_TEXT_SIZE], until[UNTIL_TEXT_SIZE];

	if (list->count++ == 0)
		fputs("\ntrials\n", list->out);
	text_escape(name, shown, sizeof(shown));
	if (trial_has_ended(trial, list->now_ms)) {
		if (trial_describe_end(trial, list->now_ms, what))
			fprintf(list->out, "  %s %s\n", shown, what);
		return;
	}
	trial_format_until(trial->until_ms, until);
	fprintf(list->out, "  %s %s%s%s\n", shown, trial_describe(trial, what),
		*until == '\0' ? "" : ", until ", until);
}

static void write_slowest(FILE *out, const struct slowest_entry *entries, size_t count)
{
	char took[TIME_SIZE];

	if (count > 0)
		fputs("\nslowest look-ups of the last 10 minutes\n", out);
	for (size_t i = 0; i < count && i < 5; i++)
		fprintf(out, "  %8s  %s\n", format_us(entries[i].us, took), entries[i].name);
}

void status_write_text(FILE *out, const struct running *running)
{
	struct trial_list trials = {out, clock_wall_ms(), 0};
	struct stats stats;

	stats_read(&stats);
	write_head(out, running, &stats);
	write_services(out, running, &stats);
	write_stages(out, &stats);
	write_findings(out);
	write_limits(out);
	write_callaheads(out);
	trials_each(running->conf, write_trial, &trials);
	write_slowest(out, running->slowest, running->slowest_count);
}
