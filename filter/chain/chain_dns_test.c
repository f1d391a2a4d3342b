/* SPDX-License-Identifier: BSD-2-Clause */
/* The chain with its real policies against a slow name server: what it asks is under way before the
 * first RCPT, and costs steps that depend on each other, not the sum of all lookups. Steps are
 * counted; nothing here measures time. */
#include "chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/dns_server.h"
#include "log.h"

enum { INQUIRIES = 5, STEPS_MAX = 4, TIMEOUT_MS = 20000 };

static struct conf *conf;
static struct services services;
static struct dns_server server;
static struct chain *chain;

static void on_error(void *context, const char *text)
{
	(void)context;
	fail_msg("%s", text);
}

/* All policies, each with all of its checks. */
static void load_conf(void)
{
	static const struct conf_report report = {.error = on_error};

	conf = conf_load(NULL, policies, &report);
	assert_non_null(conf);
	conf->site.time_limit_ms = TIMEOUT_MS;
	for (size_t p = 0; p < conf->policy_count; p++) {
		const struct check *checks = conf->policies[p].policy->checks;

		conf->policies[p].trial.mode = MODE_MONITOR;
		for (size_t i = 0; checks != NULL && checks[i].name != NULL; i++)
			if (conf->policies[p].fail[i] == ACTION_OFF)
				conf->policies[p].fail[i] = ACTION_TAG;
	}
}

static void start(const char *behaviour)
{
	char why[200] = "";

	dns_server_start(&server, 0, behaviour);
	services.resolver = dns_server_resolver(server.address, NULL, NULL, NULL, TIMEOUT_MS);
	load_conf();
	services.store = store_open(&conf->store, why, sizeof(why));
	assert_non_null(services.store);
	services.local = services.store;
}

static void stop(void)
{
	chain_free(&chain);
	conf_release(&conf);
	resolver_stop(&services.resolver);
	store_close(&services.store);
	dns_server_stop(&server);
}

static struct decision say_rcpt(const char *forward_path)
{
	struct transaction *transaction = &chain_session(chain)->transaction;
	struct recipient recipient = {.raw = ""};

	recipient.error = path_parse(forward_path, transaction->smtputf8, &recipient.path);
	snprintf(recipient.raw, sizeof(recipient.raw), "%s", forward_path);
	return chain_rcpt(chain, &recipient);
}

static void say_connect_helo_mail(void)
{
	struct session *session;
	struct transaction *transaction;

	chain_free(&chain);
	chain = chain_create(conf, &services);
	session = chain_session(chain);
	chain_begin(chain, SCOPE_CONNECTION);
	assert_true(ipaddr_parse("192.0.2.1", &session->client));
	session->client_port = 40000;
	assert_int_equal(chain_connect(chain).verdict, VERDICT_CONTINUE);
	chain_begin(chain, SCOPE_GREETING);
	session->greeted = true;
	snprintf(session->helo_raw, sizeof(session->helo_raw), "mail.example.net");
	snprintf(session->helo, sizeof(session->helo), "mail.example.net");
	assert_int_equal(chain_helo(chain).verdict, VERDICT_CONTINUE);
	chain_begin(chain, SCOPE_TRANSACTION);
	transaction = &session->transaction;
	transaction->open = true;
	snprintf(transaction->raw, sizeof(transaction->raw), "<anna@example.com>");
	transaction->error = path_parse(transaction->raw, false, &transaction->reverse_path);
	assert_int_equal(chain_mail(chain).verdict, VERDICT_CONTINUE);
}

/* All that a session can ask; NULL where it has not. */
static void inquiries_of(struct inquiry *inquiries[INQUIRIES])
{
	const struct session *session = chain_session(chain);

	inquiries[0] = session->iprev;
	inquiries[1] = session->helo_mailhosts;
	inquiries[2] = session->helo_spf;
	inquiries[3] = session->transaction.mailhosts;
	inquiries[4] = session->transaction.spf;
}

/* With a server that never answers: whoever waits before RCPT would not come back. */
static void test_all_is_under_way_before_rcpt(void **state)
{
	struct inquiry *inquiries[INQUIRIES];
	struct resolver_stats stats;
	unsigned sent = 0;

	(void)state;
	start("drop");
	say_connect_helo_mail();
	inquiries_of(inquiries);
	for (size_t i = 0; i < INQUIRIES; i++) {
		struct inquiry_cost cost;

		assert_non_null(inquiries[i]);
		assert_null(inquiry_result(inquiries[i]));
		inquiry_cost(inquiries[i], &cost);
		assert_true(cost.sent > 0);
		sent += cost.sent;
	}
	/* The resolver's thread takes them on; there they stay. */
	do {
		usleep(1000);
		resolver_stats(services.resolver, &stats);
	} while (stats.in_flight + stats.joined < sent);
	assert_true(stats.in_flight >= INQUIRIES);
	assert_int_equal(stats.cache_hits, 0);
	stop();
}

static void test_dependent_steps(void **state)
{
	struct inquiry *before[INQUIRIES], *after[INQUIRIES];
	struct resolver_stats stats;
	uint64_t queries;

	(void)state;
	start("delay50");
	say_connect_helo_mail();
	inquiries_of(before);
	(void)say_rcpt("<bob@example.org>");
	inquiries_of(after);
	for (size_t i = 0; i < INQUIRIES; i++) {
		struct inquiry_cost cost;

		/* RCPT waits for these; had it started others, their steps would be added. */
		assert_ptr_equal(before[i], after[i]);
		inquiry_cost(after[i], &cost);
		if (cost.steps < 1 || cost.steps > STEPS_MAX)
			fail_msg("inquiry %zu took %u dependent steps", i, cost.steps);
	}
	resolver_stats(services.resolver, &stats);
	queries = stats.queries_udp + stats.queries_tcp;
	assert_true(queries >= 10);

	/* Warm: not one more query, and all is known before RCPT. */
	say_connect_helo_mail();
	inquiries_of(after);
	for (size_t i = 0; i < INQUIRIES; i++) {
		struct inquiry_cost cost;

		assert_non_null(inquiry_result(after[i]));
		inquiry_cost(after[i], &cost);
		assert_int_equal(cost.sent, 0);
		assert_int_equal(cost.steps, 0);
	}
	(void)say_rcpt("<bob@example.org>");
	resolver_stats(services.resolver, &stats);
	assert_int_equal(stats.queries_udp + stats.queries_tcp, queries);
	stop();
}

/* Whom a list knows by name is exempt though the name takes time; connect, HELO and MAIL do not wait
 * for it. */
static void test_exempt_by_name(void **state)
{
	const struct session *session;
	const char *why;

	(void)state;
	start("delay50");
	if (conf->site.allow == NULL)
		conf->site.allow = matchlist_create();
	assert_true(matchlist_add(conf->site.allow, "host.1.2.0.192.in-addr.arpa", "test", &why));
	say_connect_helo_mail();
	session = chain_session(chain);
	(void)say_rcpt("<bob@example.org>");
	assert_int_equal(session->exemptions, EXEMPT_ALLOWED);
	assert_non_null(strstr(session->exemption_evidence, "host.1.2.0.192.in-addr.arpa"));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_under_way_before_rcpt),
		cmocka_unit_test(test_dependent_steps),
		cmocka_unit_test(test_exempt_by_name),
	};

	log_open(LOG_TO_STDERR, LOG_LEVEL_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
