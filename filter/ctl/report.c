/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "json_write.h"
#include "mem.h"
#include "setting.h"
#include "siphash.h"
#include "tally.h"
#include "text.h"

/* Columns of the tables by check, limit, domain and day. */
enum { REJECTED, DEFERRED, WOULD, ACCEPTED, AUTHENTICATED, KNOWN };

/* A set of domains of which some strangers' may seem to be members: 1 MB whatever their number. */
enum { KNOWN_BITS = 1 << 23, KNOWN_HASHES = 4 };

struct report {
	const struct report_options *options;
	struct siphash_key key;
	uint64_t *known; /* domains that were accepted without objection */
	uint64_t records, accepted, rejected, deferred, quarantined, would, abandoned;
	int64_t first_ms, last_ms;
	struct tally checks, limits, domains, days;
};

/* Known domains. ------------------------------------------------------------------------------- */

static uint64_t bit_of(const struct report *report, const char *domain, unsigned number)
{
	return siphash(&report->key, domain, strlen(domain), (uint8_t)number) % KNOWN_BITS;
}

static void learn(struct report *report, const char *domain)
{
	for (unsigned i = 0; i < KNOWN_HASHES; i++) {
		uint64_t bit = bit_of(report, domain, i);

		report->known[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
}

static bool is_known(const struct report *report, const char *domain)
{
	for (unsigned i = 0; i < KNOWN_HASHES; i++) {
		uint64_t bit = bit_of(report, domain, i);

		if ((report->known[bit / 64] >> (bit % 64) & 1) == 0)
			return false;
	}
	return true;
}

/* Records. ------------------------------------------------------------------------------------- */

static bool parse_record_time(const char *text, int64_t *time_ms_r)
{
	struct tm parts = {.tm_sec = 0};
	unsigned ms = 0;

	if (text == NULL ||
		sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ", &parts.tm_year, &parts.tm_mon,
			&parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &ms) != 7)
		return false;
	parts.tm_year -= 1900;
	parts.tm_mon--;
	*time_ms_r = (int64_t)timegm(&parts) * 1000 + ms;
	return true;
}

static bool is(const char *text, const char *what)
{
	return text != NULL && strcmp(text, what) == 0;
}

/* The record, if it is one and of the time that is asked for; NULL with *GOOD_R otherwise. */
static struct json *read_record(
	struct report *report, const char *text, size_t length, int64_t *time_ms_r, bool *good_r)
{
	char why[200];
	struct json *json = json_read(text, length, why, sizeof(why));

	*good_r = json != NULL && parse_record_time(json_text(json, "time"), time_ms_r) &&
		  json_text(json, "verdict") != NULL;
	if (*good_r && *time_ms_r >= report->options->since_ms &&
		*time_ms_r < report->options->until_ms)
		return json;
	if (json != NULL)
		json_free(&json);
	return NULL;
}

static bool learn_line(void *context, const char *text, size_t length)
{
	struct report *report = context;
	const char *domain;
	struct json *json;
	int64_t time_ms;
	bool good;

	/* Most of what is refused need not be parsed here. */
	if (strstr(text, "\"verdict\":\"accept\"") == NULL)
		return true;
	json = read_record(report, text, length, &time_ms, &good);
	if (json == NULL)
		return good;
	domain = json_text(json, "domain");
	if (domain != NULL && is(json_text(json, "verdict"), "accept") &&
		is(json_text(json, "stage"), "eom") && json_text(json, "would") == NULL)
		learn(report, domain);
	json_free(&json);
	return true;
}

/* As decision_would sees it: a monitored finding that would tempfail or reject. */
static bool would_refuse(const struct json *finding)
{
	const char *would = json_text(finding, "would");

	if (!is(json_text(finding, "action"), "monitor"))
		return false;
	if (would == NULL)
		return is(json_text(finding, "result"), "fail");
	return is(would, "reject") || is(would, "tempfail");
}

/* "limit.rate(per-user)": the title, or false. */
static bool limit_of(const char *check, char *title, size_t size)
{
	const char *open = strchr(check, '(');

	if (strncmp(check, "limit.", 6) != 0 || open == NULL)
		return false;
	snprintf(title, size, "%.*s", (int)strcspn(open + 1, ")"), open + 1);
	return true;
}

/* As it will be printed: a journal may have come from elsewhere. */
static void count(struct tally *tally, const char *key, unsigned which)
{
	char shown[300];

	tally_add(tally, text_escape(key, shown, sizeof(shown)), which);
}

static void count_check(struct report *report, const char *check, unsigned which)
{
	char title[128];

	count(&report->checks, check, which);
	if (which <= WOULD && limit_of(check, title, sizeof(title)))
		count(&report->limits, title, which);
}

static const char *day_of(int64_t time_ms, char *buffer, size_t size)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts;

	localtime_r(&seconds, &parts);
	strftime(buffer, size, "%Y-%m-%d", &parts);
	return buffer;
}

