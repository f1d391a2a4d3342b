/* SPDX-License-Identifier: BSD-2-Clause */
#include "decision_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "conf.h"
#include "conf_place.h"
#include "exemption.h"
#include "json_write.h"
#include "log.h"

enum {
	WIRE_MAX = 256, /* bytes of a field as shown */
	WIRE_SHORT_MAX = 150, /* the same where the whole would be longer than a line */
	FINDINGS_MAX = 1000,
	FINDINGS_MIN = 300,
	FIELDS_MAX = 24
};

/* What is known of a decision, in the order in which it is written. */
struct record {
	struct {
		const char *key;
		const char *value;
		bool is_number;
	} fields[FIELDS_MAX];
	size_t count;
	char client[IPADDR_TEXT_SIZE], from[WIRE_TEXT_SIZE + 2], recipient[WIRE_TEXT_SIZE + 2];
	char recipients[16], exempt[80], would_check[128], check[128];
	char reply[REPLY_TEXT_SIZE + 32];
};

static void add(struct record *record, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	record->fields[record->count].key = key;
	record->fields[record->count++].value = value;
}

static const char *in_brackets(const char *raw, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	text_addf(&text, raw[0] == '<' ? "%s" : "<%s>", raw);
	return buffer;
}

/* The name that is worth showing: confirmed, or unconfirmed and called so. */
static void add_client(struct record *record, const struct session *session)
{
	const struct iprev *iprev = NULL;

	snprintf(record->client, sizeof(record->client), "local");
	if (session->client.family != IP_NONE)
		ipaddr_format(&session->client, record->client);
	add(record, "client", record->client);
	if (session->iprev != NULL)
		iprev = inquiry_result(session->iprev);
	if (iprev == NULL)
		return;
	if (iprev->result == RESULT_PASS)
		add(record, "name", iprev->confirmed_name);
	else if (iprev->name_count > 0)
		add(record, "unconfirmed_name", iprev->names[0]);
}

static void add_exemptions(struct record *record, const struct session *session)
{
	if (session->exemptions == 0)
		return;
	add(record, "exempt",
		exemption_format(session->exemptions, record->exempt, sizeof(record->exempt)));
	add(record, "exempt_by", session->exemption_evidence);
}

static void add_envelope(
	struct record *record, const struct session *session, const struct decision *decision)
{
	const struct transaction *transaction = &session->transaction;

	if (session->greeted) {
		/* An empty name is worth seeing. */
		record->fields[record->count].key = "helo";
		record->fields[record->count++].value = session->helo_raw;
	}
	if (transaction->open)
		add(record, "from",
			in_brackets(transaction->raw, record->from, sizeof(record->from)));
	if (session->recipient != NULL) {
		add(record, "rcpt",
			in_brackets(session->recipient->raw, record->recipient,
				sizeof(record->recipient)));
	} else if (decision->stage == STAGE_EOM || decision->abandoned) {
		struct text text;

		text_init(&text, record->recipients, sizeof(record->recipients));
		text_addf(&text, "%u", transaction->recipients_accepted);
		record->fields[record->count].is_number = true;
		add(record, "recipients", record->recipients);
	}
	add(record, "auth", session->auth_user);
}

static void add_verdict(
	struct record *record, const struct session *session, const struct decision *decision)
{
	const struct finding *would_by;
	enum verdict would = decision_would(session, decision, &would_by);

	add(record, "stage", stage_name(decision->stage));
	if (decision->abandoned)
		add(record, "verdict", "abandoned");
	else if (decision->verdict == VERDICT_CONTINUE)
		add(record, "verdict", "accept");
	else
		add(record, "verdict", verdict_name(decision->verdict));
	if (would > decision->verdict) {
		add(record, "would", verdict_name(would));
		decision_record_check(would_by, record->would_check, sizeof(record->would_check));
		add(record, "would_check", record->would_check);
	}
	if (decision->decisive != NULL && decision->verdict != VERDICT_CONTINUE) {
		decision_record_check(decision->decisive, record->check, sizeof(record->check));
		add(record, "check", record->check);
		add(record, "action", action_name(decision->decisive->action));
	}
	if (decision->reply.code[0] == '\0')
		return;
	snprintf(record->reply, sizeof(record->reply), "%s %s %s", decision->reply.code,
		decision->reply.enhanced, decision->reply.text);
	add(record, "reply", record->reply);
	add(record, "ref", decision->reference);
}

