/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "clock.h"
#include "decision_record.h"
#include "exemption.h"
#include "json_write.h"
#include "mem.h"
#include "milter_facts.h"
#include "text.h"

enum {
	STEP_SIZE = 64 << 10,
	STEPS_MAX = 4 + EXPLAIN_RECIPIENTS_MAX,
	USES_MAX = 200,
	WHOLE_MS = 30000, /* after that no further recipient is asked about */
	LOOKUP_MS = 1000 /* for lookups that nothing waited for, to be shown */
};

/* What is said of one stage, and of each recipient. */
struct step {
	enum stage stage;
	const char *argument; /* of the command; borrowed */
	struct text checks; /* of its own findings, as elements of an array */
	char exempt[100], exempt_by[EVIDENCE_SIZE];
	struct decision decision;
	char decided_by[128];
	bool answered; /* a reply point */
	bool unreached; /* the session would have ended before */
};

struct explanation {
	const struct explain_request *request;
	struct conf *conf;
	struct chain *chain;
	struct session *session;
	struct step steps[STEPS_MAX];
	size_t step_count;
	size_t seen[SCOPE_COUNT]; /* findings that are in a step already */
	bool spoke[64][POLICY_CHECKS_MAX]; /* by policy and check: there is a finding */
	bool refused; /* for the whole session */
	bool cut;
	struct inquiry_trace trace;
};

/* What the MTA would say. */
static const char *macro(void *context, const char *name)
{
	const struct explanation *explanation = context;
	const struct explain_request *request = explanation->request;

	if (strcmp(name, "j") == 0)
		return explanation->conf->site.hostname;
	if (strcmp(name, "{auth_authen}") == 0)
		return request->auth;
	if (strcmp(name, "{cert_subject}") == 0)
		return request->tls_subject;
	if (strcmp(name, "{verify}") == 0)
		return request->tls_subject == NULL ? NULL : "OK";
	return NULL;
}

/* Steps. --------------------------------------------------------------------------------------- */

static struct step *add_step(
	struct explanation *explanation, enum stage stage, const char *argument)
{
	struct step *step = &explanation->steps[explanation->step_count++];

	step->stage = stage;
	step->argument = argument;
	step->unreached = explanation->refused;
	text_init(&step->checks, mem_alloc(STEP_SIZE), STEP_SIZE);
	return step;
}

/* A finding belongs to the step of its stage, though it may come only at the first RCPT. */
static struct step *step_of(struct explanation *explanation, const struct finding *finding)
{
	struct step *last = &explanation->steps[explanation->step_count - 1];

	if (finding->stage == STAGE_RCPT)
		return last;
	for (size_t i = 0; i < explanation->step_count; i++)
		if (explanation->steps[i].stage == finding->stage)
			return &explanation->steps[i];
	return last;
}

static void note_that_it_spoke(struct explanation *explanation, const struct finding *finding)
{
	size_t check = (size_t)(finding->check - finding->policy->checks);

	for (size_t p = 0;
		p < explanation->conf->policy_count && p < ARRAY_COUNT(explanation->spoke); p++)
		if (explanation->conf->policies[p].policy == finding->policy &&
			check < POLICY_CHECKS_MAX)
			explanation->spoke[p][check] = true;
}

static void collect_findings(struct explanation *explanation)
{
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		const struct findings *findings = &explanation->session->findings[scope];

		for (size_t i = explanation->seen[scope]; i < findings->count; i++) {
			struct text *checks = &step_of(explanation, findings->items[i])->checks;
			size_t before = checks->length;

			note_that_it_spoke(explanation, findings->items[i]);
			decision_record_finding(checks, explanation->session, findings->items[i]);
			json_undo(checks, before);
		}
		explanation->seen[scope] = findings->count;
	}
}

static void end_step(
	struct explanation *explanation, struct step *step, const struct decision *decision)
{
	bool at_stage = explanation->conf->site.reply_at == REPLY_AT_STAGE;

