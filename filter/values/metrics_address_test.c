/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text, *address; /* NULL: not taken */
	unsigned port;
} rows[] = {
	{"9749", "127.0.0.1", 9749},
	{"0", "127.0.0.1", 0},
	{"192.0.2.1:65535", "192.0.2.1", 65535},
	{"[::1]:80", "::1", 80},
	{"", NULL, 0},
	{":", NULL, 0},
	{":80", NULL, 0},
	{"65536", NULL, 0},
	{"123456", NULL, 0},
	{"-1", NULL, 0},
	{" 80", NULL, 0},
	{"80 ", NULL, 0},
	{"localhost:80", NULL, 0},
	{"127.0.0.1", NULL, 0},
	{"127.0.0.1:", NULL, 0},
	{"127.0.0.1:x", NULL, 0},
	{"127.0.0.1:80:80", NULL, 0},
	{"::1:80", NULL, 0},
	{"::1", NULL, 0},
	{"[::1]", NULL, 0},
	{"[::1]80", NULL, 0},
	{"[127.0.0.1]:80", NULL, 0},
	{"[::1:80", NULL, 0},
	{"[]:80", NULL, 0},
	{"[::1]:", NULL, 0},
	{"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:80",
		NULL, 0},
};

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct metrics_address found;
		char address[IPADDR_TEXT_SIZE];
		bool taken = metrics_address_parse(rows[i].text, &found);

		if (taken != (rows[i].address != NULL))
			fail_msg("\"%s\" is %staken", rows[i].text, taken ? "" : "not ");
		if (!taken)
			continue;
		assert_string_equal(ipaddr_format(&found.address, address), rows[i].address);
		assert_int_equal(found.port, rows[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
