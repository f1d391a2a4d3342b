/* SPDX-License-Identifier: BSD-2-Clause */
/* Several servers, servers that fail, and a server that is restarted. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/dns_server.h"
#include "clock.h"
#include "inquiry.h"
#include "resolver.h"

enum { LONG_MS = 30000 };

/* The address of a port where nobody listens. It stays bound to a TCP socket, so that no server of
 * another test gets it. */
static int closed_port(char address[32])
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &size), 0);
	snprintf(address, 32, "127.0.0.1:%u", ntohs(here.sin_port));
	return fd;
}

static enum dns_status status_of(struct resolver *resolver, const char *name)
{
	const struct dns_answer *answer = dns_server_ask(resolver, name, DNS_A);
	enum dns_status status = answer->status;

	dns_answer_release(&answer);
	return status;
}

/* Whatever is wrong with the first server, the second one answers. */
static void test_next_server_is_asked(void **state)
{
	static const char *const faults[] = {"drop", "servfail", "refused", "formerr", "notimp",
		"referral", "lame", "tcclose", "tcdrop", "tctc", "loop", "cut", "rdlong", "count"};
	struct dns_server good;

	(void)state;
	dns_server_start(&good, 0, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
		struct dns_server bad;
		struct resolver *resolver;
		char name[64];

		dns_server_start(&bad, 0, faults[i]);
		resolver = dns_server_resolver(bad.address, good.address, NULL, NULL, 300);
		snprintf(name, sizeof(name), "fine.%s.t", faults[i]);
		if (status_of(resolver, name) != DNS_OK)
			fail_msg("no answer when the first server does %s", faults[i]);
		assert_true(dns_server_asked(&bad, name).udp >= 1);
		assert_int_equal(dns_server_asked(&good, name).udp, 1);
		resolver_stop(&resolver);
		dns_server_stop(&bad);
	}
	dns_server_stop(&good);
}

/* One that does not recurse, and says so with nothing but two bits, is believed when no server says
 * more. */
static void test_empty_answer_is_believed_last(void **state)
{
	static const struct {
		const char *second;
		enum dns_status status;
	} rows[] = {{NULL, DNS_NODATA}, {"lame", DNS_NODATA}, {"servfail", DNS_SERVFAIL},
		{"nxdomain", DNS_NXDOMAIN}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct dns_server lame, other;
		struct resolver *resolver;
		enum dns_status status;

		dns_server_start(&lame, 0, "lame");
		dns_server_start(&other, 0, rows[i].second);
		resolver = dns_server_resolver(lame.address,
			rows[i].second == NULL ? NULL : other.address, NULL, NULL, LONG_MS);
		status = status_of(resolver, "fine.t");
		if (status != rows[i].status)
			fail_msg("beside %s: %s", rows[i].second, dns_status_name(status));
		resolver_stop(&resolver);
		dns_server_stop(&lame);
		dns_server_stop(&other);
	}
}

static void test_unreachable_server_is_put_last(void **state)
{
	struct resolver *resolver;
	struct resolver_stats stats;
	struct dns_server good;
	char closed[32];
	int fd = closed_port(closed);

	(void)state;
	dns_server_start(&good, 0, NULL);
	resolver = dns_server_resolver(closed, good.address, NULL, NULL, 5000);
	for (unsigned i = 0; i < 20; i++) {
		char name[64];

		snprintf(name, sizeof(name), "fine%u.last.t", i);
		assert_int_equal(status_of(resolver, name), DNS_OK);
	}
	resolver_stats(resolver, &stats);
	assert_true(stats.timeouts == 0);
	assert_true(stats.queries_udp == 21); /* the closed port got one */
	resolver_stop(&resolver);
	dns_server_stop(&good);
	close(fd);
}

static void test_silent_server_is_put_last(void **state)
{
	struct dns_server silent, good;
	struct resolver *resolver;
	unsigned asked = 0;

	(void)state;
	dns_server_start(&silent, 0, "drop");
	dns_server_start(&good, 0, NULL);
	resolver = dns_server_resolver(silent.address, good.address, NULL, NULL, 100);
	for (unsigned i = 0; i < 12; i++) {
		char name[64];

		snprintf(name, sizeof(name), "fine%u.silent.t", i);
		assert_int_equal(status_of(resolver, name), DNS_OK);
		asked += dns_server_asked(&silent, name).udp;
	}
	assert_int_equal(asked, 5);
	resolver_stop(&resolver);
	dns_server_stop(&silent);
	dns_server_stop(&good);
}

