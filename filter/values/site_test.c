/* SPDX-License-Identifier: BSD-2-Clause */
#include "site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "domain.h"
#include "mem.h"

static void give(struct site *site, const char *name, const char *value)
{
	char why[SETTING_WHY_SIZE];

	for (const struct setting *row = site_settings; row->name != NULL; row++) {
		if (strcmp(row->name, name) == 0) {
			assert_true(setting_parse(row, value, name, site, why, sizeof(why)));
			return;
		}
	}
	fail();
}

static bool is_own_address(const struct site *site, const char *text)
{
	struct ipaddr address;

	assert_true(ipaddr_parse(text, &address));
	return site_is_own_address(site, &address);
}

static void test_names(void **state)
{
	struct site site = {.reply_at = 0};

	(void)state;
	give(&site, "hostname", "MX1.Example.ORG");
	give(&site, "own_names", "smtp.example.net");
	give(&site, "own_names", "Other.Example.net.");
	give(&site, "local_domains", "example.com");
	give(&site, "local_domains", ".example.edu");
	give(&site, "relay_domains", "example.info");
	assert_true(site_is_own_name(&site, "mx1.example.org"));
	assert_true(site_is_own_name(&site, "smtp.example.net"));
	assert_true(site_is_own_name(&site, "other.example.net"));
	assert_true(site_is_own_name(&site, "example.com"));
	assert_true(site_is_own_name(&site, "a.b.example.edu"));
	assert_false(site_is_own_name(&site, "example.org"));
	assert_false(site_is_own_name(&site, "mail.example.com"));
	assert_false(site_is_own_name(&site, "mx1.example.org.evil.test"));
	assert_false(site_is_own_name(&site, "example.info"));
	assert_true(site_is_local_domain(&site, "example.com"));
	assert_true(site_is_local_domain(&site, "example.edu"));
	assert_false(site_is_local_domain(&site, "mx1.example.org"));
	assert_true(site_is_relay_domain(&site, "example.info"));
	assert_false(site_is_relay_domain(&site, "sub.example.info"));
	site_clear(&site);
	assert_null(site.hostname);
	assert_false(site_is_own_name(&site, "mx1.example.org"));
	assert_false(site_is_local_domain(&site, "example.com"));
	site_clear(&site);
}

static void test_discovery(void **state)
{
	struct site site = {.reply_at = 0};
	char canonical[DOMAIN_SIZE], system[256];

	(void)state;
	site_discover(&site);
	assert_int_equal(gethostname(system, sizeof(system)), 0);
	assert_true(domain_canonical(system, canonical));
	assert_string_equal(site.hostname, canonical);
	assert_string_equal(site.authserv_id, site.hostname);
	assert_true(is_own_address(&site, "127.0.0.1"));
	assert_true(is_own_address(&site, "::1"));
	assert_false(is_own_address(&site, "192.0.2.123"));
	assert_false(is_own_address(&site, "2001:db8::123"));
	site_clear(&site);
}

static void test_given_names_stay(void **state)
{
	struct site site = {.reply_at = 0};
	size_t count;

	(void)state;
	give(&site, "hostname", "mx.example.org");
	site_discover(&site);
	assert_string_equal(site.hostname, "mx.example.org");
	assert_string_equal(site.authserv_id, "mx.example.org");
	count = site.own_address_count;
	site_discover(&site);
	assert_int_equal(site.own_address_count, count);
	site_clear(&site);
	give(&site, "authserv_id", "example.org");
	site_discover(&site);
	assert_string_equal(site.authserv_id, "example.org");
	site_clear(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_given_names_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
