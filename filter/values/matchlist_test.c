/* SPDX-License-Identifier: BSD-2-Clause */
#include "matchlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const entries[] = {
	"192.0.2.0/24",
	"192.0.2.7",
	"10.0.0.0/8",
	"198.51.100.5",
	"2001:db8::/32",
	"2001:db8::1",
	"Example.COM",
	".example.net",
	".b.example.net",
	"exact.example.net",
	"b\xc3\xbc"
	"cher.example",
	"_spf.example.org",
	"user@example.com",
	"Other.User@Example.ORG",
	"Root@",
	"\"a b\"@example.com",
	"\"c d\"@",
	"@mail.example",
	"u@[192.0.2.1]",
	"u@[IPv6:2001:db8::1]",
	"u@b\xc3\xbc"
	"cher.example",
	"localhost",
};

static struct matchlist *filled(void)
{
	struct matchlist *list = matchlist_create();
	const char *why;

	for (size_t i = 0; i < ARRAY_COUNT(entries); i++)
		assert_true(matchlist_add(list, entries[i], "setting", &why));
	assert_int_equal(matchlist_count(list), ARRAY_COUNT(entries));
	return list;
}

struct row {
	const char *given;
	const char *want; /* the entry in canonical form; NULL: no match */
};

static const struct row address_rows[] = {
	{"192.0.2.7", "192.0.2.7"}, /* the longest prefix */
	{"192.0.2.8", "192.0.2.0/24"},
	{"192.0.3.8", NULL},
	{"10.255.0.1", "10.0.0.0/8"},
	{"11.0.0.1", NULL},
	{"198.51.100.5", "198.51.100.5"},
	{"198.51.100.4", NULL},
	{"::ffff:10.0.0.1", "10.0.0.0/8"},
	{"2001:db8::1", "2001:db8::1"},
	{"2001:db8:ffff::1", "2001:db8::/32"},
	{"2001:db9::1", NULL},
	{"::", NULL},
	{"0.0.0.0", NULL},
};

static void test_addresses(void **state)
{
	struct matchlist *list = filled();
	struct ipaddr address = {.family = IP_NONE};
	struct match match;

	(void)state;
	assert_false(matchlist_match_address(list, &address, &match));
	for (size_t i = 0; i < ARRAY_COUNT(address_rows); i++) {
		bool found;

		print_message("%s\n", address_rows[i].given);
		assert_true(ipaddr_parse(address_rows[i].given, &address));
		found = matchlist_match_address(list, &address, &match);
		assert_int_equal(found, address_rows[i].want != NULL);
		if (found)
			assert_string_equal(match.entry, address_rows[i].want);
	}
	matchlist_free(&list);
	assert_null(list);
}

static const struct row domain_rows[] = {
	{"example.com", "example.com"},
	{"mail.example.com", NULL},
	{"badexample.com", NULL},
	{"com", NULL},
	{"example.net", ".example.net"},
	{"mail.example.net", ".example.net"},
	{"a.b.c.d.example.net", ".example.net"},
	{"b.example.net", ".b.example.net"}, /* the longest parent */
	{"a.b.example.net", ".b.example.net"},
	{"exact.example.net", "exact.example.net"},
	{"badexample.net", NULL},
	{"example.net.evil.test", NULL},
	{"net", NULL},
	{"xn--bcher-kva.example", "xn--bcher-kva.example"},
	{"_spf.example.org", "_spf.example.org"},
	{"localhost", "localhost"},
	{"mail.example", NULL}, /* "@mail.example" is about addresses */
	{"user@example.com", NULL},
	{"@mail.example", NULL},
	{"root@", NULL},
	{"192.0.2.7", NULL},
	{"", NULL},
	{".", NULL},
	{".example.net", NULL},
};

static void test_domains(void **state)
{
	struct matchlist *list = filled();
	struct match match;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(domain_rows); i++) {
		bool found = matchlist_match_domain(list, domain_rows[i].given, &match);

		print_message("%s\n", domain_rows[i].given);
		assert_int_equal(found, domain_rows[i].want != NULL);
		assert_int_equal(matchlist_match_domain(list, domain_rows[i].given, NULL), found);
		if (found)
			assert_string_equal(match.entry, domain_rows[i].want);
	}
	assert_true(matchlist_has_domains(list));
	matchlist_free(&list);
}

