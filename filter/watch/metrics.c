/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "callahead_meter.h"
#include "journal.h"
#include "limit_meter.h"
#include "mem.h"
#include "metrics_format.h"
#include "stats.h"
#include "trials.h"

static void write_build(FILE *out, const struct running *running, const struct stats *stats)
{
	metrics_family(out, "mailreeve_build_info", "gauge", "The running version, as a label.");
	metrics_value(out, "mailreeve_build_info", 1, "version", MAILREEVE_VERSION, METRICS_END);
	metrics_single(out, "mailreeve_start_time_seconds", "gauge",
		"When the daemon started, since 1970.", (double)stats->started_ms / 1000);
	metrics_single(out, "mailreeve_config_last_reload_successful", "gauge",
		"1: the configuration file is the one in use; 0: it has errors.",
		running->reload.error[0] == '\0');
	metrics_single(out, "mailreeve_config_last_reload_success_timestamp_seconds", "gauge",
		"When the configuration in use was read.",
		(double)running->reload.loaded_ms / 1000);
	metrics_family(out, "mailreeve_reloads_total", "counter", "Reloads by result.");
	metrics_value(out, "mailreeve_reloads_total", (double)running->reload.done, "result",
		"done", METRICS_END);
	metrics_value(out, "mailreeve_reloads_total", (double)running->reload.failed, "result",
		"failed", METRICS_END);
}

static void write_journal(FILE *out)
{
	struct journal_state journal;

	journal_state(&journal);
	metrics_family(out, "mailreeve_journal_records_total", "counter",
		"Records of the journal; lost where the disk is full or too slow.");
	metrics_value(out, "mailreeve_journal_records_total", (double)journal.written, "outcome",
		"written", METRICS_END);
	metrics_value(out, "mailreeve_journal_records_total", (double)journal.dropped, "outcome",
		"lost", METRICS_END);
}

static void write_health(FILE *out, const struct running *running)
{
	char reasons[2048];
	struct text text;

	text_init(&text, reasons, sizeof(reasons));
	metrics_single(out, "mailreeve_health", "gauge",
		"0: good; 1: degraded; 2: failing, mail is put off; /healthz says why.",
		health_look(running, &text));
}

/* What was answered at STAGE and not refused; header and body have no answer. */
static uint64_t accepted_at(const struct stats *stats, int stage)
{
	uint64_t refused = stats->tempfails[stage] + stats->rejects[stage] +
			   (stage == STAGE_EOM ? stats->messages_quarantined : 0);

	return stats->latency[stage].count > refused ? stats->latency[stage].count - refused : 0;
}

static void write_answer(FILE *out, int stage, const char *verdict, uint64_t count)
{
	metrics_value(out, "mailreeve_answers_total", (double)count, "stage",
		stage_name((enum stage)stage), "verdict", verdict, METRICS_END);
}

static bool has_answers(int stage)
{
	return stage != STAGE_HEADER && stage != STAGE_BODY;
}

static void write_answers(FILE *out, const struct stats *stats)
{
	metrics_family(out, "mailreeve_answers_total", "counter",
		"What the MTA was told, by stage. What comes before a recipient is answered there "
		"with reply_at = rcpt.");
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		if (!has_answers(stage))
			continue;
		write_answer(out, stage, "accept", accepted_at(stats, stage));
		write_answer(out, stage, "tempfail", stats->tempfails[stage]);
		write_answer(out, stage, "reject", stats->rejects[stage]);
	}
	write_answer(out, STAGE_EOM, "quarantine", stats->messages_quarantined);
	metrics_family(out, "mailreeve_answer_seconds", "histogram",
		"How long the MTA waited for an answer, by stage.");
	for (int stage = 0; stage < STAGE_COUNT; stage++)
		if (has_answers(stage))
			metrics_histogram(out, "mailreeve_answer_seconds", &stats->latency[stage],
				"stage", stage_name((enum stage)stage));
	metrics_single(out, "mailreeve_too_busy_total", "counter",
		"Tempfails because more sessions waited for look-ups than max_waiting.",
		(double)stats->too_busy);
}

static void write_sessions(FILE *out, const struct running *running, const struct stats *stats)
{
	metrics_single(out, "mailreeve_sessions_total", "counter", "SMTP sessions begun.",
		(double)stats->sessions);
	metrics_single(out, "mailreeve_sessions_open", "gauge", "SMTP sessions open now.",
		(double)stats->sessions_open);
	metrics_single(out, "mailreeve_sessions_waiting", "gauge",
		"Sessions that wait for look-ups now.", (double)running->waiting);
	metrics_single(out, "mailreeve_recipients_accepted_total", "counter",
		"Recipients accepted.", (double)stats->recipients_accepted);
	metrics_single(out, "mailreeve_messages_accepted_total", "counter",
		"Messages accepted, but for those in quarantine.",
		(double)stats->messages_accepted);
	metrics_single(out, "mailreeve_messages_quarantined_total", "counter",
		"Messages accepted into the hold queue.", (double)stats->messages_quarantined);
}

