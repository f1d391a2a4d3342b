/* SPDX-License-Identifier: BSD-2-Clause */
/* STARTTLS of call-aheads, against a server that does not always mean it. */
#include "callahead_tls.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "../../tests/lib/fake_mta.h"
#include "callahead.h"
#include "clock.h"

enum { LONG_MS = 60000, SHORT_MS = 1500 };

struct stand {
	struct fake_mta server;
	struct callahead *callahead;
	char why[CALLAHEAD_WHY_SIZE];
};

static void call(
	struct stand *stand, enum callahead_tls_level level, char *authorities, const char *host)
{
	const struct callahead_options options = {
		.timeout_ms = LONG_MS, .tls = {.level = (int)level, .authorities = authorities}};
	struct callahead_target target;
	char text[100];

	snprintf(text, sizeof(text), "smtp:%s:%d", host, stand->server.port);
	assert_true(callahead_target_parse(text, &target));
	stand->callahead = callahead_create(&target, &options);
}

static void serve(struct stand *stand, const struct fake_mta_orders *orders)
{
	memset(stand, 0, sizeof(*stand));
	fake_mta_start(&stand->server, false);
	fake_mta_order(&stand->server, orders);
}

static void start(
	struct stand *stand, const struct fake_mta_orders *orders, enum callahead_tls_level level)
{
	serve(stand, orders);
	call(stand, level, NULL, "127.0.0.1");
}

static void stop(struct stand *stand)
{
	callahead_free(&stand->callahead);
	fake_mta_stop(&stand->server);
}

static enum callahead_answer ask_within(struct stand *stand, const char *address, uint64_t ms)
{
	struct path path;
	struct callahead_question question = {.our_name = "mx.example.org",
		.path = &path,
		.deadline_ms = clock_monotonic_ms() + ms};

	assert_int_equal(path_parse(address, true, &path), PATH_OK);
	return callahead_ask(stand->callahead, &question, stand->why);
}

static enum callahead_answer ask(struct stand *stand, const char *address)
{
	return ask_within(stand, address, LONG_MS);
}

static void test_offered(void **state)
{
	const struct fake_mta_orders orders = {.starttls = "220 2.0.0 go"};
	struct stand stand;

	(void)state;
	for (enum callahead_tls_level level = CALLAHEAD_TLS_MAY; level <= CALLAHEAD_TLS_ENCRYPT;
		level++) {
		start(&stand, &orders, level);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(ask(&stand, "anna@example.org"), CALLAHEAD_KNOWN);
			assert_int_equal(ask(&stand, "bob@example.org"), CALLAHEAD_UNKNOWN);
			/* Known after the second EHLO too. */
			assert_int_equal(ask(&stand, "m\xc3\xbcller@example.org"), CALLAHEAD_KNOWN);
		}
		/* Kept like any other connection, tickets of TLS 1.3 and all. */
		assert_int_equal(fake_mta_connections(&stand.server), 1);
		assert_int_equal(fake_mta_encrypted(&stand.server), 1);
		assert_int_equal(fake_mta_said_in_clear(&stand.server), 0);
		stop(&stand);
	}
}

static void test_not_wanted(void **state)
{
	const struct fake_mta_orders orders = {.starttls = "220 2.0.0 go"};
	struct stand stand;

	(void)state;
	start(&stand, &orders, CALLAHEAD_TLS_NONE);
	assert_int_equal(ask(&stand, "anna@example.org"), CALLAHEAD_KNOWN);
	assert_int_equal(fake_mta_encrypted(&stand.server), 0);
	stop(&stand);
}

static void test_not_offered(void **state)
{
	struct stand stand;

	(void)state;
	start(&stand, NULL, CALLAHEAD_TLS_MAY);
	assert_int_equal(ask(&stand, "anna@example.org"), CALLAHEAD_KNOWN);
	assert_int_equal(fake_mta_connections(&stand.server), 1);
	stop(&stand);
	start(&stand, NULL, CALLAHEAD_TLS_ENCRYPT);
	assert_int_equal(ask(&stand, "anna@example.org"), CALLAHEAD_UNSURE);
	assert_string_equal(stand.why, "it offers no STARTTLS");
	assert_int_equal(fake_mta_said_in_clear(&stand.server), 0);
	stop(&stand);
}

