/* SPDX-License-Identifier: BSD-2-Clause */
/* limits show, predict and top: what is used, what is left, and when it may send again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "limits_query.h"
#include "mem.h"
#include "text.h"
#include "trial.h"

/* What one limit says of a key. */
struct row {
	const struct limit_options *limit;
	const char *label;
	const struct limit_override *override;
	struct rate rate;
	bool unlimited;
	int64_t used;
	int64_t wait_ms; /* until COST fit; -1: never */
};

static int64_t left_of(const struct row *row)
{
	return row->rate.count > row->used ? row->rate.count - row->used : 0;
}

static void write_json_row(struct limits_query *query, const struct row *row)
{
	char until[UNTIL_TEXT_SIZE];
	FILE *out = query->out;

	limits_next_json(query, "limits");
	fputs("{\"limit\": ", out);
	limits_json_text(out, row->limit->title);
	fputs(", \"key\": ", out);
	limits_json_text(out, row->label);
	limits_json_by(query);
	fprintf(out, ", \"unlimited\": %s, \"used\": %" PRId64 ", \"most\": %" PRId64,
		row->unlimited ? "true" : "false", row->used, row->rate.count);
	fprintf(out, ", \"remaining\": %" PRId64, row->unlimited ? 0 : left_of(row));
	fprintf(out, ", \"window_seconds\": %" PRId64 ", \"cost\": %" PRId64,
		row->rate.window_ms / 1000, query->cost);
	if (row->override != NULL && row->override->end_ms > 0)
		fprintf(out, ", \"raised_until\": \"%s\"",
			trial_format_until(row->override->end_ms, until));
	if (row->wait_ms < 0)
		fputs(", \"wait_seconds\": null}", out);
	else
		fprintf(out, ", \"wait_seconds\": %" PRId64 "}", (row->wait_ms + 999) / 1000);
}

static void write_text_row(struct limits_query *query, const struct row *row)
{
	static const char *const names[] = {
		"LIMIT", "KEY", "BY", "USED", "MOST", "LEFT", "MAY SEND"};
	enum limit_count count = (enum limit_count)row->limit->count;
	char used[48], most[96], window[32], left[48], wait[96], until[UNTIL_TEXT_SIZE];
	char by[LIMITS_BY_SIZE];
	struct limits_table *table = &query->table;
	struct text out;

	for (size_t i = 0; query->rows == 0 && i < ARRAY_COUNT(names); i++)
		limits_table_add(table, names[i]);
	query->rows++;
	limit_amount(count, row->used, used, sizeof(used));
	limit_amount(count, row->rate.count, left, sizeof(left));
	snprintf(most, sizeof(most), "%s / %s", left,
		format_duration(row->rate.window_ms, window, sizeof(window)));
	if (count == COUNT_BYTES)
		limit_amount(count, left_of(row), left, sizeof(left));
	else
		snprintf(left, sizeof(left), "%" PRId64, left_of(row));
	text_init(&out, wait, sizeof(wait));
	if (row->wait_ms > 0)
		text_addf(&out, "in %s", limit_wait(row->wait_ms, window, sizeof(window)));
	else
		text_add(&out, row->wait_ms < 0 ? "never" : "now");
	if (row->override != NULL && row->override->end_ms > 0)
		text_addf(&out, "  (raised until %s)",
			trial_format_until(row->override->end_ms, until));
	limits_table_add(table, row->limit->title);
	limits_table_add(table, row->label);
	limits_table_add(table, limits_by(query, by));
	limits_table_add(table, row->unlimited ? "-" : used);
	limits_table_add(table, row->unlimited ? "unlimited" : most);
	limits_table_add(table, row->unlimited ? "-" : left);
	limits_table_add(table, wait);
}

/* What COST units would be told, without taking them. */
static enum store_status ask(const struct limits_query *query, const char *key, struct row *row)
{
	const struct store_charge charge = {
		.key = key,
		.window_ms = row->rate.window_ms,
		.limit = row->rate.count,
		.units = query->cost,
	};
	struct store_decision decision;
	enum store_status status = store_peek(query->services->store, &charge, 1, &row->used);

	if (status != STORE_OK)
		return status;
	row->wait_ms = row->rate.count < query->cost ? -1 : 0;
	if (row->wait_ms < 0 || row->used + query->cost <= row->rate.count)
		return STORE_OK;
	status = store_look(query->services->store, &charge, 1, &decision);
	row->wait_ms = status == STORE_OVER ? decision.retry_after_ms : 0;
	return status == STORE_DOWN ? status : STORE_OK;
}

