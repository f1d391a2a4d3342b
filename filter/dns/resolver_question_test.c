/* SPDX-License-Identifier: BSD-2-Clause */
/* Many questions at once: the same ones, too many, and two thousand. */
#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/dns_server.h"
#include "clock.h"
#include "inquiry.h"

enum { LONG_MS = 30000, IN_FLIGHT = 2000, DELAY_MS = 1000, PACKET = 300 };

struct one {
	char name[64];
	enum dns_status status;
};

static bool one_step(struct inquiry *inquiry, void *state)
{
	struct one *one = state;
	const struct dns_answer *answer = inquiry_ask(inquiry, one->name, DNS_A);

	if (answer == NULL)
		return false;
	one->status = answer->status;
	return true;
}

static const struct inquiry_kind one_kind = {
	.name = "one", .state_size = sizeof(struct one), .step = one_step};

/* Asks for FIRST and NUMBER and REST, joined. */
static struct inquiry *start_one(
	struct resolver *resolver, const char *first, unsigned number, const char *rest)
{
	struct inquiry *inquiry = inquiry_create(resolver, &one_kind);
	struct one *one = inquiry_state(inquiry);

	snprintf(one->name, sizeof(one->name), "%s%u%s", first, number, rest);
	inquiry_start(inquiry, LONG_MS);
	return inquiry;
}

static enum dns_status finish_one(struct inquiry **inquiry)
{
	const struct one *one = inquiry_wait(*inquiry, clock_monotonic_ms() + LONG_MS);
	enum dns_status status;

	assert_non_null(one);
	status = one->status;
	inquiry_free(inquiry);
	return status;
}

static void test_equal_questions_are_asked_once(void **state)
{
	struct dns_server server;
	struct resolver *resolver;
	struct inquiry *inquiries[50];
	struct resolver_stats stats;

	(void)state;
	dns_server_start(&server, 0, NULL);
	resolver = dns_server_resolver(server.address, NULL, NULL, NULL, 5000);
	for (size_t i = 0; i < ARRAY_COUNT(inquiries); i++)
		inquiries[i] = start_one(resolver, i % 2 ? "delay" : "DELAY", 900, ".once.t");
	for (size_t i = 0; i < ARRAY_COUNT(inquiries); i++)
		assert_int_equal(finish_one(&inquiries[i]), DNS_OK);
	resolver_stats(resolver, &stats);
	assert_true(stats.queries_udp == 1 && stats.joined == 49 && stats.questions == 50);
	assert_int_equal(dns_server_asked(&server, "delay900.once.t").udp, 1);
	resolver_stop(&resolver);
	dns_server_stop(&server);
}

static void test_too_many_fail_at_once(void **state)
{
	struct dns_server server;
	struct resolver *resolver;
	struct inquiry *inquiries[50];
	struct resolver_stats stats;
	char *names[] = {server.address, NULL};
	const struct resolver_options options = {
		.nameservers = names, .timeout_ms = 5000, .max_in_flight = 20};
	unsigned failed = 0;
	char why[100];

	(void)state;
	dns_server_start(&server, 0, NULL);
	resolver = resolver_start(&options, why, sizeof(why));
	assert_non_null(resolver);
	for (unsigned i = 0; i < ARRAY_COUNT(inquiries); i++)
		inquiries[i] = start_one(resolver, "delay900.", i, ".many.t");
	for (size_t i = 0; i < ARRAY_COUNT(inquiries); i++)
		failed += finish_one(&inquiries[i]) == DNS_SERVFAIL;
	assert_int_equal(failed, 30);
	/* It is nobody's answer: the same question is asked when there is room again. */
	inquiries[0] = start_one(resolver, "delay900.", 49, ".many.t");
	assert_int_equal(finish_one(&inquiries[0]), DNS_OK);
	resolver_stats(resolver, &stats);
	assert_true(stats.failures == 30 && stats.in_flight == 0);
	resolver_stop(&resolver);
	dns_server_stop(&server);
}

