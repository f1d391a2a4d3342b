/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf_hooks.h"
#include "mem.h"

static const char *const scope_names[] = {
	[SCOPE_CONNECTION] = "connection",
	[SCOPE_GREETING] = "greeting",
	[SCOPE_TRANSACTION] = "transaction",
	[SCOPE_RECIPIENT] = "recipient",
};

#define CHECK(stage_name)                                                                          \
	{.name = stage_name,                                                                       \
		.fail = ACTION_OFF,                                                                \
		.can_temperror = true,                                                             \
		.code = "550",                                                                     \
		.enhanced = "5.7.1",                                                               \
		.reply = "test says no",                                                           \
		.help = "Test"}

static const struct check checks[] = {CHECK("connect"), CHECK("command"), CHECK("helo"),
	CHECK("mail"), CHECK("rcpt"), CHECK("header"), CHECK("body"), CHECK("eom"), {.name = NULL}};

/* What a policy keeps in each scope: the block shows a scope that never ends (as a leak) and one that
 * is not zeroed (as freed twice). */
struct state {
	unsigned calls;
	char *block;
};

static struct chain_case *case_of(const struct call *call)
{
	/* The services are the first member of the case and not const there. */
	return (struct chain_case *)(uintptr_t)call->session->services;
}

static void trace(struct chain_case *chain_case, char log[CHAIN_TRACE_SIZE], const char *format,
	...) ATTR_PRINTF(3, 4);

static void trace(
	struct chain_case *chain_case, char log[CHAIN_TRACE_SIZE], const char *format, ...)
{
	size_t used = strlen(log);
	va_list args;

	if (chain_case->quiet)
		return;
	va_start(args, format);
	vsnprintf(log + used, CHAIN_TRACE_SIZE - used, format, args);
	va_end(args);
}

static void touch(const struct call *call)
{
	struct chain_case *chain_case = case_of(call);
	enum scope scope = stage_scope(call->stage);

	for (int outer = 0; outer <= (int)scope; outer++) {
		struct state *state = call->state[outer];

		assert_non_null(state);
		assert_true((state->calls == 0) == (state->block == NULL));
		if (state->calls++ > 0)
			continue;
		state->block = mem_text("held");
		if (call->policy == chain_case_policies[CHAIN_A])
			chain_case->begun[outer]++;
	}
}

static void announce(struct call *call)
{
	struct chain_case *chain_case = case_of(call);

	touch(call);
	trace(chain_case, chain_case->announced, "%s:%s ", call->policy->name,
		stage_name(call->stage));
}

static void judge(struct call *call)
{
	struct chain_case *chain_case = case_of(call);
	void (*during)(struct chain_case *) = chain_case->during_judge;

	touch(call);
	trace(chain_case, chain_case->judged, "%s:%s ", call->policy->name,
		stage_name(call->stage));
	if (call->stage != STAGE_HEADER && call->stage != STAGE_BODY &&
		call->stage != STAGE_COMMAND)
		chain_case->decided++;
	if (call->policy == chain_case_policies[CHAIN_A] && during != NULL) {
		chain_case->during_judge = NULL;
		during(chain_case);
	}
	report(call, (unsigned)call->stage, RESULT_FAIL, "%s at %s", call->policy->name,
		stage_name(call->stage));
}

static void end(struct call *call, enum scope scope, enum outcome outcome)
{
	struct chain_case *chain_case = case_of(call);
	struct state *state = call->state[scope];

	trace(chain_case, chain_case->ended, "%s:%s=%s/%u ", call->policy->name, scope_names[scope],
		outcome == OUTCOME_ACCEPTED ? "accepted" : "dropped", state->calls);
	if (call->policy == chain_case_policies[CHAIN_A] && state->calls > 0)
		chain_case->finished[scope]++;
	mem_free(state->block);
}

static void end_connection(struct call *call, enum outcome outcome)
{
	end(call, SCOPE_CONNECTION, outcome);
}

static void end_greeting(struct call *call, enum outcome outcome)
{
	end(call, SCOPE_GREETING, outcome);
}

static void end_transaction(struct call *call, enum outcome outcome)
{
	end(call, SCOPE_TRANSACTION, outcome);
}

static void end_recipient(struct call *call, enum outcome outcome)
{
	end(call, SCOPE_RECIPIENT, outcome);
}

/* Only of one that this policy was asked about. */
static void recipient_answered(struct call *call)
{
	struct chain_case *chain_case = case_of(call);
	const struct state *state = call->state[SCOPE_RECIPIENT];

	if (call->verdict < VERDICT_TEMPFAIL || state->calls == 0)
		return;
	trace(chain_case, chain_case->refused, "%s ", call->policy->name);
}

#define SIZES                                                                                      \
	{sizeof(struct state), sizeof(struct state), sizeof(struct state), sizeof(struct state)}
#define ENDS {end_connection, end_greeting, end_transaction, end_recipient}
#define ALL_STAGES {judge, judge, judge, judge, judge, judge, judge, judge}
#define ANNOUNCED_STAGES {announce, NULL, announce, announce, announce, NULL, NULL, announce}

static const struct policy charge = {.name = "charge",
	.checks = checks,
	.state_size = SIZES,
	.charges = true,
	.judge = {[STAGE_RCPT] = judge, [STAGE_EOM] = judge},
	.end = ENDS,
	.recipient_answered = recipient_answered};

static const struct policy charge2 = {.name = "charge2",
	.checks = checks,
	.state_size = SIZES,
	.charges = true,
	.judge = {[STAGE_RCPT] = judge, [STAGE_EOM] = judge},
	.end = ENDS,
	.recipient_answered = recipient_answered};