static void make_record(
	struct record *record, const struct session *session, const struct decision *decision)
{
	record->count = 0;
	memset(record->fields, 0, sizeof(record->fields));
	add(record, "session", session->id);
	add(record, "queue", session->transaction.queue_id);
	add_client(record, session);
	add_envelope(record, session, decision);
	add_exemptions(record, session);
	add_verdict(record, session, decision);
}

/* Text. ---------------------------------------------------------------------------------------- */

void decision_record_check(const struct finding *finding, char *buffer, size_t size)
{
	if (finding->title != NULL)
		snprintf(buffer, size, "%s.%s(%s)", finding->policy->name, finding->check->name,
			finding->title);
	else
		snprintf(buffer, size, "%s.%s", finding->policy->name, finding->check->name);
}

/* All that is noteworthy: what failed or could not be found out, with its evidence. */
static void add_findings(struct text *line, const struct session *session,
	const struct decision *decision, size_t limit)
{
	char buffer[FINDINGS_MAX + 200];
	struct text list;

	text_init(&list, buffer, sizeof(buffer));
	for (int scope = (int)decision->findings_from; scope < SCOPE_COUNT; scope++) {
		const struct findings *findings = &session->findings[scope];

		for (size_t i = 0; i < findings->count; i++) {
			const struct finding *finding = findings->items[i];
			char name[128];

			if (finding->action == ACTION_OFF)
				continue;
			decision_record_check(finding, name, sizeof(name));
			text_addf(&list, "%s%s=%s/%s", list.length > 0 ? "; " : "", name,
				result_name(finding->result), action_name(finding->action));
			if (finding->would != finding->action)
				text_addf(&list, "(%s)", action_name(finding->would));
			text_addf(&list, ": %s", finding->evidence);
		}
	}
	if (list.length > 0)
		log_field_bounded(line, "findings", buffer, limit);
}

/* The reply is our own words, and worth to be read whole. */
static size_t limit_of(const struct record *record, size_t field, size_t wire_max)
{
	return record->fields[field].value == record->reply ? 2 * wire_max : wire_max;
}

static void write_text(struct text *line, const struct record *record, size_t wire_max)
{
	for (size_t i = 0; i < record->count; i++)
		log_field_bounded(line, record->fields[i].key, record->fields[i].value,
			limit_of(record, i, wire_max));
}

const char *decision_record_text(
	const struct session *session, const struct decision *decision, char *buffer, size_t size)
{
	const size_t quotes = strlen(" findings=\"\"");
	struct record record;
	struct text line;
	size_t room;

	make_record(&record, session, decision);
	text_init(&line, buffer, size);
	write_text(&line, &record, WIRE_MAX);
	if (size - line.length < FINDINGS_MIN + quotes + 1) {
		text_init(&line, buffer, size);
		write_text(&line, &record, WIRE_SHORT_MAX);
	}
	room = size - 1 - line.length;
	if (room > quotes + 4)
		add_findings(&line, session, decision,
			room - quotes < FINDINGS_MAX ? room - quotes : FINDINGS_MAX);
	return buffer;
}

/* JSON. ---------------------------------------------------------------------------------------- */

static void write_json(struct text *line, const struct record *record, size_t wire_max)
{
	for (size_t i = 0; i < record->count; i++) {
		if (record->fields[i].is_number)
			json_add_number(line, record->fields[i].key,
				strtol(record->fields[i].value, NULL, 10));
		else
			json_add_wire(
				line, record->fields[i].key, record->fields[i].value, wire_max);
	}
}

void decision_record_finding(
	struct text *text, const struct session *session, const struct finding *finding)
{
	char name[128], place[CONF_PLACE_SIZE];

	json_open(text, NULL, '{');
	decision_record_check(finding, name, sizeof(name));
	json_add_text(text, "check", name);
	json_add_text(text, "stage", stage_name(finding->stage));
	json_add_text(text, "result", result_name(finding->result));
	json_add_text(text, "action", action_name(finding->action));
	if (finding->would != finding->action)
		json_add_text(text, "would", action_name(finding->would));
	json_add_text(text, "evidence", finding->evidence);
	if (finding->most > 0) {
		json_add_number(text, "used", finding->used);
		json_add_number(text, "most", finding->most);
		json_add_number(text, "remaining",
			finding->used < finding->most ? finding->most - finding->used : 0);
		json_add_number(text, "window_seconds", finding->window_ms / 1000);
	}
	if (finding->beyond)
		json_add_bool(text, "beyond", true);
	if (session->conf != NULL)
		json_add_text(text, "set_in",
			conf_place_of_finding(session->conf, finding, place, sizeof(place)));
	json_close(text, '}');
}

