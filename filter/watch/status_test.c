/* SPDX-License-Identifier: BSD-2-Clause */
/* What status, the metrics and /healthz say of a daemon in any state. */
#include "status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "json.h"
#include "limit_meter.h"
#include "metrics.h"
#include "metrics_format.h"
#include "stats.h"

static char *text;
static struct running running;

static FILE *begin_text(size_t *length)
{
	FILE *out;

	free(text);
	text = NULL;
	out = open_memstream(&text, length);
	assert_non_null(out);
	return out;
}

static const char *written(void (*write)(FILE *out, const struct running *running))
{
	size_t length;
	FILE *out = begin_text(&length);

	write(out, &running);
	fclose(out);
	assert_int_equal(strlen(text), length);
	return text;
}

static unsigned health_page(void)
{
	size_t length;
	FILE *out = begin_text(&length);
	unsigned status = metrics_write_health(out, &running);

	fclose(out);
	return status;
}

static void complain(void *context, const char *complaint)
{
	(void)context;
	fail_msg("%s", complaint);
}

static void load(const char *configuration)
{
	static const struct conf_report report = {.error = complain};
	char file[] = "/tmp/status_test.XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	dprintf(fd, "%s", configuration);
	close(fd);
	conf_release(&running.conf);
	running.conf = conf_load(file, policies, &report);
	unlink(file);
	assert_non_null(running.conf);
}

/* All is well. */
static int begin(void **state)
{
	(void)state;
	running = (struct running){
		.reload = {.file = "/etc/m.conf", .loaded_ms = 1000, .done = 2, .failed = 1},
		.resolver = {.questions = 5},
		.store = {.kind = "redis", .up = true, .calls = 7},
	};
	load("hostname = mx.example.org\n");
	stats_start(policies);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	conf_release(&running.conf);
	return 0;
}

static struct json *read_json(void)
{
	char why[200];
	struct json *json;

	written(status_write_json);
	json = json_read(text, strlen(text), why, sizeof(why));
	if (json == NULL)
		fail_msg("%s: %s", why, text);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
	return json;
}

static void test_json(void **state)
{
	const struct json *part;
	struct json *json;

	(void)state;
	running.resolver = (struct resolver_stats){.questions = UINT64_MAX, .in_flight = 3};
	running.store.up = false;
	running.slowest[0] = (struct slowest_entry){.name = "MX slow.example", .us = 1500000};
	running.slowest_count = 1;
	snprintf(running.store.detail, sizeof(running.store.detail), "\"\n\\");
	json = read_json();
	part = json_member(json, "resolver");
	assert_true(json_number(part, "questions", 0) == INT64_MAX);
	assert_int_equal(json_number(part, "in_flight", 0), 3);
	part = json_item(json_member(part, "slowest"), 0);
	assert_string_equal(json_text(part, "name"), "MX slow.example");
	assert_int_equal(json_number(part, "us", 0), 1500000);
	assert_false(json_truth(json_member(json, "store"), "up"));
	assert_string_equal(json_text(json_member(json, "configuration"), "file"), "/etc/m.conf");
	assert_int_equal(json_number(json, "reloads", 0), 2);
	assert_int_equal(json_number(json, "reloads_failed", 0), 1);
	json_free(&json);
}