/* A server that answers every query after DELAY_MS, in C, since it must not be the slower part. */
struct delayed {
	struct sockaddr_in client;
	uint64_t due_ms;
	size_t length;
	unsigned char packet[PACKET];
};

static void answer(int fd, struct delayed *delayed)
{
	static const unsigned char record[] = {
		0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 1};
	size_t end = 12;

	while (end < delayed->length && delayed->packet[end] != 0)
		end += 1U + delayed->packet[end];
	end += 5;
	if (end + sizeof(record) > PACKET)
		return;
	delayed->packet[2] |= 0x80;
	delayed->packet[7] = 1; /* one answer, and no OPT */
	delayed->packet[11] = 0;
	memcpy(delayed->packet + end, record, sizeof(record));
	sendto(fd, delayed->packet, end + sizeof(record), 0, (struct sockaddr *)&delayed->client,
		sizeof(delayed->client));
}

static void serve_delayed(int fd)
{
	static struct delayed queue[8192];
	size_t first = 0, last = 0;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		struct delayed *next = &queue[last % ARRAY_COUNT(queue)];
		socklen_t size = sizeof(next->client);
		ssize_t got;

		poll(&ready, 1, first == last ? -1 : 1);
		while (first < last &&
			queue[first % ARRAY_COUNT(queue)].due_ms <= clock_monotonic_ms())
			answer(fd, &queue[first++ % ARRAY_COUNT(queue)]);
		if (last - first == ARRAY_COUNT(queue))
			continue;
		got = recvfrom(fd, next->packet, sizeof(next->packet), MSG_DONTWAIT,
			(struct sockaddr *)&next->client, &size);
		if (got < 0)
			continue;
		next->length = (size_t)got;
		next->due_ms = clock_monotonic_ms() + DELAY_MS;
		last++;
	}
}

static pid_t start_delayed(char address[32])
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(here);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int buffer = 4 * 1024 * 1024;
	pid_t pid;

	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &size), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test shall not leave it behind */
		serve_delayed(fd);
	}
	close(fd);
	snprintf(address, 32, "127.0.0.1:%u", ntohs(here.sin_port));
	return pid;
}

static unsigned count_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	unsigned count = 0;

	assert_non_null(folder);
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static void test_two_thousand_in_flight(void **state)
{
	static struct inquiry *inquiries[IN_FLIGHT];
	char address[32];
	pid_t server = start_delayed(address);
	struct resolver *resolver = dns_server_resolver(address, NULL, NULL, NULL, 5000);
	unsigned threads = count_threads();
	struct resolver_stats stats = {.in_flight = 0};
	uint64_t started_ms = clock_monotonic_ms();
	uint64_t peak = 0;
	unsigned found = 0;

	(void)state;
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		inquiries[i] = start_one(resolver, "n", i, ".load.t");
	do {
		resolver_stats(resolver, &stats);
		if (stats.in_flight > peak)
			peak = stats.in_flight;
		assert_int_equal(count_threads(), threads);
	} while (peak < IN_FLIGHT && clock_monotonic_ms() - started_ms < LONG_MS);
	for (size_t i = 0; i < IN_FLIGHT; i++)
		found += finish_one(&inquiries[i]) == DNS_OK;
	print_message("2000 questions to a server that answers after 1000 ms: %ju ms\n",
		(uintmax_t)(clock_monotonic_ms() - started_ms));
	resolver_stats(resolver, &stats);
	assert_int_equal(peak, IN_FLIGHT);
	assert_int_equal(found, IN_FLIGHT);
	assert_true(stats.in_flight == 0 && stats.failures == 0);
	resolver_stop(&resolver);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_questions_are_asked_once),
		cmocka_unit_test(test_too_many_fail_at_once),
		cmocka_unit_test(test_two_thousand_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
