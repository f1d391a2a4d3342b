/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "../../tests/fake/fake_spf.c"
#include "clock.h"

enum { WAIT_MS = 60000 };

static struct site site;
static struct services services;
static struct session session;
static char hostname[] = "mx.example.org";

static void fill_recipient(struct recipient *recipient)
{
	session_add_finding(&session, SCOPE_RECIPIENT);
	session.recipient = recipient;
}

static void fill_transaction(void)
{
	struct transaction *transaction = &session.transaction;

	transaction->open = true;
	snprintf(transaction->raw, sizeof(transaction->raw), "<anna@example.net>");
	transaction->error = path_parse(transaction->raw, false, &transaction->reverse_path);
	transaction->cut = transaction->smtputf8 = true;
	transaction->declared_size = 1000;
	snprintf(transaction->queue_id, sizeof(transaction->queue_id), "4Z");
	transaction->recipients_seen = 3;
	transaction->recipients_accepted = 2;
	session_add_finding(&session, SCOPE_TRANSACTION);
	session_add_finding(&session, SCOPE_TRANSACTION);
	session_add_edit(&session, EDIT_INSERT_FIELD, "X", "value", 0);
	session_add_edit(&session, EDIT_QUARANTINE, "reason", NULL, 0);
	assert_non_null(session_sender_mailhosts(&session));
	assert_non_null(session_sender_spf(&session));
}

static void fill_greeting(void)
{
	session.greeted = true;
	snprintf(session.helo_raw, sizeof(session.helo_raw), "Mail.example.net");
	snprintf(session.helo, sizeof(session.helo), "mail.example.net");
	assert_true(ipaddr_parse("192.0.2.7", &session.helo_literal));
	session_add_finding(&session, SCOPE_GREETING);
	assert_non_null(session_helo_mailhosts(&session));
	assert_non_null(session_helo_spf(&session));
}

static void fill_connection(void)
{
	assert_true(ipaddr_parse("192.0.2.7", &session.client));
	session.client_port = 40000;
	snprintf(session.mta_client_name, sizeof(session.mta_client_name), "mail.example.net");
	snprintf(session.daemon_name, sizeof(session.daemon_name), "MTA");
	snprintf(session.mta_name, sizeof(session.mta_name), "mx.example.org");
	snprintf(session.tls_version, sizeof(session.tls_version), "TLSv1.3");
	snprintf(session.tls_subject, sizeof(session.tls_subject), "/CN=a");
	snprintf(session.auth_user, sizeof(session.auth_user), "anna");
	session.exemptions = EXEMPT_ALL;
	snprintf(session.exemption_evidence, sizeof(session.exemption_evidence), "a list");
	session.messages = 7;
	session_add_finding(&session, SCOPE_CONNECTION);
	assert_non_null(session_iprev(&session));
}

static int begin(void **state)
{
	static struct recipient recipient;

	(void)state;
	fake_dns_clear();
	fake_spf_clear();
	site.hostname = hostname;
	site.time_limit_ms = WAIT_MS;
	session_init(&session, &site, &services);
	fill_connection();
	fill_greeting();
	fill_transaction();
	fill_recipient(&recipient);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	session_end_scope(&session, SCOPE_CONNECTION);
	fake_dns_clear();
	fake_spf_clear();
	return 0;
}

/* What is left of each scope, in letters: recipient, transaction, greeting, connection. */
static const char *left(char buffer[5])
{
	const struct transaction *transaction = &session.transaction;

	buffer[0] = session.recipient != NULL && session.findings[SCOPE_RECIPIENT].count == 1 ? 'r'
											      : '.';
	buffer[1] = transaction->open && transaction->raw[0] != '\0' &&
				    transaction->edit_count == 2 &&
				    transaction->declared_size == 1000 &&
				    transaction->recipients_seen == 3 &&
				    transaction->mailhosts != NULL && transaction->spf != NULL &&
				    session.findings[SCOPE_TRANSACTION].count == 2
			    ? 't'
			    : '.';
	buffer[2] = session.greeted && session.helo[0] != '\0' && session.helo_raw[0] != '\0' &&
				    session.helo_literal.family == IP_V4 &&
				    session.helo_mailhosts != NULL && session.helo_spf != NULL &&
				    session.findings[SCOPE_GREETING].count == 1
			    ? 'g'
			    : '.';
	buffer[3] = session.client.family == IP_V4 && session.auth_user[0] != '\0' &&
				    session.messages == 7 && session.iprev != NULL &&
				    session.findings[SCOPE_CONNECTION].count == 1
			    ? 'c'
			    : '.';
	buffer[4] = '\0';
	return buffer;
}

static void test_ends(void **state)
{
	static const struct {
		enum scope scope;
		const char *left;
	} rows[] = {
		{SCOPE_RECIPIENT, ".tgc"},
		{SCOPE_TRANSACTION, "..gc"},
		{SCOPE_GREETING, "...c"},
		{SCOPE_CONNECTION, "...."},
	};
	char buffer[5];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		finish(state);
		begin(state);
		assert_string_equal(left(buffer), "rtgc");
		session_end_scope(&session, rows[i].scope);
		assert_string_equal(left(buffer), rows[i].left);
		session_end_scope(&session, rows[i].scope);
		session_end_scope(&session, SCOPE_RECIPIENT);
		assert_string_equal(left(buffer), rows[i].left);
	}
}

