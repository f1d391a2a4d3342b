/* SPDX-License-Identifier: BSD-2-Clause */
#include "exemption.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/fake/fake_inquiry.c"
#include "../../tests/fake/fake_spf.c"
#include "clock.h"
#include "mem.h"

enum { WAIT_MS = 60000 };

/* A list with at most three entries. */
static struct matchlist *list_of(const char *const *entries)
{
	struct matchlist *list = matchlist_create();
	const char *why;

	for (size_t i = 0; i < 3 && entries[i] != NULL; i++)
		assert_true(matchlist_add(list, entries[i], "test", &why));
	return list;
}

struct row {
	const char *what;
	const char *trusted[3], *allow[3], *forwarders[3];
	const char *certificates[3];
	const char *client; /* NULL: 192.0.2.7; "" a local socket */
	const char *helo, *reverse_path, *forward_path; /* NULL: not said yet */
	const char *auth_user, *tls_subject, *tls_name, *tls_fingerprint, *daemon;
	const char *daemons[3];
	struct fake_answer dns[4];
	enum stage stage;
	unsigned want;
	const char *evidence; /* a part of it */
};

#define PTR "7.2.0.192.in-addr.arpa"
#define CONFIRMED                                                                                  \
	{{PTR, DNS_PTR, "mail.example.net", 0}, {"mail.example.net", DNS_A, "192.0.2.7", 0}}
#define UNCONFIRMED                                                                                \
	{{PTR, DNS_PTR, "mail.example.net", 0}, {"mail.example.net", DNS_A, "192.0.2.9", 0}}

