/* SPDX-License-Identifier: BSD-2-Clause */
#include "decision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "../../tests/lib/log_line.h"
#include "text.h"

static const struct check checks[] = {
	{.name = "open",
		.fail = ACTION_REJECT,
		.code = "550",
		.enhanced = "5.7.25",
		.reply = "reverse DNS is not confirmed"},
	{.name = "silent",
		.fail = ACTION_TEMPFAIL,
		.code = "554",
		.tempfail_code = "421",
		.enhanced = "5.7.0",
		.reply = "no",
		.silent = true},
	{.name = NULL},
};

static const struct policy policy = {.name = "policy", .checks = checks};

static struct session session;
static struct site site;
static struct log_capture capture;

static int begin(void **state)
{
	(void)state;
	fake_dns_clear();
	session_init(&session, &site, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	session_end_scope(&session, SCOPE_CONNECTION);
	fake_dns_clear();
	return 0;
}

static struct finding *find(
	enum scope scope, const struct check *check, enum action action, const char *evidence)
{
	struct finding *finding = session_add_finding(&session, scope);

	finding->policy = &policy;
	finding->check = check;
	finding->stage = scope == SCOPE_TRANSACTION ? STAGE_MAIL : STAGE_RCPT;
	finding->result = RESULT_FAIL;
	finding->action = action;
	finding->would = action;
	snprintf(finding->evidence, sizeof(finding->evidence), "%s", evidence);
	return finding;
}

/* What DECISION writes, read back. */
static void logged(const struct decision *decision, struct log_line *line)
{
	static char said[20000];
	const char prefix[] = "mailreeve: ";

	log_capture_start(&capture);
	decision_log(&session, decision);
	log_capture_end(&capture, said, sizeof(said));
	assert_int_equal(strncmp(said, prefix, strlen(prefix)), 0);
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	said[strlen(said) - 1] = '\0';
	log_line_parse(line, said + strlen(prefix));
}

/* The reference. ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_reference(void **state)
{
	enum { COUNT = 10000 };
	static char references[COUNT][REFERENCE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		const char *c = references[i];

		kept_make_reference(references[i]);
		assert_int_equal(strlen(c), REFERENCE_SIZE - 1);
		for (size_t at = 0; at < REFERENCE_SIZE - 1; at++) {
			if (at == 4)
				assert_int_equal(c[at], '-');
			else
				assert_non_null(strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", c[at]));
		}
	}
	qsort(references, COUNT, REFERENCE_SIZE, compare);
	for (size_t i = 1; i < COUNT; i++)
		assert_string_not_equal(references[i - 1], references[i]);
}

/* The refusal. --------------------------------------------------------------------------------- */

static void refuse(struct decision *decision, const struct finding *finding, enum verdict verdict)
{
	struct log_line line;
	char said[5000];

	*decision = (struct decision){.verdict = verdict, .stage = STAGE_RCPT, .decisive = finding};
	log_capture_start(&capture);
	decision_refuse(decision, &session);
	log_capture_end(&capture, said, sizeof(said));
	said[strcspn(said, "\n")] = '\0';
	log_line_parse(&line, said + strlen("mailreeve: "));
	assert_string_equal(log_line_value(&line, "ref"), decision->reference);
	assert_non_null(strstr(log_line_value(&line, "findings"), finding->evidence));
}

static void test_refusal_says_evidence_and_reference(void **state)
{
	struct finding *finding =
		find(SCOPE_CONNECTION, &checks[0], ACTION_REJECT, "192.0.2.7 has no PTR");
	struct decision decision;
	char want[200];

	(void)state;
	refuse(&decision, finding, VERDICT_REJECT);
	assert_string_equal(decision.reply.code, "550");
	assert_string_equal(decision.reply.enhanced, "5.7.25");
	snprintf(want, sizeof(want), "reverse DNS is not confirmed: 192.0.2.7 has no PTR (ref %s)",
		decision.reference);
	assert_string_equal(decision.reply.text, want);
}

static void test_refusal_says_what_the_policy_wants_said(void **state)
{
	struct finding *finding = find(SCOPE_CONNECTION, &checks[1], ACTION_TEMPFAIL, "the list");
	struct decision decision;
	char want[200];

	(void)state;
	refuse(&decision, finding, VERDICT_TEMPFAIL);
	assert_string_equal(decision.reply.code, "421");
	assert_string_equal(decision.reply.enhanced, "4.7.0");
	snprintf(want, sizeof(want), "no (ref %s)", decision.reference);
	assert_string_equal(decision.reply.text, want);

	snprintf(finding->reply, sizeof(finding->reply), "try again in 5 minutes");
	refuse(&decision, finding, VERDICT_TEMPFAIL);
	snprintf(want, sizeof(want), "no: try again in 5 minutes (ref %s)", decision.reference);
	assert_string_equal(decision.reply.text, want);
}

/* The DNS did not say whether it is so: the sender is not told that it is. */
static void test_refusal_says_what_is_not_known(void **state)
{
	static const struct check check = {.name = "nonexistent",
		.fail = ACTION_REJECT,
		.can_temperror = true,
		.code = "550",
		.enhanced = "5.1.8",
		.reply = "the domain does not exist"};
	struct finding *finding =
		find(SCOPE_CONNECTION, &check, ACTION_TEMPFAIL, "a.example MX: SERVFAIL");
	struct decision decision;
	char want[200];

	(void)state;
	finding->result = RESULT_TEMPERROR;
	refuse(&decision, finding, VERDICT_TEMPFAIL);
	assert_string_equal(decision.reply.code, "451");
	snprintf(want, sizeof(want),
		"not known now, try again later: the domain does not exist: a.example MX: SERVFAIL "
		"(ref %s)",
		decision.reference);
	assert_string_equal(decision.reply.text, want);
}

/* Whether the client is listed is not known now: not for good. */
static void test_who_may_be_exempt_is_not_refused_for_good(void **state)
{
	static const struct policy exemptible = {
		.name = "exemptible", .checks = checks, .exempt_by = EXEMPT_FORWARDER};
	struct finding *finding = find(SCOPE_CONNECTION, &checks[0], ACTION_REJECT, "no");
	struct decision decision = {.verdict = VERDICT_CONTINUE};
	const struct finding *by;

	(void)state;
	session.exemptions_unknown = EXEMPT_FORWARDER;
	assert_int_equal(decision_merge(&session, STAGE_CONNECT, STAGE_RCPT, &by), VERDICT_REJECT);
	finding->policy = &exemptible;
	decision.verdict = decision_merge(&session, STAGE_CONNECT, STAGE_RCPT, &decision.decisive);
	assert_int_equal(decision.verdict, VERDICT_TEMPFAIL);
	assert_ptr_equal(decision.decisive, finding);
	decision_refuse(&decision, &session);
	assert_string_equal(decision.reply.code, "451");
	assert_string_equal(decision.reply.enhanced, "4.7.25");
	session.exemptions_unknown = EXEMPT_ALLOWED;
	assert_int_equal(decision_merge(&session, STAGE_CONNECT, STAGE_RCPT, &by), VERDICT_REJECT);
}

static void test_what_is_accepted_is_not_refused(void **state)
{
	struct finding *finding = find(SCOPE_CONNECTION, &checks[0], ACTION_QUARANTINE, "odd");
	struct decision decision = {.verdict = VERDICT_QUARANTINE, .decisive = finding};
	char said[100];

	(void)state;
	log_capture_start(&capture);
	decision_refuse(&decision, &session);
	decision = (struct decision){.verdict = VERDICT_CONTINUE};
	decision_refuse(&decision, &session);
	log_capture_end(&capture, said, sizeof(said));
	assert_string_equal(said, "");
	assert_string_equal(decision.reply.code, "");
	assert_string_equal(decision.reference, "");
}

/* The line. ------------------------------------------------------------------------------------ */

static void fill_facts(const char *text, struct recipient *recipient)
{
	struct transaction *transaction = &session.transaction;

	assert_true(ipaddr_parse("192.0.2.7", &session.client));
	session.iprev = iprev_inquire(NULL, &session.client, 1000);
	session.greeted = true;
	snprintf(session.helo_raw, sizeof(session.helo_raw), "%s", text);
	transaction->open = true;
	snprintf(transaction->raw, sizeof(transaction->raw), "%s", text);
	snprintf(transaction->queue_id, sizeof(transaction->queue_id), "%s", text);
	snprintf(recipient->raw, sizeof(recipient->raw), "%s", text);
	snprintf(session.auth_user, sizeof(session.auth_user), "%s", text);
	session.exemptions = EXEMPT_ALL;
	snprintf(session.exemption_evidence, sizeof(session.exemption_evidence), "%s", text);
	session.recipient = recipient;
}

static const char *const order[] = {"session", "queue", "client", "name", "helo", "from", "rcpt",
	"auth", "exempt", "exempt_by", "stage", "verdict", "check", "action", "reply", "ref",
	"findings"};

static void assert_order(const struct log_line *line)
{
	assert_int_equal(line->count, ARRAY_COUNT(order));
	for (size_t i = 0; i < ARRAY_COUNT(order); i++)
		assert_string_equal(line->fields[i].key, order[i]);
}

static void test_every_field(void **state)
{
	struct recipient recipient = {.raw = ""};
	struct decision decision = {.verdict = VERDICT_REJECT, .stage = STAGE_RCPT};
	struct log_line line;

	(void)state;
	fake_dns("7.2.0.192.in-addr.arpa", DNS_PTR, "mail.example.net");
	fake_dns("mail.example.net", DNS_A, "192.0.2.7");
	fill_facts("a \"b\"\\c=d\r\n", &recipient);
	find(SCOPE_TRANSACTION, &checks[1], ACTION_MONITOR, "because")->would = ACTION_REJECT;
	find(SCOPE_TRANSACTION, &checks[1], ACTION_OFF, "not shown");
	decision.decisive = find(SCOPE_RECIPIENT, &checks[0], ACTION_REJECT, "found");
	find(SCOPE_RECIPIENT, &checks[0], ACTION_TAG, "titled")->title = "per-sender";
	reply_set(&decision.reply, VERDICT_REJECT, "550", NULL, "5.7.25", "no");
	kept_make_reference(decision.reference);
	logged(&decision, &line);
	assert_order(&line);
	assert_string_equal(log_line_value(&line, "session"), session.id);
	assert_string_equal(log_line_value(&line, "client"), "192.0.2.7");
	assert_string_equal(log_line_value(&line, "name"), "mail.example.net");
	assert_string_equal(log_line_value(&line, "queue"), "a \"b\"\\c=d\r\n");
	assert_string_equal(log_line_value(&line, "helo"), "a \"b\"\\c=d\r\n");
	assert_string_equal(log_line_value(&line, "from"), "<a \"b\"\\c=d\r\n>");
	assert_string_equal(log_line_value(&line, "rcpt"), "<a \"b\"\\c=d\r\n>");
	assert_string_equal(log_line_value(&line, "auth"), "a \"b\"\\c=d\r\n");
	assert_string_equal(log_line_value(&line, "exempt"),
		"trusted+authenticated+certified+allowed+forwarder");
	assert_string_equal(log_line_value(&line, "stage"), "rcpt");
	assert_string_equal(log_line_value(&line, "verdict"), "reject");
	assert_string_equal(log_line_value(&line, "check"), "policy.open");
	assert_string_equal(log_line_value(&line, "action"), "reject");
	assert_string_equal(log_line_value(&line, "reply"), "550 5.7.25 no");
	assert_string_equal(log_line_value(&line, "ref"), decision.reference);
	assert_string_equal(log_line_value(&line, "findings"),
		"policy.silent=fail/monitor(reject): because; policy.open=fail/reject: found; "
		"policy.open(per-sender)=fail/tag: titled");
}

/* However long and odd what the client says: what was decided about it stands in the line. */
static void test_nothing_pushes_the_verdict_out(void **state)
{
	struct recipient recipient = {.raw = ""};
	struct decision decision = {.verdict = VERDICT_REJECT, .stage = STAGE_RCPT};
	char name[DOMAIN_SIZE] = "", odd[WIRE_TEXT_SIZE], evidence[EVIDENCE_SIZE];
	struct log_line line;

	(void)state;
	memset(odd, 0xff, sizeof(odd) - 1);
	odd[sizeof(odd) - 1] = '\0';
	memset(evidence, '\\', sizeof(evidence) - 1);
	evidence[sizeof(evidence) - 1] = '\0';
	for (int label = 0; label < 4; label++)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "%.61s%s",
			"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghija",
			label == 3 ? "" : ".");
	fake_dns("7.2.0.192.in-addr.arpa", DNS_PTR, name);
	fake_dns(name, DNS_A, "192.0.2.7");
	fill_facts(odd, &recipient);
	for (int i = 0; i < 20; i++)
		decision.decisive = find(SCOPE_RECIPIENT, &checks[0], ACTION_REJECT, evidence);
	reply_set(
		&decision.reply, VERDICT_REJECT, "550", NULL, "5.7.25", "%s%s", evidence, evidence);
	kept_make_reference(decision.reference);
	reply_add_reference(&decision.reply, decision.reference);
	logged(&decision, &line);
	assert_order(&line);
	assert_string_equal(log_line_value(&line, "verdict"), "reject");
	assert_true(ascii_starts_with(name, log_line_value(&line, "name")));
	assert_true(ascii_starts_with(odd, log_line_value(&line, "helo")));
	assert_string_not_equal(log_line_value(&line, "helo"), odd);
	assert_non_null(strstr(log_line_value(&line, "findings"), "policy.open=fail/reject: "));
}

