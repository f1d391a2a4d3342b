/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "generic_name.h"

struct row {
	const char *what;
	const char *address; /* 192.0.2.7's neighbour 203.0.113.29 when NULL */
	const char *name;
	const char *reason; /* a part of it; NULL: not generic */
};

#define V6 "2001:db8:a1b2:c3d4:5e6f:7a8b:9cad:beef"

static const struct row rows[] = {
	/* Decimal. */
	{.what = "hyphens", .name = "203-0-113-29.example.net", .reason = "in decimal"},
	{.what = "dots", .name = "203.0.113.29.example.net", .reason = "in decimal"},
	{.what = "reversed", .name = "29.113.0.203.example.net", .reason = "in decimal"},
	{.what = "halves turned", .name = "host113-29.203-0.example.net", .reason = "in decimal"},
	{.what = "padded", .name = "ip203000113029.example.net", .reason = "in decimal"},
	{.what = "padded, reversed", .name = "x029113000203.example.net", .reason = "in decimal"},
	{.what = "padded groups", .name = "203-000-113-029.example.net", .reason = "in decimal"},
	{.what = "joined", .name = "c203011329.example.net", .reason = "in decimal"},
	{.what = "one number", .name = "u3405803805.example.net", .reason = "in decimal"},
	{.what = "in the organizational domain",
		.name = "ip29.ip-203-0-113.example",
		.reason = "in decimal"},
	{.what = "three octets", .name = "srv.net-203-0-113.example.net", .reason = "in part"},
	{.what = "the last three", .name = "h0-113-29.example.net", .reason = "in part"},
	{.what = "another address", .name = "203-0-114-29.example.net"},
	{.what = "three of another", .name = "203-1-113.example.net"},
	{.what = "two octets are too few", .name = "web113-29.example.net"},
	{.what = "one octet is too few", .name = "mail29.example.net"},
	{.what = "small numbers", .address = "10.1.2.3", .name = "a1-b2-c3.example.net"},
	{.what = "overlong numbers",
		.name = "203203203203203203203203203203203203203203203203203203203203203.example"},

	/* Hex. */
	{.what = "eight digits", .name = "cb00711d.example.net", .reason = "in hex"},
	{.what = "behind a prefix", .name = "p0xcb00711d-x.example.net", .reason = "in hex"},
	{.what = "hex reversed", .name = "h1d7100cb.example.net", .reason = "in hex"},
	{.what = "hex groups", .name = "cb-00-71-1d.example.net", .reason = "in hex"},
	{.what = "six digits", .name = "m00711d.example.net", .reason = "in part, in hex"},
	{.what = "six digits within more", .name = "a00711de.example.net"},
	{.what = "four digits are too few", .name = "a-711d.example.net"},

	/* IPv6. */
	{.what = "all nibbles",
		.address = V6,
		.name = "p20010db8a1b2c3d45e6f7a8b9cadbeef.example.net",
		.reason = "in hex"},
	{.what = "all nibbles with dots, reversed",
		.address = V6,
		.name = "f.e.e.b.d.a.c.9.b.8.a.7.f.6.e.5.4.d.3.c.2.b.1.a.8.b.d.0.1.0.0.2.example",
		.reason = "in hex"},
	{.what = "groups",
		.address = V6,
		.name = "h-2001-0db8-a1b2-c3d4.example",
		.reason = "in hex"},
	{.what = "interface half",
		.address = V6,
		.name = "5e6f-7a8b-9cad-beef.example",
		.reason = "in hex"},
	{.what = "zeros left out",
		.address = "2001:db8::29",
		.name = "2001-db8--29.example.net",
		.reason = "in hex"},
	{.what = "IPv6, a name of its own", .address = V6, .name = "mail.beef.example"},

	/* Words. */
	{.what = "pool word", .name = "a77.dsl.example.net", .reason = "has the word dsl"},
	{.what = "pool word beside digits", .name = "dsl77.example.net", .reason = "the word dsl"},
	{.what = "word within a word", .name = "adslx.example.net"},
	{.what = "word of the organization", .name = "a.dsl.example", .reason = NULL},
	{.what = "pool word and server word", .name = "mail.dsl.example.net"},
	{.what = "server word and spelling", .name = "mail-203-0-113-29.example.net"},
	{.what = "server word, spelling and pool word",
		.name = "mail-203-0-113-29.dsl.example.net",
		.reason = "in decimal"},
	{.what = "no words", .name = "mail.example.net"},
	{.what = "one label", .name = "localhost"},
};

static char *pool[] = {"dsl", "dynamic", NULL};
static char *server[] = {"mail", "smtp", NULL};

static void test_rows(void **state)
{
	static const struct generic_words words = {pool, server};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct ipaddr address;
		char reason[100];
		bool generic;

		assert_true(ipaddr_parse(
			row->address == NULL ? "203.0.113.29" : row->address, &address));
		generic = generic_name(row->name, &address, &words, reason, sizeof(reason));
		if (generic != (row->reason != NULL))
			fail_msg("%s: %s: %s", row->what, row->name, generic ? reason : "missed");
		if (generic && strstr(reason, row->reason) == NULL)
			fail_msg("%s: %s: %s", row->what, row->name, reason);
		if (!generic)
			assert_string_equal(reason, "");
	}
}

static void test_without_words(void **state)
{
	static const struct generic_words words = {NULL, NULL};
	struct ipaddr address, none = {0};
	char reason[100], cut[8];

	(void)state;
	assert_true(ipaddr_parse("203.0.113.29", &address));
	assert_false(generic_name("a.dsl.example.net", &address, &words, reason, sizeof(reason)));
	assert_true(generic_name("203-0-113-29.example", &address, &words, cut, sizeof(cut)));
	assert_string_equal(cut, "spells ");
	assert_false(generic_name("203-0-113-29.example", &none, &words, reason, sizeof(reason)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_without_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