static void test_text(void **state)
{
	(void)state;
	running.store.up = false;
	snprintf(running.store.detail, sizeof(running.store.detail), "refused\x1b[31m\n");
	snprintf(running.reload.error, sizeof(running.reload.error), "/etc/m.conf:3: \x1b");
	written(status_write_text);
	for (const char *c = text; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
	assert_non_null(strstr(text, "DOWN"));
	assert_non_null(strstr(text, "degraded\n"));
	assert_non_null(strstr(text, "refused\\x1b[31m\\x0a"));
	assert_non_null(strstr(text, "m.conf:3: \\x1b\n"));
	assert_non_null(strstr(text, "2 reloads, 1 failed"));
	running.store.up = true;
	running.reload.error[0] = '\0';
	assert_null(strstr(written(status_write_text), "refused\\x1b"));
	assert_null(strstr(text, "DOWN"));
	assert_non_null(strstr(text, ", good\n"));
}

/* What is counted where. ----------------------------------------------------------------------- */

static int64_t refused_at(const struct json *json, enum stage stage, const char *how)
{
	return json_number(json_member(json_member(json, "refused"), stage_name(stage)), how, -1);
}

static void test_counters(void **state)
{
	struct session session = {.dry_run = false};
	struct json *json;

	(void)state;
	stats_count_decision(&session, STAGE_CONNECT, VERDICT_TEMPFAIL, 300);
	stats_count_decision(&session, STAGE_MAIL, VERDICT_REJECT, 300);
	stats_count_decision(&session, STAGE_MAIL, VERDICT_CONTINUE, 300);
	stats_count_decision(&session, STAGE_RCPT, VERDICT_CONTINUE, 300);
	stats_count_decision(&session, STAGE_RCPT, VERDICT_QUARANTINE, 300);
	stats_count_decision(&session, STAGE_RCPT, VERDICT_REJECT, 300);
	stats_count_decision(&session, STAGE_EOM, VERDICT_CONTINUE, 300);
	stats_count_decision(&session, STAGE_EOM, VERDICT_QUARANTINE, 300);
	stats_count_decision(&session, STAGE_EOM, VERDICT_TEMPFAIL, 7000000);
	stats_count_session(1);
	stats_count_session(1);
	stats_count_session(-1);
	json = read_json();
	assert_int_equal(refused_at(json, STAGE_CONNECT, "tempfail"), 1);
	assert_int_equal(refused_at(json, STAGE_CONNECT, "reject"), 0);
	assert_int_equal(refused_at(json, STAGE_MAIL, "reject"), 1);
	assert_int_equal(refused_at(json, STAGE_RCPT, "reject"), 1);
	assert_int_equal(refused_at(json, STAGE_EOM, "tempfail"), 1);
	assert_int_equal(json_number(json, "recipients_accepted", 0), 2);
	assert_int_equal(json_number(json, "messages_accepted", 0), 1);
	assert_int_equal(json_number(json, "messages_quarantined", 0), 1);
	assert_int_equal(json_number(json, "sessions", 0), 2);
	assert_int_equal(json_number(json, "sessions_open", 0), 1);
	assert_int_equal(json_number(json_member(json_member(json, "stages"), "eom"), "p99_us", 0),
		10000000);
	json_free(&json);
	written(metrics_write);
	assert_non_null(
		strstr(text, "\nmailreeve_answers_total{stage=\"mail\",verdict=\"accept\"} 1\n"));
	assert_non_null(
		strstr(text, "\nmailreeve_answers_total{stage=\"eom\",verdict=\"accept\"} 1\n"));
	assert_non_null(strstr(
		text, "\nmailreeve_answers_total{stage=\"eom\",verdict=\"quarantine\"} 1\n"));
	assert_non_null(
		strstr(text, "\nmailreeve_answer_seconds_bucket{stage=\"eom\",le=\"0.0005\"} 2\n"));
	assert_non_null(
		strstr(text, "\nmailreeve_answer_seconds_bucket{stage=\"eom\",le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(text, "\nmailreeve_sessions_open 1\n"));
}

/* A check that is on is there from the start, so that its first finding is seen as a rise. */
static void test_findings(void **state)
{
	(void)state;
	load("hostname = a.b rdns { mode = off } sender { null_mx = tag }\n");
	written(metrics_write);
	assert_non_null(
		strstr(text, "\nmailreeve_findings_total{policy=\"sender\",check=\"null_mx\","
			     "result=\"fail\",action=\"tag\",mode=\"enforce\"} 0\n"));
	assert_null(strstr(text, "policy=\"rdns\""));
}

static void test_trials(void **state)
{
	const struct json *trials;
	struct json *json;

	(void)state;
	load("hostname = a.b\n"
	     "sender { null_mx = \"reject percent=10 until=2999-12-31\" }\n"
	     "helo { mode = monitor until = 2001-12-31 }\n"
	     "spf { mode = off fail = \"reject percent=10\" }\n"
	     "limit \"a-b\" { percent = 5 }\n");
	json = read_json();
	trials = json_member(json, "trials");
	assert_int_equal(json_count(trials), 3);
	assert_string_equal(json_text(json_item(trials, 0), "name"), "helo");
	assert_true(json_truth(json_item(trials, 0), "ended"));
	assert_string_equal(json_text(json_item(trials, 1), "name"), "sender.null_mx");
	assert_string_equal(json_text(json_item(trials, 1), "until"), "2999-12-31");
	assert_int_equal(json_number(json_item(trials, 1), "percent", 0), 10);
	assert_false(json_truth(json_item(trials, 1), "ended"));
	assert_string_equal(json_text(json_item(trials, 2), "name"), "limit a-b");
	json_free(&json);
	written(status_write_text);
	assert_non_null(strstr(text, "\ntrials\n  helo was on trial until 2001-12-31, which has "
				     "passed: it is enforced now"));
	assert_non_null(strstr(text, "\n  sender.null_mx acts for 10 % of client networks, until "
				     "2999-12-31\n"));
	written(metrics_write);
	assert_non_null(
		strstr(text, "mailreeve_trial_end_timestamp_seconds{name=\"limit a-b\"} +Inf\n"));
}

static void test_health(void **state)
{
	(void)state;
	assert_int_equal(health_page(), 200);
	assert_string_equal(text, "good\n");
	/* Without the store limits go on in this process; that is no reason to take mail away. */
	running.store.up = false;
	assert_int_equal(health_page(), 200);
	assert_int_equal(strncmp(text, "degraded\nthe store does not answer", 34), 0);
	load("hostname = a.b limit \"a\" { outage = tempfail mode = monitor }\n");
	assert_int_equal(health_page(), 200);
	load("hostname = a.b limit \"a\" { outage = tempfail }\n");
	assert_int_equal(health_page(), 503);
	assert_non_null(strstr(text, "limit \"a\" has outage = tempfail\n"));
	running.store.up = true;
	assert_int_equal(health_page(), 200);
	running.resolver.failures_in_a_row = 10;
	assert_int_equal(health_page(), 200);
	assert_int_equal(strncmp(text, "degraded\nthe DNS does not answer", 32), 0);
	running.resolver.failures_in_a_row = 9;
	snprintf(running.reload.error, sizeof(running.reload.error), "m.conf:1: \n");
	assert_int_equal(health_page(), 200);
	assert_int_equal(strncmp(text, "degraded\nthe last reload failed", 31), 0);
	running.waiting = running.conf->site.max_waiting;
	assert_int_equal(health_page(), 503);
	running.waiting--;
	assert_int_equal(health_page(), 200);
	running.stopping = true;
	assert_int_equal(health_page(), 503);
}

static void test_format(void **state)
{
	size_t length;
	FILE *out = begin_text(&length);

	(void)state;
	metrics_value(out, "a", 1e15 + 0.5, "x", "q\"\\\n", "y", "", METRICS_END);
	metrics_value(out, "b", 0.25, METRICS_END);
	metrics_value(out, "c", 18014398509481984.0, METRICS_END);
	fclose(out);
	assert_string_equal(
		text, "a{x=\"q\\\"\\\\?\",y=\"\"} 1e+15\nb 0.25\nc 1.8014398509482e+16\n");
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_json),
		test(test_text),
		test(test_counters),
		test(test_findings),
		test(test_trials),
		test(test_health),
		test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