/* What is only monitored. ---------------------------------------------------------------------- */

static void assert_logged(const char *said, unsigned lines, const char *with)
{
	for (; *said != '\0'; said = strchr(said, '\n') + 1) {
		assert_true(lines-- > 0);
		assert_non_null(strstr(said, with));
	}
	assert_int_equal(lines, 0);
}

static void abandon(enum scope scope, unsigned lines, const char *with)
{
	static char said[20000];

	log_capture_start(&capture);
	decision_abandon(&session, scope);
	log_capture_end(&capture, said, sizeof(said));
	assert_logged(said, lines, with);
}

static void accept_recipient(struct recipient *recipient, unsigned lines, const char *with)
{
	static char said[20000];

	session.transaction.open = true;
	session.recipient = recipient;
	session.transaction.recipients_accepted++;
	log_capture_start(&capture);
	decision_accept_recipient(&session);
	log_capture_end(&capture, said, sizeof(said));
	assert_logged(said, lines, with);
	session.recipient = NULL;
}

/* A client that leaves before the end of a message that would be refused: one record. */
static void test_abandoned(void **state)
{
	struct recipient recipient = {.raw = "<bob@example.org>"};
	struct finding *finding = find(SCOPE_CONNECTION, &checks[0], ACTION_MONITOR, "no PTR");

	(void)state;
	finding->would = ACTION_REJECT;
	accept_recipient(&recipient, 0, "");
	accept_recipient(&recipient, 0, "");
	abandon(SCOPE_TRANSACTION, 1,
		"recipients=2 stage=rcpt verdict=abandoned would=reject would_check=policy.open ");
	session_end_scope(&session, SCOPE_TRANSACTION);
	/* It was told. */
	abandon(SCOPE_CONNECTION, 0, "");
	/* The next message of the connection would be refused too. */
	accept_recipient(&recipient, 0, "");
	abandon(SCOPE_TRANSACTION, 1, "verdict=abandoned");
}

