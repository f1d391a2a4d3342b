/* SPDX-License-Identifier: BSD-2-Clause */
#include "mailbox_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_identities(void **state)
{
	static const struct {
		const char *path, *extension, *want;
	} rows[] = {
		{"<>", NULL, ""},
		{"<anna@example.org>", NULL, "anna@example.org"},
		{"<ANNA@Example.ORG>", NULL, "anna@example.org"},
		{"<\"anna\"@example.org>", NULL, "anna@example.org"},
		{"<\"an\\na\"@example.org>", NULL, "anna@example.org"},
		{"<\"a b\"@example.org>", NULL, "a b@example.org"},
		{"<anna+list@example.org>", NULL, "anna+list@example.org"},
		{"<anna+list@example.org>", "+", "anna@example.org"},
		{"<anna-list@example.org>", "+-", "anna@example.org"},
		{"<+list@example.org>", "+", "+list@example.org"},
		{"<anna@[192.0.2.1]>", NULL, "anna@[192.0.2.1]"},
		/* BATV, both orders. */
		{"<prvs=1234abcdef=anna@example.org>", NULL, "anna@example.org"},
		{"<PRVS=9876ABCDEF=Anna@example.org>", NULL, "anna@example.org"},
		{"<prvs=anna=1234abcdef@example.org>", NULL, "anna@example.org"},
		{"<prvs=anna@example.org>", NULL, "prvs=anna@example.org"},
		{"<prvs=@example.org>", NULL, "prvs=@example.org"},
		/* SRS: hash and time go, forwarder and sender stay. */
		{"<SRS0=HHHH=TT=example.com=anna@example.org>", NULL,
			"srs0=example.com=anna@example.org"},
		{"<SRS0=XXXX=UU=example.com=anna@example.org>", NULL,
			"srs0=example.com=anna@example.org"},
		{"<SRS0+HHHH=TT=example.com=anna@example.org>", NULL,
			"srs0+example.com=anna@example.org"},
		{"<SRS1=HHHH=fwd.example==HHHH=TT=example.com=anna@example.org>", NULL,
			"srs1=example.com=anna@example.org"},
		{"<srs0@example.org>", NULL, "srs0@example.org"},
		{"<srs0=@example.org>", NULL, "srs0=@example.org"},
		{"<srs1=x@example.org>", NULL, "srs1=x@example.org"},
		/* VERP. */
		{"<list-bounces+anna=example.com@example.org>", NULL, "list-bounces@example.org"},
		{"<list-bounces+bob=example.net@example.org>", NULL, "list-bounces@example.org"},
	};
	char text[PATH_SIZE];
	struct path path;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(path_parse(rows[i].path, false, &path), PATH_OK);
		assert_string_equal(mailbox_identity(&path, rows[i].extension, text), rows[i].want);
	}
}

/* The identity leads back to the path. */
static void test_path_of_identity(void **state)
{
	static const char *const paths[] = {"<anna@example.org>", "<\"a b\"@example.org>",
		"<\"a\\\"b\"@example.org>", "<\"a\\\\b\"@example.org>", "<\"a@b\"@example.org>",
		"<anna+x@example.org>", "<anna@[192.0.2.1]>"};
	char text[PATH_SIZE], again[PATH_SIZE];
	struct path path;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(path_parse(paths[i], false, &path), PATH_OK);
		mailbox_identity(&path, NULL, text);
		assert_true(mailbox_identity_path(text, &path));
		assert_string_equal(mailbox_identity(&path, NULL, again), text);
	}
	assert_true(mailbox_identity_path("<>", &path) && path.null);
	assert_false(mailbox_identity_path("", &path));
	assert_false(mailbox_identity_path("@example.org", &path));
	assert_false(mailbox_identity_path("a b", &path));
	assert_false(mailbox_identity_path("a b@", &path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identities), cmocka_unit_test(test_path_of_identity)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