/* Adds as many findings as leave ROOM bytes of the line. */
static void add_json_findings(struct text *line, const struct session *session,
	const struct decision *decision, size_t room)
{
	bool cut = false;

	json_open(line, "findings", '[');
	line->size -= room;
	for (int scope = (int)decision->findings_from; scope < SCOPE_COUNT && !cut; scope++) {
		const struct findings *findings = &session->findings[scope];

		for (size_t i = 0; i < findings->count && !cut; i++) {
			size_t before = line->length;

			if (findings->items[i]->action == ACTION_OFF)
				continue;
			decision_record_finding(line, session, findings->items[i]);
			cut = json_undo(line, before);
		}
	}
	line->size += room;
	json_close(line, ']');
	if (cut)
		json_add_bool(line, "findings_cut", true);
}

const char *decision_record_json(
	const struct session *session, const struct decision *decision, char *buffer, size_t size)
{
	enum { END = 40 };
	struct record record;
	struct text line;

	make_record(&record, session, decision);
	for (size_t wire_max = WIRE_MAX; wire_max > 20; wire_max = wire_max * 2 / 3) {
		text_init(&line, buffer, size);
		json_open(&line, NULL, '{');
		write_json(&line, &record, wire_max);
		if (line.length + FINDINGS_MIN < size)
			break;
	}
	add_json_findings(&line, session, decision, END);
	json_close(&line, '}');
	return buffer;
}

static const char *format_time(uint64_t now_ms, char *buffer, size_t size)
{
	time_t seconds = (time_t)(now_ms / 1000U);
	struct tm parts;
	size_t length;

	gmtime_r(&seconds, &parts);
	length = strftime(buffer, size, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(buffer + length, size - length, ".%03uZ", (unsigned)(now_ms % 1000U));
	return buffer;
}

void decision_record_answer(struct text *text, const struct dns_answer *answer)
{
	char shown[400];

	json_add_text(text, "name", answer->name);
	json_add_text(text, "type", dns_type_name(answer->type));
	json_add_text(text, "status", dns_status_name(answer->status));
	json_add_number(text, "ttl", answer->ttl);
	json_add_text(text, "answer", dns_answer_format(answer, shown, sizeof(shown)));
}

/* Adds as many answers as leave ROOM bytes. */
static void add_answers(struct text *line, const struct session *session, size_t room)
{
	enum { ANSWERS_MAX = 32 };
	struct inquiry *const inquiries[] = {session->iprev, session->helo_mailhosts,
		session->helo_spf, session->transaction.mailhosts, session->transaction.spf,
		session->transaction.dmarc};
	bool cut = false;

	json_open(line, "dns", '[');
	line->size -= room;
	for (size_t i = 0; i < ARRAY_COUNT(inquiries) && !cut; i++) {
		const struct dns_answer *answers[ANSWERS_MAX];
		size_t count = 0;

		if (inquiries[i] != NULL && inquiry_result(inquiries[i]) != NULL)
			count = inquiry_answers(inquiries[i], answers, ANSWERS_MAX);
		for (size_t a = 0; a < count && !cut; a++) {
			size_t before = line->length;

			json_open(line, NULL, '{');
			decision_record_answer(line, answers[a]);
			json_close(line, '}');
			cut = json_undo(line, before);
		}
	}
	line->size += room;
	json_close(line, ']');
	if (cut)
		json_add_bool(line, "dns_cut", true);
}

const char *decision_record_journal(
	const struct session *session, const struct decision *decision, char *buffer, size_t size)
{
	enum { END = 60, ANSWERS = 2000 };
	bool refused = decision->reference[0] != '\0';
	struct record record;
	struct text line;
	char when[40];

	make_record(&record, session, decision);
	text_init(&line, buffer, size);
	json_open(&line, NULL, '{');
	json_add_text(&line, "time", format_time(clock_wall_ms(), when, sizeof(when)));
	json_add_text(&line, "host", session->site->hostname);
	write_json(&line, &record, WIRE_MAX);
	if (session_sender_domain(session)[0] != '\0')
		json_add_text(&line, "domain", session_sender_domain(session));
	add_json_findings(&line, session, decision, refused ? ANSWERS : END);
	if (refused)
		add_answers(&line, session, END);
	json_close(&line, '}');
	return buffer;
}
