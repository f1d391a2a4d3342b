/* SPDX-License-Identifier: BSD-2-Clause */
/* The interface of log and journal: whatever a client says, a record is one printable line that reads back
 * to the same values. */
#include "decision_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "json.h"
#include "log_parse.h"
#include "text.h"

static const struct check checks[] = {
	{.name = "open", .code = "550", .enhanced = "5.7.25", .reply = "no"},
	{.name = NULL},
};
static const struct policy policy = {.name = "policy", .checks = checks};

static struct session session;
static struct site site = {.hostname = (char[]){"mx.example.org"}};
static struct recipient recipient;
static struct decision decision;

/* Envelopes. ----------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252U;

static size_t random_below(size_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state % bound);
}

/* Often what could be taken for syntax, now and then too long. */
static void random_text(char *text, size_t size)
{
	static const char *const pieces[] = {"\"", "\\", "\\x41", "\\...", "...", " ", "=", "\r\n",
		"\n", "\t", "\x1b[31m", "ref=", " verdict=accept ", "\",\"verdict\":\"accept\"",
		"{", "}", "\xc3\xa9", "\xff", "\x80", "\xe2\x80\xae", "anna", "@example.net", "<",
		">", "%s", "%n", "\x7f", "\x01", ";", ","};
	size_t want = random_below(20) == 0 ? random_below(size) : random_below(40);
	struct text out;

	text_init(&out, text, size < want + 1 ? size : want + 1);
	while (out.length < out.size - 1) {
		if (random_below(3) == 0)
			text_add(&out, pieces[random_below(ARRAY_COUNT(pieces))]);
		else
			text_add_char(&out, (char)(1 + random_below(255)));
	}
}

static void add_random_findings(void)
{
	static const char *const evidence[] = {"", "192.0.2.7 has no PTR",
		"a; policy.open=pass/off: b", "odd \\x22 \\ and 'quotes'", "x=\"y"};

	for (size_t i = random_below(6); i > 0; i--) {
		struct finding *finding =
			session_add_finding(&session, (enum scope)random_below(SCOPE_COUNT));

		finding->policy = &policy;
		finding->check = &checks[0];
		finding->title = random_below(3) == 0 ? "per-sender" : NULL;
		finding->stage = STAGE_MAIL;
		finding->result = (enum result)random_below(5);
		finding->action = (enum action)random_below(7);
		finding->would = finding->action;
		for (size_t times = 1 + random_below(12); times > 0; times--)
			snprintf(finding->evidence + strlen(finding->evidence),
				sizeof(finding->evidence) - strlen(finding->evidence), "%s",
				evidence[random_below(ARRAY_COUNT(evidence))]);
		decision.decisive = finding;
	}
}

static void make_envelope(void)
{
	struct transaction *transaction = &session.transaction;

	session_end_scope(&session, SCOPE_CONNECTION);
	session_init(&session, &site, NULL);
	recipient = (struct recipient){.raw = ""};
	decision = (struct decision){.stage = (enum stage)random_below(STAGE_COUNT),
		.verdict = (enum verdict)random_below(4)};
	if (random_below(10) > 0)
		assert_true(ipaddr_parse("2001:db8::7", &session.client));
	session.greeted = true;
	random_text(session.helo_raw, sizeof(session.helo_raw));
	transaction->open = true;
	transaction->raw[0] = '<';
	random_text(transaction->raw + 1, sizeof(transaction->raw) - 1);
	random_text(session.auth_user, sizeof(session.auth_user));
	random_text(transaction->queue_id, sizeof(transaction->queue_id));
	session.exemptions = (unsigned)random_below(EXEMPT_ALL + 1);
	random_text(session.exemption_evidence, sizeof(session.exemption_evidence));
	recipient.raw[0] = '<';
	random_text(recipient.raw + 1, sizeof(recipient.raw) - 1);
	if (random_below(4) > 0)
		session.recipient = &recipient;
	add_random_findings();
	if (decision.verdict < VERDICT_TEMPFAIL)
		return;
	reply_set(&decision.reply, decision.verdict, "550", NULL, "5.7.25", "no: %s",
		session.helo_raw);
	kept_make_reference(decision.reference);
	reply_add_reference(&decision.reply, decision.reference);
}

/* Reading back. -------------------------------------------------------------------------------- */

