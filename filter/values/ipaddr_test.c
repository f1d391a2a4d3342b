/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipaddr.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

static struct ipaddr address_of(const char *text)
{
	struct ipaddr address;

	assert_true(ipaddr_parse(text, &address));
	return address;
}

static const struct {
	const char *given;
	const char *want; /* NULL: not an address */
	const char *reverse;
} addresses[] = {
	{"192.0.2.1", "192.0.2.1", "1.2.0.192.in-addr.arpa"},
	{"0.0.0.0", "0.0.0.0", "0.0.0.0.in-addr.arpa"},
	{"255.255.255.255", "255.255.255.255", "255.255.255.255.in-addr.arpa"},
	{"2001:DB8::1", "2001:db8::1",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
	{"::", "::", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"},
	/* RFC 5952 4: the longest run of zeros, the first of equals, not for one group. */
	{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", NULL},
	{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", NULL},
	{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", NULL},
	{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", NULL},
	{"::ffff:192.0.2.1", "192.0.2.1", "1.2.0.192.in-addr.arpa"},
	{"::FFFF:c000:0201", "192.0.2.1", NULL},
	{"64:ff9b::192.0.2.1", "64:ff9b::c000:201", NULL},
	{"", NULL, NULL},
	{"192.0.2", NULL, NULL},
	{"192.0.2.1.", NULL, NULL},
	{"192.0.2.256", NULL, NULL},
	{"192.0.2.01", NULL, NULL},
	{"192.000.002.001", NULL, NULL},
	{"0xc0.0.2.1", NULL, NULL},
	{"3221225985", NULL, NULL},
	{" 192.0.2.1", NULL, NULL},
	{"192.0.2.1 ", NULL, NULL},
	{"[192.0.2.1]", NULL, NULL},
	{"fe80::1%eth0", NULL, NULL},
	{"1:2:3:4:5:6:7", NULL, NULL},
	{"1:2:3:4:5:6:7:8:9", NULL, NULL},
	{"1::2::3", NULL, NULL},
	{"12345::", NULL, NULL},
	{"IPv6:::1", NULL, NULL},
	{":1:2:3:4:5:6:7", NULL, NULL},
};

static void test_parse_and_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		char text[IPADDR_TEXT_SIZE], name[REVERSE_NAME_SIZE];
		struct ipaddr address;
		bool good = ipaddr_parse(addresses[i].given, &address);

		print_message("%s\n", addresses[i].given);
		assert_int_equal(good, addresses[i].want != NULL);
		if (!good) {
			assert_int_equal(address.family, IP_NONE);
			continue;
		}
		assert_string_equal(ipaddr_format(&address, text), addresses[i].want);
		if (addresses[i].reverse != NULL)
			assert_string_equal(
				ipaddr_reverse_name(&address, name), addresses[i].reverse);
	}
}

static void test_no_address_formats_empty(void **state)
{
	struct ipaddr none = {.family = IP_NONE};
	char text[IPADDR_TEXT_SIZE] = "x", name[REVERSE_NAME_SIZE] = "x";

	(void)state;
	assert_string_equal(ipaddr_format(&none, text), "");
	assert_string_equal(ipaddr_reverse_name(&none, name), "");
	assert_int_equal(ipaddr_scope(&none), IP_UNSPECIFIED);
}

static void test_from_sockaddr(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct ipaddr want = address_of("192.0.2.1");
	struct ipaddr got;

	(void)state;
	assert_true(ipaddr_from_sockaddr((struct sockaddr *)&in, &got));
	assert_true(ipaddr_equal(&got, &want));
	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(in6.sin6_addr.s6_addr + 12, &in.sin_addr, 4);
	assert_true(ipaddr_from_sockaddr((struct sockaddr *)&in6, &got));
	assert_true(ipaddr_equal(&got, &want));
	in6.sin6_addr = in6addr_loopback;
	assert_true(ipaddr_from_sockaddr((struct sockaddr *)&in6, &got));
	assert_int_equal(ipaddr_scope(&got), IP_LOOPBACK);
	assert_false(ipaddr_from_sockaddr((struct sockaddr *)&un, &got));
	assert_int_equal(got.family, IP_NONE);
	assert_false(ipaddr_from_sockaddr(NULL, &got));
}

static void test_order(void **state)
{
	static const char *const rising[] = {
		"0.0.0.0", "10.0.0.1", "192.0.2.1", "::", "2001:db8::1", "2001:db8::2"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rising); i++) {
		for (size_t j = 0; j < ARRAY_COUNT(rising); j++) {
			struct ipaddr a = address_of(rising[i]), b = address_of(rising[j]);
			int order = ipaddr_compare(&a, &b);

			assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
			assert_int_equal(ipaddr_equal(&a, &b), i == j);
		}
	}
}

static const struct {
	const char *given;
	enum ip_scope want;
} scopes[] = {
	{"8.8.8.8", IP_GLOBAL},
	{"192.0.2.1", IP_GLOBAL},
	{"198.51.100.1", IP_GLOBAL},
	{"0.1.2.3", IP_UNSPECIFIED},
	{"1.0.0.0", IP_GLOBAL},
	{"9.255.255.255", IP_GLOBAL},
	{"10.0.0.0", IP_PRIVATE},
	{"10.255.255.255", IP_PRIVATE},
	{"11.0.0.0", IP_GLOBAL},
	{"100.63.255.255", IP_GLOBAL},
	{"100.64.0.0", IP_PRIVATE},
	{"100.127.255.255", IP_PRIVATE},
	{"100.128.0.0", IP_GLOBAL},
	{"127.0.0.1", IP_LOOPBACK},
	{"127.255.255.255", IP_LOOPBACK},
	{"169.254.0.1", IP_LINK_LOCAL},
	{"172.15.255.255", IP_GLOBAL},
	{"172.16.0.0", IP_PRIVATE},
	{"172.31.255.255", IP_PRIVATE},
	{"172.32.0.0", IP_GLOBAL},
	{"192.0.0.255", IP_RESERVED},
	{"192.168.255.255", IP_PRIVATE},
	{"192.169.0.0", IP_GLOBAL},
	{"223.255.255.255", IP_GLOBAL},
	{"224.0.0.1", IP_MULTICAST},
	{"239.255.255.255", IP_MULTICAST},
	{"240.0.0.1", IP_RESERVED},
	{"255.255.255.255", IP_RESERVED},
	{"::", IP_UNSPECIFIED},
	{"::1", IP_LOOPBACK},
	{"::2", IP_RESERVED},
	{"::127.0.0.1", IP_RESERVED},
	{"::ffff:127.0.0.1", IP_LOOPBACK},
	{"100::1", IP_RESERVED},
	{"fbff::1", IP_GLOBAL},
	{"fc00::1", IP_PRIVATE},
	{"fdff::1", IP_PRIVATE},
	{"fe80::1", IP_LINK_LOCAL},
	{"febf::1", IP_LINK_LOCAL},
	{"fec0::1", IP_PRIVATE},
	{"ff02::1", IP_MULTICAST},
	{"2001:db8::1", IP_GLOBAL},
	/* An IPv4 address inside is what counts. */
	{"64:ff9b::127.0.0.1", IP_LOOPBACK},
	{"64:ff9b::8.8.8.8", IP_GLOBAL},
	{"2002:7f00:1::1", IP_LOOPBACK},
	{"2002:808:808::1", IP_GLOBAL},
};

static void test_scope(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(scopes); i++) {
		struct ipaddr address = address_of(scopes[i].given);

		print_message("%s\n", scopes[i].given);
		assert_string_equal(
			ip_scope_name(ipaddr_scope(&address)), ip_scope_name(scopes[i].want));
	}
}

static const struct {
	const char *given;
	const char *want; /* NULL: refused with a word of WHY */
	const char *why;
} networks[] = {
	{"192.0.2.0/24", "192.0.2.0/24", NULL},
	{"192.0.2.1", "192.0.2.1/32", NULL},
	{"0.0.0.0/0", "0.0.0.0/0", NULL},
	{"10.0.0.0/9", "10.0.0.0/9", NULL},
	{"10.128.0.0/9", "10.128.0.0/9", NULL},
	{"2001:DB8::/32", "2001:db8::/32", NULL},
	{"2001:db8::1", "2001:db8::1/128", NULL},
	{"::/0", "::/0", NULL},
	{"::ffff:192.0.2.0/120", "192.0.2.0/24", NULL},
	{"::ffff:192.0.2.1", "192.0.2.1/32", NULL},
	{"192.0.2.1/24", NULL, "behind the prefix"},
	{"10.64.0.0/9", NULL, "behind the prefix"},
	{"2001:db8::1/64", NULL, "behind the prefix"},
	{"::ffff:0.0.0.0/95", NULL, "IPv4-mapped"},
	{"192.0.2.0/33", NULL, "prefix length"},
	{"192.0.2.0/", NULL, "prefix length"},
	{"192.0.2.0/024", NULL, "prefix length"},
	{"192.0.2.0/+24", NULL, "prefix length"},
	{"192.0.2.0/-1", NULL, "prefix length"},
	{"192.0.2.0/24 ", NULL, "prefix length"},
	{"192.0.2.0/24/8", NULL, "prefix length"},
	{"192.0.2.0/255.255.255.0", NULL, "prefix length"},
	{"2001:db8::/129", NULL, "prefix length"},
	{"2001:db8::/4294967328", NULL, "prefix length"},
	{"192.0.2/24", NULL, "not an IP address"},
	{"", NULL, "not an IP address"},
	{"/24", NULL, "not an IP address"},
	{"example.com", NULL, "not an IP address"},
	{"1111111111111111111111111111111111111111111111/1", NULL, "not an IP address"},
};

static void test_network(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(networks); i++) {
		char text[NETWORK_TEXT_SIZE];
		struct network network;
		const char *why = "unset";
		bool good = network_parse(networks[i].given, &network, &why);

		print_message("%s\n", networks[i].given);
		assert_int_equal(good, networks[i].want != NULL);
		if (good)
			assert_string_equal(network_format(&network, text), networks[i].want);
		else
			assert_non_null(strstr(why, networks[i].why));
	}
}

static const struct {
	const char *network, *address;
	bool want;
} contained[] = {
	{"192.0.2.0/24", "192.0.2.0", true},
	{"192.0.2.0/24", "192.0.2.255", true},
	{"192.0.2.0/24", "192.0.3.0", false},
	{"192.0.2.0/24", "::ffff:192.0.2.7", true},
	{"192.0.2.0/23", "192.0.3.255", true},
	{"192.0.2.0/23", "192.0.4.0", false},
	{"192.0.2.4/30", "192.0.2.7", true},
	{"192.0.2.4/30", "192.0.2.8", false},
	{"192.0.2.1", "192.0.2.1", true},
	{"192.0.2.1", "192.0.2.2", false},
	{"0.0.0.0/0", "255.1.2.3", true},
	{"0.0.0.0/0", "2001:db8::1", false},
	{"::/0", "2001:db8::1", true},
	{"::/0", "192.0.2.1", false},
	{"2001:db8::/33", "2001:db8:7fff::1", true},
	{"2001:db8::/33", "2001:db8:8000::1", false},
	{"2001:db8::1", "2001:db8::1", true},
};

static void test_network_contains(void **state)
{
	struct ipaddr none = {.family = IP_NONE};
	struct network network;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(contained); i++) {
		struct ipaddr address = address_of(contained[i].address);

		assert_true(network_parse(contained[i].network, &network, &why));
		assert_int_equal(network_contains(&network, &address), contained[i].want);
	}
	assert_true(network_parse("0.0.0.0/0", &network, &why));
	assert_false(network_contains(&network, &none));
}

