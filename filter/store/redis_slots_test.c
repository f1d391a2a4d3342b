/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compiler.h"

/* As CLUSTER KEYSLOT of Redis 7.0 says. */
static void test_slots(void **state)
{
	static const struct {
		const char *key;
		unsigned slot;
	} rows[] = {
		{"123456789", 12739},
		{"", 0},
		{"foo", 12182},
		{"{foo}bar", 12182},
		{"x{foo}{bar}", 12182},
		{"foo{}{bar}", 8363},
		{"foo{{bar}}zap", 4015},
		{"{user1000}.following", 3443},
		{"{user1000}.followers", 3443},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(redis_slot(rows[i].key, strlen(rows[i].key)), rows[i].slot);
}

static const struct store_host asked = {.name = "192.0.2.9", .port = 7};

static void test_view(void **state)
{
	static const char text[] =
		"a 192.0.2.1:7000@17000,name myself,master - 0 1 1 connected 0-5460\r\n"
		"b 2001:db8::1:7001@17001 master - 0 1 2 connected 5461-10921 [93-<-a] [1->-a]\n"
		"c :7002@17002 master,fail - 0 1 3 disconnected 10922-16382 16383\n"
		"d 192.0.2.4:7003@17003 slave a 0 1 1 connected\n"
		"e :0@0 master,noaddr - 0 0 0 disconnected\n"
		"f 192.0.2.6:7006@17006 handshake - 0 0 0 connected\n"
		"g 192.0.2.7:7007 master - 0 0 4 connected\n";
	static struct redis_view view;

	(void)state;
	assert_true(redis_view_parse(text, &asked, &view));
	assert_int_equal(view.count, 4);
	assert_int_equal(view.covered, REDIS_SLOTS);
	assert_string_equal(view.primaries[0].host.name, "192.0.2.1");
	assert_int_equal(view.primaries[0].host.port, 7000);
	assert_string_equal(view.primaries[1].host.name, "2001:db8::1");
	assert_string_equal(view.primaries[2].host.name, "192.0.2.9");
	assert_true(view.primaries[2].failing);
	assert_false(view.primaries[0].failing);
	assert_int_equal(view.primaries[3].slots, 0);
	assert_int_equal(view.owner[0], 1);
	assert_int_equal(view.owner[5460], 1);
	assert_int_equal(view.owner[5461], 2);
	assert_int_equal(view.owner[16383], 3);
}

static void test_what_is_none(void **state)
{
	static const char *const rows[] = {"", "\n\n", "ERR", "a 192.0.2.1:7000@1 master",
		"a 192.0.2.1@1 master - 0 1 1 connected",
		"a 192.0.2.1:0@1 master - 0 1 1 connected",
		"a 192.0.2.1:65536@1 master - 0 1 1 connected",
		"a 192.0.2.1:1@1 master - 0 1 1 connected 16384",
		"a 192.0.2.1:1@1 master - 0 1 1 connected 5-4",
		"a 192.0.2.1:1@1 master - 0 1 1 connected 5-",
		"a 192.0.2.1:1@1 master - 0 1 1 connected x",
		"a 192.0.2.1:1@1 master - 0 1 1 connected 99999999999999999999",
		"a b\x01:1@1 master - 0 1 1 connected", "a 192.0.2.1:1@1 slave b 0 1 1 connected"};
	static struct redis_view view;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (redis_view_parse(rows[i], &asked, &view))
			fail_msg("\"%s\" was taken", rows[i]);
}

static void test_redirections(void **state)
{
	static const char *const none[] = {"MOVED", "MOVED 1", "MOVED x 192.0.2.1:1",
		"MOVED 16384 192.0.2.1:1", "MOVED 1 192.0.2.1", "ASK 1 192.0.2.1:0"};
	struct store_host host;
	unsigned slot;

	(void)state;
	assert_true(redis_redirection_parse("MOVED 3999 192.0.2.1:6381", &asked, &slot, &host));
	assert_int_equal(slot, 3999);
	assert_string_equal(host.name, "192.0.2.1");
	assert_int_equal(host.port, 6381);
	assert_true(redis_redirection_parse("ASK 16383 :6381", &asked, &slot, &host));
	assert_string_equal(host.name, "192.0.2.9");
	for (size_t i = 0; i < ARRAY_COUNT(none); i++)
		assert_false(redis_redirection_parse(none[i], &asked, &slot, &host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_redirections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