static void test_nobody_answers(void **state)
{
	struct dns_server silent;
	struct resolver *resolver;
	struct resolver_stats stats;
	char closed[32];
	int fd = closed_port(closed);

	(void)state;
	dns_server_start(&silent, 0, "drop");
	resolver = dns_server_resolver(closed, NULL, NULL, NULL, 5000);
	assert_int_equal(status_of(resolver, "closed.t"), DNS_TIMEOUT);
	resolver_stop(&resolver);
	resolver = dns_server_resolver(closed, silent.address, NULL, NULL, 100);
	assert_int_equal(status_of(resolver, "silent.t"), DNS_TIMEOUT);
	resolver_stats(resolver, &stats);
	assert_true(stats.timeouts == 2 && stats.failures == 1);
	resolver_stop(&resolver);
	/* An address that cannot be reached at all. */
	resolver = dns_server_resolver("255.255.255.255", NULL, NULL, NULL, 5000);
	assert_int_equal(status_of(resolver, "broadcast.t"), DNS_TIMEOUT);
	resolver_stop(&resolver);
	dns_server_stop(&silent);
	close(fd);
}

/* A failure is remembered only for a moment, so asking on finds the server again. */
static void wait_for_answer(struct resolver *resolver, const char *name)
{
	uint64_t give_up_ms = clock_monotonic_ms() + LONG_MS;
	unsigned asked = 0;

	for (;;) {
		char fresh[80];

		snprintf(fresh, sizeof(fresh), "%s%u.t", name, asked++);
		if (status_of(resolver, fresh) == DNS_OK)
			return;
		assert_true(clock_monotonic_ms() < give_up_ms);
	}
}

static void test_server_restarts(void **state)
{
	struct dns_server server;
	struct resolver *resolver;
	unsigned port;

	(void)state;
	dns_server_start(&server, 0, NULL);
	port = server.port;
	resolver = dns_server_resolver(server.address, NULL, NULL, NULL, 200);
	for (unsigned round = 0; round < 3; round++) {
		char name[64];

		snprintf(name, sizeof(name), "round%u.", round);
		wait_for_answer(resolver, name);
		dns_server_stop(&server);
		snprintf(name, sizeof(name), "down%u.t", round);
		assert_int_equal(status_of(resolver, name), DNS_TIMEOUT);
		dns_server_start(&server, port, NULL);
	}
	wait_for_answer(resolver, "again");
	resolver_stop(&resolver);
	dns_server_stop(&server);
}

struct slow {
	enum dns_status status;
};

static bool slow_step(struct inquiry *inquiry, void *state)
{
	struct slow *slow = state;
	const struct dns_answer *answer = inquiry_ask(inquiry, "lose.restart.t", DNS_A);

	if (answer == NULL)
		return false;
	slow->status = answer->status;
	return true;
}

static const struct inquiry_kind slow_kind = {
	.name = "slow", .state_size = sizeof(struct slow), .step = slow_step};

/* The question is under way when its server is stopped and another starts on the same port. */
static void test_server_restarts_in_mid_flight(void **state)
{
	uint64_t give_up_ms = clock_monotonic_ms() + LONG_MS;
	struct resolver_stats stats = {.queries_udp = 0};
	struct resolver *resolver;
	struct inquiry *inquiry;
	const struct slow *slow;
	struct dns_server server;
	unsigned port;

	(void)state;
	dns_server_start(&server, 0, NULL);
	port = server.port;
	resolver = dns_server_resolver(server.address, NULL, NULL, NULL, 400);
	inquiry = inquiry_create(resolver, &slow_kind);
	inquiry_start(inquiry, LONG_MS);
	while (stats.queries_udp == 0 && clock_monotonic_ms() < give_up_ms)
		resolver_stats(resolver, &stats);
	dns_server_stop(&server);
	dns_server_start(&server, port, "fine");
	slow = inquiry_wait(inquiry, give_up_ms);
	assert_non_null(slow);
	assert_int_equal(slow->status, DNS_OK);
	inquiry_free(&inquiry);
	resolver_stop(&resolver);
	dns_server_stop(&server);
}

/* P6: without a free file descriptor questions fail as temporary, and only as long as that lasts. */
static void test_no_file_descriptor_is_free(void **state)
{
	struct rlimit limit, none;
	struct dns_server server;
	struct resolver *resolver;

	(void)state;
	dns_server_start(&server, 0, NULL);
	resolver = dns_server_resolver(server.address, NULL, NULL, NULL, 200);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(status_of(resolver, "none.t"), DNS_TIMEOUT);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(status_of(resolver, "some.t"), DNS_OK);
	resolver_stop(&resolver);
	dns_server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_server_is_asked),
		cmocka_unit_test(test_empty_answer_is_believed_last),
		cmocka_unit_test(test_unreachable_server_is_put_last),
		cmocka_unit_test(test_silent_server_is_put_last),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_server_restarts),
		cmocka_unit_test(test_server_restarts_in_mid_flight),
		cmocka_unit_test(test_no_file_descriptor_is_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
