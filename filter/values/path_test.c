/* SPDX-License-Identifier: BSD-2-Clause */
#include "path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

#define LOCAL_64 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234"
#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123"

struct accepted {
	const char *given;
	const char *local_part; /* dequoted */
	const char *formatted;
};

static const struct accepted accepted[] = {
	{"<user@example.com>", "user", "user@example.com"},
	{"user@example.com", "user", "user@example.com"},
	{"<User@EXAMPLE.com>", "User", "User@example.com"},
	{"<a.b+c@example.com>", "a.b+c", "a.b+c@example.com"},
	{"<!#$&'*+-/=?^_`{|}~@example.com>", "!#$&'*+-/=?^_`{|}~",
		"!#$&'*+-/=?^_`{|}~@example.com"},
	{"<'u@example.com>", "'u", "'u@example.com"},
	{"<user@localhost>", "user", "user@localhost"},
	{"<user@4.example.com>", "user", "user@4.example.com"},
	{"<user@xn--bcher-kva.example>", "user", "user@xn--bcher-kva.example"},
	{"<SRS0=abc=XY=example.net=u@example.com>", "SRS0=abc=XY=example.net=u",
		"SRS0=abc=XY=example.net=u@example.com"},
	{"<b-1-u=example.net@example.com>", "b-1-u=example.net", "b-1-u=example.net@example.com"},
	{"<\"user\"@example.com>", "user", "user@example.com"},
	{"<\"a b\"@example.com>", "a b", "\"a b\"@example.com"},
	{"<\"a\\ b\"@example.com>", "a b", "\"a b\"@example.com"},
	{"<\"a\\\"b\"@example.com>", "a\"b", "\"a\\\"b\"@example.com"},
	{"<\"a\\\\\"@example.com>", "a\\", "\"a\\\\\"@example.com"},
	{"<\"a..b\"@example.com>", "a..b", "\"a..b\"@example.com"},
	{"<\".a\"@example.com>", ".a", "\".a\"@example.com"},
	{"<\"\"@example.com>", "", "\"\"@example.com"},
	{"<\"<a>\"@example.com>", "<a>", "\"<a>\"@example.com"},
	{"<" LOCAL_64 "@example.com>", LOCAL_64, LOCAL_64 "@example.com"},
	{"<\"" LOCAL_64 "\"@example.com>", LOCAL_64, LOCAL_64 "@example.com"},
	/* VERP and SRS make longer ones. */
	{"<" LOCAL_64 "5@example.com>", LOCAL_64 "5", LOCAL_64 "5@example.com"},
	{"<" LOCAL_64 LOCAL_64 LOCAL_64 "@example.com>", LOCAL_64 LOCAL_64 LOCAL_64,
		LOCAL_64 LOCAL_64 LOCAL_64 "@example.com"},
	{"<u@[192.0.2.25]>", "u", "u@[192.0.2.25]"},
	{"<u@[IPv6:2001:DB8:0::25]>", "u", "u@[IPv6:2001:db8::25]"},
	{"<u@[ipv6:::ffff:192.0.2.25]>", "u", "u@[192.0.2.25]"},
	{"<\"u@[192.0.2.25]\"@[192.0.2.25]>", "u@[192.0.2.25]", "\"u@[192.0.2.25]\"@[192.0.2.25]"},
	/* The forward-path without a domain, RFC 5321 4.1.1.3. */
	{"<postmaster>", "postmaster", "postmaster"},
	{"<PostMaster>", "PostMaster", "PostMaster"},
	{"postmaster", "postmaster", "postmaster"},
	{"<postmaster@example.com>", "postmaster", "postmaster@example.com"},
	/* A mark without a domain beside it leads nowhere else. */
	{"<u%@example.com>", "u%", "u%@example.com"},
	{"<!u@example.com>", "!u", "!u@example.com"},
	{"<\"u@\"@example.com>", "u@", "\"u@\"@example.com"},
	{"<\"u@Example.COM.\"@example.com>", "u@Example.COM.", "\"u@Example.COM.\"@example.com"},
};