static void test_nothing_is_abandoned(void **state)
{
	struct recipient recipient = {.raw = "<bob@example.org>"};
	struct finding *finding = find(SCOPE_CONNECTION, &checks[0], ACTION_MONITOR, "no PTR");

	(void)state;
	/* The end of the message was reached, and its record says it. */
	finding->would = ACTION_REJECT;
	accept_recipient(&recipient, 0, "");
	session.transaction.answered = true;
	finding->told = true;
	abandon(SCOPE_TRANSACTION, 0, "");
	session_end_scope(&session, SCOPE_TRANSACTION);
	/* Nobody would be refused. */
	finding->would = ACTION_SUSPECT;
	finding->action = ACTION_SUSPECT;
	finding->told = false;
	accept_recipient(&recipient, 0, "");
	abandon(SCOPE_CONNECTION, 0, "");
	/* Nor does a session that is only supposed say anything. */
	finding->would = ACTION_REJECT;
	finding->action = ACTION_MONITOR;
	session.dry_run = true;
	accept_recipient(&recipient, 0, "");
	abandon(SCOPE_CONNECTION, 0, "");
}

/* Where it is answered at the stage itself, before any recipient. */
static void test_abandoned_before_a_recipient(void **state)
{
	(void)state;
	find(SCOPE_GREETING, &checks[0], ACTION_MONITOR, "no such name")->stage = STAGE_HELO;
	abandon(SCOPE_TRANSACTION, 0, "");
	abandon(SCOPE_GREETING, 1, "stage=helo verdict=abandoned would=reject");
	abandon(SCOPE_CONNECTION, 0, "");
}