	collect_findings(explanation);
	step->decision = *decision;
	step->answered =
		at_stage || step->stage >= STAGE_RCPT || decision->verdict >= VERDICT_TEMPFAIL;
	exemption_format(explanation->session->exemptions, step->exempt, sizeof(step->exempt));
	memcpy(step->exempt_by, explanation->session->exemption_evidence, sizeof(step->exempt_by));
	if (decision->decisive != NULL)
		decision_record_check(
			decision->decisive, step->decided_by, sizeof(step->decided_by));
	/* It may be freed before it is shown. */
	step->decision.decisive = NULL;
	if (decision->verdict >= VERDICT_TEMPFAIL && step->stage < STAGE_RCPT)
		explanation->refused = true;
}

/* The dialogue. -------------------------------------------------------------------------------- */

static void fill_address(const struct explain_request *request, struct sockaddr_storage *storage)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
	unsigned long port = request->port == NULL ? 40000 : strtoul(request->port, NULL, 10);
	char text[IPADDR_TEXT_SIZE] = "";
	struct ipaddr address;

	memset(storage, 0, sizeof(*storage));
	if (ipaddr_parse(request->client, &address))
		ipaddr_format(&address, text);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
	}
}

static char *in_brackets(const char *path)
{
	return path[0] == '<' ? mem_text(path) : mem_format("<%s>", path);
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 0x7e)
			return false;
	return true;
}

static void say_connect(struct explanation *explanation, const struct milter_macros *macros)
{
	const struct explain_request *request = explanation->request;
	struct step *step = add_step(explanation, STAGE_CONNECT, request->client);
	struct sockaddr_storage address;
	struct decision decision;
	char host[80];

	fill_address(request, &address);
	snprintf(host, sizeof(host), "[%s]", request->client);
	chain_begin(explanation->chain, SCOPE_CONNECTION);
	milter_facts_connect(explanation->session, request->name == NULL ? host : request->name,
		(struct sockaddr *)&address, macros);
	decision = chain_connect(explanation->chain);
	end_step(explanation, step, &decision);
}

static void say_helo(struct explanation *explanation, const struct milter_macros *macros)
{
	const char *helo = explanation->request->helo;
	struct decision decision;
	struct step *step;

	if (helo == NULL)
		return;
	step = add_step(explanation, STAGE_HELO, helo);
	chain_begin(explanation->chain, SCOPE_GREETING);
	milter_facts_helo(explanation->session, helo, macros);
	decision = chain_helo(explanation->chain);
	end_step(explanation, step, &decision);
}

static void say_rcpt(
	struct explanation *explanation, const char *path, const struct milter_macros *macros)
{
	struct step *step = add_step(explanation, STAGE_RCPT, path);
	struct recipient recipient = {.cut = false};
	char *arguments[] = {in_brackets(path), NULL};
	struct decision decision;

	explanation->seen[SCOPE_RECIPIENT] = 0;
	milter_facts_rcpt(explanation->session, arguments, &recipient, macros);
	decision = chain_rcpt(explanation->chain, &recipient);
	end_step(explanation, step, &decision);
	mem_free(arguments[0]);
}

static void say_envelope(struct explanation *explanation, const struct milter_macros *macros)
{
	const struct explain_request *request = explanation->request;
	char utf8[] = "SMTPUTF8";
	char *arguments[] = {NULL, NULL, NULL};
	uint64_t end_ms = clock_monotonic_ms() + WHOLE_MS;
	struct decision decision;
	struct step *step;

	if (request->from == NULL)
		return;
	step = add_step(explanation, STAGE_MAIL, request->from);
	arguments[0] = in_brackets(request->from);
	arguments[1] = is_ascii(request->from) ? NULL : utf8;
	chain_begin(explanation->chain, SCOPE_TRANSACTION);
	milter_facts_mail(explanation->session, arguments, macros);
	decision = chain_mail(explanation->chain);
	end_step(explanation, step, &decision);
	for (size_t i = 0; i < request->recipient_count; i++) {
		if (clock_monotonic_ms() > end_ms)
			explanation->cut = true;
		else
			say_rcpt(explanation, request->recipients[i], macros);
	}
	mem_free(arguments[0]);
}

/* RFC 5322 2.2: up to the first empty line; returns the body. Lines of the file may end with or without
 * CR. */