static bool is_zero(const void *memory, size_t size)
{
	const unsigned char *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* Nothing of a connection is left for the next one, whatever facts there will be one day. */
static void test_nothing_is_left(void **state)
{
	struct transaction transaction;

	(void)state;
	session_end_scope(&session, SCOPE_CONNECTION);
	assert_int_equal(session.transaction.declared_size, -1);
	transaction = session.transaction;
	transaction.declared_size = 0;
	assert_true(is_zero(&transaction, sizeof(transaction)));
	assert_true(is_zero(&session.client, sizeof(session.client)));
	assert_int_equal(session.client_port, 0);
	assert_int_equal(session.messages, 0);
	assert_int_equal(session.exemptions, 0);
	assert_string_equal(session.exemption_evidence, "");
	assert_string_equal(session.mta_client_name, "");
	assert_string_equal(session.daemon_name, "");
	assert_string_equal(session.mta_name, "");
	assert_string_equal(session.tls_version, "");
	assert_string_equal(session.tls_subject, "");
	assert_string_equal(session.auth_user, "");
	assert_true(is_zero(session.findings, sizeof(session.findings)));
	assert_ptr_equal(session.site, &site);
	assert_ptr_equal(session.services, &services);
	assert_int_equal(strlen(session.id), SESSION_ID_SIZE - 1);
}

/* Inquiries are shared: asked once for their scope, anew in the next. */
static void test_inquiries_are_started_once(void **state)
{
	struct inquiry *iprev = session_iprev(&session);
	unsigned asked = fake_dns_asked(NULL, DNS_A);

	(void)state;
	assert_ptr_equal(session_iprev(&session), iprev);
	assert_non_null(session_iprev_result(&session, clock_monotonic_ms() + WAIT_MS));
	assert_ptr_equal(session_helo_mailhosts(&session), session.helo_mailhosts);
	assert_ptr_equal(session_sender_mailhosts(&session), session.transaction.mailhosts);
	assert_ptr_equal(session_sender_spf(&session), session.transaction.spf);
	assert_int_equal(fake_dns_asked(NULL, DNS_A), asked);
	session_end_scope(&session, SCOPE_TRANSACTION);
	assert_null(session_sender_mailhosts(&session));
	fill_transaction();
	assert_ptr_equal(session_iprev(&session), iprev);
	assert_true(fake_dns_asked("example.net", DNS_MX) == 2);
}

static void test_nothing_to_ask(void **state)
{
	(void)state;
	session_end_scope(&session, SCOPE_CONNECTION);
	assert_null(session_iprev(&session));
	assert_null(session_helo_mailhosts(&session));
	assert_null(session_helo_spf(&session));
	assert_null(session_sender_mailhosts(&session));
	assert_null(session_sender_spf(&session));
	assert_null(session_iprev_result(&session, clock_monotonic_ms() + WAIT_MS));
	assert_null(session_sender_spf_result(&session, clock_monotonic_ms() + WAIT_MS));
	assert_string_equal(session_sender_domain(&session), "");
}

static void test_sender_domain(void **state)
{
	static const struct {
		const char *raw, *want;
	} rows[] = {
		{"<anna@Example.NET>", "example.net"},
		{"<>", "mail.example.net"},
		{"<anna@[192.0.2.1]>", ""},
		{"<anna@example..net>", ""},
		{"<<", ""},
	};
	struct transaction *transaction = &session.transaction;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		snprintf(transaction->raw, sizeof(transaction->raw), "%s", rows[i].raw);
		transaction->error =
			path_parse(transaction->raw, false, &transaction->reverse_path);
		assert_string_equal(session_sender_domain(&session), rows[i].want);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_ids(void **state)
{
	enum { COUNT = 5000 };
	static char ids[COUNT][SESSION_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		struct session other;

		session_init(&other, &site, &services);
		memcpy(ids[i], other.id, SESSION_ID_SIZE);
		assert_int_equal(
			strspn(ids[i], "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), SESSION_ID_SIZE - 1);
		session_end_scope(&other, SCOPE_CONNECTION);
	}
	qsort(ids, COUNT, SESSION_ID_SIZE, compare);
	for (size_t i = 1; i < COUNT; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

/* Those of the first sessions of a process, whatever it starts with. */
static int first_ids(void)
{
	char ids[3][SESSION_ID_SIZE];

	for (size_t i = 0; i < 3; i++) {
		struct session other;

		session_init(&other, &site, &services);
		memcpy(ids[i], other.id, SESSION_ID_SIZE);
		session_end_scope(&other, SCOPE_CONNECTION);
	}
	return strcmp(ids[0], ids[1]) == 0 || strcmp(ids[1], ids[2]) == 0 ||
	       strcmp(ids[0], ids[2]) == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_ends),
		test(test_nothing_is_left),
		test(test_inquiries_are_started_once),
		test(test_nothing_to_ask),
		test(test_sender_domain),
		test(test_ids),
	};

	/* Before any other session of this process. */
	for (int i = 0; i < 16; i++) {
		int status;
		pid_t child = fork();

		if (child == 0)
			_exit(first_ids());
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
			fprintf(stderr, "two of the first sessions have the same id\n");
			return 1;
		}
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
