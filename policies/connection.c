/* SPDX-License-Identifier: BSD-2-Clause */
/* Sheds load: how many connections a client network may have open, how fast it may open them, how long
 * one may last, and how many messages and how much that is no mail it may carry. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "connection_table.h"
#include "policy.h"
#include "text.h"

enum { CHECK_CONCURRENCY, CHECK_RATE, CHECK_MESSAGES, CHECK_DURATION, CHECK_JUNK_COMMANDS };

static const struct check connection_checks[] = {
	[CHECK_CONCURRENCY] = {.name = "concurrency",
		.fail = ACTION_TEMPFAIL,
		.code = "554",
		.tempfail_code = "421",
		.enhanced = "5.7.0",
		.reply = "too many connections",
		.help = "The client network has too many connections open"},
	[CHECK_RATE] = {.name = "rate",
		.fail = ACTION_TEMPFAIL,
		.code = "554",
		.tempfail_code = "421",
		.enhanced = "5.7.0",
		.reply = "too many connections",
		.help = "The client network opens connections too fast"},
	[CHECK_MESSAGES] = {.name = "messages",
		.fail = ACTION_TEMPFAIL,
		.code = "554",
		.tempfail_code = "421",
		.enhanced = "5.7.0",
		.reply = "too many messages in one connection",
		.help = "More messages in one connection than it may carry"},
	[CHECK_DURATION] = {.name = "duration",
		.fail = ACTION_TEMPFAIL,
		.code = "554",
		.tempfail_code = "421",
		.enhanced = "5.7.0",
		.reply = "this connection lasts too long",
		.help = "The connection lasts longer than it may; asked where a message begins"},
	[CHECK_JUNK_COMMANDS] = {.name = "junk_commands",
		.fail = ACTION_TEMPFAIL,
		.code = "554",
		.tempfail_code = "421",
		.enhanced = "5.7.0",
		.reply = "too many unknown commands",
		.help = "More commands that the mail server does not know than a connection may "
			"carry, answered at once; Postfix shows us SEND, SOML, SAML, TURN, EXPN "
			"and HELP among them, and no mail server VRFY"},
	{.name = NULL},
};

struct connection_options {
	int64_t max_connections;
	struct rate max_rate;
	int64_t max_messages, max_duration_ms, max_junk_commands;
	int64_t prefix_v4, prefix_v6;
};

static const struct setting connection_settings[] = {
	{.name = "max_connections",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct connection_options, max_connections),
		.default_text = "50",
		.min = 0,
		.max = 100000,
		.help = "Connections of one client network open at once; 0 for no bound"},
	{.name = "max_rate",
		.type = SETTING_RATE,
		.offset = offsetof(struct connection_options, max_rate),
		.default_text = "300 / 1m",
		.help = "Connections that one client network may open in a window of time"},
	{.name = "max_messages",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct connection_options, max_messages),
		.default_text = "1000",
		.min = 0,
		.max = 1000000,
		.help = "Messages over one connection; 0 for no bound"},
	{.name = "max_duration",
		.type = SETTING_DURATION,
		.offset = offsetof(struct connection_options, max_duration_ms),
		.default_text = "1h",
		.max = INT64_C(31) * 86400000,
		.help = "How long a connection may last and still begin a message; 0 for no bound"},
	{.name = "max_junk_commands",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct connection_options, max_junk_commands),
		.default_text = "10",
		.min = 0,
		.max = 100000,
		.help = "Commands over one connection that the mail server does not know; 0 for no "
			"bound"},
	{.name = "prefix_v4",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct connection_options, prefix_v4),
		.default_text = "32",
		.min = 8,
		.max = 32,
		.help = "Bits of an IPv4 address that make a client network"},
	{.name = "prefix_v6",
		.type = SETTING_INTEGER,
		.offset = offsetof(struct connection_options, prefix_v6),
		.default_text = "64",
		.min = 16,
		.max = 128,
		.help = "Bits of an IPv6 address that make a client network"},
	{.name = NULL},
};

struct connection_state {
	struct network network;
	bool counted;
	uint64_t begun_ms; /* of clock_monotonic_ms */
	int64_t junk_commands;
};

/* Outlives configurations: a reload must not forget who is connected. */
static struct connection_table table = CONNECTION_TABLE_READY;

static struct connection_bounds bounds_of(const struct call *call)
{
	const struct connection_options *options = call->options;
	struct connection_bounds bounds = {0};

	if (check_is_on(call, CHECK_CONCURRENCY))
		bounds.concurrent = options->max_connections;
	if (check_is_on(call, CHECK_RATE))
		bounds.rate = options->max_rate;
	return bounds;
}

/* For explain. */
static void report_bounds_kept(
	struct call *call, const struct connection_use *use, const char *name)
{
	const struct connection_options *options = call->options;
	char window[32];

	if (!use->over_concurrent && options->max_connections > 0)
		report(call, CHECK_CONCURRENCY, RESULT_PASS,
			"%s has %llu open, at most %lld are allowed", name,
			(unsigned long long)use->open, (long long)options->max_connections);
	if (!use->over_rate && options->max_rate.count > 0)
		report(call, CHECK_RATE, RESULT_PASS,
			"%s opened %llu within %s, at most %lld are allowed", name,
			(unsigned long long)use->begun,
			format_duration(options->max_rate.window_ms, window, sizeof(window)),
			(long long)options->max_rate.count);
}

