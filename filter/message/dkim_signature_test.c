/* SPDX-License-Identifier: BSD-2-Clause */
#include "dkim_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *body, *domain; /* NULL: none */
} rows[] = {
	{"v=1; a=rsa-sha256; d=example.net; s=s1; h=from; bh=x; b=y", "example.net"},
	{" v=1;\r\n\td = Example.NET ;\r\n s=s1", "example.net"},
	{"d=exam\r\n ple.net", "example.net"},
	{"d=b\xc3\xbc"
	 "cher.example",
		"xn--bcher-kva.example"},
	{"s=d; d=a.example;", "a.example"},
	{"", NULL},
	{"v=1", NULL},
	{"d=", NULL},
	{"d", NULL},
	{"dd=a.example", NULL},
	{"x=d=a.example", NULL},
	{"d=a.example; d=a.example", NULL},
	{"d=a..example", NULL},
	{"d=legit.example(.attack.example", NULL},
	{"d=legit.example'a.attack.example", NULL},
	{"d=\"a.example\"", NULL},
	{"i=@a.example", NULL},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		char domain[DOMAIN_SIZE];
		bool found = dkim_signature_domain(rows[i].body, domain);

		if (found != (rows[i].domain != NULL) ||
			strcmp(domain, found ? rows[i].domain : "") != 0)
			fail_msg("%s: %s", rows[i].body, domain);
	}
}

static void test_long(void **state)
{
	char body[3000], domain[DOMAIN_SIZE];

	(void)state;
	memset(body, 'a', sizeof(body));
	memcpy(body, "d=", 2);
	body[sizeof(body) - 1] = '\0';
	assert_false(dkim_signature_domain(body, domain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
