/* SPDX-License-Identifier: BSD-2-Clause */
#include "top_view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "text.h"
#include "top_rates.h"

enum { ROWS_MAX = 64, WIDE = 140, GAP = 2 };

enum look { LOOK_PLAIN, LOOK_HEAD, LOOK_STRONG, LOOK_BAD, LOOK_GOOD };

struct row {
	char text[TOP_WIDTH_MAX + 1];
	enum look look;
};

/* Rows that belong together; the first is their heading. */
struct block {
	struct row rows[ROWS_MAX];
	size_t count;
};

static void add(struct block *block, enum look look, const char *format, ...) ATTR_PRINTF(3, 4);

static void add(struct block *block, enum look look, const char *format, ...)
{
	struct row *row;
	va_list args;

	if (block->count == ROWS_MAX)
		return;
	row = &block->rows[block->count++];
	row->look = look;
	va_start(args, format);
	vsnprintf(row->text, sizeof(row->text), format, args);
	va_end(args);
}

/* What stands in the blocks. ------------------------------------------------------------------- */

static const char *text_or(const struct json *json, const char *key, const char *otherwise)
{
	const char *text = json_text(json, key);

	return text == NULL ? otherwise : text;
}

static void add_summary(struct block *block, const struct top_rates *rates)
{
	const struct json *now = rates->now, *store = json_member(now, "store");
	const char *health = text_or(now, "health", "?"), *reasons;
	int64_t up = json_number(now, "uptime_seconds", 0);
	char a[RATE_SIZE], b[RATE_SIZE], c[RATE_SIZE], d[RATE_SIZE];

	add(block, strcmp(health, "good") == 0 ? LOOK_STRONG : LOOK_BAD,
		"mailreeve %s, up %" PRId64 " d %02d:%02d:%02d, %s", text_or(now, "version", "?"),
		up / 86400, (int)(up / 3600 % 24), (int)(up / 60 % 60), (int)(up % 60), health);
	reasons = text_or(now, "health_reasons", "");
	if (*reasons != '\0')
		add(block, LOOK_BAD, "%.*s", (int)strcspn(reasons, "\\\n"), reasons);
	add(block, LOOK_PLAIN, "sessions %" PRId64 " open, %" PRId64 " waiting, %s new",
		json_number(now, "sessions_open", 0), json_number(now, "sessions_waiting", 0),
		top_rate(rates, now, rates->before, "sessions", a));
	add(block, LOOK_PLAIN, "accepted %s messages, %s recipients; %s into quarantine",
		top_rate(rates, now, rates->before, "messages_accepted", a),
		top_rate(rates, now, rates->before, "recipients_accepted", b),
		top_rate(rates, now, rates->before, "messages_quarantined", c));
	add(block, LOOK_PLAIN, "DNS %s questions, %s cached, %s failed, %" PRId64 " under way",
		top_rate(rates, json_member(now, "resolver"),
			json_member(rates->before, "resolver"), "questions", a),
		top_rate(rates, json_member(now, "resolver"),
			json_member(rates->before, "resolver"), "cache_hits", b),
		top_rate(rates, json_member(now, "resolver"),
			json_member(rates->before, "resolver"), "failures", c),
		json_number(json_member(now, "resolver"), "in_flight", 0));
	add(block, json_truth(store, "up") ? LOOK_PLAIN : LOOK_BAD,
		"store %s %s, %s calls, %s failed", text_or(store, "kind", "?"),
		json_truth(store, "up") ? "up" : "DOWN",
		top_rate(rates, store, json_member(rates->before, "store"), "calls", a),
		top_rate(rates, store, json_member(rates->before, "store"), "failures", d));
}

static void add_stages(struct block *block, const struct top_rates *rates)
{
	static const char *const stages[] = {"connect", "command", "helo", "mail", "rcpt", "eom"};
	const struct json *now = json_member(rates->now, "stages");
	const struct json *before = json_member(rates->before, "stages");
	const struct json *refused = json_member(rates->now, "refused");
	const struct json *refused_before = json_member(rates->before, "refused");

	add(block, LOOK_HEAD, "%-9s %9s %9s %9s %9s", "stage", "answers", "tempfail", "reject",
		"mean");
	for (size_t i = 0; i < ARRAY_COUNT(stages); i++) {
		const struct json *stage = json_member(refused, stages[i]);
		const struct json *stage_before = json_member(refused_before, stages[i]);
		char a[RATE_SIZE], b[RATE_SIZE], c[RATE_SIZE], d[RATE_SIZE];

		add(block, LOOK_PLAIN, "%-9s %9s %9s %9s %9s", stages[i],
			top_rate(rates, json_member(now, stages[i]), json_member(before, stages[i]),
				"count", a),
			top_rate(rates, stage, stage_before, "tempfail", b),
			top_rate(rates, stage, stage_before, "reject", c),
			top_mean(json_member(now, stages[i]), json_member(before, stages[i]), d));
	}
}

