/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries on a real resolver; every count is of questions and steps, none of time. */
#include "inquiry.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/dns_server.h"
#include "clock.h"
#include "mem.h"

enum { LONG_MS = 30000, TIMEOUT_MS = 2000 };

static struct dns_server server;

/* The mail hosts of a domain and their addresses: two dependent steps. */
struct mail {
	char domain[64];
	unsigned runs;
	unsigned addresses;
	enum dns_status status;
	bool prefetch; /* the host's address before the MX record is known */
};

static bool mail_step(struct inquiry *inquiry, void *state)
{
	struct mail *mail = state;
	const struct dns_answer *hosts;
	bool is_pending = false;

	mail->runs++;
	mail->addresses = 0;
	if (mail->prefetch) {
		char guess[80];

		snprintf(guess, sizeof(guess), "mx.%s", mail->domain);
		inquiry_prefetch(inquiry, guess, DNS_A);
		inquiry_prefetch(inquiry, guess, DNS_AAAA);
	}
	hosts = inquiry_ask(inquiry, mail->domain, DNS_MX);
	if (hosts == NULL)
		return false;
	mail->status = hosts->status;
	for (size_t i = 0; i < hosts->count; i++) {
		static const enum dns_type types[] = {DNS_A, DNS_AAAA};

		for (size_t t = 0; t < ARRAY_COUNT(types); t++) {
			const struct dns_answer *answer =
				inquiry_ask(inquiry, hosts->records[i].host, types[t]);

			if (answer == NULL)
				is_pending = true;
			else
				mail->addresses += (unsigned)answer->count;
		}
	}
	return !is_pending;
}

static const struct inquiry_kind mail_kind = {
	.name = "mail", .state_size = sizeof(struct mail), .step = mail_step};

static struct inquiry *start_mail(
	struct resolver *resolver, const char *domain, bool prefetch, int64_t limit_ms)
{
	struct inquiry *inquiry = inquiry_create(resolver, &mail_kind);
	struct mail *mail = inquiry_state(inquiry);

	snprintf(mail->domain, sizeof(mail->domain), "%s", domain);
	mail->prefetch = prefetch;
	inquiry_start(inquiry, limit_ms);
	return inquiry;
}

static const struct mail *wait_mail(struct inquiry *inquiry)
{
	const struct mail *mail = inquiry_wait(inquiry, clock_monotonic_ms() + LONG_MS);

	assert_non_null(mail);
	assert_ptr_equal(inquiry_result(inquiry), mail);
	return mail;
}

static struct resolver *start_resolver(void)
{
	return dns_server_resolver(server.address, NULL, NULL, NULL, TIMEOUT_MS);
}

static void test_dependent_steps(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiry = start_mail(resolver, "delay30.steps.t", false, LONG_MS);
	const struct mail *mail = wait_mail(inquiry);
	const struct dns_answer *answers[8];
	struct inquiry_cost cost;

	(void)state;
	inquiry_cost(inquiry, &cost);
	assert_int_equal(mail->addresses, 2);
	assert_int_equal(mail->runs, 3);
	assert_true(cost.steps == 2 && cost.questions == 3 && cost.sent == 3);
	assert_int_equal(inquiry_answers(inquiry, answers, 8), 3);
	assert_int_equal(answers[0]->type, DNS_MX);
	assert_string_equal(answers[2]->name, "mx.delay30.steps.t");
	assert_int_equal(inquiry_answers(inquiry, answers, 2), 2);
	inquiry_free(&inquiry);
	assert_null(inquiry);
	resolver_stop(&resolver);
}

static void test_prefetched_is_no_step_of_its_own(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiry = start_mail(resolver, "delay30.prefetch.t", true, LONG_MS);
	struct inquiry_cost cost;

	(void)state;
	assert_int_equal(wait_mail(inquiry)->addresses, 2);
	inquiry_cost(inquiry, &cost);
	assert_true(cost.steps == 1 && cost.questions == 3 && cost.sent == 3);
	inquiry_free(&inquiry);
	resolver_stop(&resolver);
}

