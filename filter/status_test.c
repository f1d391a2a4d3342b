/* SPDX-License-Identifier: BSD-2-Clause */
#include "status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats.h"
#include "text.h"

/* The services' accounts, in place of theirs: status.c itself is a part of this test. */
static struct resolver_stats resolver_account;
static struct store_state store_account;

static void fake_resolver_stats(const struct resolver *resolver, struct resolver_stats *stats_r)
{
	(void)resolver;
	*stats_r = resolver_account;
}

static void fake_store_state(struct store *store, struct store_state *state_r)
{
	(void)store;
	*state_r = store_account;
}

#define resolver_stats(resolver, stats_r) fake_resolver_stats(resolver, stats_r)
#define store_state(store, state_r) fake_store_state(store, state_r)
#include "status.c"
#undef resolver_stats
#undef store_state

static char *text;

static const char *write_status(bool json)
{
	struct services services = {.store = NULL};
	size_t length;
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, &length);
	assert_non_null(out);
	status_write(out, &services, json);
	fclose(out);
	assert_int_equal(strlen(text), length);
	return text;
}

static int finish(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

/* Just enough of RFC 8259 to say that it is JSON: returns what follows the value, or NULL. -------- */

static const char *skip_blanks(const char *c)
{
	return c + strspn(c, " \t\r\n");
}

static const char *skip_string(const char *c)
{
	if (*c++ != '"')
		return NULL;
	for (; *c != '"'; c++) {
		if (*c < 0x20 || *c > 0x7e)
			return NULL;
		if (*c == '\\' && *++c == '\0')
			return NULL;
	}
	return c + 1;
}

static const char *skip_number(const char *c)
{
	size_t digits = strspn(c, "0123456789");

	return digits == 0 || (digits > 1 && *c == '0') ? NULL : c + digits;
}

static const char *skip_value(const char *c, unsigned depth)
{
	if (depth > 5)
		return NULL;
	if (*c == '"')
		return skip_string(c);
	if (strncmp(c, "true", 4) == 0)
		return c + 4;
	if (strncmp(c, "false", 5) == 0)
		return c + 5;
	if (*c != '{')
		return skip_number(c);
	do {
		c = skip_string(skip_blanks(c + 1));
		if (c == NULL || *(c = skip_blanks(c)) != ':')
			return NULL;
		c = skip_value(skip_blanks(c + 1), depth + 1);
		if (c == NULL)
			return NULL;
		c = skip_blanks(c);
	} while (*c == ',');
	return *c == '}' ? c + 1 : NULL;
}

static void assert_json(const char *json)
{
	const char *end = skip_value(json, 0);

	assert_non_null(end);
	assert_string_equal(end, "\n");
	assert_ptr_equal(strchr(json, '\n'), end); /* one line */
}

static void test_json(void **state)
{
	(void)state;
	stats_start(NULL);
	resolver_account = (struct resolver_stats){.questions = UINT64_MAX, .in_flight = 3};
	store_account = (struct store_state){.kind = "redis", .up = false, .calls = 7};
	snprintf(store_account.detail, sizeof(store_account.detail), "\"\n\\");
	assert_json(write_status(true));
	assert_non_null(strstr(text, "\"questions\": 18446744073709551615"));
	assert_non_null(strstr(text, "\"in_flight\": 3"));
	assert_non_null(strstr(text, "\"up\": false"));
	store_account.up = true;
	assert_json(write_status(true));
	assert_non_null(strstr(text, "\"up\": true"));
}

static void test_text(void **state)
{
	(void)state;
	stats_start(NULL);
	store_account = (struct store_state){.kind = "redis", .up = false};
	snprintf(store_account.detail, sizeof(store_account.detail), "refused\x1b[31m\n");
	write_status(false);
	for (const char *c = text; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
	assert_non_null(strstr(text, "DOWN"));
	assert_non_null(strstr(text, "refused\\x1b[31m\\x0a"));
	store_account.up = true;
	assert_null(strstr(write_status(false), "refused\\x1b"));
	assert_null(strstr(text, "DOWN"));
}

/* What is counted where. ----------------------------------------------------------------------- */

static void test_counters(void **state)
{
	static const struct {
		enum stage stage;
		enum verdict verdict;
		const char *json;
	} rows[] = {
		{STAGE_CONNECT, VERDICT_TEMPFAIL, "\"connect\": {\"tempfail\": 1, \"reject\": 0}"},
		{STAGE_MAIL, VERDICT_REJECT, "\"mail\": {\"tempfail\": 0, \"reject\": 1}"},
		{STAGE_MAIL, VERDICT_CONTINUE, "\"mail\": {\"tempfail\": 0, \"reject\": 1}"},
		{STAGE_RCPT, VERDICT_CONTINUE, "\"recipients_accepted\": 1"},
		{STAGE_RCPT, VERDICT_QUARANTINE, "\"recipients_accepted\": 2"},
		{STAGE_RCPT, VERDICT_REJECT, "\"rcpt\": {\"tempfail\": 0, \"reject\": 1}"},
		{STAGE_EOM, VERDICT_CONTINUE, "\"messages_accepted\": 1"},
		{STAGE_EOM, VERDICT_QUARANTINE, "\"messages_quarantined\": 1"},
		{STAGE_EOM, VERDICT_TEMPFAIL, "\"eom\": {\"tempfail\": 1, \"reject\": 0}"},
	};

	struct session session = {.dry_run = false};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		stats_count_decision(&session, rows[i].stage, rows[i].verdict, 300);
		if (strstr(write_status(true), rows[i].json) == NULL)
			fail_msg("row %zu: %s", i, text);
	}
	assert_non_null(strstr(text, "\"messages_accepted\": 1,"));
	assert_non_null(strstr(text, "\"recipients_accepted\": 2,"));
	stats_count_session(1);
	stats_count_session(1);
	stats_count_session(-1);
	assert_non_null(strstr(write_status(true), "\"sessions\": 2, \"sessions_open\": 1"));
	stats_count_reload(true);
	stats_count_reload(false);
	stats_count_reload(false);
	assert_non_null(strstr(write_status(true), "\"reloads\": 1, \"reloads_failed\": 2"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, NULL, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_json),
		test(test_text),
		test(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
