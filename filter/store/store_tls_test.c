/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS to a Redis, to its sentinels and to the nodes of a cluster, where hiredis has it. */
#include <stdlib.h>
#include <sys/wait.h>

#include "../../tests/lib/private_group.h"
#include "../../tests/lib/store_works.h"
#include "redis_slots.h"

static struct private_group group;
static char paths[5][128];
enum { SERVER_PEM, SERVER_KEY, CA_PEM, CLIENT_PEM, CLIENT_KEY };

static void run_openssl(const char *line)
{
	char shell[1024];
	int status;

	snprintf(shell, sizeof(shell), "cd %s && openssl %s >/dev/null 2>&1", folder, line);
	status = system(shell);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("openssl %s", line);
}

static int make_certificates(void **state)
{
	static const char *const names[] = {
		"server.pem", "server.key", "ca.pem", "client.pem", "client.key"};
	char path[128];

	if (make_folder(state) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
	run_openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key "
		    "-out ca.pem -subj /CN=authority -days 2");
	run_openssl(
		"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key "
		"-out other.pem -subj /CN=other -days 2");
	put_file(path, "server.ext", "subjectAltName=IP:127.0.0.1,DNS:redis.example.org\n");
	run_openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key "
		    "-out server.csr -subj /CN=redis");
	run_openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
		    "-extfile server.ext -out server.pem");
	run_openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout client.key "
		    "-out client.csr -subj /CN=mailreeve");
	run_openssl("x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
		    "-out client.pem");
	return 0;
}

/* With all that TLS needs. */
static struct store_options options_over_tls(const char *url)
{
	struct store_options options = options_at(url, NULL, 5000);

	options.tls_ca_file = paths[CA_PEM];
	options.tls_certificate_file = paths[CLIENT_PEM];
	options.tls_key_file = paths[CLIENT_KEY];
	return options;
}

/* A build without refuses it, with the setting and the reason. */
static bool is_built(const char *url)
{
	struct store_options options = options_over_tls(url);
	const char *setting = "";
	char why[512] = "";

	if (store_options_verify(&options, &setting, why, sizeof(why)))
		return true;
	assert_string_equal(setting, "url");
	assert_non_null(strstr(why, "built without TLS to Redis"));
	assert_null(store_open(&options, why, sizeof(why)));
	print_message("left out: %s is refused, this hiredis has no TLS\n", url);
	return false;
}

/* A wrong certificate, on their side or ours, and no TLS at all. PLAIN: the same place without. */
static void refuses_strangers(const struct store_options *good, const char *plain)
{
	struct store_options options = *good;
	char other[128];

	snprintf(other, sizeof(other), "%s/other.pem", folder);
	options.tls_server_name = (char *)(uintptr_t)"redis.example.com";
	is_down(&options, "certificate");
	options.tls_server_name = NULL;
	options.tls_ca_file = other;
	is_down(&options, "certificate");
	options.tls_ca_file = good->tls_ca_file;
	options.tls_certificate_file = options.tls_key_file = NULL;
	is_down(&options, "");
	options.tls_ca_file = NULL;
	options.url = (char *)(uintptr_t)plain;
	is_down(&options, "");
}

static void a_single_server(void **state)
{
	static char port[8];
	static const char *const tls[] = {"--tls-port", port, "--bind", "127.0.0.1",
		"--tls-cert-file", paths[SERVER_PEM], "--tls-key-file", paths[SERVER_KEY],
		"--tls-ca-cert-file", paths[CA_PEM], "--tls-auth-clients", "yes", NULL};
	struct store_options options;
	char url[128], plain[128];

	(void)state;
	snprintf(port, sizeof(port), "%d", private_redis_free_port());
	snprintf(url, sizeof(url), "rediss://127.0.0.1:%s", port);
	snprintf(plain, sizeof(plain), "redis://127.0.0.1:%s", port);
	if (!is_built(url))
		return;
	options = options_over_tls(url);
	private_redis_start(&redis, tls);
	works(&options, "single");
	options.tls_server_name = (char *)(uintptr_t)"redis.example.org";
	works(&options, "single");
	options.tls_server_name = NULL;
	refuses_strangers(&options, plain);
	private_redis_remove(&redis);
	print_message("TLS to a single Redis: spoken\n");
}

/* A key of another certificate, and files that are none. */
static void files_that_cannot_be_used(void **state)
{
	struct store_options options = options_over_tls("rediss://127.0.0.1");
	const char *setting = "";
	char why[512] = "";

	(void)state;
	if (!is_built(options.url))
		return;
	options.tls_key_file = paths[SERVER_KEY];
	assert_false(store_options_verify(&options, &setting, why, sizeof(why)));
	assert_string_equal(setting, "tls_key_file");
	options.tls_key_file = NULL;
	assert_false(store_options_verify(&options, &setting, why, sizeof(why)));
	assert_string_equal(setting, "tls_certificate_file");
	options.tls_certificate_file = NULL;
	options.tls_ca_file = paths[CLIENT_KEY];
	assert_false(store_options_verify(&options, &setting, why, sizeof(why)));
	assert_string_equal(setting, "tls_ca_file");
}