static const struct row path_rows[] = {
	{"<user@example.com>", "user@example.com"},
	{"<USER@EXAMPLE.com>", "user@example.com"},
	{"<\"user\"@example.com>", "user@example.com"},
	{"<user2@example.com>", "example.com"},
	{"<other.user@example.org>", "other.user@example.org"},
	{"<user@example.org>", NULL},
	{"<root@example.org>", "root@"},
	{"<ROOT@example.com>", "root@"}, /* the local-part before the domain */
	{"<root@[192.0.2.99]>", "root@"},
	{"<\"A B\"@example.com>", "\"a b\"@example.com"},
	{"<\"C D\"@example.org>", "\"c d\"@"},
	{"<anybody@mail.example>", "@mail.example"},
	{"<anybody@sub.mail.example>", NULL},
	{"<anybody@sub.example.net>", ".example.net"},
	{"<u@[192.0.2.1]>", "u@[192.0.2.1]"},
	{"<v@[192.0.2.1]>", NULL},
	{"<u@[IPv6:2001:DB8:0::1]>", "u@[ipv6:2001:db8::1]"},
	{"<u@b\xc3\xbc"
	 "cher.example>",
		"u@xn--bcher-kva.example"},
	{"<localhost@example.org>", NULL},
	{"<\"x@example.com\"@example.org>", NULL},
	{"<postmaster>", NULL},
	{"<>", NULL},
};

static void test_paths(void **state)
{
	struct matchlist *list = filled();
	struct match match;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(path_rows); i++) {
		struct path path;
		bool found;

		print_message("%s\n", path_rows[i].given);
		assert_int_equal(path_parse(path_rows[i].given, true, &path), PATH_OK);
		found = matchlist_match_path(list, &path, &match);
		assert_int_equal(found, path_rows[i].want != NULL);
		if (found)
			assert_string_equal(match.entry, path_rows[i].want);
	}
	matchlist_free(&list);
}

static void test_bare_postmaster(void **state)
{
	struct matchlist *list = matchlist_create();
	struct match match;
	struct path path;
	const char *why;

	(void)state;
	assert_int_equal(path_parse("<Postmaster>", false, &path), PATH_OK);
	assert_true(matchlist_add(list, "postmaster", "setting", &why)); /* a domain's name */
	assert_false(matchlist_match_path(list, &path, &match));
	assert_true(matchlist_add(list, "postmaster@", "setting", &why));
	assert_true(matchlist_match_path(list, &path, &match));
	assert_string_equal(match.entry, "postmaster@");
	matchlist_free(&list);
}

static const struct {
	const char *entry, *why;
} bad_entries[] = {
	{"", "not a network, domain or address"},
	{".", "not a network, domain or address"},
	{"@", "not a network, domain or address"},
	{"..example.com", "not a network, domain or address"},
	{"example..com", "not a network, domain or address"},
	{"exam ple.com", "not a network, domain or address"},
	{"@*.example.com", "not a network, domain or address"},
	{"[192.0.2.1]", "not a network, domain or address"},
	{"\xc2\xb2", "not a network, domain or address"}, /* superscript two */
	{"192.0.2.1/24", "behind the prefix"},
	{"192.0.2.0/33", "prefix length"},
	{"192.0.2.300", "not an IP address"},
	{"192.0.2", "not an IP address"},
	{"10.0.0.0-10.255.255.255", "not an IP address"},
	{"2001:db8::/129", "prefix length"},
	{"2001:db8:::1", "not an IP address"},
	{"example.com/24", "not an IP address"},
	{"*.example.com", "no wildcards"},
	{"*", "no wildcards"},
	{"a b@example.com", "local-part@domain"},
	{"a@b@example.com", "local-part@domain"},
	{"a@-example.com", "host name"},
	{"a b@", "local-part@domain"},
	{"<user@example.com", "local-part@domain"},
	{"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234"
	 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234"
	 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234"
	 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234@",
		"256 octets"},
};

static void test_bad_entries(void **state)
{
	struct matchlist *list = matchlist_create();

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad_entries); i++) {
		const char *why = NULL;

		print_message("%s\n", bad_entries[i].entry);
		assert_false(matchlist_add(list, bad_entries[i].entry, "setting", &why));
		assert_non_null(why);
		assert_non_null(strstr(why, bad_entries[i].why));
	}
	assert_int_equal(matchlist_count(list), 0);
	assert_true(matchlist_is_empty(list));
	matchlist_free(&list);
}

