/* SPDX-License-Identifier: BSD-2-Clause */
/* The same for scripts. */
#include "json_write.h"
#include "mem.h"
#include "text.h"
#include "top_rates.h"
#include "top_view.h"

enum { JSON_SIZE = 1 << 19, FINDINGS_MAX = 512 };

static const char *const stages[] = {"connect", "command", "helo", "mail", "rcpt", "eom"};

static void add_rate(struct text *json, const struct top_rates *rates, const char *name,
	const struct json *now, const struct json *before, const char *key)
{
	json_add_number(json, name, top_per_1000s(rates, now, before, key));
}

static void add_stages(struct text *json, const struct top_rates *rates)
{
	json_open(json, "stages", '{');
	for (size_t i = 0; i < ARRAY_COUNT(stages); i++) {
		const struct json *now = json_member(json_member(rates->now, "stages"), stages[i]);
		const struct json *before =
			json_member(json_member(rates->before, "stages"), stages[i]);
		const struct json *refused =
			json_member(json_member(rates->now, "refused"), stages[i]);
		const struct json *refused_before =
			json_member(json_member(rates->before, "refused"), stages[i]);

		json_open(json, stages[i], '{');
		add_rate(json, rates, "answers", now, before, "count");
		add_rate(json, rates, "tempfail", refused, refused_before, "tempfail");
		add_rate(json, rates, "reject", refused, refused_before, "reject");
		json_close(json, '}');
	}
	json_close(json, '}');
}

static void add_findings(struct text *json, const struct top_rates *rates)
{
	struct top_finding *findings = mem_array(FINDINGS_MAX, sizeof(*findings));
	size_t count = top_findings(rates, findings, FINDINGS_MAX);

	json_open(json, "findings", '[');
	for (size_t i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		json_add_text(json, "check", json_text(findings[i].now, "check"));
		json_add_text(json, "result", json_text(findings[i].now, "result"));
		json_add_text(json, "action", json_text(findings[i].now, "action"));
		add_rate(json, rates, "done", findings[i].now, findings[i].before, "done");
		add_rate(
			json, rates, "monitored", findings[i].now, findings[i].before, "monitored");
		json_close(json, '}');
	}
	json_close(json, ']');
	mem_free(findings);
}

static void add_busiest(struct text *json, const struct json *keys)
{
	json_open(json, "busiest", '[');
	for (size_t i = 0; i < json_count(keys); i++) {
		const struct json *key = json_item(keys, i);

		json_open(json, NULL, '{');
		json_add_text(json, "limit", json_text(key, "limit"));
		json_add_text(json, "key", json_text(key, "key"));
		json_add_number(json, "units", json_number(key, "units", 0));
		json_add_number(json, "over", json_number(key, "over", 0));
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void add_slowest(struct text *json, const struct json *slowest)
{
	json_open(json, "slowest", '[');
	for (size_t i = 0; i < json_count(slowest); i++) {
		json_open(json, NULL, '{');
		json_add_text(json, "name", json_text(json_item(slowest, i), "name"));
		json_add_number(json, "us", json_number(json_item(slowest, i), "us", 0));
		json_close(json, '}');
	}
	json_close(json, ']');
}

void top_view_write_json(const struct json *before, const struct json *now, FILE *out)
{
	static const char *const counters[] = {
		"sessions", "messages_accepted", "messages_quarantined", "recipients_accepted"};
	const struct top_rates rates = top_rates_of(before, now);
	char *buffer = mem_alloc(JSON_SIZE);
	struct text json;

	text_init(&json, buffer, JSON_SIZE);
	json_open(&json, NULL, '{');
	json_add_number(&json, "interval_ms", rates.ms);
	json_add_text(&json, "health", json_text(now, "health"));
	json_add_number(&json, "sessions_open", json_number(now, "sessions_open", 0));
	json_add_number(&json, "sessions_waiting", json_number(now, "sessions_waiting", 0));
	json_open(&json, "rates_per_1000_s", '{');
	for (size_t i = 0; i < ARRAY_COUNT(counters); i++)
		add_rate(&json, &rates, counters[i], now, rates.before, counters[i]);
	add_stages(&json, &rates);
	add_findings(&json, &rates);
	json_close(&json, '}');
	add_busiest(&json, json_member(now, "busiest"));
	add_slowest(&json, json_member(json_member(now, "resolver"), "slowest"));
	json_close(&json, '}');
	fprintf(out, "%s\n", buffer);
	mem_free(buffer);
}