static char *say_header(struct explanation *explanation, char *text, char *end)
{
	while (text < end && *text != '\n' &&
		!(*text == '\r' && text + 1 < end && text[1] == '\n')) {
		char *next = text, *out = text, *colon, *value;

		/* With its folded lines. */
		do {
			char *newline = memchr(next, '\n', (size_t)(end - next));
			size_t length = (size_t)((newline == NULL ? end : newline) - next);

			memmove(out, next, length);
			next = newline == NULL ? end : newline + 1;
			out += length;
			if (out > text && out[-1] == '\r')
				out--;
			*out++ = '\n';
		} while (next < end && (*next == ' ' || *next == '\t'));
		out[-1] = '\0';
		colon = strchr(text, ':');
		if (colon != NULL) {
			*colon = '\0';
			value = colon + 1;
			if (*value == ' ')
				value++;
			chain_header(explanation->chain, text, value);
		}
		text = next;
	}
	if (text < end && *text == '\r')
		text++;
	return text < end ? text + 1 : end;
}

static void say_body(struct explanation *explanation, const char *text, const char *end)
{
	enum { CHUNK = 65535 };
	unsigned char *chunk = mem_alloc(CHUNK + 2);
	size_t used = 0;
	char last = '\0';

	for (; text < end; text++) {
		/* As it stands on the wire. */
		if (*text == '\n' && last != '\r')
			chunk[used++] = '\r';
		chunk[used++] = (unsigned char)*text;
		last = *text;
		if (used < CHUNK)
			continue;
		chain_body(explanation->chain, chunk, used);
		used = 0;
	}
	if (used > 0)
		chain_body(explanation->chain, chunk, used);
	mem_free(chunk);
}

static void say_message(struct explanation *explanation)
{
	const struct explain_request *request = explanation->request;
	struct decision decision;
	struct step *step;
	char *copy, *body;

	if (request->message == NULL || request->from == NULL)
		return;
	step = add_step(explanation, STAGE_EOM, NULL);
	step->unreached =
		explanation->refused || explanation->session->transaction.recipients_accepted == 0;
	copy = mem_alloc(request->message_length + 2);
	memcpy(copy, request->message, request->message_length);
	body = say_header(explanation, copy, copy + request->message_length);
	say_body(explanation, body, copy + request->message_length);
	mem_free(copy);
	explanation->seen[SCOPE_RECIPIENT] = 0;
	decision = chain_eom(explanation->chain);
	end_step(explanation, step, &decision);
}

static void say_all(struct explanation *explanation)
{
	const struct milter_macros macros = {.value = macro, .context = explanation};
	struct step *last;
	struct decision decision;

	say_connect(explanation, &macros);
	say_helo(explanation, &macros);
	say_envelope(explanation, &macros);
	if (explanation->request->recipient_count == 0) {
		/* Everything that is known is judged all the same. */
		last = &explanation->steps[explanation->step_count - 1];
		if (last->decision.verdict < VERDICT_TEMPFAIL) {
			decision = chain_ask(explanation->chain, last->stage);
			end_step(explanation, last, &decision);
			last->answered = true;
		}
	}
	say_message(explanation);
}

/* Writing. ------------------------------------------------------------------------------------- */

static void write_facts(struct text *json, const struct explain_request *request)
{
	json_open(json, "session", '{');
	json_add_wire(json, "client", request->client, 256);
	if (request->port != NULL)
		json_add_number(json, "port", strtol(request->port, NULL, 10));
	if (request->helo != NULL)
		json_add_wire(json, "helo", request->helo, 1000);
	if (request->from != NULL)
		json_add_wire(json, "from", request->from, 1000);
	json_open(json, "recipients", '[');
	for (size_t i = 0; i < request->recipient_count; i++)
		json_add_wire(json, NULL, request->recipients[i], 1000);
	json_close(json, ']');
	if (request->auth != NULL)
		json_add_wire(json, "auth", request->auth, 256);
	if (request->tls_subject != NULL)
		json_add_wire(json, "tls_subject", request->tls_subject, 256);
	if (request->message != NULL)
		json_add_number(json, "message_bytes", (int64_t)request->message_length);
	json_close(json, '}');
}