/* Findings of a check that were, or by the configuration could be: so that a first one is seen as a
 * rise from zero. */
static void write_check(FILE *out, const struct conf *conf, const struct stats_check *check)
{
	const struct policy_conf *policy_conf = NULL;
	const char *name = check->policy->checks[check->check].name;

	for (size_t p = 0; p < conf->policy_count; p++)
		if (conf->policies[p].policy == check->policy)
			policy_conf = &conf->policies[p];
	for (int result = 0; result < RESULT_COUNT; result++)
		for (int action = ACTION_MONITOR; action < ACTION_COUNT; action++)
			for (int watched = 0; watched < 2; watched++) {
				uint64_t count = watched ? check->watched[result][action]
							 : check->acted[result][action];
				bool expected = policy_conf != NULL && !watched &&
						result == RESULT_FAIL &&
						policy_conf->trial.mode != MODE_OFF &&
						(int)policy_conf->fail[check->check] == action;

				if (count == 0 && !expected)
					continue;
				metrics_value(out, "mailreeve_findings_total", (double)count,
					"policy", check->policy->name, "check", name, "result",
					result_name((enum result)result), "action",
					action_name((enum action)action), "mode",
					watched ? "monitor" : "enforce", METRICS_END);
			}
}

static void write_findings(FILE *out, const struct conf *conf)
{
	struct stats_check check;

	metrics_family(out, "mailreeve_findings_total", "counter",
		"What checks found, and what was done about it; mode monitor: what would have been "
		"done without a trial.");
	for (size_t i = 0; stats_read_check(i, &check); i++)
		write_check(out, conf, &check);
}

static void write_limits(FILE *out)
{
	struct limit_meter_state *limits = mem_array(LIMIT_METERS_MAX, sizeof(*limits));
	size_t count = limit_meter_read(limits, LIMIT_METERS_MAX);

	metrics_family(out, "mailreeve_limit_charges_total", "counter",
		"Charges to limits: taken, over the limit, over it but only looked at, or not "
		"counted since the store is down.");
	for (size_t i = 0; i < count; i++)
		for (int outcome = 0; outcome < LIMIT_OUTCOMES; outcome++)
			metrics_value(out, "mailreeve_limit_charges_total",
				(double)limits[i].charges[outcome], "limit", limits[i].title,
				"outcome",
				limit_meter_outcome_name((enum limit_meter_outcome)outcome),
				METRICS_END);
	metrics_family(out, "mailreeve_limit_units_total", "counter",
		"What those that were taken amount to: connections, messages, recipients, bytes.");
	for (size_t i = 0; i < count; i++)
		metrics_value(out, "mailreeve_limit_units_total", (double)limits[i].units, "limit",
			limits[i].title, METRICS_END);
	mem_free(limits);
}

static void write_callaheads(FILE *out)
{
	struct callahead_meter_state *targets = mem_array(CALLAHEAD_METERS_MAX, sizeof(*targets));
	size_t count = callahead_meter_read(targets, CALLAHEAD_METERS_MAX);

	metrics_family(out, "mailreeve_callahead_up", "gauge",
		"1: the target of call-aheads answers; 0: it did not, and is tried about every "
		"second.");
	for (size_t i = 0; i < count; i++)
		metrics_value(out, "mailreeve_callahead_up", targets[i].up, "target",
			targets[i].target, METRICS_END);
	metrics_family(out, "mailreeve_callahead_questions_total", "counter",
		"Questions about recipients: asked of the target, answered by a kept answer, "
		"shared with "
		"an equal one under way; and those that failed.");
	for (size_t i = 0; i < count; i++)
		for (int event = 0; event < CALLAHEAD_EVENTS; event++)
			metrics_value(out, "mailreeve_callahead_questions_total",
				(double)targets[i].events[event], "target", targets[i].target,
				"how", callahead_event_name((enum callahead_event)event),
				METRICS_END);
	mem_free(targets);
}

static void write_trial(void *context, const char *name, const struct trial *trial)
{
	metrics_value(context, "mailreeve_trial_end_timestamp_seconds",
		trial->until_ms == 0 ? (double)INFINITY : (double)trial->until_ms / 1000, "name",
		name, METRICS_END);
}

static void write_trials(FILE *out, const struct conf *conf)
{
	metrics_family(out, "mailreeve_trial_end_timestamp_seconds", "gauge",
		"When what is on trial will be enforced in full; +Inf: never.");
	trials_each(conf, write_trial, out);
}