static void count_would(struct report *report, const struct json *json, const char *domain)
{
	const struct json *findings = json_member(json, "findings");

	report->would++;
	for (size_t i = 0; i < json_count(findings); i++) {
		const struct json *finding = json_item(findings, i);
		const char *check = json_text(finding, "check");

		if (check == NULL || !would_refuse(finding))
			continue;
		count_check(report, check, WOULD);
		if (!is(json_text(json, "verdict"), "abandoned"))
			count_check(report, check, ACCEPTED);
		if (json_text(json, "auth") != NULL)
			count_check(report, check, AUTHENTICATED);
		if (is_known(report, domain))
			count_check(report, check, KNOWN);
	}
}

static void count_record(struct report *report, const struct json *json, int64_t time_ms)
{
	const char *verdict = json_text(json, "verdict"), *domain = json_text(json, "domain");
	const char *check = json_text(json, "check");
	bool rejected = is(verdict, "reject"), deferred = is(verdict, "tempfail");
	unsigned which = rejected ? REJECTED : deferred ? DEFERRED : WOULD;
	char day[32];

	if (report->records++ == 0 || time_ms < report->first_ms)
		report->first_ms = time_ms;
	if (time_ms > report->last_ms)
		report->last_ms = time_ms;
	domain = domain == NULL ? "(none)" : domain;
	report->rejected += rejected;
	report->deferred += deferred;
	report->abandoned += is(verdict, "abandoned");
	report->quarantined += is(verdict, "quarantine");
	report->accepted += is(verdict, "accept") && is(json_text(json, "stage"), "eom");
	if (which == WOULD && json_text(json, "would") == NULL)
		return;
	if (which == WOULD)
		count_would(report, json, domain);
	else
		count_check(report, check == NULL ? "(too busy)" : check, which);
	count(&report->domains, domain, which);
	tally_add(&report->days, day_of(time_ms, day, sizeof(day)), which);
}

static bool count_line(void *context, const char *text, size_t length)
{
	struct report *report = context;
	int64_t time_ms;
	bool good;
	struct json *json = read_record(report, text, length, &time_ms, &good);

	if (json == NULL)
		return good;
	count_record(report, json, time_ms);
	json_free(&json);
	return true;
}

/* Text. ---------------------------------------------------------------------------------------- */

static const char *format_time(int64_t time_ms, char *buffer, size_t size)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm parts;

	localtime_r(&seconds, &parts);
	strftime(buffer, size, "%Y-%m-%d %H:%M", &parts);
	return buffer;
}

static size_t rows_of(const struct report *report, const struct tally *tally)
{
	/* Of the days none is left out: there are not many. */
	if (tally == &report->days || tally->count < report->options->top)
		return tally->count;
	return report->options->top;
}