static const struct policy now = {.name = "now",
	.checks = checks,
	.state_size = SIZES,
	.immediate = true,
	.judge = {[STAGE_CONNECT] = judge, [STAGE_RCPT] = judge},
	.end = ENDS};

static const struct policy a = {.name = "a",
	.checks = checks,
	.state_size = SIZES,
	.announce = ANNOUNCED_STAGES,
	.judge = ALL_STAGES,
	.end = ENDS};

static const struct policy guard = {.name = "guard",
	.checks = checks,
	.state_size = SIZES,
	.exempt_by = EXEMPT_AUTHENTICATED | EXEMPT_ALLOWED,
	.reads_header = true,
	.reserved_mailboxes_exempt = true,
	.announce = ANNOUNCED_STAGES,
	.judge = ALL_STAGES,
	.end = ENDS};

static const struct policy b = {.name = "b",
	.checks = checks,
	.state_size = SIZES,
	.announce = ANNOUNCED_STAGES,
	.judge = ALL_STAGES,
	.end = ENDS};

const struct policy *const chain_case_policies[] = {
	[CHAIN_CHARGE] = &charge,
	[CHAIN_CHARGE2] = &charge2,
	[CHAIN_NOW] = &now,
	[CHAIN_A] = &a,
	[CHAIN_GUARD] = &guard,
	[CHAIN_B] = &b,
	[CHAIN_POLICIES] = NULL,
};

static void on_error(void *context, const char *text)
{
	(void)context;
	fail_msg("%s", text);
}

static bool is_word_of(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *found = strstr(words, word); found != NULL;
		found = strstr(found + 1, word))
		if ((found == words || found[-1] == ' ') &&
			(found[length] == ' ' || found[length] == '\0'))
			return true;
	return false;
}

static void add_to(struct matchlist **list, const char *entry)
{
	const char *why;

	if (*list == NULL)
		*list = matchlist_create();
	assert_true(matchlist_add(*list, entry, "test", &why));
}

void chain_case_start(struct chain_case *chain_case, const char *on)
{
	static const struct conf_report report = {.error = on_error};
	struct conf *conf = conf_load(NULL, chain_case_policies, &report);

	memset(chain_case, 0, sizeof(*chain_case));
	assert_non_null(conf);
	chain_case->conf = conf;
	for (size_t p = 0; p < CHAIN_POLICIES; p++)
		if (!is_word_of(on, chain_case_policies[p]->name))
			conf->policies[p].trial.mode = MODE_OFF;
	conf_hooks_make(conf);
	add_to(&conf->site.local_domains, "example.org");
	add_to(&conf->site.allow, "friend@example.org");
	chain_case->chain = chain_create(conf, &chain_case->services);
}

void chain_case_end(struct chain_case *chain_case)
{
	chain_free(&chain_case->chain);
	conf_release(&chain_case->conf);
}

void chain_case_clear(struct chain_case *chain_case)
{
	chain_case->announced[0] = '\0';
	chain_case->judged[0] = '\0';
	chain_case->ended[0] = '\0';
	chain_case->refused[0] = '\0';
}

void chain_case_act(struct chain_case *chain_case, int policy, enum stage stage, enum action action)
{
	chain_case->conf->policies[policy].fail[stage] = action;
}

struct decision chain_case_connect(struct chain_case *chain_case)
{
	struct session *session = chain_session(chain_case->chain);

	chain_begin(chain_case->chain, SCOPE_CONNECTION);
	assert_true(ipaddr_parse("192.0.2.7", &session->client));
	return chain_connect(chain_case->chain);
}

struct decision chain_case_helo(struct chain_case *chain_case)
{
	struct session *session = chain_session(chain_case->chain);

	chain_begin(chain_case->chain, SCOPE_GREETING);
	session->greeted = true;
	snprintf(session->helo_raw, sizeof(session->helo_raw), "mail.example.net");
	snprintf(session->helo, sizeof(session->helo), "mail.example.net");
	return chain_helo(chain_case->chain);
}

struct decision chain_case_mail(struct chain_case *chain_case, const char *auth_user)
{
	struct session *session = chain_session(chain_case->chain);
	struct transaction *transaction = &session->transaction;

	chain_begin(chain_case->chain, SCOPE_TRANSACTION);
	transaction->open = true;
	snprintf(transaction->raw, sizeof(transaction->raw), "<anna@example.net>");
	transaction->error = path_parse(transaction->raw, false, &transaction->reverse_path);
	snprintf(session->auth_user, sizeof(session->auth_user), "%s", auth_user);
	return chain_mail(chain_case->chain);
}

struct decision chain_case_rcpt(struct chain_case *chain_case, const char *forward_path)
{
	struct recipient *recipient = &chain_case->recipient;

	*recipient = (struct recipient){0};
	snprintf(recipient->raw, sizeof(recipient->raw), "%s", forward_path);
	recipient->error = path_parse(recipient->raw, false, &recipient->path);
	return chain_rcpt(chain_case->chain, recipient);
}

struct decision chain_case_eom(struct chain_case *chain_case)
{
	static const unsigned char body[] = "body\r\n";

	chain_header(chain_case->chain, "From", "anna@example.net");
	chain_body(chain_case->chain, body, sizeof(body) - 1);
	return chain_eom(chain_case->chain);
}

void chain_case_open(struct chain_case *chain_case)
{
	chain_case_connect(chain_case);
	chain_case_helo(chain_case);
	chain_case_mail(chain_case, "");
}