/* RFC 6531. */
static const struct accepted accepted_smtputf8[] = {
	/* SMTPUTF8, RFC 6531. */
	{"<\xc3\xbc@example.com>", "\xc3\xbc", "\xc3\xbc@example.com"},
	{"<\"\xc3\xbc \"@example.com>", "\xc3\xbc ", "\"\xc3\xbc \"@example.com"},
	{"<u@b\xc3\xbc"
	 "cher.example>",
		"u", "u@xn--bcher-kva.example"},
	{"<u@B\xc3\x9c"
	 "CHER.example>",
		"u", "u@xn--bcher-kva.example"},
	{"<\xf0\x9f\x93\xac@example.com>", "\xf0\x9f\x93\xac", "\xf0\x9f\x93\xac@example.com"},
	{"<u@example.com>", "u", "u@example.com"},
};

/* l.example and 192.0.2.25 are ours, e.example is elsewhere: the form is to be judged by it. */
static const struct {
	const char *given;
	const char *routed_domain;
} routes[] = {
	{"<u%e.example@[192.0.2.25]>", "e.example"},
	{"<u%e.example@l.example>", "e.example"},
	{"<\"u%E.Example.\"@l.example>", "e.example"},
	{"<\"u@e.example\"@[192.0.2.25]>", "e.example"},
	{"<\"u@e.example\"@l.example>", "e.example"},
	{"<\"u\\@e.example\"@l.example>", "e.example"},
	{"<\"u @ e.example\"@l.example>", "e.example"},
	{"<\"@e.example:u\"@l.example>", "e.example"},
	{"<\"<u@e.example>\"@l.example>", "e.example"},
	{"<\"u@e.example> NOTIFY=NEVER\"@l.example>", "e.example"},
	{"<e.example!u@[192.0.2.25]>", "e.example"},
	{"<e.example!u@l.example>", "e.example"},
	{"<\"e.example!u\"@l.example>", "e.example"},
	{"<\"e.example::u\"@l.example>", "e.example"},
	{"<u%l.example%e.example@l.example>", "e.example"},
	{"<\"u@[192.0.2.9]\"@l.example>", "[192.0.2.9]"},
	{"<\"u@[3221225993]\"@l.example>", "[192.0.2.9]"},
	{"<u%3221225993@l.example>", "[192.0.2.9]"},
	{"<u%0xc0000209@l.example>", "[192.0.2.9]"},
	{"<u%#3221225993@l.example>", "[192.0.2.9]"},
	{"<u%192.0.2.9@l.example>", "[192.0.2.9]"},
	{"<\"u@[IPv6:2001:DB8::9]\"@l.example>", "[IPv6:2001:db8::9]"},
	{"<u@0xc0.0x9>", "[192.0.0.9]"},
	/* More than one place, or MTAs that differ: a text that no domain equals. */
	{"<u%e.example%f.example@l.example>", "u%e.example%f.example"},
	{"<e.example!u%f.example@l.example>", "e.example!u%f.example"},
	{"<e.example!f.example!u@l.example>", "e.example!f.example!u"},
	{"<\"@f.example,@g.example:u@e.example\"@l.example>", "@f.example,@g.example:u@e.example"},
	{"<=?utf-8?q?u=40e.example?=@l.example>", "=?utf-8?q?u=40e.example?="},
	{"<=?utf-8?B?dUBlLmV4YW1wbGU=?=@l.example>", "=?utf-8?B?dUBlLmV4YW1wbGU=?="},
};

struct refused {
	const char *given;
	enum path_error want;
	const char *routed_domain; /* "": nowhere */
};

