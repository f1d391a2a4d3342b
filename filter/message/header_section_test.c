/* SPDX-License-Identifier: BSD-2-Clause */
#include "header_section.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

static void test_names(void **state)
{
	(void)state;
	for (int field = 0; field < HEADER_OTHER; field++)
		if (field != HEADER_LIST)
			assert_int_equal(
				header_field_of(header_field_name((enum header_field)field)),
				field);
	assert_int_equal(header_field_of("fROM"), HEADER_FROM);
	assert_int_equal(header_field_of("From \t"), HEADER_FROM);
	assert_int_equal(header_field_of(" From"), HEADER_FROM);
	assert_int_equal(header_field_of("From-"), HEADER_OTHER);
	assert_int_equal(header_field_of("Fro"), HEADER_OTHER);
	assert_int_equal(header_field_of(""), HEADER_OTHER);
	assert_int_equal(header_field_of("   "), HEADER_OTHER);
	assert_int_equal(header_field_of("list-unsubscribe"), HEADER_LIST);
	assert_int_equal(header_field_of("List-"), HEADER_OTHER);
}

static void test_facts(void **state)
{
	struct header_section *section = header_section_create();

	(void)state;
	header_section_add(section, "Received", " by a");
	header_section_add(section, "Authentication-Results", " one; spf=pass");
	header_section_add(section, "FROM", " \"A, B\" <a@example.org>");
	header_section_add(section, "From ", " b@example.org");
	header_section_add(section, "Reply-To", " c@example.net, d@example.net");
	header_section_add(section, "authentication-results", " two; none");
	header_section_add(section, "List-Id", " <x.example>");
	header_section_add(section, "List-Post", " <x.example>");
	header_section_add(section, "Subject", " s");
	assert_int_equal(section->fields, 9);
	assert_int_equal(section->counts[HEADER_FROM], 2);
	assert_int_equal(section->counts[HEADER_LIST], 2);
	assert_int_equal(section->counts[HEADER_LIST_ID], 1);
	assert_int_equal(section->from.count, 1);
	assert_string_equal(section->from.items[0].domain, "example.org");
	assert_string_equal(section->from.items[0].name, "A, B");
	assert_int_equal(section->reply_to.count, 2);
	assert_int_equal(section->sender.count, 0);
	assert_string_equal(section->bodies[HEADER_SUBJECT], " s");
	assert_int_equal(section->result_count, 2);
	assert_string_equal(section->results[1], " two; none");
	assert_int_equal(section->blank_before_colon, 1);
	assert_false(section->full);
	header_section_free(&section);
	assert_null(section);
	header_section_free(&section);
}

/* What stands above every Received is this MTA's, or the client's. */
static void test_fresh_results(void **state)
{
	struct header_section *section = header_section_create();

	(void)state;
	header_section_add(section, "Authentication-Results", " one; none");
	header_section_add(section, "Authentication-Results", " two; none");
	assert_int_equal(section->fresh_results, 2);
	header_section_add(section, "Received", " by a");
	header_section_add(section, "Authentication-Results", " three; none");
	assert_int_equal(section->fresh_results, 2);
	assert_int_equal(section->result_count, 3);
	header_section_free(&section);
}

static void test_signers(void **state)
{
	struct header_section *section = header_section_create();

	(void)state;
	header_section_add(section, "dkim-signature", " v=1; d=Example.NET; s=x");
	header_section_add(section, "DKIM-Signature", " v=1; d=other.example; s=x");
	assert_int_equal(section->signer_count, 2);
	assert_string_equal(section->signers[0], "example.net");
	assert_string_equal(section->signers[1], "other.example");
	assert_int_equal(section->counts[HEADER_DKIM_SIGNATURE], 2);
	assert_false(section->more_signers);
	header_section_add(section, "DKIM-Signature", " v=1; s=x");
	assert_int_equal(section->signer_count, 2);
	assert_false(section->more_signers);
	for (int i = 0; i < 2 * HEADER_SIGNERS_MAX; i++)
		header_section_add(section, "DKIM-Signature", " d=many.example");
	assert_int_equal(section->signer_count, HEADER_SIGNERS_MAX);
	assert_true(section->more_signers);
	header_section_free(&section);
}