static const struct private_group_tls group_tls = {
	.certificate = paths[SERVER_PEM], .key = paths[SERVER_KEY], .authority = paths[CA_PEM]};

/* "sentinels://..." without its s. */
static void without_tls(char plain[300], const char *url)
{
	const char *rest = strstr(url, "s://");

	assert_non_null(rest);
	snprintf(plain, 300, "%.*s%s", (int)(rest - url), url, rest + 1);
}

static void await_primary(struct store *store, int port)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct store_state now;
	int named;

	do {
		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 5);
		store_state(store, &now);
		named = 0;
		(void)sscanf(now.primary, "127.0.0.1:%d", &named);
	} while (!now.up || named != port);
}

static void sentinels_and_a_failover(void **state)
{
	struct store_options options;
	struct store *store;
	char plain[300];

	(void)state;
	if (!is_built("sentinels://127.0.0.1/mail"))
		return;
	private_group_tls = &group_tls;
	private_sentinels_start(&group, 1, NULL, NULL);
	options = options_over_tls(group.url);
	works(&options, "sentinel");
	without_tls(plain, group.url);
	refuses_strangers(&options, plain);
	options.wait_replicas = 1;
	options.wait_timeout_ms = 4000;
	store = open_with(&options);
	await_primary(store, group.nodes[0].port);
	assert_int_equal(reserve(store, "tls", 2), STORE_OK);
	private_redis_stop(&group.nodes[0]);
	store_close(&store);
	options.wait_replicas = 0;
	store = open_with(&options);
	await_primary(store, group.nodes[1].port);
	assert_int_equal(used(store, "tls"), 1);
	assert_int_equal(reserve(store, "tls", 2), STORE_OK);
	assert_int_equal(reserve(store, "tls", 2), STORE_OVER);
	store_close(&store);
	private_group_remove(&group);
	private_group_tls = NULL;
	print_message("TLS to sentinels and their servers: spoken, a failover followed\n");
}

static void reply_of(size_t node, const char *wanted, const char *words)
{
	char reply[512];

	private_redis_command(&group.nodes[node], words, reply, sizeof(reply));
	if (strncmp(reply, wanted, strlen(wanted)) != 0)
		fail_msg("%s: %s", words, reply);
}

/* To the third node, with all nodes told; no key is in it. */
static void move_empty_slot(unsigned slot)
{
	char words[128];

	snprintf(words, sizeof(words), "CLUSTER SETSLOT %u NODE %s", slot, group.ids[2]);
	for (size_t i = 3; i-- > 0;)
		reply_of(i, "+OK", words);
}

static void a_cluster_and_a_slot_that_moves(void **state)
{
	struct store_options options;
	struct store_state now;
	struct store *store;
	char plain[300], key[STORE_KEY_SIZE], name[128];
	unsigned slot;
	int i = 0;

	(void)state;
	if (!is_built("clusters://127.0.0.1"))
		return;
	private_group_tls = &group_tls;
	private_cluster_start(&group, 3, 0, NULL);
	options = options_over_tls(group.url);
	works(&options, "cluster");
	without_tls(plain, group.url);
	refuses_strangers(&options, plain);
	/* A key that the first node has. */
	do {
		snprintf(key, sizeof(key), "moves%d", i++);
		snprintf(name, sizeof(name), "mailreeve:w:%s:%d", key, HOUR_MS);
		slot = redis_slot(name, strlen(name));
	} while (slot >= 16384 / 3);
	store = open_with(&options);
	assert_true(is_up(store));
	move_empty_slot(slot);
	assert_int_equal(reserve(store, key, 1), STORE_OK);
	assert_int_equal(reserve(store, key, 1), STORE_OVER);
	store_state(store, &now);
	assert_in_range(now.redirected, 1, 2);
	assert_int_equal(now.servers_up, 3);
	store_close(&store);
	private_group_remove(&group);
	private_group_tls = NULL;
	print_message("TLS to a cluster: spoken, a slot that moved followed\n");
}

int main(void)
{
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(a_single_server, forget),
		cmocka_unit_test_setup(files_that_cannot_be_used, forget),
		cmocka_unit_test_setup(sentinels_and_a_failover, forget),
		cmocka_unit_test_setup(a_cluster_and_a_slot_that_moves, forget),
	};

	return cmocka_run_group_tests(cases, make_certificates, remove_folder);
}