static const struct refused refused[] = {
	/* Brackets. */
	{"<u@e.example", PATH_SYNTAX, "e.example"},
	{"u@e.example>", PATH_SYNTAX, "e.example"},
	{"<<u@e.example>>", PATH_SYNTAX, "e.example"},
	{"<u@e.example>>", PATH_BAD_DOMAIN, "e.example"},
	{"<", PATH_SYNTAX, ""},
	{">", PATH_SYNTAX, ""},
	{"><", PATH_SYNTAX, ""},
	{"<<>>", PATH_SYNTAX, ""},
	{"< >", PATH_SYNTAX, ""},
	{" ", PATH_SYNTAX, ""},
	/* No domain, or no local-part. */
	{"u", PATH_SYNTAX, ""},
	{"<u>", PATH_SYNTAX, ""},
	{"<u@>", PATH_BAD_DOMAIN, ""},
	{"<@e.example>", PATH_SYNTAX, "e.example"},
	{"<@>", PATH_SYNTAX, ""},
	{"<\"postmaster\">", PATH_SYNTAX, ""},
	{"<abuse>", PATH_SYNTAX, ""},
	/* nmap's forms without a domain outside of the quotes, or with two "@". */
	{"<\"u@e.example\">", PATH_SYNTAX, "e.example"},
	{"<\"u%e.example\">", PATH_SYNTAX, "e.example"},
	{"<e.example!u>", PATH_SYNTAX, "e.example"},
	{"<u@e.example@[192.0.2.25]>", PATH_SYNTAX, "e.example"},
	{"<u@e.example@l.example>", PATH_SYNTAX, "e.example"},
	/* Source routes. */
	{"<@[192.0.2.25]:u@e.example>", PATH_SOURCE_ROUTE, "e.example"},
	{"<@l.example:u@e.example>", PATH_SOURCE_ROUTE, "e.example"},
	{"<@f.example,@l.example:u@e.example>", PATH_SOURCE_ROUTE, "e.example"},
	{"<@l.example:u%e.example@l.example>", PATH_SOURCE_ROUTE, "e.example"},
	{"<@[IPv6:2001:db8::1]:u@e.example>", PATH_SOURCE_ROUTE, "e.example"},
	{"@l.example:u@e.example", PATH_SOURCE_ROUTE, "e.example"},
	{"<@l.example:>", PATH_SOURCE_ROUTE, "l.example"},
	{"<@l.example:e.example!u>", PATH_SOURCE_ROUTE, "e.example"},
	/* Local-parts. */
	{"<.u@e.example>", PATH_SYNTAX, "e.example"},
	{"<u%E.Example.@l.example>", PATH_SYNTAX, "e.example"},
	{"<u.@e.example>", PATH_SYNTAX, "e.example"},
	{"<u..v@e.example>", PATH_SYNTAX, "e.example"},
	{"<u v@e.example>", PATH_SYNTAX, "e.example"},
	{"<u:v@e.example>", PATH_SYNTAX, "e.example"},
	{"<u\\v@e.example>", PATH_SYNTAX, "e.example"},
	{"<u\\@e.example@l.example>", PATH_SYNTAX, "e.example"},
	{"<e.example::u@l.example>", PATH_SYNTAX, "e.example"},
	{"<\"u@e.example>", PATH_SYNTAX, "e.example"},
	{"<u\"@e.example>", PATH_SYNTAX, "e.example"},
	{"<\"u\"v@e.example>", PATH_SYNTAX, "e.example"},
	{"<\"u\".\"v\"@e.example>", PATH_SYNTAX, "e.example"},
	{"<\"u\\\"@e.example>", PATH_SYNTAX, "e.example"},
	{"<\"u\\", PATH_SYNTAX, ""},
	{"\"u\\", PATH_SYNTAX, ""},
	/* Comments, display names, two addresses. */
	{"<(any@legit.example>", PATH_SYNTAX, ""},
	{"<any@legit.example(a.attack.example>", PATH_BAD_DOMAIN, "legit.example"},
	{"<u(comment)@e.example>", PATH_SYNTAX, "e.example"},
	{"<u@e.example (comment)>", PATH_BAD_DOMAIN, "e.example"},
	{"<any@legit.example'@any.attack.example>", PATH_SYNTAX, "legit.example'"},
	{"<@legit.example,@any:'any@attack.example>", PATH_SOURCE_ROUTE, "attack.example"},
	{"Name <u@e.example>", PATH_SYNTAX, "e.example"},
	{"\"l@l.example\" <u@e.example>", PATH_SYNTAX, "l@l.example u@e.example"},
	{"<u@l.example>,<u@e.example>", PATH_SYNTAX, "u@l.example u@e.example"},
	{"<u@l.example,u@e.example>", PATH_SYNTAX, "u@l.example,u@e.example"},
	{"<u@l.example><u@e.example>", PATH_SYNTAX, "u@l.example u@e.example"},
	/* Domains. */
	{"<u@e.example.>", PATH_BAD_DOMAIN, "e.example"},
	{"<u@e.example..>", PATH_BAD_DOMAIN, "e.example"},
	{"<u@.e.example>", PATH_BAD_DOMAIN, ".e.example"},
	{"<u@e..example>", PATH_BAD_DOMAIN, "e..example"},
	{"<u@-e.example>", PATH_BAD_DOMAIN, "-e.example"},
	{"<u@e_e.example>", PATH_BAD_DOMAIN, "e_e.example"},
	{"<u@e.123>", PATH_BAD_DOMAIN, "e.123"},
	{"<u@192.0.2.9>", PATH_BAD_DOMAIN, "[192.0.2.9]"},
	{"<u@3221225993>", PATH_BAD_DOMAIN, "[192.0.2.9]"},
	{"<u@#3221225993>", PATH_BAD_DOMAIN, "[192.0.2.9]"},
	{"<u@[3221225993]>", PATH_BAD_DOMAIN, "[192.0.2.9]"},
	{"<u@[0xc0.0.2.9]>", PATH_BAD_DOMAIN, "[192.0.2.9]"},
	{"<u@[192.0.521]>", PATH_BAD_DOMAIN, "[192.0.2.9]"},
	{"<u@[192.0.2.9>", PATH_BAD_DOMAIN, "[192.0.2.9"},
	{"<u@[2001:db8::9]>", PATH_BAD_DOMAIN, "[2001:db8::9]"},
	{"<u@[]>", PATH_BAD_DOMAIN, "[]"},
	{"<u@[192.0.2.9]x>", PATH_BAD_DOMAIN, "[192.0.2.9]"},
	{"<u@" LABEL_63 "4.example>", PATH_BAD_DOMAIN, LABEL_63 "4.example"},
	/* Blanks and controls. */
	{" <u@e.example>", PATH_SYNTAX, "e.example"},
	{"<u@e.example> ", PATH_SYNTAX, "e.example"},
	{"< u@e.example>", PATH_SYNTAX, "e.example"},
	{"<u@e.example >", PATH_BAD_DOMAIN, "e.example"},
	{"<u@ e.example>", PATH_BAD_DOMAIN, "e.example"},
	{"<u\t@e.example>", PATH_SYNTAX, "e.example"},
	{"<\"u\t\"@e.example>", PATH_SYNTAX, "e.example"},
	{"<\"u\\\n\"@e.example>", PATH_SYNTAX, "e.example"},
	{"<u@e.example\r\n>", PATH_SYNTAX, "e.example"},
	{"<u@e.example\r\nRCPT TO:<u@f.example>", PATH_SYNTAX, "u@e.example RCPT TO: u@f.example"},
	{"<u\x7f@e.example>", PATH_SYNTAX, "e.example"},
	{"<u@e.example> SIZE=5", PATH_SYNTAX, "e.example"},
	/* 8-bit. */
	{"<\xc3\xbc@e.example>", PATH_NOT_ASCII, "e.example"},
	{"<u@b\xc3\xbc"
	 "cher.example>",
		PATH_NOT_ASCII, "xn--bcher-kva.example"},
	{"<\xff@e.example>", PATH_NOT_ASCII, "e.example"},
	/* Length. */
	{"<" LOCAL_64 LOCAL_64 LOCAL_64 LOCAL_64 "@e.example>", PATH_TOO_LONG, "e.example"},
	{"<\"" LOCAL_64 LOCAL_64 LOCAL_64 LOCAL_64 "\"@e.example>", PATH_TOO_LONG, "e.example"},
};