static void test_network_of(void **state)
{
	static const struct {
		const char *address;
		unsigned prefix_v4, prefix_v6;
		const char *want;
	} rows[] = {
		{"192.0.2.77", 24, 64, "192.0.2.0/24"},
		{"192.0.2.77", 32, 64, "192.0.2.77/32"},
		{"192.0.2.77", 0, 64, "0.0.0.0/0"},
		{"192.0.2.77", 29, 64, "192.0.2.72/29"},
		{"192.0.2.77", 99, 64, "192.0.2.77/32"},
		{"2001:db8:1:2:3::4", 32, 64, "2001:db8:1:2::/64"},
		{"2001:db8:1:2:3::4", 32, 128, "2001:db8:1:2:3::4/128"},
		{"2001:db8:1:2:3::4", 32, 47, "2001:db8::/47"},
		{"2001:db8:1:2:3::4", 32, 200, "2001:db8:1:2:3::4/128"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char text[NETWORK_TEXT_SIZE];
		struct ipaddr address = address_of(rows[i].address);
		struct network network = network_of(&address, rows[i].prefix_v4, rows[i].prefix_v6);

		assert_string_equal(network_format(&network, text), rows[i].want);
		assert_true(network_contains(&network, &address));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_no_address_formats_empty),
		cmocka_unit_test(test_from_sockaddr),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_network_contains),
		cmocka_unit_test(test_network_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
