/* SPDX-License-Identifier: BSD-2-Clause */
#include "store_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TCP .kind = STORE_URL_TCP, .host_count = 1
#define UNIX .kind = STORE_URL_UNIX
#define SENTINEL .kind = STORE_URL_SENTINEL
#define CLUSTER .kind = STORE_URL_CLUSTER

static const struct {
	const char *url;
	struct store_url expected;
	const char *shown;
} good[] = {
	{NULL, {.kind = STORE_URL_MEMORY}, "memory"},
	{"", {.kind = STORE_URL_MEMORY}, "memory"},
	{"Memory", {.kind = STORE_URL_MEMORY}, "memory"},
	{"redis://redis_1.internal.", {TCP, .hosts = {{"redis_1.internal.", 6379}}},
		"redis_1.internal.:6379"},
	{"redis://[fe80::1%eth0]:1", {TCP, .hosts = {{"fe80::1%eth0", 1}}}, "[fe80::1%eth0]:1"},
	{"redis://localhost", {TCP, .hosts = {{"localhost", 6379}}}, "localhost:6379"},
	{"REDIS://h/", {TCP, .hosts = {{"h", 6379}}}, "h:6379"},
	{"valkey://h", {TCP, .hosts = {{"h", 6379}}}, "h:6379"},
	{"rediss://h/2", {TCP, .tls = true, .hosts = {{"h", 6379}}, .database = 2}, "h:6379/2"},
	{"valkeys://h", {TCP, .tls = true, .hosts = {{"h", 6379}}}, "h:6379"},
	{"redis://192.0.2.1:1/0", {TCP, .hosts = {{"192.0.2.1", 1}}}, "192.0.2.1:1"},
	{"redis://[2001:db8::1]:65535/15", {TCP, .hosts = {{"2001:db8::1", 65535}}, .database = 15},
		"[2001:db8::1]:65535/15"},
	{"redis://[::1]", {TCP, .hosts = {{"::1", 6379}}}, "[::1]:6379"},
	{"redis://:secret@h", {TCP, .hosts = {{"h", 6379}}, .password = "secret"}, "h:6379"},
	{"redis://mail:s%2F%40%3a@h:2/3",
		{TCP, .hosts = {{"h", 2}}, .user = "mail", .password = "s/@:", .database = 3},
		"h:2/3"},
	{"redis://mail@h", {TCP, .hosts = {{"h", 6379}}, .user = "mail"}, "h:6379"},
	{"redis://a:b@c:d@h", {TCP, .hosts = {{"h", 6379}}, .user = "a", .password = "b@c:d"},
		"h:6379"},
	{"redis://a:b/c@h/4",
		{TCP, .hosts = {{"h", 6379}}, .user = "a", .password = "b/c", .database = 4},
		"h:6379/4"},
	{"unix:/run/redis.sock", {UNIX, .path = "/run/redis.sock"}, "unix:/run/redis.sock"},
	{"unix:///run/r?db=2", {UNIX, .path = "/run/r", .database = 2}, "unix:/run/r/2"},
	{"unix:/r?user=m%40x&db=2", {UNIX, .path = "/r", .user = "m@x", .database = 2},
		"unix:/r/2"},
	{"sentinel://s/mymaster",
		{SENTINEL, .host_count = 1, .hosts = {{"s", 26379}}, .primary = "mymaster"},
		"sentinel://s:26379/mymaster"},
	{"sentinels://mail@s1:1,[2001:db8::2],192.0.2.3:3/m-1.x_y/4",
		{SENTINEL, .tls = true, .host_count = 3,
			.hosts = {{"s1", 1}, {"2001:db8::2", 26379}, {"192.0.2.3", 3}},
			.primary = "m-1.x_y", .user = "mail", .database = 4},
		"sentinel://s1:1,[2001:db8::2]:26379,192.0.2.3:3/m-1.x_y/4"},
	{"sentinel://s/m/", {SENTINEL, .host_count = 1, .hosts = {{"s", 26379}}, .primary = "m"},
		"sentinel://s:26379/m"},
	{"cluster://n1,n2:7000/0",
		{CLUSTER, .host_count = 2, .hosts = {{"n1", 6379}, {"n2", 7000}}},
		"cluster://n1:6379,n2:7000"},
	{"clusters://u:p@n1/",
		{CLUSTER, .tls = true, .host_count = 1, .hosts = {{"n1", 6379}}, .user = "u",
			.password = "p"},
		"cluster://n1:6379"},
};