static const struct refused refused_smtputf8[] = {
	/* 8-bit. */
	{"<\xff@e.example>", PATH_SYNTAX, "e.example"},
	{"<\xc3@e.example>", PATH_SYNTAX, "e.example"},
	{"<\xc0\x80@e.example>", PATH_SYNTAX, "e.example"},
	{"<\xe0\x80\x80@e.example>", PATH_SYNTAX, "e.example"},
	{"<\xed\xa0\x80@e.example>", PATH_SYNTAX, "e.example"},
	{"<\xf4\x90\x80\x80@e.example>", PATH_SYNTAX, "e.example"},
	{"<\xf0\x80\x80\x80@e.example>", PATH_SYNTAX, "e.example"},
	{"<\"\\\xc3\xbc\"@e.example>", PATH_SYNTAX, "e.example"},
	{"<u@e\xe3\x80\x82"
	 "example>",
		PATH_BAD_DOMAIN, "e.example"},
	{"<u@e.example\xe3\x80\x82>", PATH_BAD_DOMAIN, "e.example"},
	{"<u@e\xef\xbc\x8e"
	 "example>",
		PATH_BAD_DOMAIN, "e.example"},
	{"<u@e\xef\xbd\xa1"
	 "example>",
		PATH_BAD_DOMAIN, "e.example"},
	{"<u@\xef\xbd\x85.example>", PATH_BAD_DOMAIN, "e.example"},
	{"<u@e\xc2\xad.example>", PATH_BAD_DOMAIN, "e.example"},
};