static const struct row rows[] = {
	{.what = "nobody", .stage = STAGE_RCPT, .forward_path = "<a@example.org>"},
	{.what = "trusted network",
		.trusted = {"192.0.2.0/24"},
		.want = EXEMPT_TRUSTED,
		.evidence = "192.0.2.7 matches 192.0.2.0/24 (test)"},
	{.what = "another network", .trusted = {"198.51.100.0/24"}},
	{.what = "local socket is in no network", .client = "", .trusted = {"0.0.0.0/0", "::/0"}},
	{.what = "authenticated",
		.auth_user = "anna\n",
		.want = EXEMPT_AUTHENTICATED,
		.evidence = "anna\\x0a"},
	{.what = "certificate",
		.tls_subject = "/CN=Client.example.net",
		.certificates = {"/CN=other", "/CN=client.example.net"},
		.want = EXEMPT_CERTIFIED},
	{.what = "certificate by its CN",
		.tls_subject = "/O=x/CN=client.example.net",
		.tls_name = "client.example.net",
		.certificates = {"Client.example.net"},
		.want = EXEMPT_CERTIFIED,
		.evidence = "certificate of Client.example.net"},
	{.what = "another certificate",
		.tls_subject = "/CN=client.example.net.evil",
		.certificates = {"/CN=client.example.net"}},
	{.what = "no certificate", .certificates = {"/CN=client.example.net", "fingerprint:", ""}},
	{.what = "fingerprint",
		.tls_fingerprint = "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89",
		.certificates = {"fingerprint:00", "fingerprint:abcdef0123456789:ABCDEF0123456789"},
		.want = EXEMPT_CERTIFIED,
		.evidence = "certificate of fingerprint:abcd"},
	{.what = "another fingerprint",
		.tls_fingerprint = "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89",
		.certificates = {"fingerprint:AB:CD",
			"fingerprint:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:"
			"45:67:89:00"}},
	{.what = "subject that looks like a fingerprint",
		.tls_subject = "fingerprint:AB:CD:EF",
		.certificates = {"fingerprint:AB:CD:EF"}},
	{.what = "trusted service",
		.daemon = "certified",
		.daemons = {"other", "certified"},
		.want = EXEMPT_TRUSTED,
		.evidence = "trusted service certified"},
	{.what = "another service", .daemon = "Certified", .daemons = {"certified"}},
	{.what = "service without a name", .daemons = {"certified", ""}},
	{.what = "allowed network", .allow = {"192.0.2.7"}, .want = EXEMPT_ALLOWED},
	{.what = "allowed confirmed name",
		.allow = {".example.net"},
		.dns = CONFIRMED,
		.want = EXEMPT_ALLOWED,
		.evidence = "mail.example.net matches .example.net"},
	{.what = "unconfirmed name", .allow = {".example.net"}, .dns = UNCONFIRMED},
	{.what = "unconfirmed forwarder", .forwarders = {".example.net"}, .dns = UNCONFIRMED},
	{.what = "confirmed forwarder",
		.forwarders = {"mail.example.net"},
		.dns = CONFIRMED,
		.want = EXEMPT_FORWARDER},
	{.what = "second confirmed name",
		.forwarders = {"b.example.net"},
		.dns = {{PTR, DNS_PTR, "a.example.net b.example.net", 0},
			{"b.example.net", DNS_A, "192.0.2.7", 0}},
		.want = EXEMPT_FORWARDER},
	{.what = "forwarder network", .forwarders = {"192.0.2.0/24"}, .want = EXEMPT_FORWARDER},
	{.what = "allowed HELO",
		.allow = {"mail.example.com"},
		.helo = "mail.example.com",
		.stage = STAGE_HELO,
		.want = EXEMPT_ALLOWED},
	{.what = "HELO does not count for the connection",
		.allow = {"mail.example.com"},
		.helo = "mail.example.com",
		.stage = STAGE_CONNECT},
	{.what = "allowed sender domain",
		.allow = {"example.com"},
		.reverse_path = "<a@example.com>",
		.stage = STAGE_MAIL,
		.want = EXEMPT_ALLOWED},
	{.what = "sender does not count for the greeting",
		.allow = {"example.com"},
		.reverse_path = "<a@example.com>",
		.stage = STAGE_HELO},
	{.what = "null sender matches nothing",
		.allow = {"example.com"},
		.reverse_path = "<>",
		.stage = STAGE_MAIL},
	{.what = "routed sender matches nothing",
		.allow = {"example.com"},
		.reverse_path = "<a%example.net@example.com>",
		.stage = STAGE_MAIL},
	{.what = "broken sender matches nothing",
		.allow = {"example.com"},
		.reverse_path = "<a b@example.com>",
		.stage = STAGE_MAIL},
	{.what = "allowed recipient",
		.allow = {"anna@example.org"},
		.reverse_path = "<a@example.com>",
		.forward_path = "<Anna@example.org>",
		.stage = STAGE_RCPT,
		.want = EXEMPT_ALLOWED,
		.evidence = "allowed recipient"},
	{.what = "recipient does not count for the sender",
		.allow = {"anna@example.org"},
		.forward_path = "<anna@example.org>",
		.stage = STAGE_MAIL},
	{.what = "the first match is enough: network",
		.allow = {"192.0.2.7", "mail.example.com"},
		.helo = "mail.example.com",
		.stage = STAGE_HELO,
		.want = EXEMPT_ALLOWED},
	{.what = "the first match is enough: name",
		.allow = {".example.net", "mail.example.com"},
		.dns = CONFIRMED,
		.helo = "mail.example.com",
		.stage = STAGE_HELO,
		.want = EXEMPT_ALLOWED},
	{.what = "the first match is enough: sender",
		.allow = {"example.com", "example.org"},
		.reverse_path = "<a@example.com>",
		.forward_path = "<b@example.org>",
		.stage = STAGE_RCPT,
		.want = EXEMPT_ALLOWED},
	{.what = "several",
		.trusted = {"192.0.2.7"},
		.allow = {"192.0.2.7"},
		.forwarders = {"192.0.2.7"},
		.auth_user = "anna",
		.want = EXEMPT_TRUSTED | EXEMPT_ALLOWED | EXEMPT_FORWARDER | EXEMPT_AUTHENTICATED},
};

struct world {
	struct site site;
	struct services services;
	struct session session;
	struct recipient recipient;
	char *certificates[4], *daemons[4];
};