static void write_reply(struct text *json, const struct step *step)
{
	const struct reply *reply = &step->decision.reply;

	if (step->answered)
		json_add_text(json, "verdict",
			step->decision.verdict == VERDICT_CONTINUE
				? "accept"
				: verdict_name(step->decision.verdict));
	else
		json_add_text(json, "answered_at", "rcpt");
	if (step->decided_by[0] != '\0')
		json_add_text(json, "decided_by", step->decided_by);
	if (reply->code[0] == '\0')
		return;
	json_open(json, "reply", '{');
	json_add_text(json, "code", reply->code);
	json_add_text(json, "enhanced", reply->enhanced);
	json_add_text(json, "text", reply->text);
	json_close(json, '}');
}

static void write_step(struct text *json, const struct step *step)
{
	json_open(json, NULL, '{');
	json_add_text(json, "stage", stage_name(step->stage));
	if (step->argument != NULL)
		json_add_wire(json, "argument", step->argument, 1000);
	if (step->unreached)
		json_add_bool(json, "unreached", true);
	if (step->exempt[0] != '\0')
		json_add_text(json, "exempt", step->exempt);
	if (step->exempt_by[0] != '\0')
		json_add_text(json, "exempt_by", step->exempt_by);
	json_open(json, "checks", '[');
	text_add_n(json, step->checks.buffer, step->checks.length);
	json_close(json, ']');
	write_reply(json, step);
	json_close(json, '}');
}

/* The first refusal, or acceptance. */
static void write_result(struct text *json, const struct explanation *explanation)
{
	const struct step *decisive = &explanation->steps[explanation->step_count - 1];

	for (size_t i = explanation->step_count; i > 0; i--) {
		const struct step *step = &explanation->steps[i - 1];

		if (!step->unreached && step->answered && step->decision.verdict > VERDICT_CONTINUE)
			decisive = step;
	}
	json_add_text(json, "verdict",
		decisive->decision.verdict == VERDICT_CONTINUE
			? "accept"
			: verdict_name(decisive->decision.verdict));
	json_add_text(json, "stage", stage_name(decisive->stage));
	if (decisive->decided_by[0] != '\0')
		json_add_text(json, "decided_by", decisive->decided_by);
	if (explanation->cut)
		json_add_bool(json, "cut", true);
}

/* At one of the steps that were gone through. */
static bool was_asked(const struct explanation *explanation, const struct policy *policy)
{
	for (size_t i = 0; i < explanation->step_count; i++)
		if (policy->judge[explanation->steps[i].stage] != NULL)
			return true;
	return false;
}

/* Why a check that is silent is so. */
static void write_silence(struct text *json, const struct explanation *explanation,
	const struct policy_conf *policy_conf, size_t check)
{
	const struct policy *policy = policy_conf->policy;
	char name[TRIAL_NAME_SIZE], why[160] = "nothing found against it", exempt[100];
	unsigned by = policy->exempt_by & explanation->session->exemptions;

	if (policy_conf->trial.mode == MODE_OFF)
		snprintf(why, sizeof(why), "off: mode = off");
	else if (!policy->titled && policy_conf->fail[check] == ACTION_OFF)
		snprintf(why, sizeof(why), "off");
	else if (policy->titled && policy_conf->option_count == 0)
		snprintf(why, sizeof(why), "none is set");
	else if (by != 0)
		snprintf(why, sizeof(why), "skipped: %s",
			exemption_format(by, exempt, sizeof(exempt)));
	else if (!was_asked(explanation, policy))
		snprintf(why, sizeof(why), "not asked: no message was given");
	json_open(json, NULL, '{');
	json_add_text(json, "check", check_full_name(policy, (unsigned)check, name));
	json_add_text(json, "why", why);
	json_close(json, '}');
}

static void write_silent(struct text *json, const struct explanation *explanation)
{
	const struct conf *conf = explanation->conf;

	json_open(json, "silent", '[');
	for (size_t p = 0; p < conf->policy_count && p < ARRAY_COUNT(explanation->spoke); p++) {
		const struct check *checks = conf->policies[p].policy->checks;

		for (size_t c = 0; checks != NULL && checks[c].name != NULL; c++)
			if (!explanation->spoke[p][c])
				write_silence(json, explanation, &conf->policies[p], c);
	}
	json_close(json, ']');
}