/* With a warm cache it is finished when inquiry_start returns, and nothing was sent. */
static void test_warm_path_needs_no_other_thread(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiry = start_mail(resolver, "Warm.T.", false, LONG_MS);
	struct resolver_stats before, after;
	struct inquiry_cost cost;

	(void)state;
	wait_mail(inquiry);
	inquiry_free(&inquiry);
	resolver_stats(resolver, &before);
	inquiry = start_mail(resolver, "warm.t", false, LONG_MS);
	assert_non_null(inquiry_result(inquiry));
	assert_int_equal(wait_mail(inquiry)->runs, 1);
	inquiry_cost(inquiry, &cost);
	assert_true(cost.steps == 0 && cost.questions == 3 && cost.sent == 0);
	resolver_stats(resolver, &after);
	assert_true(after.queries_udp == before.queries_udp);
	assert_true(after.cache_hits == before.cache_hits + 3);
	inquiry_free(&inquiry);
	resolver_stop(&resolver);
}

/* Five independent questions are one step, whatever each of them takes. */
struct five {
	unsigned runs;
};

static bool five_step(struct inquiry *inquiry, void *state)
{
	struct five *five = state;
	bool is_pending = false;

	five->runs++;
	for (int i = 0; i < 5; i++) {
		char name[40];

		snprintf(name, sizeof(name), "delay%d.five.t", 20 + i * 20);
		if (inquiry_ask(inquiry, name, DNS_A) == NULL)
			is_pending = true;
	}
	return !is_pending;
}

static const struct inquiry_kind five_kind = {
	.name = "five", .state_size = sizeof(struct five), .step = five_step};

static void test_independent_questions_are_one_step(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiry = inquiry_create(resolver, &five_kind);
	struct inquiry_cost cost;
	const struct five *five;

	(void)state;
	inquiry_start(inquiry, LONG_MS);
	five = inquiry_wait(inquiry, clock_monotonic_ms() + LONG_MS);
	assert_non_null(five);
	inquiry_cost(inquiry, &cost);
	assert_true(cost.steps == 1 && cost.questions == 5 && cost.sent == 5);
	assert_int_equal(five->runs, 2);
	inquiry_free(&inquiry);
	resolver_stop(&resolver);
}

static void test_time_limit(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *silent = start_mail(resolver, "drop.limit.t", false, 50);
	struct inquiry *none = start_mail(resolver, "fine.none.t", false, 0);
	struct inquiry *slow = start_mail(resolver, "delay400.limit.t", false, 100);
	uint64_t give_up_ms = clock_monotonic_ms() + LONG_MS;
	const struct dns_answer *answer;
	struct resolver_stats stats;

	(void)state;
	assert_non_null(inquiry_result(none));
	assert_int_equal(wait_mail(none)->status, DNS_TIMEOUT);
	assert_null(inquiry_result(silent));
	assert_int_equal(wait_mail(silent)->status, DNS_TIMEOUT);
	assert_int_equal(wait_mail(slow)->status, DNS_TIMEOUT);
	/* The question itself goes on, and its answer is there for the next who asks. */
	do {
		resolver_stats(resolver, &stats);
	} while (stats.in_flight > 1 && clock_monotonic_ms() < give_up_ms);
	answer = dns_server_ask(resolver, "delay400.limit.t", DNS_MX);
	assert_int_equal(answer->status, DNS_OK);
	assert_int_equal(dns_server_asked(&server, "delay400.limit.t").udp, 1);
	dns_answer_release(&answer);
	inquiry_free(&silent);
	inquiry_free(&none);
	inquiry_free(&slow);
	resolver_stop(&resolver);
}

static void test_wait_has_its_own_deadline(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiry = start_mail(resolver, "drop.wait.t", false, LONG_MS);

	(void)state;
	assert_null(inquiry_wait(inquiry, clock_monotonic_ms()));
	assert_null(inquiry_wait(inquiry, clock_monotonic_ms() + 30));
	inquiry_free(&inquiry);
	resolver_stop(&resolver);
}

static void test_freed_while_under_way(void **state)
{
	struct resolver *resolver = start_resolver();

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		static const char *const kinds[] = {"fine", "delay30", "drop", "servfail", "step3"};
		char domain[64];
		struct inquiry *inquiry;

		snprintf(domain, sizeof(domain), "%s.%u.free.t", kinds[i % 5], i);
		inquiry = start_mail(resolver, domain, i % 2 == 0, i % 3 == 0 ? 40 : LONG_MS);
		if (i % 7 == 0)
			inquiry_wait(inquiry, clock_monotonic_ms() + 2);
		inquiry_free(&inquiry);
	}
	inquiry_free(&(struct inquiry *){NULL});
	resolver_stop(&resolver);
}

