/* SPDX-License-Identifier: BSD-2-Clause */
/* limits reset, raise, unraise and raises. */
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "clock.h"
#include "limits_query.h"
#include "log.h"
#include "mem.h"
#include "text.h"
#include "trial.h"

static int no_such_key(struct limits_query *query)
{
	fputs("no limit counts by such a key\n", query->out);
	return EX_DATAERR;
}

static int no_store(struct limits_query *query)
{
	fputs("the store does not answer; nothing is changed\n", query->out);
	return EX_TEMPFAIL;
}

/* Reset. --------------------------------------------------------------------------------------- */

static void forget(struct limits_query *query, const struct limit_options *limit,
	const struct limit_identity *identity)
{
	struct store_charge charge = {.key = identity->key};
	const struct services *services = query->services;
	char amount[48], key[STORE_LABEL_SIZE], by[LIMITS_BY_SIZE];
	struct rate rate;
	int64_t used;

	limits_rate(limit, identity, &rate);
	charge.window_ms = rate.window_ms;
	if (query->down || store_peek(services->store, &charge, 1, &used) != STORE_OK ||
		store_forget(services->store, &charge, 1) != STORE_OK ||
		(services->local != services->store &&
			store_forget(services->local, &charge, 1) != STORE_OK)) {
		query->down = true;
		return;
	}
	limit_amount((enum limit_count)limit->count, used, amount, sizeof(amount));
	if (query->json) {
		limits_next_json(query, "reset");
		fputs("{\"limit\": ", query->out);
		limits_json_text(query->out, limit->title);
		fputs(", \"key\": ", query->out);
		limits_json_text(query->out, identity->label);
		limits_json_by(query);
		fprintf(query->out, ", \"forgotten\": %" PRId64 "}", used);
	} else {
		query->rows++;
		fprintf(query->out, "limit %s: %s (%s) starts anew; %s forgotten\n", limit->title,
			identity->label, limits_by(query, by), amount);
	}
	log_info("limit %s: an administrator has reset %s, which had used %s", limit->title,
		text_escape(identity->label, key, sizeof(key)), amount);
}

static void forget_all(struct limits_query *query, const struct limit_options *limit)
{
	limits_identities(query, limit, forget);
}

int limits_reset(struct limits_query *query)
{
	limits_each(query, forget_all);
	if (query->json)
		limits_end_json(query, "reset");
	else if (query->down)
		return no_store(query);
	else if (query->rows == 0)
		return no_such_key(query);
	return query->down ? EX_TEMPFAIL : query->rows == 0 ? EX_DATAERR : EX_OK;
}

/* Raise. --------------------------------------------------------------------------------------- */

enum { CANDIDATES_MAX = 256 };

/* Which limits a raise may be meant for. */
struct candidates {
	const struct limit_options *limits[CANDIDATES_MAX];
	size_t count;
};

static void add_candidates(struct limits_query *query, struct candidates *candidates)
{
	candidates->count = 0;
	for (size_t p = 0; p < query->conf->policy_count; p++) {
		const struct policy_conf *policy_conf = &query->conf->policies[p];
		const struct limit_options *limits = policy_conf->options;

		if (strcmp(policy_conf->policy->name, "limit") != 0)
			continue;
		for (size_t i = 0; i < policy_conf->option_count; i++)
			if (limits[i].trial.mode != MODE_OFF &&
				candidates->count < CANDIDATES_MAX &&
				(query->title[0] == '\0' ||
					strcmp(query->title, limits[i].title) == 0) &&
				limit_key_takes(&limits[i].key, query->name))
				candidates->limits[candidates->count++] = &limits[i];
	}
}

static void keep_window(struct candidates *candidates, int64_t window_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < candidates->count; i++)
		kept += candidates->limits[i]->rate.window_ms == window_ms;
	if (kept == 0)
		return;
	kept = 0;
	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->limits[i]->rate.window_ms == window_ms)
			candidates->limits[kept++] = candidates->limits[i];
	candidates->count = kept;
}

/* The one limit that is meant; NULL with a sentence, and an exit status in *STATUS_R. */
static const struct limit_options *choose(
	struct limits_query *query, const char *rate_text, int *status_r)
{
	struct candidates candidates;
	struct rate rate;

	add_candidates(query, &candidates);
	if (parse_rate(rate_text, &rate))
		keep_window(&candidates, rate.window_ms);
	if (candidates.count == 1)
		return candidates.limits[0];
	*status_r = EX_DATAERR;
	if (candidates.count == 0) {
		no_such_key(query);
		return NULL;
	}
	fputs("several limits count by such a key; say which one with --limit NAME:\n", query->out);
	for (size_t i = 0; i < candidates.count; i++) {
		const struct limit_options *limit = candidates.limits[i];
		char amount[48], window[32];

		fprintf(query->out, "  %s (%s / %s)\n", limit->title,
			limit_amount((enum limit_count)limit->count, limit->rate.count, amount,
				sizeof(amount)),
			format_duration(limit->rate.window_ms, window, sizeof(window)));
	}
	return NULL;
}

static void write_raise(struct limits_query *query, const struct limit_raise *raise)
{
	char until[UNTIL_TEXT_SIZE];

	trial_format_until(raise->end_ms, until);
	if (!query->json) {
		query->rows++;
		limits_table_add(&query->table, raise->title);
		limits_table_add(&query->table, raise->key);
		limits_table_add(&query->table, raise->rate);
		limits_table_add(&query->table, until);
		return;
	}
	limits_next_json(query, "raises");
	fputs("{\"limit\": ", query->out);
	limits_json_text(query->out, raise->title);
	fputs(", \"key\": ", query->out);
	limits_json_text(query->out, raise->key);
	fputs(", \"rate\": ", query->out);
	limits_json_text(query->out, raise->rate);
	fprintf(query->out, ", \"until\": \"%s\", \"until_seconds\": %" PRId64 "}", until,
		raise->end_ms / 1000);
}