static void report_use(struct call *call, const struct connection_use *use)
{
	const struct connection_options *options = call->options;
	struct network network = network_of(
		&call->session->client, (unsigned)options->prefix_v4, (unsigned)options->prefix_v6);
	char name[NETWORK_TEXT_SIZE], window[32];

	network_format(&network, name);
	if (call->session->dry_run)
		report_bounds_kept(call, use, name);
	if (use->over_concurrent)
		report(call, CHECK_CONCURRENCY, RESULT_FAIL,
			"%s has %llu open, at most %lld are allowed", name,
			(unsigned long long)use->open, (long long)options->max_connections);
	if (use->over_rate)
		report(call, CHECK_RATE, RESULT_FAIL,
			"%s opened %llu within %s, at most %lld are allowed", name,
			(unsigned long long)use->begun,
			format_duration(options->max_rate.window_ms, window, sizeof(window)),
			(long long)options->max_rate.count);
}

static void judge_connect(struct call *call)
{
	const struct connection_options *options = call->options;
	struct connection_state *state = call->state[SCOPE_CONNECTION];
	struct connection_bounds bounds = bounds_of(call);
	struct connection_use use;

	state->begun_ms = clock_monotonic_ms();
	if (call->session->client.family == IP_NONE || state->counted)
		return;
	state->network = network_of(
		&call->session->client, (unsigned)options->prefix_v4, (unsigned)options->prefix_v6);
	if (call->session->dry_run)
		use = connection_table_look(&table, &state->network, &bounds, clock_monotonic_ms());
	else
		use = connection_table_enter(
			&table, &state->network, &bounds, clock_monotonic_ms());
	state->counted = use.counted;
	report_use(call, &use);
}

/* A command is told to us by Postfix as a verb, by Sendmail as a whole line. */
static void format_command(const char *command, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	text_add_escaped(&text, command, strcspn(command, " "), size / 4);
}

static void judge_command(struct call *call)
{
	const struct connection_options *options = call->options;
	struct connection_state *state = call->state[SCOPE_CONNECTION];
	char command[64];

	/* One finding holds for the connection; more would only take memory. */
	if (options->max_junk_commands == 0 || state->junk_commands > options->max_junk_commands)
		return;
	state->junk_commands++;
	if (state->junk_commands <= options->max_junk_commands)
		return;
	format_command(call->command, command, sizeof(command));
	report(call, CHECK_JUNK_COMMANDS, RESULT_FAIL,
		"%s is number %lld, at most %lld are allowed", command,
		(long long)state->junk_commands, (long long)options->max_junk_commands);
}

/* Who has a message half sent may finish it. */
static void judge_duration(struct call *call)
{
	const struct connection_options *options = call->options;
	const struct connection_state *state = call->state[SCOPE_CONNECTION];
	uint64_t lasted_ms = clock_monotonic_ms() - state->begun_ms;
	char bound[32];

	if (state->begun_ms == 0 || options->max_duration_ms == 0 ||
		call->session->transaction.recipients_accepted > 0 ||
		lasted_ms <= (uint64_t)options->max_duration_ms)
		return;
	report(call, CHECK_DURATION, RESULT_FAIL,
		"it began %llu seconds ago, at most %s are allowed",
		(unsigned long long)lasted_ms / 1000U,
		format_duration(options->max_duration_ms, bound, sizeof(bound)));
}

static void judge_messages(struct call *call)
{
	const struct connection_options *options = call->options;

	if (options->max_messages > 0 && call->session->messages > options->max_messages)
		report(call, CHECK_MESSAGES, RESULT_FAIL,
			"this is message %u, at most %lld are allowed", call->session->messages,
			(long long)options->max_messages);
}

/* At RCPT and not at MAIL, so that MAIL needs no reply of ours. */
static void judge_rcpt(struct call *call)
{
	judge_messages(call);
	judge_duration(call);
}

static bool wants(const void *options_, size_t option_count, enum stage stage)
{
	const struct connection_options *options = options_;

	(void)option_count;
	return stage != STAGE_COMMAND || options->max_junk_commands > 0;
}

static void end_connection(struct call *call, enum outcome outcome)
{
	struct connection_state *state = call->state[SCOPE_CONNECTION];

	(void)outcome;
	if (!state->counted)
		return;
	state->counted = false;
	connection_table_leave(&table, &state->network);
}

const struct policy policy_connection = {
	.name = "connection",
	.summary = "bounds on what one client network may open and send",
	.checks = connection_checks,
	.settings = connection_settings,
	.options_size = sizeof(struct connection_options),
	.state_size = {[SCOPE_CONNECTION] = sizeof(struct connection_state)},
	.exempt_by = EXEMPT_TRUSTED | EXEMPT_ALLOWED,
	.immediate = true,
	.wants = wants,
	.judge = {[STAGE_CONNECT] = judge_connect,
		[STAGE_COMMAND] = judge_command,
		[STAGE_RCPT] = judge_rcpt},
	.end = {[SCOPE_CONNECTION] = end_connection},
};