/* Each recipient that a monitored check about recipients would refuse. */
static void test_accepted_recipient(void **state)
{
	struct recipient recipient = {.raw = "<nobody@example.org>"};

	(void)state;
	find(SCOPE_CONNECTION, &checks[0], ACTION_SUSPECT, "no PTR");
	find(SCOPE_RECIPIENT, &checks[0], ACTION_MONITOR, "unknown")->would = ACTION_TEMPFAIL;
	accept_recipient(&recipient, 1,
		"rcpt=<nobody@example.org> stage=rcpt verdict=accept would=tempfail "
		"would_check=policy.open findings=\"policy.open=fail/monitor(tempfail): unknown\"");
}

static void test_as_little_as_there_is(void **state)
{
	static const char *const keys[] = {"session", "client", "stage", "verdict"};
	struct decision decision = {.verdict = VERDICT_CONTINUE, .stage = STAGE_CONNECT};
	struct log_line line;

	(void)state;
	logged(&decision, &line);
	assert_int_equal(line.count, ARRAY_COUNT(keys));
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		assert_string_equal(line.fields[i].key, keys[i]);
	assert_string_equal(log_line_value(&line, "client"), "local");
	assert_string_equal(log_line_value(&line, "verdict"), "accept");
}

static void test_accepted_message(void **state)
{
	struct decision decision = {.verdict = VERDICT_CONTINUE, .stage = STAGE_EOM};
	struct log_line line;

	(void)state;
	assert_true(ipaddr_parse("2001:db8::7", &session.client));
	fake_dns("7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		DNS_PTR, "forged.example.net");
	session.iprev = iprev_inquire(NULL, &session.client, 1000);
	session.transaction.open = true;
	session.transaction.recipients_accepted = 3;
	logged(&decision, &line);
	assert_string_equal(log_line_value(&line, "client"), "2001:db8::7");
	assert_null(log_line_value(&line, "name"));
	assert_string_equal(log_line_value(&line, "unconfirmed_name"), "forged.example.net");
	assert_string_equal(log_line_value(&line, "from"), "<>");
	assert_string_equal(log_line_value(&line, "recipients"), "3");
	assert_null(log_line_value(&line, "findings"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_reference),
		test(test_refusal_says_evidence_and_reference),
		test(test_refusal_says_what_the_policy_wants_said),
		test(test_refusal_says_what_is_not_known),
		test(test_who_may_be_exempt_is_not_refused_for_good),
		test(test_what_is_accepted_is_not_refused),
		test(test_every_field),
		test(test_nothing_pushes_the_verdict_out),
		test(test_as_little_as_there_is),
		test(test_accepted_message),
		test(test_abandoned),
		test(test_nothing_is_abandoned),
		test(test_abandoned_before_a_recipient),
		test(test_accepted_recipient),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
