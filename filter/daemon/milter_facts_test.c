/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_facts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct session session;

/* Macros as pairs of name and value; NULL ends. */
static const char *value_of(void *context, const char *name)
{
	for (const char *const *pair = context; pair != NULL && pair[0] != NULL; pair += 2)
		if (strcmp(pair[0], name) == 0)
			return pair[1];
	return NULL;
}

static struct milter_macros macros(const char *const *pairs)
{
	return (struct milter_macros){.value = value_of, .context = (void *)pairs};
}

static int begin(void **state)
{
	static const struct site site;

	(void)state;
	session_init(&session, &site, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	session_end_scope(&session, SCOPE_CONNECTION);
	return 0;
}

static void test_connect(void **state)
{
	const char *const pairs[] = {"{daemon_name}", "smtpd", "j", "mx.example.org", NULL};
	struct milter_macros given = macros(pairs), none = macros(NULL);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4711)};
	char name[2 * DOMAIN_SIZE], text[IPADDR_TEXT_SIZE];

	(void)state;
	address.sin_addr.s_addr = htonl(0xc0000207);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	milter_facts_connect(&session, name, (struct sockaddr *)&address, &given);
	assert_string_equal(ipaddr_format(&session.client, text), "192.0.2.7");
	assert_int_equal(session.client_port, 4711);
	assert_int_equal(strlen(session.mta_client_name), DOMAIN_SIZE - 1);
	assert_string_equal(session.daemon_name, "smtpd");
	assert_string_equal(session.mta_name, "mx.example.org");
	/* Nothing stays of what is not said again. */
	milter_facts_connect(&session, "localhost", NULL, &none);
	assert_int_equal(session.client.family, IP_NONE);
	assert_int_equal(session.client_port, 0);
	assert_string_equal(session.daemon_name, "");
}