static void build(struct world *world, const struct row *row)
{
	struct session *session = &world->session;

	*world = (struct world){.site = {.hostname = mem_text("mx.example.org"),
					.time_limit_ms = WAIT_MS,
					.trusted_networks = list_of(row->trusted),
					.allow = list_of(row->allow),
					.forwarders = list_of(row->forwarders)}};
	memcpy(world->certificates, row->certificates, sizeof(row->certificates));
	world->site.trusted_certificates = world->certificates;
	memcpy(world->daemons, row->daemons, sizeof(row->daemons));
	world->site.trusted_daemons = world->daemons;
	fake_dns_clear();
	fake_dns_rows(row->dns);
	session_init(session, &world->site, &world->services);
	if (row->client == NULL || row->client[0] != '\0')
		assert_true(ipaddr_parse(
			row->client == NULL ? "192.0.2.7" : row->client, &session->client));
	snprintf(session->auth_user, sizeof(session->auth_user), "%s",
		row->auth_user == NULL ? "" : row->auth_user);
	snprintf(session->tls_subject, sizeof(session->tls_subject), "%s",
		row->tls_subject == NULL ? "" : row->tls_subject);
	snprintf(session->tls_name, sizeof(session->tls_name), "%s",
		row->tls_name == NULL ? "" : row->tls_name);
	snprintf(session->tls_fingerprint, sizeof(session->tls_fingerprint), "%s",
		row->tls_fingerprint == NULL ? "" : row->tls_fingerprint);
	snprintf(session->daemon_name, sizeof(session->daemon_name), "%s",
		row->daemon == NULL ? "" : row->daemon);
	if (row->helo != NULL) {
		session->greeted = true;
		assert_true(domain_canonical(row->helo, session->helo));
	}
	if (row->reverse_path != NULL) {
		session->transaction.open = true;
		session->transaction.error =
			path_parse(row->reverse_path, false, &session->transaction.reverse_path);
	}
	if (row->forward_path != NULL) {
		session->recipient = &world->recipient;
		world->recipient.error =
			path_parse(row->forward_path, false, &world->recipient.path);
	}
}

static void destroy(struct world *world)
{
	session_end_scope(&world->session, SCOPE_CONNECTION);
	mem_free(world->site.hostname);
	matchlist_free(&world->site.trusted_networks);
	matchlist_free(&world->site.allow);
	matchlist_free(&world->site.forwarders);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct world world;

		build(&world, &rows[i]);
		exemption_update(&world.session, rows[i].stage, clock_monotonic_ms() + WAIT_MS);
		if (world.session.exemptions != rows[i].want)
			fail_msg("%s: %u", rows[i].what, world.session.exemptions);
		if (rows[i].want == EXEMPT_ALLOWED &&
			strstr(world.session.exemption_evidence, "; ") != NULL)
			fail_msg("%s: %s", rows[i].what, world.session.exemption_evidence);
		if (rows[i].evidence != NULL &&
			strstr(world.session.exemption_evidence, rows[i].evidence) == NULL)
			fail_msg("%s: %s", rows[i].what, world.session.exemption_evidence);
		destroy(&world);
	}
}

/* Lists of networks alone cost no DNS. */
static void test_asks_no_dns(void **state)
{
	static const struct row row = {.allow = {"198.51.100.1"}, .forwarders = {"198.51.100.2"}};
	struct world world;

	(void)state;
	build(&world, &row);
	exemption_update(&world.session, STAGE_RCPT, clock_monotonic_ms() + WAIT_MS);
	assert_int_equal(fake_dns_asked(NULL, DNS_PTR), 0);
	destroy(&world);
}