static void add_findings(struct block *block, const struct top_rates *rates)
{
	struct top_finding findings[ROWS_MAX];
	size_t count = top_findings(rates, findings, ROWS_MAX);

	add(block, LOOK_HEAD, "%-26s %-9s %-10s %9s %9s", "check", "result", "action", "done",
		"monitored");
	for (size_t i = 0; i < count; i++) {
		const struct json *finding = findings[i].now;
		char a[RATE_SIZE], b[RATE_SIZE];

		add(block,
			strcmp(text_or(finding, "action", ""), "reject") == 0 &&
					json_number(finding, "done", 0) > 0
				? LOOK_BAD
				: LOOK_PLAIN,
			"%-26s %-9s %-10s %9s %9s", text_or(finding, "check", "?"),
			text_or(finding, "result", "?"), text_or(finding, "action", "?"),
			top_rate(rates, finding, findings[i].before, "done", a),
			top_rate(rates, finding, findings[i].before, "monitored", b));
	}
}

static void add_busiest(struct block *block, const struct json *now)
{
	const struct json *keys = json_member(now, "busiest");

	add(block, LOOK_HEAD, "%9s %9s %s", "units", "over", "busiest keys of 2 minutes, by limit");
	for (size_t i = 0; i < json_count(keys); i++) {
		const struct json *key = json_item(keys, i);

		add(block, json_number(key, "over", 0) > 0 ? LOOK_BAD : LOOK_PLAIN,
			"%9" PRId64 " %9" PRId64 " %.95s: %.63s", json_number(key, "units", 0),
			json_number(key, "over", 0), text_or(key, "limit", "?"),
			text_or(key, "key", "?"));
	}
}

static void add_slowest(struct block *block, const struct json *now)
{
	const struct json *slowest = json_member(json_member(now, "resolver"), "slowest");
	char took[RATE_SIZE];

	add(block, LOOK_HEAD, "%9s %s", "took", "slowest look-ups of 10 minutes");
	for (size_t i = 0; i < json_count(slowest); i++) {
		const struct json *entry = json_item(slowest, i);

		add(block, LOOK_PLAIN, "%9s %s", top_time(json_number(entry, "us", 0), took),
			text_or(entry, "name", "?"));
	}
}

/* Where they stand. ---------------------------------------------------------------------------- */

/* A row without blanks to its right, or padded to WIDTH. */
static void write_row(
	const struct top_view *view, const struct row *row, unsigned width, bool pad, FILE *out)
{
	static const char *const codes[] = {
		[LOOK_PLAIN] = "",
		[LOOK_HEAD] = "\033[7m",
		[LOOK_STRONG] = "\033[1m",
		[LOOK_BAD] = "\033[31m",
		[LOOK_GOOD] = "\033[32m",
	};
	bool coloured = view->colour && row != NULL && row->look != LOOK_PLAIN;
	const char *text = row == NULL ? "" : row->text;

	if (coloured)
		fputs(codes[row->look], out);
	if (pad || (coloured && row->look == LOOK_HEAD))
		fprintf(out, "%-*.*s", (int)width, (int)width, text);
	else
		fprintf(out, "%.*s", (int)width, text);
	if (coloured)
		fputs("\033[0m", out);
}

static size_t write_block(
	const struct top_view *view, const struct block *block, size_t rows, FILE *out)
{
	size_t i;

	for (i = 0; i < block->count && i < rows; i++) {
		write_row(view, &block->rows[i], view->width, false, out);
		fputc('\n', out);
	}
	return i;
}

/* A heading alone says nothing. */
enum { ROWS_LEAST = 2 };

