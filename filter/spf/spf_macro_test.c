/* SPDX-License-Identifier: BSD-2-Clause */
#include "spf_macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"
#include "path.h"

static const struct ipaddr client_v4 = {.family = IP_V4, .bytes = {192, 0, 2, 3}};
static const struct ipaddr client_v6 = {
	.family = IP_V6, .bytes = {0x20, 0x01, 0x0d, 0xb8, [15] = 0xcb}};

static struct spf_macro_values values_of(const struct ipaddr *client)
{
	return (struct spf_macro_values){.client = client,
		.sender = "strong-bad@email.example.com",
		.domain = "email.example.com",
		.helo = "mail.example.net",
		.receiver = "mx.example.org",
		.validated = "mx.example.com",
		.now = 1700000000};
}

/* The examples of RFC 7208 section 7.4 first. */
static const struct name_case {
	const char *text;
	const char *want; /* NULL: no name */
	bool v6;
} names[] = {
	{.text = "%{s}", .want = "strong-bad@email.example.com"},
	{.text = "%{o}", .want = "email.example.com"},
	{.text = "%{d}", .want = "email.example.com"},
	{.text = "%{d4}", .want = "email.example.com"},
	{.text = "%{d3}", .want = "email.example.com"},
	{.text = "%{d2}", .want = "example.com"},
	{.text = "%{d1}", .want = "com"},
	{.text = "%{dr}", .want = "com.example.email"},
	{.text = "%{d2r}", .want = "example.email"},
	{.text = "%{l}", .want = "strong-bad"},
	{.text = "%{l-}", .want = "strong.bad"},
	{.text = "%{lr}", .want = "strong-bad"},
	{.text = "%{lr-}", .want = "bad.strong"},
	{.text = "%{l1r-}", .want = "strong"},
	{.text = "%{ir}.%{v}._spf.%{d2}", .want = "3.2.0.192.in-addr._spf.example.com"},
	{.text = "%{lr-}.lp._spf.%{d2}", .want = "bad.strong.lp._spf.example.com"},
	{.text = "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
		.want = "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
	{.text = "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
		.want = "3.2.0.192.in-addr.strong.lp._spf.example.com"},
	{.text = "%{d2}.trusted-domains.example.net",
		.want = "example.com.trusted-domains.example.net"},
	{.text = "%{ir}.%{v}._spf.%{d2}",
		.want = "B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6."
			"_spf.example.com",
		.v6 = true},
	/* What libspf2 gets wrong. */
	{.text = "%{d9}", .want = "email.example.com"},
	{.text = "%{d127}", .want = "email.example.com"},
	{.text = "%{d2147483648}", .want = "email.example.com"},
	{.text = "%{d4294967297}", .want = "email.example.com"},
	{.text = "%{d18446744073709551617}", .want = "email.example.com"},
	/* Escapes, URL-escaping, the rest of the letters. */
	{.text = "a%%b%_c%-d.example", .want = "a%b c%20d.example"},
	{.text = "%{S}.example", .want = "strong-bad%40email.example.com.example"},
	{.text = "%{h}", .want = "mail.example.net"},
	{.text = "%{p}", .want = "mx.example.com"},
	{.text = "%{i}.x", .want = "192.0.2.3.x"},
	{.text = "example.net.", .want = "example.net"},
	{.text = "%{l+-,/_=}.x", .want = "strong.bad.x"},
	{.text = "%{d1.}.x", .want = "com.x"},
};

static void test_names(void **state MAYBE_UNUSED)
{
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const struct name_case *row = &names[i];
		struct spf_macro_values values = values_of(row->v6 ? &client_v6 : &client_v4);
		char name[DOMAIN_SIZE];

		assert_true(spf_macro_is_string(row->text, strlen(row->text), false));
		if (!spf_macro_name(row->text, strlen(row->text), &values, name))
			fail_msg("%s: no name", row->text);
		assert_string_equal(name, row->want);
	}
}

/* RFC 8616 section 4: what is no ASCII makes no name; nor does an escape of the DNS text form. */
static void test_values_that_make_no_name(void **state MAYBE_UNUSED)
{
	static const char *const senders[] = {"\xc3\xa9@example.net", "a\nb@example.net",
		"a\\b@example.net", "\x7f@example.net", "\x01@example.net"};
	struct spf_macro_values values = values_of(&client_v4);
	char name[DOMAIN_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(senders); i++) {
		values.sender = senders[i];
		assert_false(spf_macro_name("%{l}.x", 6, &values, name));
		assert_true(spf_macro_name("%{o}.x", 6, &values, name));
	}
	values.helo = "";
	assert_false(spf_macro_name("%{h}", 4, &values, name));
	values.helo = ".";
	assert_false(spf_macro_name("%{h}", 4, &values, name));
}

/* Writes COUNT times PART and then TAIL. */
static char *repeat(const char *part, size_t count, const char *tail)
{
	size_t length = strlen(part);
	char *text = mem_alloc(length * count + strlen(tail) + 1);

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * length, part, length);
	strcpy(text + length * count, tail);
	return text;
}