static void tell(struct limits_query *query, const struct limit_options *limit,
	const struct limit_identity *identity)
{
	struct row row = {.limit = limit, .label = identity->label, .override = identity->override};

	row.unlimited = !limits_rate(limit, identity, &row.rate);
	if (!row.unlimited && ask(query, identity->key, &row) != STORE_OK)
		query->down = true;
	else if (query->json)
		write_json_row(query, &row);
	else
		write_text_row(query, &row);
}

static void tell_all(struct limits_query *query, const struct limit_options *limit)
{
	limits_identities(query, limit, tell);
}

static int end(struct limits_query *query, const char *none)
{
	limits_table_write(&query->table, 7, "lllrrrl", query->out);
	if (query->json)
		limits_end_json(query, "limits");
	else if (query->down)
		fputs("the store does not answer\n", query->out);
	else if (query->rows == 0)
		fprintf(query->out, "%s\n", none);
	return query->down ? EX_TEMPFAIL : EX_OK;
}

int limits_show(struct limits_query *query)
{
	int status;

	limits_each(query, tell_all);
	status = end(query, "no limit counts by such a key");
	return status == EX_OK && query->rows == 0 ? EX_DATAERR : status;
}

/* Top. ----------------------------------------------------------------------------------------- */

struct leader {
	struct store_window window;
	double share; /* of what the limit allows */
};

struct leaders {
	struct limits_query *query;
	struct leader *best; /* owned; by falling share */
	size_t count, most;
};

/* One may come twice. */
static bool is_there(const struct leaders *leaders, const struct store_window *window)
{
	for (size_t i = 0; i < leaders->count; i++)
		if (strcmp(leaders->best[i].window.key, window->key) == 0 &&
			leaders->best[i].window.window_ms == window->window_ms)
			return true;
	return false;
}

static void consider(void *context, const struct store_window *window)
{
	struct leaders *leaders = context;
	const struct limit_options *limit = limits_find(leaders->query, window->title);
	const char *wanted = leaders->query->title;
	struct leader new = {.window = *window};
	size_t at = leaders->count;

	if (limit == NULL || (wanted[0] != '\0' && strcmp(wanted, window->title) != 0))
		return;
	new.share = (double)window->used / (double)(limit->rate.count > 0 ? limit->rate.count : 1);
	while (at > 0 && leaders->best[at - 1].share < new.share)
		at--;
	if (at == leaders->most || is_there(leaders, window))
		return;
	if (leaders->count < leaders->most)
		leaders->count++;
	memmove(leaders->best + at + 1, leaders->best + at,
		(leaders->count - at - 1) * sizeof(*leaders->best));
	leaders->best[at] = new;
}

/* The label says which identity it was, but for what has changed since. */
static void identify(struct limits_query *query, const struct limit_options *limit,
	const struct store_window *window, struct limit_identity *identity)
{
	char label[STORE_LABEL_SIZE];

	memcpy(label, window->label, sizeof(label));
	if (text_unescape(label))
		for (size_t a = 0; a < limit->key.alternatives; a++)
			for (int unproven = 0; unproven <= 1; unproven++)
				if (limits_identity_of(
					    query, limit, a, unproven == 0, label, identity) &&
					strcmp(identity->key, window->key) == 0)
					return;
	*identity = (struct limit_identity){.override = NULL};
	snprintf(query->by, sizeof(query->by), "-");
	query->proven = true;
}

static void tell_leader(struct limits_query *query, const struct store_window *window)
{
	const struct limit_options *limit = limits_find(query, window->title);
	struct limit_identity identity;
	struct rate rate;

	identify(query, limit, window, &identity);
	limits_rate(limit, &identity, &rate);
	/* What was counted under another rate counts no more. */
	if (rate.window_ms != window->window_ms)
		return;
	memcpy(identity.key, window->key, sizeof(identity.key));
	memcpy(identity.label, window->label, sizeof(identity.label));
	tell(query, limit, &identity);
}

int limits_top(struct limits_query *query, size_t count)
{
	struct leaders leaders = {.query = query, .most = count};

	query->cost = 1;
	leaders.best = mem_array(count + 1, sizeof(*leaders.best));
	query->down = store_list(query->services->store, consider, &leaders) != STORE_OK;
	for (size_t i = 0; i < leaders.count; i++)
		tell_leader(query, &leaders.best[i].window);
	mem_free(leaders.best);
	return end(query, "nothing is counted now");
}