static void write_store(FILE *out, const struct store_state *store)
{
	metrics_family(out, "mailreeve_store_up", "gauge", "1: the store answers.");
	metrics_value(out, "mailreeve_store_up", store->up, "kind", store->kind, METRICS_END);
	metrics_single(out, "mailreeve_store_calls_total", "counter", "Calls to the store.",
		(double)store->calls);
	metrics_single(out, "mailreeve_store_failures_total", "counter",
		"Calls that the store did not answer in time.", (double)store->failures);
	metrics_single(out, "mailreeve_store_outages_total", "counter",
		"How often the store has gone.", (double)store->outages);
	metrics_single(out, "mailreeve_store_late_total", "counter",
		"Commands to Redis without an answer in time.", (double)store->late);
	metrics_single(out, "mailreeve_store_lost_total", "counter",
		"Commands to Redis whose connection was lost.", (double)store->lost);
	metrics_single(out, "mailreeve_store_unconfirmed_total", "counter",
		"Commands that fewer replicas confirmed than wait_replicas.",
		(double)store->unconfirmed);
	metrics_single(out, "mailreeve_store_failovers_total", "counter",
		"How often a server took over from another.", (double)store->failovers);
	metrics_single(out, "mailreeve_store_losses_total", "counter",
		"How often all counts were gone.", (double)store->losses);
	metrics_single(out, "mailreeve_store_servers", "gauge", "Primaries of the store.",
		(double)store->servers);
	metrics_single(out, "mailreeve_store_servers_up", "gauge", "Primaries that serve.",
		(double)store->servers_up);
	metrics_single(out, "mailreeve_store_memory_keys", "gauge",
		"Keys that the store in memory holds.", (double)store->keys);
	metrics_single(out, "mailreeve_store_memory_bytes", "gauge",
		"Memory that it uses for them.", (double)store->bytes);
}

static void write_resolver(
	FILE *out, const struct resolver_stats *resolver, const struct stats *stats)
{
	metrics_single(out, "mailreeve_dns_questions_total", "counter",
		"Questions asked, those that the cache answered included.",
		(double)resolver->questions);
	metrics_single(out, "mailreeve_dns_cache_hits_total", "counter",
		"Questions that the cache answered.", (double)resolver->cache_hits);
	metrics_single(out, "mailreeve_dns_joined_total", "counter",
		"Questions that were under way already.", (double)resolver->joined);
	metrics_family(out, "mailreeve_dns_queries_total", "counter", "Queries sent.");
	metrics_value(out, "mailreeve_dns_queries_total", (double)resolver->queries_udp,
		"transport", "udp", METRICS_END);
	metrics_value(out, "mailreeve_dns_queries_total", (double)resolver->queries_tcp,
		"transport", "tcp", METRICS_END);
	metrics_single(out, "mailreeve_dns_timeouts_total", "counter", "Queries without an answer.",
		(double)resolver->timeouts);
	metrics_single(out, "mailreeve_dns_rejected_answers_total", "counter",
		"Answers with the wrong id, question or form.", (double)resolver->rejected);
	metrics_single(out, "mailreeve_dns_failures_total", "counter",
		"Questions that ended in SERVFAIL or a time-out.", (double)resolver->failures);
	metrics_single(out, "mailreeve_dns_in_flight", "gauge", "Questions under way.",
		(double)resolver->in_flight);
	metrics_single(out, "mailreeve_dns_cache_entries", "gauge", "Answers in the cache.",
		(double)resolver->cache_entries);
	metrics_single(out, "mailreeve_dns_cache_bytes", "gauge", "Memory that they take.",
		(double)resolver->cache_bytes);
	metrics_family(out, "mailreeve_dns_question_seconds", "histogram",
		"How long questions took that the cache could not answer.");
	metrics_histogram(out, "mailreeve_dns_question_seconds", &resolver->latency, NULL, NULL);
	metrics_single(out, "mailreeve_transactions_total", "counter",
		"Transactions in which a recipient was judged.", (double)stats->dns_transactions);
	metrics_single(out, "mailreeve_transaction_dns_steps_total", "counter",
		"Waits for the DNS, one after another, that they took.", (double)stats->dns_steps);
}

static void write_process(FILE *out)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0, resident = 0;
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		metrics_single(out, "process_cpu_seconds_total", "counter",
			"User and system time of the process.",
			(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	if (file == NULL)
		return;
	if (fscanf(file, "%ld %ld", &pages, &resident) == 2)
		metrics_single(out, "process_resident_memory_bytes", "gauge",
			"Resident memory of the process.",
			(double)resident * (double)sysconf(_SC_PAGESIZE));
	fclose(file);
}

void metrics_write(FILE *out, const struct running *running)
{
	struct stats stats;

	stats_read(&stats);
	write_build(out, running, &stats);
	write_journal(out);
	write_health(out, running);
	write_sessions(out, running, &stats);
	write_answers(out, &stats);
	write_findings(out, running->conf);
	write_limits(out);
	write_callaheads(out);
	write_trials(out, running->conf);
	write_store(out, &running->store);
	write_resolver(out, &running->resolver, &stats);
	write_process(out);
}

unsigned metrics_write_health(FILE *out, const struct running *running)
{
	char reasons[2048];
	enum health health;
	struct text text;

	text_init(&text, reasons, sizeof(reasons));
	health = health_look(running, &text);
	fprintf(out, "%s\n%s", health_name(health), reasons);
	return health == HEALTH_FAILING ? 503 : 200;
}