/* Every way to break it leads to an answer without TLS, or where that is not good enough to none. */
static void test_broken(void **state)
{
	static const struct fake_mta_orders broken[] = {
		{.starttls = "454 4.7.0 SECRET not now"},
		{.starttls = "502 5.5.1 SECRET what"},
		{.starttls = "421 4.7.0 SECRET bye"},
		{.starttls = "!close"},
		{.starttls = "!reset"},
		{.starttls = "!garbage"},
		{.starttls = "!flood"},
		{.starttls = "220 go", .no_tls = true, .hang_up_when_idle = true},
		{.starttls = "220 go\r\n250 SECRET said too early"},
	};
	struct stand stand;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		start(&stand, &broken[i], CALLAHEAD_TLS_MAY);
		if (ask_within(&stand, "anna@example.org", LONG_MS) != CALLAHEAD_KNOWN)
			fail_msg("\"%s\": %s", broken[i].starttls, stand.why);
		/* Not tried again and again. */
		fake_mta_order(&stand.server, &broken[i]);
		assert_int_equal(ask(&stand, "bob@example.org"), CALLAHEAD_UNKNOWN);
		assert_true(fake_mta_connections(&stand.server) <= 1);
		stop(&stand);
		start(&stand, &broken[i], CALLAHEAD_TLS_ENCRYPT);
		assert_int_equal(ask(&stand, "anna@example.org"), CALLAHEAD_UNSURE);
		assert_null(strstr(stand.why, "SECRET"));
		assert_int_equal(fake_mta_said_in_clear(&stand.server), 0);
		stop(&stand);
	}
}

/* Silence takes half of the time, so that the other half is left. */
static void test_silent(void **state)
{
	const struct fake_mta_orders silent = {.starttls = "!silent"};
	struct stand stand;

	(void)state;
	start(&stand, &silent, CALLAHEAD_TLS_MAY);
	assert_int_equal(ask_within(&stand, "anna@example.org", SHORT_MS), CALLAHEAD_KNOWN);
	stop(&stand);
	start(&stand, &silent, CALLAHEAD_TLS_ENCRYPT);
	assert_int_equal(ask_within(&stand, "anna@example.org", SHORT_MS), CALLAHEAD_UNSURE);
	stop(&stand);
}

static void test_certificate(void **state)
{
	static const struct {
		const char *host;
		bool believed; /* the authority */
		enum callahead_answer want;
	} rows[] = {
		{"127.0.0.1", true, CALLAHEAD_KNOWN},
		{"store.example.org", true, CALLAHEAD_KNOWN},
		{"other.example.org", true, CALLAHEAD_UNSURE},
		{"127.0.0.1", false, CALLAHEAD_UNSURE},
	};
	const struct fake_mta_orders orders = {.starttls = "220 2.0.0 go"};
	char right[] = "/tmp/callahead_tls_test.XXXXXX", wrong[] = "/tmp/callahead_tls_test.XXXXXX";
	struct stand stand, stranger;
	int fds[2] = {mkstemp(right), mkstemp(wrong)};

	(void)state;
	assert_true(fds[0] >= 0 && fds[1] >= 0);
	close(fds[0]);
	close(fds[1]);
	serve(&stranger, NULL);
	fake_mta_write_certificate(&stranger.server, wrong);
	fake_dns_clear();
	fake_dns("store.example.org", DNS_A, "127.0.0.1");
	fake_dns("other.example.org", DNS_A, "127.0.0.1");
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		serve(&stand, &orders);
		fake_mta_write_certificate(&stand.server, right);
		call(&stand, CALLAHEAD_TLS_VERIFY, rows[i].believed ? right : wrong, rows[i].host);
		assert_int_equal(ask(&stand, "anna@example.org"), rows[i].want);
		assert_int_equal(fake_mta_said_in_clear(&stand.server), 0);
		if (rows[i].want == CALLAHEAD_UNSURE)
			assert_non_null(strstr(stand.why, "certificate"));
		assert_null(strstr(stand.why, "SECRET"));
		stop(&stand);
	}
	fake_dns_clear();
	stop(&stranger);
	unlink(right);
	unlink(wrong);
}

static void test_authorities(void **state)
{
	struct callahead_tls_options options = {
		.level = CALLAHEAD_TLS_VERIFY, .authorities = (char[]){"/dev/null"}};
	char why[CALLAHEAD_WHY_SIZE];

	(void)state;
	assert_false(callahead_tls_check(&options, why));
	assert_string_equal(why, "/dev/null holds no certificate of an authority (PEM)");
	options.authorities = NULL;
	assert_true(callahead_tls_check(&options, why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offered),
		cmocka_unit_test(test_not_wanted),
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_authorities),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