/* What is accepted prints back to the same path. */
static void check_round_trip(const struct path *path, bool smtputf8)
{
	char formatted[PATH_SIZE];
	struct path again;

	assert_int_equal(path_parse(path_format(path, formatted), smtputf8, &again), PATH_OK);
	assert_memory_equal(path, &again, sizeof(again));
}

static void check_accepted(const struct accepted *rows, size_t count, bool smtputf8)
{
	for (size_t i = 0; i < count; i++) {
		const char *at = strrchr(rows[i].formatted, '@');
		char formatted[PATH_SIZE];
		struct path path;

		print_message("%s\n", rows[i].given);
		assert_int_equal(path_parse(rows[i].given, smtputf8, &path), PATH_OK);
		assert_string_equal(path_format(&path, formatted), rows[i].formatted);
		assert_string_equal(path.local_part, rows[i].local_part);
		assert_string_equal(path.domain, at == NULL || at[1] == '[' ? "" : at + 1);
		assert_int_equal(path.literal.family != IP_NONE, at != NULL && at[1] == '[');
		assert_string_equal(path.routed_domain, path.domain);
		assert_false(path.routed);
		assert_false(path.null);
		check_round_trip(&path, smtputf8);
	}
}

static void test_accepted(void **state)
{
	(void)state;
	check_accepted(accepted, ARRAY_COUNT(accepted), false);
	check_accepted(accepted, ARRAY_COUNT(accepted), true);
	check_accepted(accepted_smtputf8, ARRAY_COUNT(accepted_smtputf8), true);
}

static void test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		struct path path;

		print_message("%s\n", routes[i].given);
		assert_int_equal(path_parse(routes[i].given, false, &path), PATH_OK);
		assert_string_equal(path.routed_domain, routes[i].routed_domain);
		assert_true(path.routed);
		check_round_trip(&path, false);
	}
}

static void check_refused(const struct refused *rows, size_t count, bool smtputf8)
{
	for (size_t i = 0; i < count; i++) {
		struct path path;

		print_message("%s\n", rows[i].given);
		assert_int_equal(path_parse(rows[i].given, smtputf8, &path), rows[i].want);
		assert_string_equal(path.routed_domain, rows[i].routed_domain);
		assert_int_equal(path.routed, rows[i].routed_domain[0] != '\0');
		assert_false(path.null);
		assert_string_equal(path.local_part, "");
		assert_string_equal(path.domain, "");
		assert_int_equal(path.literal.family, IP_NONE);
	}
}

static void test_refused(void **state)
{
	(void)state;
	check_refused(refused, ARRAY_COUNT(refused), false);
	check_refused(refused_smtputf8, ARRAY_COUNT(refused_smtputf8), true);
}

