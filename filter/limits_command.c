/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits_command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "limit_options.h"
#include "text.h"

struct query {
	FILE *out;
	struct store *store;
	bool json;
	int64_t cost;
	const char *name;
	size_t rows;
	bool down;
};

/* What one limit says of a key. */
struct row {
	const struct limit_options *limit;
	const struct limit_identity *identity;
	struct rate rate;
	bool unlimited;
	int64_t used;
	int64_t wait_ms; /* until COST fit; -1: never */
};

static void write_json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
	}
	fputc('"', out);
}

static void write_json_row(const struct query *query, const struct row *row)
{
	fputs(query->rows == 0 ? "{\"limits\": [" : ", ", query->out);
	fputs("{\"limit\": ", query->out);
	write_json_text(query->out, row->limit->title);
	fputs(", \"key\": ", query->out);
	write_json_text(query->out, row->identity->label);
	fprintf(query->out, ", \"unlimited\": %s, \"used\": %" PRId64 ", \"most\": %" PRId64,
		row->unlimited ? "true" : "false", row->used, row->rate.count);
	fprintf(query->out,
		", \"window_seconds\": %" PRId64 ", \"cost\": %" PRId64 ", \"wait_seconds\": ",
		row->rate.window_ms / 1000, query->cost);
	if (row->wait_ms < 0)
		fputs("null}", query->out);
	else
		fprintf(query->out, "%" PRId64 "}", (row->wait_ms + 999) / 1000);
}

static void write_text_row(const struct query *query, const struct row *row)
{
	char used[48], most[48], window[32], wait[32] = "now";

	if (query->rows == 0)
		fprintf(query->out, "%-20s %-40s %18s %18s %8s %10s\n", "LIMIT", "KEY", "USED",
			"MOST", "WINDOW", "MAY SEND");
	limit_amount((enum limit_count)row->limit->count, row->used, used, sizeof(used));
	limit_amount((enum limit_count)row->limit->count, row->rate.count, most, sizeof(most));
	format_duration(row->rate.window_ms, window, sizeof(window));
	if (row->wait_ms < 0)
		snprintf(wait, sizeof(wait), "never");
	else if (row->wait_ms > 0)
		snprintf(wait, sizeof(wait), "in %" PRId64 "s", (row->wait_ms + 999) / 1000);
	fprintf(query->out, "%-20s %-40s %18s %18s %8s %10s\n", row->limit->title,
		row->identity->label, row->unlimited ? "-" : used,
		row->unlimited ? "unlimited" : most, window, wait);
}

/* Asks for COST units as a session would, and gives them back at once. */
static enum store_status ask(const struct query *query, struct row *row)
{
	struct store_charge charge = {
		.key = row->identity->key,
		.label = row->identity->label,
		.window_ms = row->rate.window_ms,
		.limit = row->rate.count,
		.units = query->cost,
	};
	unsigned char id[STORE_ID_SIZE];
	struct store_decision decision = {0};
	enum store_status status = store_peek(query->store, &charge, 1, &row->used);

	if (status != STORE_OK)
		return status;
	row->wait_ms = row->rate.count < query->cost ? -1 : 0;
	if (row->wait_ms < 0 || row->used + query->cost <= row->rate.count)
		return STORE_OK;
	store_id(id);
	status = store_reserve(query->store, id, 1, &charge, 1, &decision);
	if (status == STORE_OK)
		return store_give_back(query->store, id, 0, &charge, 1);
	row->wait_ms = decision.retry_after_ms;
	return status == STORE_OVER ? STORE_OK : status;
}

static void tell(struct query *query, const struct limit_options *limit,
	const struct limit_identity *identity)
{
	struct row row = {.limit = limit, .identity = identity, .rate = limit->rate};

	row.unlimited = identity->override != NULL && identity->override->unlimited;
	if (identity->override != NULL && !row.unlimited)
		row.rate = identity->override->rate;
	if (!row.unlimited && ask(query, &row) != STORE_OK) {
		query->down = true;
		return;
	}
	if (query->json)
		write_json_row(query, &row);
	else
		write_text_row(query, &row);
	query->rows++;
}

static void ask_limit(struct query *query, const struct limit_options *limit)
{
	const struct limit_key_options options = {
		.title = limit->title,
		.extension = limit->extension,
		.prefix_v4 = (unsigned)limit->prefix_v4,
		.prefix_v6 = (unsigned)limit->prefix_v6,
		.overrides = limit->overrides,
	};
	struct limit_identity identity;

	if (limit->trial.mode == MODE_OFF)
		return;
	for (size_t a = 0; a < limit->key.alternatives; a++)
		for (int unproven = 0; unproven <= 1; unproven++)
			if (limit_key_named(&limit->key, a, &options, query->name, unproven != 0,
				    &identity))
				tell(query, limit, &identity);
}

static void ask_all(struct query *query, const struct conf *conf)
{
	for (size_t p = 0; p < conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &conf->policies[p];
		const struct limit_options *limits = policy_conf->options;

		if (strcmp(policy_conf->policy->name, "limit") != 0)
			continue;
		for (size_t i = 0; i < policy_conf->option_count; i++)
			ask_limit(query, &limits[i]);
	}
}

/* "json", then "show" or "predict COST", then the key. */
static bool read_query(const char *arguments, struct query *query)
{
	char *end;

	query->json = strncmp(arguments, "json ", 5) == 0;
	if (query->json)
		arguments += 5;
	if (strncmp(arguments, "show ", 5) == 0) {
		query->cost = 1;
		query->name = arguments + 5;
	} else if (strncmp(arguments, "predict ", 8) == 0 && ascii_is_digit(arguments[8])) {
		query->cost = strtoll(arguments + 8, &end, 10);
		query->name = end + (*end == ' ');
	}
	return query->name != NULL && query->name[0] != '\0' && query->cost > 0;
}

int limits_command(
	const char *arguments, FILE *out, const struct conf *conf, const struct services *services)
{
	struct query query = {.out = out, .store = services->store};

	if (!read_query(arguments, &query)) {
		fputs("write limits show KEY or limits predict KEY COST\n", out);
		return EX_USAGE;
	}
	ask_all(&query, conf);
	if (query.json)
		fprintf(out, "%s], \"store_up\": %s}\n", query.rows == 0 ? "{\"limits\": [" : "",
			query.down ? "false" : "true");
	else if (query.down)
		fputs("the store does not answer\n", out);
	else if (query.rows == 0)
		fputs("no limit counts by such a key\n", out);
	if (query.down)
		return EX_TEMPFAIL;
	return query.rows == 0 ? EX_DATAERR : EX_OK;
}
