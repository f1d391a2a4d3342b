/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

static struct dns_record *mail_hosts(size_t count)
{
	struct dns_record *records = mem_array(count, sizeof(*records));

	for (size_t i = 0; i < count; i++) {
		records[i].preference = (uint16_t)(1000 - i / 2);
		records[i].host = mem_format("mx%zu.example", i / 2);
	}
	return records;
}

static void test_mail_hosts_are_sorted_single_and_bounded(void **state)
{
	static const struct {
		size_t given, kept;
	} cases[] = {{1, 1}, {2, 1}, {7, 4}, {512, 256}, {514, 256}, {1000, 256}};

	(void)state;
	for (size_t c = 0; c < ARRAY_COUNT(cases); c++) {
		const struct dns_answer *answer = dns_answer_create(
			"example", DNS_MX, DNS_OK, 60, mail_hosts(cases[c].given), cases[c].given);

		assert_int_equal(answer->count, cases[c].kept);
		assert_int_equal(answer->records[0].preference, 1000 - (cases[c].given - 1) / 2);
		for (size_t i = 1; i < answer->count; i++)
			assert_true(
				answer->records[i - 1].preference < answer->records[i].preference);
		dns_answer_release(&answer);
	}
}

static void test_same_host_with_two_preferences_stays(void **state)
{
	struct dns_record *records = mem_array(3, sizeof(*records));
	const struct dns_answer *answer;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		records[i].host = mem_text("mx.example");
	records[0].preference = 20;
	records[1].preference = 10;
	records[2].preference = 20;
	answer = dns_answer_create("example", DNS_MX, DNS_OK, 60, records, 3);
	assert_int_equal(answer->count, 2);
	dns_answer_release(&answer);
}

static void test_texts_with_nul_are_told_apart(void **state)
{
	struct dns_record *records = mem_array(3, sizeof(*records));
	const struct dns_answer *answer;
	char line[100];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		records[i].text = mem_alloc(4);
		records[i].text_length = 3;
		memcpy(records[i].text, i == 1 ? "a\0c" : "a\0b", 3);
	}
	answer = dns_answer_create("example", DNS_TXT, DNS_OK, 60, records, 3);
	assert_int_equal(answer->count, 2);
	assert_string_equal(dns_answer_format(answer, line, sizeof(line)),
		"example TXT \"a\\x00b\", \"a\\x00c\"");
	dns_answer_release(&answer);
}

static void test_references(void **state)
{
	const struct dns_answer *answer =
		dns_answer_create("example", DNS_A, DNS_NXDOMAIN, 60, NULL, 0);
	const struct dns_answer *shared = dns_answer_share(answer);

	(void)state;
	assert_ptr_equal(answer, shared);
	dns_answer_release(&answer);
	assert_null(answer);
	dns_answer_release(&answer);
	assert_string_equal(shared->name, "example");
	dns_answer_release(&shared);
}

static void test_status(void **state)
{
	static const struct {
		enum dns_status status;
		bool temporary;
		const char *line;
	} cases[] = {
		{DNS_NODATA, false, "a.example AAAA: no such record"},
		{DNS_NXDOMAIN, false, "a.example AAAA: NXDOMAIN"},
		{DNS_SERVFAIL, true, "a.example AAAA: SERVFAIL"},
		{DNS_TIMEOUT, true, "a.example AAAA: time-out"},
		{DNS_INVALID, false, "a.example AAAA: not a name that can be asked for"},
	};

	(void)state;
	assert_false(dns_is_temporary(DNS_OK));
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct dns_answer *answer =
			dns_answer_create("a.example", DNS_AAAA, cases[i].status, 0, NULL, 0);
		char line[100];

		assert_true(dns_is_temporary(cases[i].status) == cases[i].temporary);
		assert_string_equal(dns_answer_format(answer, line, sizeof(line)), cases[i].line);
		dns_answer_release(&answer);
	}
}

/* Evidence is bounded, and holds no byte that could break a log line. */
static void test_format_is_safe(void **state)
{
	static const size_t sizes[] = {1, 2, 10, 60, 2000};
	struct dns_record *records = mem_array(9, sizeof(*records));
	const struct dns_answer *answer;

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		records[i].host = mem_format("evil\r\n%zu\"\x1b[2J", i);
		records[i].preference = (uint16_t)i;
	}
	answer = dns_answer_create("bad\nname", DNS_PTR, DNS_OK, 60, records, 9);
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		char line[2000];

		dns_answer_format(answer, line, sizes[i]);
		assert_true(strlen(line) < sizes[i]);
		for (const char *at = line; *at != '\0'; at++)
			assert_true(*at >= ' ' && *at < 0x7f);
	}
	dns_answer_release(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_hosts_are_sorted_single_and_bounded),
		cmocka_unit_test(test_same_host_with_two_preferences_stays),
		cmocka_unit_test(test_texts_with_nul_are_told_apart),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_format_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