/* What would never match where the list is used. */
static void test_kinds(void **state)
{
	static const struct {
		unsigned kinds;
		const char *entry, *why; /* NULL: taken */
	} cases[] = {
		{MATCH_NETWORKS, "192.0.2.0/24", NULL},
		{MATCH_NETWORKS, "::1", NULL},
		{MATCH_NETWORKS, "relay.example.com", "only networks are looked for here"},
		{MATCH_NETWORKS, ".example.com", "only networks are looked for here"},
		{MATCH_NETWORKS, "user@example.com", "only networks are looked for here"},
		{MATCH_DOMAINS, "example.com", NULL},
		{MATCH_DOMAINS, ".example.com", NULL},
		{MATCH_DOMAINS, "192.0.2.1", "only domains are looked for here"},
		{MATCH_DOMAINS, "@example.com", "only domains are looked for here"},
		{MATCH_DOMAINS, "user@", "only domains are looked for here"},
		{MATCH_NETWORKS | MATCH_DOMAINS, "192.0.2.1", NULL},
		{MATCH_NETWORKS | MATCH_DOMAINS, "example.com", NULL},
		{MATCH_NETWORKS | MATCH_DOMAINS, "user@example.com",
			"only networks and domains are looked for here"},
		{0, "user@example.com", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct matchlist *list = matchlist_create();
		const char *why = "";
		bool taken;

		print_message("%s\n", cases[i].entry);
		matchlist_take_only(list, cases[i].kinds);
		taken = matchlist_add(list, cases[i].entry, "setting", &why);
		assert_int_equal(taken, cases[i].why == NULL);
		assert_int_equal(matchlist_count(list), taken ? 1 : 0);
		if (!taken)
			assert_non_null(strstr(why, cases[i].why));
		matchlist_free(&list);
	}
}

static void test_empty_and_none(void **state)
{
	struct matchlist *list = matchlist_create();
	struct matchlist *none = NULL;
	struct ipaddr address;
	struct match match;
	struct path path;

	(void)state;
	assert_true(ipaddr_parse("192.0.2.1", &address));
	assert_int_equal(path_parse("<u@example.com>", false, &path), PATH_OK);
	for (int i = 0; i < 2; i++) {
		struct matchlist *which = i == 0 ? list : none;

		assert_true(matchlist_is_empty(which));
		assert_int_equal(matchlist_count(which), 0);
		assert_false(matchlist_has_domains(which));
		assert_false(matchlist_match_address(which, &address, &match));
		assert_false(matchlist_match_domain(which, "example.com", &match));
		assert_false(matchlist_match_path(which, &path, &match));
	}
	matchlist_free(&list);
	matchlist_free(&none);
}

static void test_first_of_equals_stands(void **state)
{
	struct matchlist *list = matchlist_create();
	struct match match;
	const char *why;

	(void)state;
	assert_true(matchlist_add(list, "example.com", "first", &why));
	assert_true(matchlist_add(list, "EXAMPLE.com.", "second", &why));
	assert_true(matchlist_add(list, "user@example.com", "second", &why));
	assert_int_equal(matchlist_count(list), 2);
	assert_true(matchlist_match_domain(list, "example.com", &match));
	assert_string_equal(match.where, "first");
	matchlist_free(&list);
}

/* A file of CONTENT; the caller removes it. */
static void write_file(char name[64], const void *content, size_t size)
{
	int fd;

	strcpy(name, "/tmp/matchlist_test.XXXXXX");
	fd = mkstemp(name);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, size), size);
	close(fd);
}

struct complaints {
	unsigned lines[10];
	unsigned count;
	char why[200];
};

static void note_complaint(void *context, const char *file, unsigned line, const char *why)
{
	struct complaints *complaints = context;

	assert_non_null(file);
	assert_true(complaints->count < ARRAY_COUNT(complaints->lines));
	complaints->lines[complaints->count++] = line;
	snprintf(complaints->why, sizeof(complaints->why), "%s", why);
}

