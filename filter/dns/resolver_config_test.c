/* SPDX-License-Identifier: BSD-2-Clause */
#include "resolver_config.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compiler.h"

static void test_address(void **state)
{
	static const struct {
		const char *given, *host, *port; /* host NULL: not an address */
	} cases[] = {
		{"192.0.2.53", "192.0.2.53", "53"},
		{"192.0.2.53:5353", "192.0.2.53", "5353"},
		{"192.0.2.53:65535", "192.0.2.53", "65535"},
		{"2001:db8::53", "2001:db8::53", "53"},
		{"[2001:db8::53]", "2001:db8::53", "53"},
		{"[2001:db8::53]:5353", "2001:db8::53", "5353"},
		{"::1", "::1", "53"},
		{"", NULL, NULL},
		{"ns.example.net", NULL, NULL},
		{"localhost", NULL, NULL},
		{"192.0.2.53:", NULL, NULL},
		{"192.0.2.53:0", NULL, NULL},
		{"192.0.2.53:65536", NULL, NULL},
		{"192.0.2.53:+53", NULL, NULL},
		{"192.0.2.53:53x", NULL, NULL},
		{"192.0.2.300", NULL, NULL},
		{"192.0.2.53 ", NULL, NULL},
		{"[2001:db8::53", NULL, NULL},
		{"[2001:db8::53]x", NULL, NULL},
		{"[2001:db8::53]:", NULL, NULL},
		{"[]:53", NULL, NULL},
		{"2001:db8::zz", NULL, NULL},
		{"1111111111111111111111111111111111111111111111111111111111111111111", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct resolver_address address;
		char host[100], port[20];
		bool valid = resolver_config_address(cases[i].given, &address);

		if (valid != (cases[i].host != NULL))
			fail_msg("\"%s\" was%s accepted", cases[i].given, valid ? "" : " not");
		if (!valid)
			continue;
		assert_int_equal(getnameinfo((struct sockaddr *)&address.socket_address,
					 address.length, host, sizeof(host), port, sizeof(port),
					 NI_NUMERICHOST | NI_NUMERICSERV),
			0);
		assert_string_equal(host, cases[i].host);
		assert_string_equal(port, cases[i].port);
		assert_string_equal(address.text, cases[i].given);
	}
}

static size_t read_text(const char *text, struct resolver_address *addresses)
{
	char path[] = "/tmp/mailreeve-resolv.XXXXXX";
	int fd = mkstemp(path);
	size_t count;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	count = resolver_config_file(path, addresses);
	unlink(path);
	return count;
}

static void test_file(void **state)
{
	struct resolver_address addresses[RESOLVER_SERVERS_MAX];
	char many[4096] = "";

	(void)state;
	assert_int_equal(read_text("# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n"
				   "search example.net\noptions timeout:1\n"
				   "nameserver 192.0.2.3\n\tnameserver\t2001:db8::4  # here\n"
				   "nameserver\nnameserver nonsense\nnameservers 192.0.2.5\n"
				   "nameserver 192.0.2.6",
				 addresses),
		3);
	assert_string_equal(addresses[0].text, "192.0.2.3");
	assert_string_equal(addresses[1].text, "2001:db8::4");
	assert_string_equal(addresses[2].text, "192.0.2.6");
	assert_int_equal(read_text("", addresses), 0);
	assert_int_equal(resolver_config_file("/nonexistent/resolv.conf", addresses), 0);
	for (size_t i = 0; i < 100; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
			"nameserver 192.0.2.%zu\n", i);
	assert_int_equal(read_text(many, addresses), RESOLVER_SERVERS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