/* The block that can best do with a row less: the one with most, the first only when it is alone. */
static size_t longest(const size_t *rows, size_t count)
{
	size_t found = 0;

	for (size_t i = 1; i < count; i++)
		if (rows[i] > 0 && (found == 0 || rows[i] >= rows[found]))
			found = i;
	return found;
}

/* So many rows of each block that all fit into ROOM, a blank line before each counted. */
static void share(const struct block *const *blocks, size_t count, size_t room, size_t *rows_r)
{
	size_t wanted = 0;

	for (size_t i = 0; i < count; i++) {
		rows_r[i] = blocks[i]->count < ROWS_LEAST ? 0 : blocks[i]->count;
		wanted += rows_r[i] == 0 ? 0 : rows_r[i] + 1;
	}
	while (wanted > room) {
		size_t *rows = &rows_r[longest(rows_r, count)];

		if (*rows == 0)
			return;
		wanted -= *rows <= ROWS_LEAST ? *rows + 1 : 1;
		*rows -= *rows <= ROWS_LEAST ? *rows : 1;
	}
}

static void write_stack(const struct top_view *view, const struct block *const *blocks,
	size_t count, size_t room, FILE *out)
{
	size_t rows[4];

	share(blocks, count, view->height == 0 ? SIZE_MAX : room, rows);
	for (size_t i = 0; i < count; i++) {
		if (rows[i] == 0)
			continue;
		fputc('\n', out);
		write_block(view, blocks[i], rows[i], out);
	}
}

/* The rows of two stacks side by side. */
static void flatten(
	const struct block *const *blocks, size_t count, size_t room, const struct row **rows_r)
{
	size_t rows[4], at = 0;

	share(blocks, count, room, rows);
	for (size_t i = 0; i < count; i++) {
		if (rows[i] == 0)
			continue;
		rows_r[at++] = NULL;
		for (size_t j = 0; j < rows[i]; j++)
			rows_r[at++] = &blocks[i]->rows[j];
	}
}

static void write_pair(const struct top_view *view, const struct block *const left[2],
	const struct block *const right[2], size_t room, FILE *out)
{
	enum { MOST = 2 * (ROWS_MAX + 1) + 1 };
	const struct row *a[MOST] = {NULL}, *b[MOST] = {NULL};
	unsigned half = (view->width - GAP) / 2;
	size_t last = 0;

	room = view->height == 0 || room > MOST - 1 ? MOST - 1 : room;
	flatten(left, 2, room, a);
	flatten(right, 2, room, b);
	for (size_t i = 0; i < room; i++)
		if (a[i] != NULL || b[i] != NULL)
			last = i + 1;
	for (size_t i = 0; i < last; i++) {
		write_row(view, a[i], half, b[i] != NULL, out);
		if (b[i] != NULL) {
			fprintf(out, "%*s", GAP, "");
			write_row(view, b[i], half, false, out);
		}
		fputc('\n', out);
	}
}

struct blocks {
	struct block summary, stages, findings, busiest, slowest;
};

void top_view_write(
	const struct top_view *given, const struct json *before, const struct json *now, FILE *out)
{
	struct blocks *blocks = mem_alloc(sizeof(*blocks));
	const struct top_rates rates = top_rates_of(before, now);
	const struct block *const stack[] = {
		&blocks->stages, &blocks->findings, &blocks->busiest, &blocks->slowest};
	const struct block *const left[] = {&blocks->stages, &blocks->findings};
	const struct block *const right[] = {&blocks->busiest, &blocks->slowest};
	struct top_view view = *given;
	size_t used, room;

	if (view.width < TOP_WIDTH_MIN)
		view.width = TOP_WIDTH_MIN;
	if (view.width > TOP_WIDTH_MAX)
		view.width = TOP_WIDTH_MAX;
	if (view.height > 0 && view.height < TOP_HEIGHT_MIN)
		view.height = TOP_HEIGHT_MIN;
	add_summary(&blocks->summary, &rates);
	add_stages(&blocks->stages, &rates);
	add_findings(&blocks->findings, &rates);
	add_busiest(&blocks->busiest, now);
	add_slowest(&blocks->slowest, now);
	used = write_block(&view, &blocks->summary, view.height == 0 ? ROWS_MAX : view.height, out);
	room = view.height > used ? view.height - used : 0;
	if (view.width >= WIDE)
		write_pair(&view, left, right, room, out);
	else
		write_stack(&view, stack, ARRAY_COUNT(stack), room, out);
	mem_free(blocks);
}