static void test_oddities(void **state)
{
	struct header_section *section = header_section_create();

	(void)state;
	header_section_add(section, "Subject", " a\r\n b\n\tc");
	assert_string_equal(section->control_in, "");
	assert_string_equal(section->blank_fold_in, "");
	assert_string_equal(section->bad_name, "");
	header_section_add(section, "X-Control", "a\x01");
	header_section_add(section, "X-Return", "a\rb");
	assert_string_equal(section->control_in, "X-Control");
	header_section_add(section, "X-Fold", "a\r\n \r\n b");
	assert_string_equal(section->blank_fold_in, "X-Fold");
	header_section_add(section, "X-\xff", "a");
	assert_string_equal(section->bad_name, "X-\\xff");
	header_section_add(section, "X-Encoded", "=?utf-8?q?=00?= x");
	assert_string_equal(section->encoded_control_in, "X-Encoded");
	header_section_free(&section);
}

/* Wherever an octet stands in a body of whatever length. */
static void test_octets(void **state)
{
	static const struct {
		char octet;
		bool control, not_ascii;
	} rows[] = {
		{' ', false, false},
		{'\t', false, false},
		{'~', false, false},
		{'\x01', true, false},
		{'\x1f', true, false},
		{'\x7f', true, false},
		{'\r', true, false},
		{'\x80', false, true},
		{'\xff', false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (size_t length = 1; length <= 20; length++) {
			for (size_t at = 0; at < length; at++) {
				struct header_section *section = header_section_create();
				char body[32] = " ";

				memset(body + 1, 'x', length);
				body[1 + at] = rows[i].octet;
				header_section_add(section, "X", body);
				assert_int_equal(section->control_in[0] != '\0', rows[i].control);
				assert_int_equal(
					section->not_ascii_in[0] != '\0', rows[i].not_ascii);
				assert_string_equal(section->blank_fold_in, "");
				header_section_free(&section);
			}
		}
	}
}

static void test_folds(void **state)
{
	static const struct {
		const char *body;
		bool blank, control;
	} rows[] = {
		{"", false, false},
		{" \t ", false, false},
		{"a\r\n b", false, false},
		{"a\n\tb", false, false},
		{"\r\n b", false, false},
		{"a\r\n", true, false},
		{"a\n", true, false},
		{"a\r\n \t", true, false},
		{"a\n\n b", true, false},
		{"a\r\n\t\r\n b", true, false},
		{"a\r\n \r b", false, true},
		{"a\r\n \r\r\n b", true, true},
		{"a\r", false, true},
		{"a\r\r\n b", false, true},
		{"a\n b\x01", false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct header_section *section = header_section_create();

		header_section_add(section, "X", rows[i].body);
		if ((section->blank_fold_in[0] != '\0') != rows[i].blank ||
			(section->control_in[0] != '\0') != rows[i].control)
			fail_msg("row %zu", i);
		header_section_free(&section);
	}
}

/* Whatever is sent, no more is kept. */
static void test_bounds(void **state)
{
	struct header_section *section = header_section_create();
	char *body = mem_alloc(40001);

	(void)state;
	memset(body, 'x', 40000);
	for (int i = 0; i < 2000; i++) {
		header_section_add(section, "Authentication-Results", "mx.example; none");
		header_section_add(section, "X-Filler", body);
	}
	assert_int_equal(section->result_count, HEADER_RESULTS_MAX);
	header_section_add(section, "Subject", body);
	header_section_add(section, "References", body);
	header_section_add(section, "From", "a@example.org");
	assert_non_null(section->bodies[HEADER_SUBJECT]);
	assert_null(section->bodies[HEADER_REFERENCES]);
	assert_int_equal(section->from.count, 1);
	assert_true(section->full && section->kept <= HEADER_KEPT_MAX);
	assert_int_equal(section->longest_field, 40010);
	header_section_free(&section);
	mem_free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_fresh_results),
		cmocka_unit_test(test_signers),
		cmocka_unit_test(test_oddities),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_folds),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
