/* SPDX-License-Identifier: BSD-2-Clause */
/* Redis as it is run in production: each way to reach it, to log in, and to be wrong about it. */
#include <stdlib.h>

#include "../../tests/lib/private_group.h"
#include "../../tests/lib/store_works.h"

static struct private_group group;

static void over_tcp_and_databases(void **state)
{
	static char port[8];
	static const char *const listening[] = {"--port", port, "--bind", "127.0.0.1", NULL};
	struct store_options options = options_at(NULL, NULL, 5000);
	char url[128];

	(void)state;
	snprintf(port, sizeof(port), "%d", private_redis_free_port());
	private_redis_start(&redis, listening);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%s/0", port);
	options.url = url;
	works(&options, "single");
	snprintf(url, sizeof(url), "valkey://localhost:%s/7", port);
	works(&options, "single");
	snprintf(url, sizeof(url), "unix:%s?db=15", redis.socket);
	works(&options, "single");
	snprintf(url, sizeof(url), "redis://127.0.0.1:%s/16", port);
	is_down(&options, "check the database number");
	snprintf(url, sizeof(url), "sentinel://127.0.0.1:%s/mail", port);
	is_down(&options, "sentinel 127.0.0.1");
	snprintf(url, sizeof(url), "cluster://127.0.0.1:%s", port);
	is_down(&options, "cluster support disabled");
	private_redis_remove(&redis);
}

static void users_of_an_acl(void **state)
{
	struct store_options options = options_at(NULL, NULL, 5000);
	char url[128], good[128], wrong[128];

	(void)state;
	private_redis_start(&redis, NULL);
	command("ACL SETUSER mail on >sesame ~mailreeve:* +@scripting +@hash +@string +@set "
		"+pexpire +time +scan +ping +select",
		"+OK");
	command("ACL SETUSER default off", "+OK");
	put_file(good, "good", "sesame\n");
	put_file(wrong, "wrong", "open sesame\n");
	options.url = url;
	options.password_file = good;
	snprintf(url, sizeof(url), "unix:%s?user=mail", redis.socket);
	works(&options, "single");
	snprintf(url, sizeof(url), "unix:%s?user=mail&db=3", redis.socket);
	works(&options, "single");
	options.password_file = wrong;
	is_down(&options, "check user and password");
	options.password_file = NULL;
	is_down(&options, "check user and password");
	snprintf(url, sizeof(url), "unix:%s", redis.socket);
	is_down(&options, "a password is needed");
	private_redis_remove(&redis);
}

static void sentinels_with_passwords(void **state)
{
	static const char *const locked[] = {
		"--requirepass", "sesame", "--masterauth", "sesame", NULL};
	struct store_options options = options_at(NULL, NULL, 5000);
	char good[128], of_sentinel[128], url[300];
	struct store *store;

	(void)state;
	put_file(good, "good", "sesame\n");
	put_file(of_sentinel, "of_sentinel", "other sesame\n");
	private_sentinels_start(&group, 1, locked,
		"sentinel auth-pass mail sesame\nrequirepass \"other sesame\"\n"
		"sentinel sentinel-pass \"other sesame\"\n");
	options.url = group.url;
	options.password_file = good;
	options.sentinel_password_file = of_sentinel;
	works(&options, "sentinel");
	options.sentinel_password_file = good;
	is_down(&options, "check user and password");
	options.sentinel_password_file = NULL;
	is_down(&options, "a password is needed");
	options.sentinel_password_file = of_sentinel;
	options.password_file = of_sentinel;
	is_down(&options, "check user and password");
	options.password_file = good;
	snprintf(url, sizeof(url), "%.*sother", (int)strlen(group.url) - 4, group.url);
	options.url = url;
	is_down(&options, "knows no primary named other");
	snprintf(url, sizeof(url), "%s/2", group.url);
	works(&options, "sentinel");
	/* One sentinel of three is enough, and none once the primary is known. */
	private_redis_stop(&group.sentinels[0]);
	private_redis_stop(&group.sentinels[1]);
	store = open_with(&options);
	assert_int_equal(reserve(store, "one", 10), STORE_OK);
	private_redis_stop(&group.sentinels[2]);
	for (int i = 0; i < 5; i++) {
		poll(NULL, 0, 100);
		assert_int_equal(reserve(store, "one", 10), STORE_OK);
	}
	assert_true(is_up(store));
	store_close(&store);
	is_down(&options, "no connection");
	private_group_remove(&group);
}

static void a_cluster_with_passwords(void **state)
{
	static const char *const locked[] = {"--requirepass", "sesame", NULL};
	struct store_options options = options_at(NULL, NULL, 5000);
	char good[128], url[128];

	(void)state;
	put_file(good, "good", "sesame\n");
	private_group_password = "sesame";
	private_cluster_start(&group, 3, 0, locked);
	options.url = group.url;
	options.password_file = good;
	works(&options, "cluster");
	options.password_file = NULL;
	is_down(&options, "a password is needed");
	/* Any node tells of the others; one that is not there is passed over. */
	options.password_file = good;
	snprintf(url, sizeof(url), "cluster://127.0.0.1:1,127.0.0.1:%d", group.nodes[2].port);
	options.url = url;
	works(&options, "cluster");
	/* A node that is taken for a single server. */
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", group.nodes[0].port);
	is_down(&options, "write url = \"cluster://");
	private_group_password = NULL;
	private_group_remove(&group);
}