/* Names stand last: they may be long, and a narrow terminal breaks only them. */
static void write_table(
	const struct report *report, const struct tally *tally, const char *what, FILE *out)
{
	size_t rows = rows_of(report, tally);

	if (tally->count == 0)
		return;
	fprintf(out, "\n%10s %10s %10s  %s\n", "rejected", "deferred", "would", what);
	for (size_t i = 0; i < rows; i++)
		fprintf(out, "%10" PRIu64 " %10" PRIu64 " %10" PRIu64 "  %s\n",
			tally->rows[i].counts[REJECTED], tally->rows[i].counts[DEFERRED],
			tally->rows[i].counts[WOULD], tally->rows[i].key);
	if (rows < tally->count || tally->lossy)
		fprintf(out, "%32s  and %zu more%s\n", "", tally->count - rows,
			tally->lossy ? ", the rarest not counted to the last" : "");
}

static void write_monitored(const struct report *report, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < report->checks.count; i++) {
		const struct tally_row *row = &report->checks.rows[i];

		if (row->counts[WOULD] == 0)
			continue;
		if (!any)
			fprintf(out, "\nOnly monitored:\n%8s %9s %9s %8s  %s\n", "would",
				"accepted", "authent.", "known", "check");
		any = true;
		fprintf(out, "%8" PRIu64 " %9" PRIu64 " %9" PRIu64 " %8" PRIu64 "  %s\n",
			row->counts[WOULD], row->counts[ACCEPTED], row->counts[AUTHENTICATED],
			row->counts[KNOWN], row->key);
	}
	if (any)
		fputs("  would     refusals, were the check enforced\n"
		      "  accepted  of these, what nothing else refused\n"
		      "  authent.  of these, from authenticated clients\n"
		      "  known     of these, from domains whose other mail was accepted without\n"
		      "            any objection in the same time\n",
			out);
}

static void write_text(const struct report *report, FILE *out)
{
	char first[40], last[40];

	fprintf(out, "%" PRIu64 " decisions", report->records);
	if (report->records > 0)
		fprintf(out, " from %s to %s", format_time(report->first_ms, first, sizeof(first)),
			format_time(report->last_ms, last, sizeof(last)));
	fprintf(out,
		"\n%10" PRIu64 "  messages accepted\n%10" PRIu64 "  quarantined\n%10" PRIu64
		"  rejected\n%10" PRIu64 "  deferred\n%10" PRIu64
		"  would have been refused, but were only monitored\n",
		report->accepted, report->quarantined, report->rejected, report->deferred,
		report->would);
	write_table(report, &report->checks, "check", out);
	write_monitored(report, out);
	write_table(report, &report->limits, "limit", out);
	write_table(report, &report->domains, "domain of the sender", out);
	write_table(report, &report->days, "day", out);
}

/* JSON. ---------------------------------------------------------------------------------------- */

static void write_json_table(struct text *json, const struct report *report,
	const struct tally *tally, const char *name, const char *key)
{
	json_open(json, name, '[');
	for (size_t i = 0; i < rows_of(report, tally); i++) {
		const struct tally_row *row = &tally->rows[i];

		json_open(json, NULL, '{');
		json_add_text(json, key, row->key);
		json_add_number(json, "rejected", (int64_t)row->counts[REJECTED]);
		json_add_number(json, "deferred", (int64_t)row->counts[DEFERRED]);
		json_add_number(json, "would", (int64_t)row->counts[WOULD]);
		if (row->counts[WOULD] > 0 && tally == &report->checks) {
			json_add_number(json, "accepted", (int64_t)row->counts[ACCEPTED]);
			json_add_number(json, "authenticated", (int64_t)row->counts[AUTHENTICATED]);
			json_add_number(json, "known", (int64_t)row->counts[KNOWN]);
		}
		json_close(json, '}');
	}
	json_close(json, ']');
	if (tally->lossy || rows_of(report, tally) < tally->count) {
		char more[64];

		snprintf(more, sizeof(more), "%s_more", name);
		json_add_number(json, more, (int64_t)(tally->count - rows_of(report, tally)));
	}
}

