/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF checks on answers from a table, libspf2 included: what spf_test.c and spf_limits_test.c share.
 * Include it as fake_inquiry.c is included; every case is run with setup clear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_inquiry.c"
#include "spf.h"

static struct spf last;
static struct inquiry_cost cost;

static const char *helo;

static const struct spf *check(const char *address, const char *domain)
{
	struct inquiry *inquiry;
	struct ipaddr client;

	assert_true(ipaddr_parse(address, &client));
	inquiry = spf_inquire(
		NULL, SPF_MAILFROM, &client, helo, "user", domain, "mx.example.org", 5000);
	last = *(const struct spf *)inquiry_result(inquiry);
	inquiry_cost(inquiry, &cost);
	inquiry_free(&inquiry);
	return &last;
}

/* Publishes RECORD for example.net, besides what the table has, and checks 192.0.2.7. */
static const struct spf *check_record(const char *record)
{
	fake_dns("example.net", DNS_TXT, record);
	return check("192.0.2.7", "example.net");
}

static int clear(void **state MAYBE_UNUSED)
{
	fake_dns_clear();
	helo = "mail.example.org";
	return 0;
}

static void assert_result(const struct spf *spf, enum spf_result result)
{
	if (spf->result != result)
		fail_msg("%s, not %s: %s", spf_result_name(spf->result), spf_result_name(result),
			spf->evidence);
}
