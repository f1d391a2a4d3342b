/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"

/* As Redis 7.0 and 8.0 say it. */
static void test_remedies(void **state)
{
	static const struct {
		const char *text, *advice;
		enum redis_remedy remedy;
	} rows[] = {
		{.text = "", .remedy = REDIS_DOWN},
		{.text = "ERR", .remedy = REDIS_DOWN},
		{.text = "noperm", .remedy = REDIS_DOWN},
		{.text = "ERR ACL failure", .remedy = REDIS_DOWN},
		{.text = "NOSCRIPT No matching script.", .remedy = REDIS_SEND_SCRIPT},
		{.text = "TRYAGAIN Multiple keys request", .remedy = REDIS_RETRY},
		{.text = "MOVED 3999 127.0.0.1:6381",
			.remedy = REDIS_MOVED,
			.advice = "cluster://host"},
		{.text = "ASK 3999 127.0.0.1:6381", .remedy = REDIS_ASK, .advice = "cluster://"},
		{.text = "READONLY You can't write", .remedy = REDIS_REDISCOVER},
		{.text = "UNCONFIRMED 0 of 1", .remedy = REDIS_DOWN, .advice = "wait_replicas"},
		{.text = "NOREPLICAS Not enough good replicas", .remedy = REDIS_DOWN},
		{.text = "CLUSTERDOWN The cluster is down", .remedy = REDIS_DOWN},
		{.text = "LOADING Redis is loading", .remedy = REDIS_DOWN},
		{.text = "MASTERDOWN Link with MASTER", .remedy = REDIS_DOWN},
		{.text = "MISCONF Redis is configured", .remedy = REDIS_DOWN, .advice = "disk"},
		{.text = "OOM command not allowed", .remedy = REDIS_DOWN, .advice = "maxmemory"},
		{.text = "BUSY Redis is busy", .remedy = REDIS_DOWN, .advice = "script"},
		{.text = "UNKILLABLE Sorry", .remedy = REDIS_DOWN, .advice = "script"},
		{.text = "CROSSSLOT Keys in request",
			.remedy = REDIS_CONFIGURE,
			.advice = "cluster://"},
		{.text = "NOAUTH Authentication required.", .remedy = REDIS_CONFIGURE},
		{.text = "WRONGPASS invalid", .remedy = REDIS_CONFIGURE, .advice = "password"},
		{.text = "ERR max number of clients reached",
			.remedy = REDIS_DOWN,
			.advice = "maxclients"},
		{.text = "WRONGTYPE Operation against a key",
			.remedy = REDIS_DATA,
			.advice = "not ours"},
		{.text = "NOPERM this user has no permissions to run the 'get' command",
			.remedy = REDIS_CONFIGURE,
			.advice = "lacks a right"},
		{.text = "ERR The user executing the script can't run this command or subcommand",
			.remedy = REDIS_CONFIGURE,
			.advice = "lacks a right"},
		{.text = "NOPERM User mail has no permissions to run the 'get' command",
			.remedy = REDIS_CONFIGURE,
			.advice = "lacks a right"},
		{.text = "ERR ACL failure in script: User mail has no permissions to run the "
			 "'hset' command script: e6a86ad1, on @user_script:1.",
			.remedy = REDIS_CONFIGURE,
			.advice = "lacks a right"},
		{.text = "ERR ACL failure in script: No permissions to access a key script: 1",
			.remedy = REDIS_CONFIGURE,
			.advice = "lacks a right"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct redis_error *error = redis_error(rows[i].text);

		if (error->remedy != rows[i].remedy)
			fail_msg("\"%s\": remedy %d", rows[i].text, (int)error->remedy);
		if (rows[i].advice != NULL &&
			(error->advice == NULL || strstr(error->advice, rows[i].advice) == NULL))
			fail_msg("\"%s\": other advice", rows[i].text);
	}
}

/* What the server quotes may be a password or a key. */
static void test_shown_without_quotations(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{"", ""},
		{"OOM command", "OOM command"},
		{"ERR unknown command 'AUTH sesame'", "ERR unknown command "},
		{"ERR unknown command `sesame`", "ERR unknown command "},
		{"ERR \"sesame\"", "ERR "},
		{"ERR \x1b[2J\n", "ERR \\x1b[2J\\x0a"},
	};
	char shown[120];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		redis_error_show(rows[i].text, shown, sizeof(shown));
		assert_string_equal(shown, rows[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remedies),
		cmocka_unit_test(test_shown_without_quotations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