static int put(struct limits_query *query, const struct limit_raise *raise)
{
	char until[UNTIL_TEXT_SIZE], key[STORE_FIELD_SIZE];

	switch (limit_raise_put(query->services->raises, raise)) {
	case STORE_DOWN:
		return no_store(query);
	case STORE_OVER:
		fputs("so many raises are in force that there is no room for another; end some "
		      "with "
		      "unraise, or write them into the limit's file of overrides\n",
			query->out);
		return EX_UNAVAILABLE;
	case STORE_OK:
		break;
	}
	log_info("limit %s: an administrator allows %s %s until %s", raise->title,
		text_escape(raise->key, key, sizeof(key)), raise->rate,
		trial_format_until(raise->end_ms, until));
	if (query->json) {
		write_raise(query, raise);
		limits_end_json(query, "raises");
	} else {
		fprintf(query->out, "limit %s: %s may have %s until %s\n", raise->title, raise->key,
			raise->rate, trial_format_until(raise->end_ms, until));
	}
	return EX_OK;
}

/* NAME in quotes, as a value that is taken as it is: the name of a user that is neither domain nor address.
 * False where it rather is one of those, written wrongly. */
static bool quote(const char *name, char quoted[STORE_FIELD_SIZE])
{
	struct text out;

	if (strpbrk(name, "*/:@") != NULL)
		return false;
	text_init(&out, quoted, STORE_FIELD_SIZE);
	text_add_char(&out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			text_add_char(&out, '\\');
		text_add_char(&out, *name);
	}
	text_add_char(&out, '"');
	return !out.truncated;
}

/* A key that only a user can have. */
static bool check_user(
	const struct limit_options *limit, struct limit_raise *raise, char quoted[STORE_FIELD_SIZE])
{
	char why[256];

	if (!limit_key_has_user(&limit->key) || !quote(raise->key, quoted))
		return false;
	raise->key = quoted;
	return limit_raise_check(raise, why, sizeof(why));
}

int limits_raise(struct limits_query *query, const char *rate, int64_t end_ms)
{
	char quoted[STORE_FIELD_SIZE];
	struct limit_raise raise = {.key = query->name, .rate = rate, .end_ms = end_ms};
	const struct limit_options *limit;
	struct rate wanted;
	char why[256];
	int status = EX_DATAERR;

	if (end_ms <= (int64_t)clock_wall_ms()) {
		fputs("that time has passed already\n", query->out);
		return EX_DATAERR;
	}
	limit = choose(query, rate, &status);
	if (limit == NULL)
		return status;
	if (parse_rate(rate, &wanted) && !limit_rate_check(limit, &wanted, why, sizeof(why))) {
		fprintf(query->out, "limit %s: %s\n", limit->title, why);
		return EX_DATAERR;
	}
	raise.title = limit->title;
	if (!limit_raise_check(&raise, why, sizeof(why)) && !check_user(limit, &raise, quoted)) {
		fprintf(query->out, "%s\n", why);
		return EX_DATAERR;
	}
	if (query->services->raises == NULL)
		return no_store(query);
	return put(query, &raise);
}

static void remove_raise(struct limits_query *query, const struct limit_options *limit)
{
	char key[STORE_FIELD_SIZE], quoted[STORE_FIELD_SIZE];
	bool found = false;

	if (query->down ||
		limit_raise_remove(query->services->raises, limit->title, query->name, &found) !=
			STORE_OK ||
		(!found && quote(query->name, quoted) &&
			limit_raise_remove(query->services->raises, limit->title, quoted, &found) !=
				STORE_OK)) {
		query->down = true;
		return;
	}
	if (!found)
		return;
	query->rows++;
	log_info("limit %s: an administrator has ended the raise of %s", limit->title,
		text_escape(query->name, key, sizeof(key)));
	if (!query->json)
		fprintf(query->out, "limit %s: %s has no raise any more\n", limit->title,
			query->name);
}

int limits_unraise(struct limits_query *query)
{
	query->down = query->services->raises == NULL;
	limits_each(query, remove_raise);
	if (query->json)
		fprintf(query->out, "{\"ended\": %zu, \"store_up\": %s}\n", query->rows,
			query->down ? "false" : "true");
	else if (query->down)
		return no_store(query);
	else if (query->rows == 0)
		fputs("no raise of such a key is in force; mailreevectl limits raises lists them\n",
			query->out);
	return query->down ? EX_TEMPFAIL : query->rows == 0 ? EX_DATAERR : EX_OK;
}

int limits_raises(struct limits_query *query)
{
	static const char *const names[] = {"LIMIT", "KEY", "RATE", "UNTIL"};

	for (size_t i = 0; i < limit_raises_count(query->raises); i++) {
		const struct limit_raise raise = limit_raises_at(query->raises, i);

		if (query->title[0] != '\0' && strcmp(query->title, raise.title) != 0)
			continue;
		for (size_t n = 0; !query->json && query->rows == 0 && n < ARRAY_COUNT(names); n++)
			limits_table_add(&query->table, names[n]);
		write_raise(query, &raise);
	}
	limits_table_write(&query->table, 4, "llrl", query->out);
	if (query->json)
		limits_end_json(query, "raises");
	else if (query->rows == 0)
		fputs("no limit is raised now\n", query->out);
	return EX_OK;
}