static void test_stop_finishes_all(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiries[50];

	(void)state;
	for (unsigned i = 0; i < ARRAY_COUNT(inquiries); i++) {
		char domain[64];

		snprintf(domain, sizeof(domain), "%s.%u.stop.t", i % 2 ? "drop" : "delay900", i);
		inquiries[i] = start_mail(resolver, domain, i % 3 == 0, LONG_MS);
	}
	resolver_stop(&resolver);
	for (unsigned i = 0; i < ARRAY_COUNT(inquiries); i++) {
		assert_int_equal(wait_mail(inquiries[i])->status, DNS_SERVFAIL);
		inquiry_free(&inquiries[i]);
	}
}

/* A step that asks without end, in turn for names that cannot be asked. */
static bool greedy_step(struct inquiry *inquiry, void *state)
{
	unsigned *failed = state;
	bool is_pending = false;

	*failed = 0;
	for (unsigned i = 0; i < 1500; i++) {
		const struct dns_answer *answer;
		char name[400];

		snprintf(name, sizeof(name), i % 2 ? "%u.greedy.t" : "%u..%0300d", i, 0);
		answer = inquiry_ask(inquiry, name, DNS_A);
		if (answer == NULL)
			is_pending = true;
		else if (answer->status == DNS_SERVFAIL)
			(*failed)++;
		else
			assert_int_equal(answer->status, i % 2 ? DNS_OK : DNS_INVALID);
	}
	return !is_pending;
}

static const struct inquiry_kind greedy_kind = {
	.name = "greedy", .state_size = sizeof(unsigned), .step = greedy_step};

static void test_questions_are_bounded(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiry = inquiry_create(resolver, &greedy_kind);
	struct inquiry_cost cost;
	const unsigned *failed;

	(void)state;
	inquiry_start(inquiry, LONG_MS);
	failed = inquiry_wait(inquiry, clock_monotonic_ms() + LONG_MS);
	assert_non_null(failed);
	assert_int_equal(*failed, 500);
	inquiry_cost(inquiry, &cost);
	assert_true(cost.questions == 1000 && cost.sent == 500 && cost.steps == 1);
	inquiry_free(&inquiry);
	resolver_stop(&resolver);
}

/* Many threads, few names: cache, joins, steps and waits at once (for TSan above all). */
/* The same question about a domain, as those ask who share what is found out. */
static struct inquiry *about(struct resolver *resolver, const struct inquiry_kind *kind,
	const char *domain, bool *found_r)
{
	struct inquiry *inquiry = inquiry_about(resolver, kind, domain, strlen(domain));
	struct mail *mail = inquiry_state(inquiry);

	*found_r = inquiry_result(inquiry) != NULL;
	if (!*found_r) {
		snprintf(mail->domain, sizeof(mail->domain), "%s", domain);
		inquiry_start(inquiry, LONG_MS);
	}
	return inquiry;
}

static void *hammer(void *argument)
{
	struct resolver *resolver = argument;

	for (unsigned i = 0; i < 120; i++) {
		static const char *const kinds[] = {"fine", "ttl0", "nxdomain", "tc", "chain3"};
		char domain[64];
		struct inquiry *inquiry;
		bool found;

		snprintf(domain, sizeof(domain), "%s.%u.hammer.t", kinds[i % 5], i / 10);
		if (i % 3 == 0)
			inquiry = about(resolver, &mail_kind, domain, &found);
		else
			inquiry = start_mail(resolver, domain, i % 2 == 0, LONG_MS);
		if (i % 10 == 9)
			resolver_flush(resolver);
		if (i % 4 != 3 && inquiry_wait(inquiry, clock_monotonic_ms() + LONG_MS) == NULL)
			return "an inquiry was not finished";
		inquiry_free(&inquiry);
	}
	return NULL;
}

static struct inquiry *wait_about(struct resolver *resolver, const struct inquiry_kind *kind,
	const char *domain, bool *found_r)
{
	struct inquiry *inquiry = about(resolver, kind, domain, found_r);

	wait_mail(inquiry);
	return inquiry;
}

