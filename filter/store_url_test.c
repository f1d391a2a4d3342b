/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *url;
	struct store_url expected;
	const char *shown;
} good[] = {
	{NULL, {.kind = STORE_URL_MEMORY}, "memory"},
	{"", {.kind = STORE_URL_MEMORY}, "memory"},
	{"redis://localhost", {STORE_URL_TCP, "localhost", 6379, "", "", "", 0}, "localhost:6379"},
	{"REDIS://h/", {STORE_URL_TCP, "h", 6379, "", "", "", 0}, "h:6379"},
	{"redis://192.0.2.1:1/0", {STORE_URL_TCP, "192.0.2.1", 1, "", "", "", 0}, "192.0.2.1:1"},
	{"redis://[2001:db8::1]:65535/15", {STORE_URL_TCP, "2001:db8::1", 65535, "", "", "", 15},
		"[2001:db8::1]:65535/15"},
	{"redis://[::1]", {STORE_URL_TCP, "::1", 6379, "", "", "", 0}, "[::1]:6379"},
	{"redis://:secret@h", {STORE_URL_TCP, "h", 6379, "", "", "secret", 0}, "h:6379"},
	{"redis://mail:s%2F%40%3a@h:2/3", {STORE_URL_TCP, "h", 2, "", "mail", "s/@:", 3}, "h:2/3"},
	{"redis://mail@h", {STORE_URL_TCP, "h", 6379, "", "mail", "", 0}, "h:6379"},
	{"redis://a:b@c:d@h", {STORE_URL_TCP, "h", 6379, "", "a", "b@c:d", 0}, "h:6379"},
	{"redis://a:b/c@h/4", {STORE_URL_TCP, "h", 6379, "", "a", "b/c", 4}, "h:6379/4"},
	{"unix:/run/redis.sock", {STORE_URL_UNIX, "", 0, "/run/redis.sock", "", "", 0},
		"unix:/run/redis.sock"},
	{"unix:///run/r?db=2", {STORE_URL_UNIX, "", 0, "/run/r", "", "", 2}, "unix:/run/r/2"},
	{"unix:/r?user=m%40x&db=2", {STORE_URL_UNIX, "", 0, "/r", "m@x", "", 2}, "unix:/r/2"},
};

static const char *const bad[] = {
	"http://h",
	"h:6379",
	"redis:",
	"redis:/h",
	"redis://",
	"redis://:6379",
	"redis://h:",
	"redis://h:0",
	"redis://h:65536",
	"redis://h:99999999999999999999",
	"redis://h:-1",
	"redis://h:63x",
	"redis://h/x",
	"redis://h/-1",
	"redis://h/65536",
	"redis://[::1",
	"redis://[]",
	"redis://[::1]6379",
	"redis://h h",
	"redis://h\n",
	"redis://u:%zz@h",
	"redis://u:%00@h",
	"redis://u:%4@h",
	"redis://u:%@h",
	"rediss://h",
	"unix:",
	"unix:relative",
	"unix://relative",
	"unix:/r?",
	"unix:/r?db=",
	"unix:/r?db=x",
	"unix:/r?db=1&",
	"unix:/r?password=x",
	"unix:/r?user=",
};

static void reads_what_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		struct store_url url;
		char why[128] = "", shown[512];

		if (!store_url_parse(good[i].url, &url, why, sizeof(why)))
			fail_msg("%s: %s", good[i].url, why);
		assert_int_equal(url.kind, good[i].expected.kind);
		assert_string_equal(url.host, good[i].expected.host);
		assert_int_equal(url.port, good[i].expected.port);
		assert_string_equal(url.path, good[i].expected.path);
		assert_string_equal(url.user, good[i].expected.user);
		assert_string_equal(url.password, good[i].expected.password);
		assert_int_equal(url.database, good[i].expected.database);
		store_url_show(&url, shown, sizeof(shown));
		assert_string_equal(shown, good[i].shown);
	}
}

static void refuses_the_rest_and_says_why(void **state)
{
	char name[600], why[128];
	struct store_url url;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		why[0] = '\0';
		if (store_url_parse(bad[i], &url, why, sizeof(why)))
			fail_msg("%s was taken", bad[i]);
		assert_true(strlen(why) > 10);
	}
	/* Too long, and without the secret in the sentence. */
	for (size_t i = 0; i < 4; i++) {
		static const char *const starts[] = {
			"redis://", "redis://u:secret", "redis://secret:", "unix:/"};
		size_t length = strlen(starts[i]);

		memset(name, 'x', sizeof(name));
		memcpy(name, starts[i], length);
		memcpy(name + sizeof(name) - 3, i == 0 || i == 3 ? "xx" : "@h", 3);
		assert_false(store_url_parse(name, &url, why, sizeof(why)));
		assert_null(strstr(why, "secret"));
	}
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(reads_what_it_should),
		cmocka_unit_test(refuses_the_rest_and_says_why),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