/* What is wrong, or what would be right, as it is said. */
static const struct {
	const char *url, *said;
} told[] = {
	{"redis://h:99999", "the port is no number from 1 to 65535"},
	{"redis://h:0", "the port is no number from 1 to 65535; it should be redis://"},
	{"sentinel://a,b:x/m", "the port is no number from 1 to 65535; it should be sentinel://"},
	{"redis://", "a host is missing"},
	{"sentinel://a,,b/m", "a host is missing"},
	{"sentinel://a,A:26379/m", "a host is named twice"},
	{"cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "there are more than 16 hosts"},
	{"redis://2001:db8::1:6379", "an IPv6 address stands in brackets"},
	{"redis://[2001:db8::1", "the bracket [ does not end"},
	{"redis://[host]:6379", "no IPv6 address"},
	{"redis://[::1%]", "no IPv6 address"},
	{"redis://[::1]x", "only a port may follow"},
	{"redis://999.1.1.1", "neither a name nor an address"},
	{"redis://-h-", "neither a name nor an address"},
	{"redis://a..b", "neither a name nor an address"},
	{"redis://%%%", "neither a name nor an address"},
	{"redis://ho st", "neither a name nor an address"},
	{"redis://h?db=1", "a database stands behind a slash"},
	{"redis://h/99999", "no number from 0 to 65535"},
	{"sentinel://h/m/99999", "no number from 0 to 65535"},
	{"unix://path", "should be like unix:/run/redis"},
	{"unix:/", "that of a folder"},
	{"unix:/run/redis/", "that of a folder"},
	{"unix:/r?db=1&db=2", "each once"},
	{"unix:/r?user=a&user=b", "each once"},
	{"localhost", "should be like redis://host:6379/0"},
	{"localhost:6379", "should be like redis://host:6379/0"},
	{"192.0.2.7", "should be like redis://host:6379/0"},
	{"redi://h", "should be like redis://[user@]host"},
	{"sentinal://h", "should be like sentinel://"},
	{"/run/redis.sock", "should be like unix:/"},
	{"unx:/run/redis.sock", "should be like unix:/"},
	{"memroy", "should be like memory"},
	{"http://h", "should be memory, or begin with redis://"},
	{"redis:/h", "should be like redis://host:6379/0"},
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
	"rediss://",
	"redis://h1,h2",
	"redis://h,",
	"redis://h/1/2",
	"redis-sentinel://h/m",
	"sentinel:h/m",
	"sentinel://",
	"sentinel://h",
	"sentinel://h/",
	"sentinel://h//1",
	"sentinel:///m",
	"sentinel://h,/m",
	"sentinel://h/m/x",
	"sentinel://h/m/1/2",
	"sentinel://h/m m",
	"sentinel://h/m?db=1",
	"sentinel://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q/m",
	"cluster:h",
	"cluster://",
	"cluster://h,,h",
	"cluster://h/1",
	"cluster://h/m",
	"redis+cluster://h",
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
		assert_int_equal(url.tls, good[i].expected.tls);
		assert_int_equal(url.host_count, good[i].expected.host_count);
		for (size_t j = 0; j < url.host_count; j++) {
			assert_string_equal(url.hosts[j].name, good[i].expected.hosts[j].name);
			assert_int_equal(url.hosts[j].port, good[i].expected.hosts[j].port);
		}
		assert_string_equal(url.primary, good[i].expected.primary);
		assert_string_equal(url.path, good[i].expected.path);
		assert_string_equal(url.user, good[i].expected.user);
		assert_string_equal(url.password, good[i].expected.password);
		assert_int_equal(url.database, good[i].expected.database);
		store_url_show(&url, shown, sizeof(shown));
		assert_string_equal(shown, good[i].shown);
	}
}

static void says_which_part_is_wrong(void **state)
{
	struct store_url url;
	char why[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(told); i++) {
		if (store_url_parse(told[i].url, &url, why, sizeof(why)))
			fail_msg("%s was taken", told[i].url);
		if (strstr(why, told[i].said) == NULL)
			fail_msg("%s: %s", told[i].url, why);
	}
}

static void refuses_the_rest_and_says_why(void **state)
{
	char name[600], why[256];
	struct store_url url;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		why[0] = '\0';
		if (store_url_parse(bad[i], &url, why, sizeof(why)))
			fail_msg("%s was taken", bad[i]);
		/* What is wrong, and what would be right. */
		assert_true(strlen(why) > 10);
	}
	assert_false(store_url_parse("redis-sentinel://h/m", &url, why, sizeof(why)));
	assert_non_null(strstr(why, "should be like sentinel://"));
	assert_false(store_url_parse("sentinel://h", &url, why, sizeof(why)));
	assert_non_null(strstr(why, "/mymaster"));
	assert_false(store_url_parse("cluster://h/3", &url, why, sizeof(why)));
	assert_non_null(strstr(why, "database 0 only"));
	/* Too long, and without the secret in the sentence. */
	for (size_t i = 0; i < 5; i++) {
		static const char *const starts[] = {"redis://", "redis://u:secret",
			"redis://secret:", "unix:/", "sentinel://u:secret"};
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
		cmocka_unit_test(says_which_part_is_wrong),
		cmocka_unit_test(refuses_the_rest_and_says_why),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