static void write_json(
	const struct report *report, const struct journal_summary *summary, FILE *out)
{
	enum { ROW_SIZE = 1200 };
	size_t size =
		(size_t)ROW_SIZE * (3 * (size_t)report->options->top + report->days.count + 8);
	struct text json;

	text_init(&json, mem_alloc(size), size);
	json_open(&json, NULL, '{');
	json_add_number(&json, "records", (int64_t)report->records);
	json_add_number(&json, "first_ms", report->first_ms);
	json_add_number(&json, "last_ms", report->last_ms);
	json_add_number(&json, "accepted", (int64_t)report->accepted);
	json_add_number(&json, "quarantined", (int64_t)report->quarantined);
	json_add_number(&json, "rejected", (int64_t)report->rejected);
	json_add_number(&json, "deferred", (int64_t)report->deferred);
	json_add_number(&json, "would", (int64_t)report->would);
	json_add_number(&json, "abandoned", (int64_t)report->abandoned);
	write_json_table(&json, report, &report->checks, "checks", "check");
	write_json_table(&json, report, &report->limits, "limits", "limit");
	write_json_table(&json, report, &report->domains, "domains", "domain");
	write_json_table(&json, report, &report->days, "days", "day");
	json_add_number(&json, "files", summary->files);
	json_add_number(&json, "damaged_lines", (int64_t)summary->damaged);
	json_close(&json, '}');
	fprintf(out, "%s\n", json.buffer);
	mem_free(json.buffer);
}

/* Both passes. --------------------------------------------------------------------------------- */

bool report_write(const struct report_options *options, FILE *out,
	struct journal_summary *summary_r, char *why, size_t why_size)
{
	struct report report = {.options = options, .key = siphash_random_key()};
	bool done;

	report.known = mem_array(KNOWN_BITS / 64, sizeof(*report.known));
	done = journal_read(options->journal, learn_line, &report, summary_r, why, why_size) &&
	       journal_read(options->journal, count_line, &report, summary_r, why, why_size);
	if (done) {
		tally_sort(&report.checks, false);
		tally_sort(&report.limits, false);
		tally_sort(&report.domains, false);
		tally_sort(&report.days, true);
		if (options->json)
			write_json(&report, summary_r, out);
		else
			write_text(&report, out);
	}
	tally_clear(&report.checks);
	tally_clear(&report.limits);
	tally_clear(&report.domains);
	tally_clear(&report.days);
	mem_free(report.known);
	return done;
}

/* The calendar has that day: no 31 June. */
static bool is_a_day(const struct tm *parts)
{
	struct tm noon = {.tm_year = parts->tm_year,
		.tm_mon = parts->tm_mon,
		.tm_mday = parts->tm_mday,
		.tm_hour = 12,
		.tm_isdst = -1};

	return mktime(&noon) != -1 && noon.tm_mday == parts->tm_mday &&
	       noon.tm_mon == parts->tm_mon;
}

bool report_parse_time(const char *text, int64_t now_ms, bool end, int64_t *time_ms_r)
{
	struct tm parts = {.tm_isdst = -1};
	int64_t ago_ms;
	bool whole_day;
	int used = 0;
	time_t seconds;

	if (parse_duration(text, &ago_ms)) {
		*time_ms_r = now_ms - ago_ms;
		return true;
	}
	if (sscanf(text, "%4d-%2d-%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &used) !=
		3)
		return false;
	text += used;
	whole_day = *text == '\0';
	if (!whole_day &&
		((*text != ' ' && *text != 'T') ||
			sscanf(text + 1, "%2d:%2d%n", &parts.tm_hour, &parts.tm_min, &used) != 2 ||
			text[1 + used] != '\0'))
		return false;
	parts.tm_year -= 1900;
	parts.tm_mon--;
	if (!is_a_day(&parts) || parts.tm_hour < 0 || parts.tm_hour > 23 || parts.tm_min < 0 ||
		parts.tm_min > 59)
		return false;
	if (whole_day && end)
		parts.tm_mday++;
	seconds = mktime(&parts);
	*time_ms_r = (int64_t)seconds * 1000;
	return seconds != (time_t)-1;
}