static void test_load(void **state)
{
	static const char content[] = "\xef\xbb\xbf# list\r\n\r\n  192.0.2.0/24 \t# office\n"
				      "a#b@example.com#c\n\t\na#b@example.com #c\n.example.net";
	struct complaints complaints = {.count = 0};
	struct matchlist *list = matchlist_create();
	struct match match;
	struct path path;
	char name[64], where[100];

	(void)state;
	write_file(name, content, sizeof(content) - 1);
	assert_false(matchlist_load(list, name, note_complaint, &complaints));
	assert_int_equal(complaints.count, 1);
	assert_int_equal(complaints.lines[0], 4);
	assert_int_equal(matchlist_count(list), 3);
	assert_int_equal(path_parse("<a#b@example.com>", false, &path), PATH_OK);
	assert_true(matchlist_match_path(list, &path, &match));
	snprintf(where, sizeof(where), "%s:6", name);
	assert_string_equal(match.where, where);
	assert_true(matchlist_match_domain(list, "x.example.net", &match));
	snprintf(where, sizeof(where), "%s:7", name);
	assert_string_equal(match.where, where);
	unlink(name);
	matchlist_free(&list);
}

static void test_load_bad_lines(void **state)
{
	static char content[2100] = "good.example\nbad\0.example\n*.example\nlong.";
	struct complaints complaints = {.count = 0};
	struct matchlist *list = matchlist_create();
	char name[64];

	(void)state;
	memset(content + 42, 'x', sizeof(content) - 42);
	memcpy(content + sizeof(content) - 16, "\nlast.example\n\n\n", 16);
	write_file(name, content, sizeof(content));
	assert_false(matchlist_load(list, name, note_complaint, &complaints));
	assert_int_equal(complaints.count, 3);
	assert_int_equal(complaints.lines[0], 2);
	assert_int_equal(complaints.lines[1], 3);
	assert_int_equal(complaints.lines[2], 4);
	assert_int_equal(matchlist_count(list), 2);
	assert_false(matchlist_load(list, name, NULL, NULL));
	unlink(name);
	matchlist_free(&list);
}

static void test_load_unreadable(void **state)
{
	static const char *const names[] = {"/nonexistent/list", "/dev/null", "/"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct complaints complaints = {.count = 0};
		struct matchlist *list = matchlist_create();

		assert_false(matchlist_load(list, names[i], note_complaint, &complaints));
		assert_int_equal(complaints.count, 1);
		assert_int_equal(complaints.lines[0], 0);
		matchlist_free(&list);
	}
}

static void test_load_empty(void **state)
{
	struct matchlist *list = matchlist_create();
	char name[64];

	(void)state;
	write_file(name, "", 0);
	assert_true(matchlist_load(list, name, NULL, NULL));
	assert_true(matchlist_is_empty(list));
	unlink(name);
	matchlist_free(&list);
}

/* Growth: all of many entries are found, and none that is not there. */
static bool join_domain(void *context, const char *domain)
{
	char *joined = context;

	strcat(strcat(joined, domain), " ");
	return strcmp(domain, "_spf.example.org") != 0;
}

static void test_each_domain(void **state)
{
	struct matchlist *list = filled();
	char joined[1000] = "";

	(void)state;
	matchlist_each_domain(list, join_domain, joined);
	assert_string_equal(joined, "example.com example.net b.example.net exact.example.net "
				    "xn--bcher-kva.example _spf.example.org ");
	matchlist_each_domain(NULL, join_domain, joined);
	matchlist_free(&list);
}

static void test_many(void **state)
{
	enum { MANY = 20000 };
	struct matchlist *list = matchlist_create();
	struct match match;
	const char *why;
	char text[64];

	(void)state;
	for (unsigned i = 0; i < MANY; i += 2) {
		snprintf(text, sizeof(text), "d%u.example", i);
		assert_true(matchlist_add(list, text, "setting", &why));
		snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 256, i % 256);
		assert_true(matchlist_add(list, text, "setting", &why));
	}
	assert_int_equal(matchlist_count(list), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		struct ipaddr address;

		snprintf(text, sizeof(text), "d%u.example", i);
		assert_int_equal(matchlist_match_domain(list, text, &match), i % 2 == 0);
		snprintf(text, sizeof(text), "10.%u.%u.77", i / 256, i % 256);
		assert_true(ipaddr_parse(text, &address));
		assert_int_equal(matchlist_match_address(list, &address, &match), i % 2 == 0);
	}
	matchlist_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_bare_postmaster),
		cmocka_unit_test(test_bad_entries),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_empty_and_none),
		cmocka_unit_test(test_first_of_equals_stands),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_bad_lines),
		cmocka_unit_test(test_load_unreadable),
		cmocka_unit_test(test_load_empty),
		cmocka_unit_test(test_each_domain),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