static void test_null(void **state)
{
	static const char *const texts[] = {"<>", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		char formatted[PATH_SIZE] = "unset";
		struct path path;

		assert_int_equal(path_parse(texts[i], false, &path), PATH_OK);
		assert_true(path.null);
		assert_false(path.routed);
		assert_string_equal(path.domain, "");
		assert_string_equal(path_format(&path, formatted), "");
		assert_false(path_is_postmaster(&path));
	}
}

/* The 16 of nmap's smtp-open-relay: none of them belongs to l.example or 192.0.2.25 alone. */
static void test_relay_forms(void **state)
{
	static const char *const forms[] = {
		"<u@e.example>",
		"<u%e.example@[192.0.2.25]>",
		"<u%e.example@l.example>",
		"<\"u@e.example\">",
		"<\"u%e.example\">",
		"<u@e.example@[192.0.2.25]>",
		"<\"u@e.example\"@[192.0.2.25]>",
		"<u@e.example@l.example>",
		"<@[192.0.2.25]:u@e.example>",
		"<@l.example:u@e.example>",
		"<e.example!u>",
		"<e.example!u@[192.0.2.25]>",
		"<e.example!u@l.example>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		struct path path;
		enum path_error error = path_parse(forms[i], false, &path);

		print_message("%s\n", forms[i]);
		assert_string_equal(path.routed_domain, "e.example");
		assert_int_equal(path.routed, error != PATH_OK || i > 0);
	}
}

static void make_path(char *buffer, size_t size, size_t labels, const char *end)
{
	struct text text;

	text_init(&text, buffer, size);
	text_add(&text, "<u@");
	for (size_t i = 0; i < labels; i++)
		text_add(&text, LABEL_63 ".");
	text_add(&text, end);
	text_add(&text, ">");
}

static void test_length(void **state)
{
	static char text[5000];
	struct path path;

	(void)state;
	/* 3 + 3 * 64 + 59 + 1 + 1 is 256 octets with brackets; without them they count all the same. */
	make_path(text, sizeof(text), 3,
		"a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_int_equal(strlen(text), 256);
	assert_int_equal(path_parse(text, false, &path), PATH_OK);
	text[255] = '\0';
	assert_int_equal(path_parse(text + 1, false, &path), PATH_OK);
	make_path(text, sizeof(text), 3,
		"a.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_int_equal(path_parse(text, false, &path), PATH_TOO_LONG);
	text[256] = '\0';
	assert_int_equal(path_parse(text + 1, false, &path), PATH_TOO_LONG);
	make_path(text, sizeof(text), 60, "example");
	assert_int_equal(path_parse(text, false, &path), PATH_TOO_LONG);
	assert_true(path.routed);
	memset(text, '@', sizeof(text) - 1);
	assert_int_equal(path_parse(text, false, &path), PATH_TOO_LONG);
	memset(text, '(', sizeof(text) - 1);
	assert_int_equal(path_parse(text, false, &path), PATH_TOO_LONG);
}

static void test_reserved_mailboxes(void **state)
{
	struct path path;

	(void)state;
	assert_int_equal(path_parse("<PostMaster@example.com>", false, &path), PATH_OK);
	assert_true(path_is_postmaster(&path));
	assert_false(path_is_abuse(&path));
	assert_int_equal(path_parse("<\"Abuse\"@example.com>", false, &path), PATH_OK);
	assert_true(path_is_abuse(&path));
	assert_int_equal(path_parse("<postmaster2@example.com>", false, &path), PATH_OK);
	assert_false(path_is_postmaster(&path));
}

static void test_error_texts(void **state)
{
	(void)state;
	for (int i = PATH_OK; i <= PATH_NOT_ASCII; i++) {
		const char *text = path_error_text((enum path_error)i);

		assert_non_null(text);
		assert_true(strlen(text) > 5);
		assert_string_not_equal(text, path_error_text((enum path_error)99));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_relay_forms),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_reserved_mailboxes),
		cmocka_unit_test(test_error_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