static void give_rights(const struct private_redis *server, const char *more)
{
	char words[400], reply[128];

	snprintf(words, sizeof(words),
		"ACL SETUSER mail on >sesame ~mailreeve:* +@scripting +@hash +@string +@set "
		"+pexpire "
		"+time +scan +ping %s",
		more);
	private_redis_command(server, words, reply, sizeof(reply));
	assert_string_equal(reply, "+OK");
}

/* What mailreeve.conf(5) says that a user needs, and no more. */
static void rights_in_a_group(void **state)
{
	struct store_options options = options_at(NULL, NULL, 5000);
	char good[128], url[300];

	(void)state;
	put_file(good, "good", "sesame\n");
	options.password_file = good;
	options.url = url;
	private_cluster_start(&group, 3, 0, NULL);
	for (size_t i = 0; i < group.node_count; i++)
		give_rights(&group.nodes[i], "");
	snprintf(url, sizeof(url), "cluster://mail@%s", group.url + strlen("cluster://"));
	is_down(&options, "lacks a right");
	for (size_t i = 0; i < group.node_count; i++)
		give_rights(&group.nodes[i], "+cluster|info +cluster|nodes +asking");
	works(&options, "cluster");
	private_group_remove(&group);

	private_sentinels_start(&group, 1, NULL, NULL);
	give_rights(&group.nodes[0], "");
	snprintf(url, sizeof(url), "sentinel://mail@%s", group.url + strlen("sentinel://"));
	is_down(&options, "lacks a right");
	give_rights(&group.nodes[0], "+role +wait");
	options.wait_replicas = 1;
	options.wait_timeout_ms = 2000;
	works(&options, "sentinel");
	private_group_remove(&group);
}

/* What is no Redis but speaks as one, where this system has it. */
static void valkey(void **state)
{
	struct store_options options = options_at(NULL, NULL, 5000);

	(void)state;
	if (system("command -v valkey-server >/dev/null") != 0) {
		print_message("Valkey: not packaged for this Debian, nothing to try\n");
		return;
	}
	memset(&redis, 0, sizeof(redis));
	private_redis_prepare(&redis);
	redis.program = "valkey-server";
	private_redis_restart(&redis);
	options.url = redis.url;
	works(&options, "single");
	private_redis_remove(&redis);
	print_message("Valkey: works\n");
}

/* What can never work, and the setting to blame. */
static void refused_options(void **state)
{
	static const struct {
		struct store_options options;
		const char *setting, *why;
	} rows[] = {
		{{.url = (char *)(uintptr_t)"redis://h", .tls_ca_file = (char *)(uintptr_t)"/x"},
			"tls_ca_file", "should begin with rediss://"},
		{{.url = (char *)(uintptr_t)"redis://h", .tls_server_name = (char *)(uintptr_t)"x"},
			"tls_server_name", "rediss://"},
		{{.url = (char *)(uintptr_t)"redis://h",
			 .sentinel_password_file = (char *)(uintptr_t)"/x"},
			"sentinel_password_file", "sentinel://host"},
		{{.url = (char *)(uintptr_t)"cluster://h", .sentinel_user = (char *)(uintptr_t)"x"},
			"sentinel_user", "sentinel://host"},
		{{.url = (char *)(uintptr_t)"redis://u:p@h",
			 .password_file = (char *)(uintptr_t)"/x"},
			"password_file", "remove the one in url"},
		{{.wait_replicas = 1}, "wait_replicas", "redis://host"},
		{{.url = (char *)(uintptr_t)"redis://h",
			 .wait_replicas = 1,
			 .wait_timeout_ms = 5000},
			"wait_timeout", "make it shorter"},
		{{.url = (char *)(uintptr_t)"redis://h", .wait_replicas = 17}, "wait_replicas",
			"between 0 and 16"},
		{{.url = (char *)(uintptr_t)"cluster://h/1"}, "url", "database 0 only"},
		{{.url = (char *)(uintptr_t)"sentinel://h"}, "url", "mymaster"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct store_options options = options_at(rows[i].options.url, NULL, 5000);
		const char *setting = "";
		char why[512] = "";

		options.password_file = rows[i].options.password_file;
		options.sentinel_user = rows[i].options.sentinel_user;
		options.sentinel_password_file = rows[i].options.sentinel_password_file;
		options.tls_ca_file = rows[i].options.tls_ca_file;
		options.tls_server_name = rows[i].options.tls_server_name;
		options.wait_replicas = rows[i].options.wait_replicas;
		options.wait_timeout_ms = rows[i].options.wait_timeout_ms;
		assert_false(store_options_verify(&options, &setting, why, sizeof(why)));
		assert_string_equal(setting, rows[i].setting);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, why);
		assert_null(store_open(&options, why, sizeof(why)));
	}
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(refused_options, forget),
		cmocka_unit_test_setup(over_tcp_and_databases, forget),
		cmocka_unit_test_setup(users_of_an_acl, forget),
		cmocka_unit_test_setup(sentinels_with_passwords, forget),
		cmocka_unit_test_setup(a_cluster_with_passwords, forget),
		cmocka_unit_test_setup(rights_in_a_group, forget),
		cmocka_unit_test_setup(valkey, forget),
	};

	return cmocka_run_group_tests(cases, make_folder, remove_folder);
}