static void test_forgets(void **state)
{
	static const struct row row = {.allow = {"example.com", "anna@example.org"},
		.reverse_path = "<a@example.com>",
		.helo = "mail.example.net"};
	uint64_t deadline_ms = clock_monotonic_ms() + WAIT_MS;
	struct world world;

	(void)state;
	build(&world, &row);
	exemption_update(&world.session, STAGE_RCPT, deadline_ms);
	assert_int_equal(world.session.exemptions, EXEMPT_ALLOWED);
	session_end_scope(&world.session, SCOPE_TRANSACTION);
	exemption_update(&world.session, STAGE_RCPT, deadline_ms);
	assert_int_equal(world.session.exemptions, 0);
	assert_string_equal(world.session.exemption_evidence, "");
	assert_int_equal(path_parse("<anna@example.org>", false, &world.recipient.path), PATH_OK);
	world.session.recipient = &world.recipient;
	exemption_update(&world.session, STAGE_RCPT, deadline_ms);
	assert_int_equal(world.session.exemptions, EXEMPT_ALLOWED);
	session_end_scope(&world.session, SCOPE_RECIPIENT);
	exemption_update(&world.session, STAGE_EOM, deadline_ms);
	assert_int_equal(world.session.exemptions, 0);
	destroy(&world);
}

static void test_hanging_dns(void **state)
{
	static const struct row row = {.allow = {"example.net"}};
	struct world world;

	(void)state;
	build(&world, &row);
	fake_inquiry_hangs(true);
	exemption_update(&world.session, STAGE_CONNECT, clock_monotonic_ms());
	assert_int_equal(world.session.exemptions, 0);
	fake_inquiry_hangs(false);
	destroy(&world);
}

/* Who may be listed, were the DNS well. */
static void test_unknown(void **state)
{
	static const struct {
		struct row row;
		bool hangs;
		unsigned want;
	} cases[] = {
		{{.what = "time-out", .allow = {"example.net"}}, true, EXEMPT_ALLOWED},
		{{.what = "PTR in trouble",
			 .allow = {"192.0.2.200"},
			 .forwarders = {".example.net"},
			 .dns = {{PTR, DNS_PTR, NULL, DNS_SERVFAIL}}},
			false, EXEMPT_FORWARDER},
		{{.what = "second name in trouble",
			 .allow = {".example.net"},
			 .forwarders = {".example.net"},
			 .dns = {{PTR, DNS_PTR, "mail.example.com mail.example.net", 0},
				 {"mail.example.com", DNS_A, "192.0.2.7", 0},
				 {"mail.example.net", DNS_A, NULL, DNS_TIMEOUT}}},
			false, EXEMPT_ALLOWED | EXEMPT_FORWARDER},
		{{.what = "listed by another fact",
			 .allow = {".example.net", "192.0.2.7"},
			 .dns = {{PTR, DNS_PTR, NULL, DNS_SERVFAIL}}},
			false, 0},
		{{.what = "no trouble", .allow = {".example.net"}}, false, 0},
		{{.what = "no names listed",
			 .allow = {"192.0.2.200"},
			 .dns = {{PTR, DNS_PTR, NULL, DNS_SERVFAIL}}},
			false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct world world;

		build(&world, &cases[i].row);
		fake_inquiry_hangs(cases[i].hangs);
		exemption_update(&world.session, STAGE_RCPT, clock_monotonic_ms());
		if (world.session.exemptions_unknown != cases[i].want)
			fail_msg("%s: %u", cases[i].row.what, world.session.exemptions_unknown);
		destroy(&world);
	}
	fake_dns_clear();
}

static void test_local_submission(void **state)
{
	static const struct row row = {.client = "127.0.0.1"};
	struct world world;

	(void)state;
	build(&world, &row);
	assert_false(exemption_is_local_submission(&world.session));
	strcpy(world.session.mta_client_name, "localhost");
	assert_true(exemption_is_local_submission(&world.session));
	exemption_update(&world.session, STAGE_CONNECT, clock_monotonic_ms());
	assert_int_equal(world.session.exemptions, EXEMPT_TRUSTED);
	world.session.client_port = 40000;
	assert_false(exemption_is_local_submission(&world.session));
	world.session.client_port = 0;
	assert_true(ipaddr_parse("192.0.2.1", &world.session.client));
	assert_false(exemption_is_local_submission(&world.session));
	destroy(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_asks_no_dns),
		cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_hanging_dns),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_local_submission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