/* One of the questions was asked before. */
static bool is_known(const struct inquiry_use *uses, size_t count, const struct dns_answer *answer)
{
	for (size_t i = 0; i < count; i++)
		if (uses[i].answer->type == answer->type &&
			strcmp(uses[i].answer->name, answer->name) == 0)
			return true;
	return false;
}

static void write_answers(struct text *json, struct explanation *explanation)
{
	struct inquiry_use all[USES_MAX], uses[USES_MAX];
	uint64_t until_ms = clock_monotonic_ms() + LOOKUP_MS;
	size_t known = 0;

	json_open(json, "dns", '[');
	for (size_t i = 0; i < explanation->trace.count; i++) {
		struct inquiry *inquiry = explanation->trace.items[i];
		size_t count = 0;

		if (inquiry_wait(inquiry, until_ms) != NULL)
			count = inquiry_uses(inquiry, uses, USES_MAX);
		for (size_t u = 0; u < count && known < USES_MAX; u++) {
			if (is_known(all, known, uses[u].answer))
				continue;
			all[known++] = uses[u];
			json_open(json, NULL, '{');
			json_add_text(json, "asked_by", inquiry_name(inquiry));
			decision_record_answer(json, uses[u].answer);
			json_add_bool(json, "cached", uses[u].cached);
			json_close(json, '}');
		}
	}
	json_close(json, ']');
}

static void write_changes(struct text *json, const struct explanation *explanation)
{
	const struct transaction *transaction = &explanation->session->transaction;

	if (transaction->edit_count == 0)
		return;
	json_open(json, "changes", '[');
	for (size_t i = 0; i < transaction->edit_count; i++) {
		const struct edit *edit = &transaction->edits[i];

		json_open(json, NULL, '{');
		json_add_text(json, "change",
			edit->kind == EDIT_QUARANTINE	  ? "quarantine"
			: edit->kind == EDIT_DELETE_FIELD ? "delete"
			: edit->kind == EDIT_CHANGE_FIELD ? "replace"
							  : "insert");
		json_add_wire(json, "name", edit->name, 1000);
		if (edit->value != NULL)
			json_add_wire(json, "value", edit->value, 1000);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_all(struct text *json, struct explanation *explanation)
{
	json_open(json, NULL, '{');
	json_add_text(json, "version", MAILREEVE_VERSION);
	json_add_text(json, "configuration",
		explanation->conf->file == NULL ? "built in" : explanation->conf->file);
	write_facts(json, explanation->request);
	json_open(json, "result", '{');
	write_result(json, explanation);
	json_close(json, '}');
	json_open(json, "stages", '[');
	for (size_t i = 0; i < explanation->step_count; i++)
		write_step(json, &explanation->steps[i]);
	json_close(json, ']');
	write_changes(json, explanation);
	write_answers(json, explanation);
	write_silent(json, explanation);
	json_close(json, '}');
}

void explain_write(const struct explain_request *request, struct conf *conf,
	const struct services *services, FILE *out)
{
	/* Large: not on the stack of a thread. */
	struct explanation *explanation = mem_alloc(sizeof(*explanation));
	size_t size = (size_t)STEP_SIZE * (request->recipient_count + 8);
	struct text json;

	explanation->request = request;
	explanation->conf = conf;
	inquiry_trace_start(&explanation->trace);
	explanation->chain = chain_create(conf, services);
	explanation->session = chain_session(explanation->chain);
	explanation->session->dry_run = true;
	explanation->session->keep_all = true;
	say_all(explanation);
	inquiry_trace_stop();
	text_init(&json, mem_alloc(size), size);
	write_all(&json, explanation);
	fprintf(out, "%s\n", json.buffer);
	mem_free(json.buffer);
	chain_free(&explanation->chain);
	inquiry_trace_release(&explanation->trace);
	for (size_t i = 0; i < explanation->step_count; i++)
		mem_free(explanation->steps[i].checks.buffer);
	mem_free(explanation);
}
