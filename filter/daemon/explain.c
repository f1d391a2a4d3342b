/* SPDX-License-Identifier: BSD-2-Clause */
#include "explain.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "decision_record.h"
#include "exemption.h"
#include "explain_private.h"
#include "json_write.h"
#include "mem.h"
#include "milter_facts.h"

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
	explain_json(&json, explanation);
	fprintf(out, "%s\n", json.buffer);
	mem_free(json.buffer);
	chain_free(&explanation->chain);
	inquiry_trace_release(&explanation->trace);
	for (size_t i = 0; i < explanation->step_count; i++)
		mem_free(explanation->steps[i].checks.buffer);
	mem_free(explanation);
}