static bool hangs_on_more(const void *state)
{
	(void)state;
	return true;
}

static void test_who_asks_the_same_shares(void **state)
{
	static const struct inquiry_kind other_kind = {
		.name = "other", .state_size = sizeof(struct mail), .step = mail_step};
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiries[5];
	struct inquiry_cost cost;
	bool found;

	(void)state;
	/* What had to be asked for is counted once, so the second one, all cached, is kept. */
	inquiries[0] = wait_about(resolver, &mail_kind, "shared.t", &found);
	inquiries[1] = wait_about(resolver, &mail_kind, "shared.t", &found);
	assert_true(!found && inquiries[1] != inquiries[0]);
	inquiries[2] = wait_about(resolver, &mail_kind, "shared.t", &found);
	assert_true(found && inquiries[2] == inquiries[1]);
	inquiry_cost(inquiries[2], &cost);
	assert_true(cost.steps == 0 && cost.sent == 0 && cost.questions == 3);
	inquiries[3] = wait_about(resolver, &mail_kind, "shared.t.", &found);
	assert_false(found);
	inquiries[4] = wait_about(resolver, &other_kind, "shared.t", &found);
	assert_false(found);
	for (size_t i = 0; i < ARRAY_COUNT(inquiries); i++)
		inquiry_free(&inquiries[i]);
	resolver_flush(resolver);
	inquiries[0] = wait_about(resolver, &mail_kind, "shared.t", &found);
	assert_false(found);
	inquiry_free(&inquiries[0]);
	resolver_stop(&resolver);
}

/* Failures, and results that hang on more than the question. */
static void test_what_is_not_shared(void **state)
{
	static const struct inquiry_kind personal_kind = {.name = "personal",
		.state_size = sizeof(struct mail),
		.step = mail_step,
		.beyond_key = hangs_on_more};
	struct resolver *resolver = start_resolver();

	(void)state;
	for (int again = 0; again < 4; again++) {
		struct inquiry *failed, *personal;
		bool found_failed, found_personal;

		failed = wait_about(resolver, &mail_kind, "servfail.x.t", &found_failed);
		personal = wait_about(resolver, &personal_kind, "personal.t", &found_personal);
		assert_true(!found_failed && !found_personal);
		inquiry_free(&failed);
		inquiry_free(&personal);
	}
	resolver_stop(&resolver);
}

/* As long as the shortest of its answers: here the MX, whose TTL of 0 counts as one second. */
static void test_shared_until_it_expires(void **state)
{
	struct resolver *resolver = start_resolver();
	struct inquiry *inquiry;
	bool found;

	(void)state;
	for (int again = 0; again < 3; again++) {
		inquiry = wait_about(resolver, &mail_kind, "ttl0.expires.t", &found);
		inquiry_free(&inquiry);
	}
	usleep(1100000);
	inquiry = wait_about(resolver, &mail_kind, "ttl0.expires.t", &found);
	assert_false(found);
	inquiry_free(&inquiry);
	resolver_stop(&resolver);
}

static void test_many_threads(void **state)
{
	struct resolver *resolver = start_resolver();
	pthread_t threads[6];
	void *complaint;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, resolver), 0);
	for (size_t i = 0; i < ARRAY_COUNT(threads); i++) {
		pthread_join(threads[i], &complaint);
		assert_null(complaint);
	}
	resolver_stop(&resolver);
}

static int start_server(void **state)
{
	(void)state;
	dns_server_start(&server, 0, NULL);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	dns_server_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dependent_steps),
		cmocka_unit_test(test_prefetched_is_no_step_of_its_own),
		cmocka_unit_test(test_warm_path_needs_no_other_thread),
		cmocka_unit_test(test_independent_questions_are_one_step),
		cmocka_unit_test(test_time_limit),
		cmocka_unit_test(test_wait_has_its_own_deadline),
		cmocka_unit_test(test_freed_while_under_way),
		cmocka_unit_test(test_stop_finishes_all),
		cmocka_unit_test(test_questions_are_bounded),
		cmocka_unit_test(test_who_asks_the_same_shares),
		cmocka_unit_test(test_what_is_not_shared),
		cmocka_unit_test(test_shared_until_it_expires),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