/* 7.3: labels are cut off at the left until 253 octets are left. */
static void test_long_names(void **state MAYBE_UNUSED)
{
	struct spf_macro_values values = values_of(&client_v4);
	char name[DOMAIN_SIZE];

	for (size_t count = 1; count < 3000; count = count < 80 ? count + 1 : count * 2) {
		char *text = repeat("%{d}.", count, "x");
		size_t whole = count * strlen("email.example.com.") + 1;

		assert_true(spf_macro_is_domain(text, strlen(text)));
		assert_true(spf_macro_name(text, strlen(text), &values, name));
		if (whole <= 253) {
			assert_int_equal(strlen(name), whole);
		} else {
			assert_in_range(strlen(name), 253 - strlen("example."), 253);
			assert_string_equal(name + strlen(name) - 19, "email.example.com.x");
			assert_true(name[0] != '.');
		}
		mem_free(text);
	}
}

/* At every length around the bound: exactly 253 stays whole, one more loses its first label. */
static void test_name_bound(void **state MAYBE_UNUSED)
{
	struct spf_macro_values values = values_of(&client_v4);
	char text[400], name[DOMAIN_SIZE];

	for (size_t first = 1; first <= 60; first++) {
		size_t length;

		memset(text, 'a', sizeof text);
		for (size_t dot = first; dot < first + 200; dot += 50)
			text[dot] = '.';
		length = first + 200 + 2;
		text[length - 1] = 'b';
		text[length] = '\0';
		assert_true(spf_macro_name(text, length, &values, name));
		assert_int_equal(strlen(name), length <= 253 ? length : length - first - 1);
	}
}

/* No dot within the last 253 octets: nothing can be cut. */
static void test_long_label(void **state MAYBE_UNUSED)
{
	struct spf_macro_values values = values_of(&client_v4);
	char *text = repeat("a", 300, "%{l}");
	char name[DOMAIN_SIZE];

	assert_false(spf_macro_name(text, strlen(text), &values, name));
	mem_free(text);
}

/* The longest values in every macro, many times over: bounded, and nothing is written past. */
static void test_hostile_values(void **state MAYBE_UNUSED)
{
	static const char letters[] = "slodiphvSLODIPHV";
	char sender[PATH_SIZE], host[DOMAIN_SIZE], spec[64], name[DOMAIN_SIZE];
	struct spf_macro_values values = values_of(&client_v6);

	memset(sender, '.', sizeof sender - 1);
	sender[sizeof sender - 1] = '\0';
	memset(host, '=', sizeof host - 1);
	host[sizeof host - 1] = '\0';
	values.sender = sender;
	values.domain = values.helo = values.validated = host;
	for (size_t i = 0; i < strlen(letters); i++) {
		for (size_t digits = 0; digits < 40; digits++) {
			size_t length = 3;
			char *text;

			memcpy(spec, "%{?", 3);
			spec[2] = letters[i];
			for (size_t k = 0; k < digits; k++)
				spec[length++] = (char)('1' + k % 9);
			strcpy(spec + length, "r.-+,/_=}");
			text = repeat(spec, 1 + digits * 30, ".x");
			assert_true(spf_macro_is_domain(text, strlen(text)));
			if (spf_macro_name(text, strlen(text), &values, name))
				assert_in_range(strlen(name), 1, 253);
			mem_free(text);
		}
	}
}

static void test_explanations(void **state MAYBE_UNUSED)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ""},
		{"This is a test.", "This is a test."},
		{"See http://%{d}/why.html?s=%{S}&i=%{I}",
			"See http://email.example.com/why.html?s=strong-bad%40email.example.com"
			"&i=192.0.2.3"},
		{"%{c} %{r} %{t}", "192.0.2.3 mx.example.org 1700000000"},
		{"%{R}%%%_%-", "mx.example.org% %20"},
	};
	struct spf_macro_values values = values_of(&client_v4);

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char buffer[256];
		struct text out;

		text_init(&out, buffer, sizeof buffer);
		assert_true(spf_macro_is_string(rows[i].text, strlen(rows[i].text), true));
		spf_macro_text(rows[i].text, strlen(rows[i].text), &values, &out);
		assert_string_equal(buffer, rows[i].want);
	}
	assert_false(spf_macro_is_string("a b", 3, false));
	assert_false(spf_macro_is_string("a\tb", 3, true));
	assert_false(spf_macro_is_string("\xc3\xa9", 2, true));
	assert_false(spf_macro_is_string("a\0b", 3, true));
	assert_false(spf_macro_is_string("100% sure", 9, true));
}

static void test_long_explanation_is_cut(void **state MAYBE_UNUSED)
{
	struct spf_macro_values values = values_of(&client_v4);
	char *text = repeat("%{S} ", 10000, "");
	char buffer[256];
	struct text out;

	text_init(&out, buffer, sizeof buffer);
	spf_macro_text(text, strlen(text), &values, &out);
	assert_int_equal(strlen(buffer), 255);
	mem_free(text);
}

static void test_uses(void **state MAYBE_UNUSED)
{
	assert_true(spf_macro_uses("a.%{P}", 6, 'p'));
	assert_true(spf_macro_uses("%{d}%{p2r}", 10, 'p'));
	assert_false(spf_macro_uses("p%%{p}.%{d}", 11, 'p'));
	assert_false(spf_macro_uses("", 0, 'p'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_values_that_make_no_name),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_name_bound),
		cmocka_unit_test(test_long_label),
		cmocka_unit_test(test_hostile_values),
		cmocka_unit_test(test_explanations),
		cmocka_unit_test(test_long_explanation_is_cut),
		cmocka_unit_test(test_uses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