static void assert_line(const char *line, size_t size)
{
	assert_true(strlen(line) < size);
	for (const char *c = line; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			fail_msg("byte %02x in: %s", (unsigned char)*c, line);
}

/* GOT, cut or not, is WANT, or nothing where that is empty. */
static void assert_value(const char *got, bool cut, const char *want)
{
	if (want[0] == '\0' && got == NULL)
		return;
	assert_non_null(got);
	if (cut)
		assert_true(strncmp(got, want, strlen(got)) == 0 && strlen(got) < strlen(want));
	else
		assert_string_equal(got, want);
}

struct expected {
	const char *key, *value;
};

static size_t expect(struct expected expected[16])
{
	size_t count = 0;

	expected[count++] = (struct expected){"session", session.id};
	expected[count++] = (struct expected){"queue", session.transaction.queue_id};
	expected[count++] = (struct expected){
		"client", session.client.family == IP_NONE ? "local" : "2001:db8::7"};
	expected[count++] = (struct expected){"helo", session.helo_raw};
	expected[count++] = (struct expected){"from", session.transaction.raw};
	if (session.recipient != NULL)
		expected[count++] = (struct expected){"rcpt", recipient.raw};
	expected[count++] = (struct expected){"auth", session.auth_user};
	if (session.exemptions != 0)
		expected[count++] = (struct expected){"exempt_by", session.exemption_evidence};
	expected[count++] = (struct expected){"stage", stage_name(decision.stage)};
	expected[count++] = (struct expected){"verdict",
		decision.verdict == VERDICT_CONTINUE ? "accept" : verdict_name(decision.verdict)};
	expected[count++] = (struct expected){"ref", decision.reference};
	return count;
}

static void check_text(void)
{
	char line[RECORD_LOG_SIZE];
	struct expected expected[16];
	struct log_fields fields;
	size_t count = expect(expected);

	decision_record_text(&session, &decision, line, sizeof(line));
	assert_line(line, RECORD_LOG_SIZE);
	if (!log_parse(&fields, line))
		fail_msg("does not read back: %s", line);
	for (size_t e = 0; e < count; e++) {
		const char *got = NULL;
		bool cut = false;

		for (size_t f = 0; f < fields.count; f++) {
			if (strcmp(fields.fields[f].key, expected[e].key) != 0)
				continue;
			assert_null(got);
			got = fields.fields[f].value;
			cut = fields.fields[f].cut;
		}
		assert_value(got, cut, expected[e].value);
	}
}

static void check_json(const char *line, size_t size)
{
	struct expected expected[16];
	size_t count = expect(expected);
	struct json *json;
	char why[200];

	assert_line(line, size);
	json = json_read(line, strlen(line), why, sizeof(why));
	if (json == NULL)
		fail_msg("%s: %s", why, line);
	for (size_t e = 0; e < count; e++) {
		const char *text = json_text(json, expected[e].key);
		char value[4 * WIRE_TEXT_SIZE];

		snprintf(value, sizeof(value), "%s", text == NULL ? "" : text);
		if (ascii_ends_with(value, "\\...")) {
			value[strlen(value) - 4] = '\0';
			assert_true(text_unescape(value));
			assert_value(value, true, expected[e].value);
		} else {
			assert_true(text_unescape(value));
			assert_value(value, false, expected[e].value);
		}
	}
	for (size_t i = 0; i < json_count(json_member(json, "findings")); i++)
		assert_non_null(json_text(json_item(json_member(json, "findings"), i), "evidence"));
	json_free(&json);
}

/* MAILREEVE_ENVELOPES says how many; make fuzz asks for a million. */
static void test_fuzzed_envelopes(void **state)
{
	const char *wanted = getenv("MAILREEVE_ENVELOPES");
	long envelopes = wanted == NULL ? 20000 : strtol(wanted, NULL, 10);

	(void)state;
	session_init(&session, &site, NULL);
	for (long i = 0; i < envelopes; i++) {
		char line[RECORD_JOURNAL_SIZE];

		make_envelope();
		check_text();
		check_json(decision_record_json(&session, &decision, line, RECORD_LOG_SIZE),
			RECORD_LOG_SIZE);
		check_json(decision_record_journal(&session, &decision, line, sizeof(line)),
			sizeof(line));
	}
	session_end_scope(&session, SCOPE_CONNECTION);
	printf("score: %ld fuzzed envelopes read back from log and journal\n", envelopes);
}

/* Answers stand beside a refusal, and whatever their number the record stays a record. */
static void test_answers_of_the_dns(void **state)
{
	char line[RECORD_JOURNAL_SIZE], why[200];
	const struct json *answer;
	struct json *json;

	(void)state;
	fake_dns("7.2.0.192.in-addr.arpa", DNS_PTR, "mail.example.net");
	fake_dns("mail.example.net", DNS_A, "192.0.2.9");
	session_init(&session, &site, NULL);
	assert_true(ipaddr_parse("192.0.2.7", &session.client));
	session.iprev = iprev_inquire(NULL, &session.client, 1000);
	decision = (struct decision){.verdict = VERDICT_REJECT, .stage = STAGE_CONNECT};
	kept_make_reference(decision.reference);
	reply_set(&decision.reply, VERDICT_REJECT, "550", NULL, "5.7.25", "no");
	decision_record_journal(&session, &decision, line, sizeof(line));
	json = json_read(line, strlen(line), why, sizeof(why));
	assert_non_null(json);
	answer = json_item(json_member(json, "dns"), 0);
	assert_string_equal(json_text(answer, "name"), "7.2.0.192.in-addr.arpa");
	assert_string_equal(json_text(answer, "type"), "PTR");
	assert_non_null(strstr(json_text(answer, "answer"), "mail.example.net"));
	assert_string_equal(json_text(json, "ref"), decision.reference);
	assert_string_equal(json_text(json, "host"), "mx.example.org");
	json_free(&json);
	session_end_scope(&session, SCOPE_CONNECTION);
	fake_dns_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fuzzed_envelopes),
		cmocka_unit_test(test_answers_of_the_dns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