/* Sendmail gives the subject of any certificate, and says with {verify} what it is worth. */
static void test_certificates(void **state)
{
	static const struct {
		const char *verify, *subject;
	} rows[] = {{NULL, "/CN=a"}, {"OK", "/CN=a"}, {"FAIL", ""}, {"NO", ""}, {"NONE", ""},
		{"OKAY, more than fits into sixteen", ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *const pairs[] = {"{tls_version}", "TLSv1.3", "{cert_subject}", "/CN=a",
			"{cn_subject}", "a", rows[i].verify == NULL ? NULL : "{verify}",
			rows[i].verify, NULL};
		struct milter_macros given = macros(pairs);

		milter_facts_helo(&session, "client.example.net", &given);
		assert_string_equal(session.tls_subject, rows[i].subject);
		assert_string_equal(session.tls_name, rows[i].subject[0] == '\0' ? "" : "a");
		assert_string_equal(session.tls_version, "TLSv1.3");
	}
}

/* Of any certificate, verified or not: who shows it has its key. */
static void test_fingerprints(void **state)
{
	static const struct {
		const char *pairs[7];
		const char *want;
	} rows[] = {
		{{"{verify}", "FAIL", "{cert_md5}", "AB:CD", NULL}, "AB:CD"},
		{{"{cert_md5}", "AB:CD", "{cert_fp}", "01:23", NULL}, "01:23"},
		{{"{cert_md5}", "", "{cert_fp}", "", NULL}, ""},
		{{"{verify}", "OK", NULL}, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct milter_macros given = macros(rows[i].pairs);

		milter_facts_helo(&session, "client.example.net", &given);
		assert_string_equal(session.tls_fingerprint, rows[i].want);
	}
}

static void test_helo(void **state)
{
	struct milter_macros none = macros(NULL);
	char longest[WIRE_TEXT_SIZE + 1];

	(void)state;
	milter_facts_helo(&session, "Client.Example.NET", &none);
	assert_true(session.greeted);
	assert_string_equal(session.helo, "client.example.net");
	assert_int_equal(session.helo_literal.family, IP_NONE);
	milter_facts_helo(&session, "[192.0.2.7]", &none);
	assert_string_equal(session.helo, "");
	assert_int_equal(session.helo_literal.family, IP_V4);
	/* What is cut is no name, though what is left might be one. */
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 60; i < sizeof(longest) - 1; i += 60)
		longest[i] = '.';
	milter_facts_helo(&session, longest, &none);
	assert_string_equal(session.helo, "");
	assert_int_equal(strlen(session.helo_raw), WIRE_TEXT_SIZE - 1);
}

static void test_mail(void **state)
{
	static char path[] = "<anna@example.com>", size[] = "size=1234", utf8[] = "SmtpUtf8",
		    odd[] = "BODY=8BITMIME";
	char *arguments[] = {path, size, odd, utf8, NULL};
	const char *const pairs[] = {"{auth_authen}", "anna", "{mail_addr}", "anna@example.com",
		"{mail_host}", "mx.example.com", "i", "4XYZ", NULL};
	struct milter_macros given = macros(pairs);
	struct transaction *transaction = &session.transaction;
	char longest[2 * WIRE_TEXT_SIZE];

	(void)state;
	milter_facts_mail(&session, arguments, &given);
	assert_true(transaction->open && transaction->smtputf8 && !transaction->cut);
	assert_int_equal(transaction->error, PATH_OK);
	assert_int_equal(transaction->declared_size, 1234);
	assert_string_equal(session.auth_user, "anna");
	assert_string_equal(transaction->mta_address, "anna@example.com");
	assert_string_equal(transaction->mta_host, "mx.example.com");
	assert_string_equal(transaction->queue_id, "4XYZ");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	arguments[0] = longest;
	milter_facts_mail(&session, arguments, &given);
	assert_true(transaction->cut);
	assert_int_equal(transaction->error, PATH_TOO_LONG);
}

static void test_rcpt(void **state)
{
	static char path[] = "<bob@example.org>";
	char *arguments[] = {path, NULL};
	char host[2 * MACRO_SIZE];
	const char *const pairs[] = {"{rcpt_addr}", "bob@example.org", "{rcpt_mailer}", "error",
		"{rcpt_host}", host, "i", "4XYZ", NULL};
	struct milter_macros given = macros(pairs), none = macros(NULL);
	struct recipient recipient = {0};

	(void)state;
	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	milter_facts_rcpt(&session, arguments, &recipient, &given);
	assert_int_equal(recipient.error, PATH_OK);
	assert_string_equal(recipient.mta_address, "bob@example.org");
	assert_int_equal(strlen(recipient.mta_host), MACRO_SIZE - 1);
	assert_string_equal(session.transaction.queue_id, "4XYZ");
	assert_true(milter_facts_refused(&recipient));
	recipient = (struct recipient){0};
	milter_facts_rcpt(&session, arguments, &recipient, &none);
	assert_false(milter_facts_refused(&recipient));
}

static void test_declared_sizes(void **state)
{
	static const struct {
		const char *parameter;
		int64_t size;
	} rows[] = {
		{"SIZE=0", 0},
		{"size=1234", 1234},
		{"SIZE=000000000001234", 1234},
		{"SIZE=999999999999999", 999999999999999},
		{"SIZE=9999999999999999", -1},
		{"SIZE=99999999999999999999999999999999", -1},
		{"SIZE=", -1},
		{"SIZE", -1},
		{"SIZE=-5", -1},
		{"SIZE=+5", -1},
		{"SIZE= 5", -1},
		{"SIZE=5x", -1},
		{"SIZE=0x10", -1},
		{"XSIZE=5", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char path[] = "<anna@example.com>", parameter[60];
		char *arguments[] = {path, parameter, NULL};
		const char *const pairs[] = {NULL};
		struct milter_macros given = macros(pairs);

		session_end_scope(&session, SCOPE_TRANSACTION);
		snprintf(parameter, sizeof(parameter), "%s", rows[i].parameter);
		milter_facts_mail(&session, arguments, &given);
		assert_int_equal(session.transaction.declared_size, rows[i].size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_connect, begin, finish),
		cmocka_unit_test_setup_teardown(test_certificates, begin, finish),
		cmocka_unit_test_setup_teardown(test_fingerprints, begin, finish),
		cmocka_unit_test_setup_teardown(test_helo, begin, finish),
		cmocka_unit_test_setup_teardown(test_mail, begin, finish),
		cmocka_unit_test_setup_teardown(test_declared_sizes, begin, finish),
		cmocka_unit_test_setup_teardown(test_rcpt, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
