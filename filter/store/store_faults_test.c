/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a single Redis, by their numbers, each under load. F7 in all its forms is store_fault_test's,
 * F25 store_foreign_test's; a cluster's are store_faults_cluster_test's, a failover's
 * store_faults_sentinel_test's. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../tests/lib/store_load.h"
#include "../../tests/lib/wire_fault.h"

static struct wire_fault wire;

/* Names. ---------------------------------------------------------------------------------------- */

static struct {
	_Atomic bool fails;
	char address[16]; /* changed while FAILS only */
	int port;
} named;

/* Stands in for the C library's: one name, at whatever address it has now. */
int getaddrinfo(const char *restrict node, const char *restrict service,
	const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	static struct {
		struct addrinfo info;
		struct sockaddr_in address;
	} answers[64];
	static _Atomic size_t count;
	size_t at = atomic_fetch_add(&count, 1) % ARRAY_COUNT(answers);

	(void)hints;
	memset(&answers[at], 0, sizeof(answers[at]));
	/* hiredis asks for addresses, too. */
	if (service != NULL)
		answers[at].address.sin_port = htons((uint16_t)strtol(service, NULL, 10));
	if (inet_pton(AF_INET, node, &answers[at].address.sin_addr) != 1 &&
		(strcmp(node, "moving.example") != 0 || atomic_load(&named.fails) ||
			inet_pton(AF_INET, named.address, &answers[at].address.sin_addr) != 1))
		return EAI_AGAIN;
	answers[at].address.sin_family = AF_INET;
	answers[at].info.ai_socktype = SOCK_STREAM;
	answers[at].info.ai_family = AF_INET;
	answers[at].info.ai_addr = (struct sockaddr *)&answers[at].address;
	answers[at].info.ai_addrlen = sizeof(answers[at].address);
	*result = &answers[at].info;
	return 0;
}

void freeaddrinfo(struct addrinfo *result)
{
	(void)result;
}

/* Servers. -------------------------------------------------------------------------------------- */

static const char *const keeping[] = {"--appendonly", "yes", "--appendfsync", "always",
	"--enable-debug-command", "yes", "--enable-protected-configs", "yes", NULL};

static void restart_with(const char *const *options)
{
	private_redis_remove(&redis);
	private_redis_start(&redis, options);
}

/* The server reads its clock through tests/lib/skewed_clock.so, which adds what stands in a file. */
static void write_clock(int64_t seconds)
{
	char path[128], text[32];
	int fd;

	snprintf(path, sizeof(path), "%s/clock", redis.folder);
	snprintf(text, sizeof(text), "%" PRId64 "\n", seconds);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Until the server goes by it: its time is as far from ours as it should be. */
static void set_clock(int64_t seconds)
{
	enum { NEAR_S = 10 };
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	int64_t ahead;

	write_clock(seconds);
	do {
		char reply[128];
		long long now = 0;

		assert_true(clock_monotonic_ms() < give_up_ms);
		poll(NULL, 0, 10);
		private_redis_ask(&redis, "TIME", reply, sizeof(reply));
		(void)sscanf(reply, "*2\r\n$%*d\r\n%lld", &now);
		ahead = now - (int64_t)(clock_wall_ms() / 1000);
	} while (ahead < seconds - NEAR_S || ahead > seconds + NEAR_S);
}

static char skewed_clock[PATH_MAX]; /* the library's path */

static void restart_with_clock(void)
{
	static char file[128];

	private_redis_remove(&redis);
	memset(&redis, 0, sizeof(redis));
	private_redis_prepare(&redis);
	snprintf(file, sizeof(file), "%s/clock", redis.folder);
	redis.preload = skewed_clock;
	redis.clock_file = file;
	write_clock(0);
	private_redis_restart(&redis);
}

static int start_keeping(void **state)
{
	(void)state;
	private_redis_start(&redis, keeping);
	return 0;
}

/* Behind a network that misbehaves. */
static struct store *open_wired(int64_t timeout_ms)
{
	wire_fault_start(&wire, redis.socket);
	return open_at(wire.url, NULL, timeout_ms);
}

/* Faults of the server. ------------------------------------------------------------------------- */

static void f01_killed_and_restarted_with_its_data(void **state)
{
	struct load load;

	(void)state;
	load_start(&load, open_at(redis.url, NULL, 5000), "F1", LOAD_LIMIT);
	load_to(&load, 300);
	private_redis_stop(&redis);
	load_until_down(&load);
	load_refused(&load, 100);
	private_redis_restart(&redis);
	load_settle(&load, 1);
}

/* The data is gone: once the limit more, and the log says that counts were lost. */
static void f02_killed_and_restarted_empty(void **state)
{
	struct load load;

	(void)state;
	restart_with(NULL);
	load_start(&load, open_at(redis.url, NULL, 5000), "F2", LOAD_LIMIT);
	load_to(&load, 300);
	private_redis_stop(&redis);
	load_until_down(&load);
	private_redis_restart(&redis);
	load_recover(&load);
	atomic_store(&load.gate, INT64_MAX);
	load_await(&load.refused, 1, "refused");
	load_end_unsettled(&load);
	assert_in_range(atomic_load(&load.accepted), 300, 2 * LOAD_LIMIT);
	await_lines(&said.up, 1);
	await_lines(&said.lost_counts, 1);
	assert_int_equal(said.lost_counts, 1);
	assert_int_equal(said.down, 1);
	store_close(&load.store);
	restart_with(keeping);
}

static void f03_stopped(void **state)
{
	struct load load;

	(void)state;
	load_start(&load, open_at(redis.url, NULL, 100), "F3", LOAD_LIMIT);
	load_to(&load, 300);
	kill(redis.pid, SIGSTOP);
	load_until_down(&load);
	load_refused(&load, 1000);
	if (load_rounds() > 1)
		poll(NULL, 0, 5000);
	assert_few_late(&load);
	kill(redis.pid, SIGCONT);
	load_settle(&load, -1);
}

/* 200 ms, then 2 s. A reply that comes late is never taken for another's. */
static void f04_slow(void **state)
{
	struct load load;

	(void)state;
	load_start(&load, open_wired(100), "F4", LOAD_LIMIT);
	load_to(&load, 300);
	wire_fault_set(&wire, WIRE_DELAY, 200, -1);
	load_until_down(&load);
	load_refused(&load, 500);
	assert_few_late(&load);
	wire_fault_set(&wire, WIRE_DELAY, 2000, -1);
	load_refused(&load, 500);
	assert_few_late(&load);
	wire_fault_set(&wire, WIRE_CLEAN, 0, 0);
	load_settle(&load, -1);
	wire_fault_stop(&wire);
}

static void f05_a_byte_a_second(void **state)
{
	struct load load;

	(void)state;
	load_start(&load, open_wired(100), "F5", LOAD_LIMIT);
	load_to(&load, 300);
	wire_fault_set(&wire, WIRE_DRIP, 1000, -1);
	load_until_down(&load);
	load_refused(&load, 500);
	assert_few_late(&load);
	wire_fault_set(&wire, WIRE_CLEAN, 0, 0);
	load_settle(&load, -1);
	wire_fault_stop(&wire);
}

/* What hits single replies: one more try brings it, and nobody is told that the store is down. */
static void struck(const char *key, enum wire_fault_kind kind, int amount, int times)
{
	struct load load;

	load_start(&load, open_wired(5000), key, LOAD_LIMIT);
	for (int i = 1; i <= times; i++) {
		load_to(&load, 800 / times * i);
		wire_fault_set(&wire, kind, amount, 1);
	}
	load_settle(&load, -1);
	assert_in_range(atomic_load(&wire.hits), 1, times);
	wire_fault_stop(&wire);
}

static void f06_part_of_a_reply_then_reset(void **state)
{
	(void)state;
	struck("F6", WIRE_CUT, 7, 20);
}

static void f07_other_bytes_than_a_reply(void **state)
{
	(void)state;
	struck("F7", WIRE_GARBAGE, 0, 2);
}

static void f08_reset_before_the_reply(void **state)
{
	(void)state;
	struck("F8", WIRE_SWALLOW, 0, 20);
}

/* Nobody else made it, so it is made: an alarm is not lost with the reply. */
static void f08_claim_without_a_reply(void **state)
{
	struct store *store = open_wired(5000);

	(void)state;
	for (int i = 0; i < 20; i++) {
		bool claimed = false;
		char name[32];

		snprintf(name, sizeof(name), "claim%d", i);
		wire_fault_set(&wire, WIRE_SWALLOW, 0, 1);
		assert_int_equal(store_claim(store, name, HOUR_MS, &claimed), STORE_OK);
		assert_true(claimed);
		assert_int_equal(store_claim(store, name, HOUR_MS, &claimed), STORE_OK);
		assert_false(claimed);
	}
	assert_in_range(atomic_load(&wire.hits), 1, 20);
	store_close(&store);
	wire_fault_stop(&wire);
}

static void f09_end_in_the_middle_of_replies(void **state)
{
	(void)state;
	struck("F9", WIRE_END, 23, 20);
}

static void f10_scripts_flushed_all_the_time(void **state)
{
	struct load load;

	(void)state;
	load_start(&load, open_at(redis.url, NULL, 20000), "F10", LOAD_LIMIT);
	for (int i = 1; i <= 80; i++) {
		command("SCRIPT FLUSH", "+OK");
		load_to(&load, 10 * i);
	}
	assert_int_equal(atomic_load(&load.down), 0);
	load_settle(&load, 0);
}

/* Why it is down. Where connections end, too, some hear of their end first: who writes before he has read the
 * refusal, or comes while nobody listens. */
static void assert_reason(const char *wanted)
{
	if (!said_last(wanted) && !said_last("connection lost") && !said_last("no connection"))
		fail_msg("\"%s\" instead of \"%s\"", said.last, wanted);
}

/* Commands that make the server refuse, and what ends it. */
static void refused(const char *key, const char *cause, const char *cure, const char *reason)
{
	struct load load;

	load_start(&load, open_at(redis.url, NULL, 5000), key, LOAD_LIMIT);
	load_to(&load, 300);
	command(cause, "+OK");
	load_until_down(&load);
	load_refused(&load, 100);
	await_said(reason);
	command(cure, "+OK");
	load_settle(&load, 1);
}

static void f11_demoted_to_a_replica(void **state)
{
	(void)state;
	refused("F11", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "READONLY");
}

static void f12_out_of_memory(void **state)
{
	(void)state;
	refused("F12", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "maxmemory");
}

/* Redis pauses between keys, and answers between them. */
static void f13_loading(void **state)
{
	static const char *const slowly[] = {"--enable-debug-command", "yes", "--key-load-delay",
		"500", "--loading-process-events-interval-bytes", "1024", NULL};
	struct load load;

	(void)state;
	restart_with(slowly);
	command("DEBUG POPULATE 3000", "+OK");
	load_start(&load, open_at(redis.url, NULL, 5000), "F13", LOAD_LIMIT);
	load_to_quiet(&load, 300);
	command("SAVE", "+OK");
	private_redis_stop(&redis);
	private_redis_restart_loading(&redis);
	load_until_down(&load);
	load_refused(&load, 100);
	assert_reason("LOADING");
	load_settle(&load, 1);
	restart_with(keeping);
}

/* Until the server answers COMMAND with something that holds WORDS. */
static void await_answer(const char *words, const char *wanted)
{
	uint64_t give_up_ms = clock_monotonic_ms() + PATIENCE_MS;
	char reply[4096];

	do {
		assert_true(clock_monotonic_ms() < give_up_ms);
		private_redis_ask(&redis, words, reply, sizeof(reply));
		poll(NULL, 0, 1);
	} while (strstr(reply, wanted) == NULL);
}

static void f14_disk_full(void **state)
{
	struct load load;
	char words[256], gone[128];

	(void)state;
	snprintf(gone, sizeof(gone), "%s/gone", redis.folder);
	assert_int_equal(mkdir(gone, 0700), 0);
	load_start(&load, open_at(redis.url, NULL, 5000), "F14", LOAD_LIMIT);
	load_to(&load, 300);
	command("CONFIG SET save \"3600 1000000\"", "+OK");
	snprintf(words, sizeof(words), "CONFIG SET dir %s", gone);
	command(words, "+OK");
	assert_int_equal(rmdir(gone), 0);
	command("BGSAVE", "+");
	await_answer("INFO persistence", "rdb_last_bgsave_status:err");
	load_until_down(&load);
	load_refused(&load, 100);
	await_said("MISCONF");
	snprintf(words, sizeof(words), "CONFIG SET dir %s", redis.folder);
	command(words, "+OK");
	command("BGSAVE", "+");
	load_settle(&load, 1);
	command("CONFIG SET save \"\"", "+OK");
}

static void *run_for_ever(void *unused)
{
	char reply[128];

	private_redis_command(&redis, "EVAL \"while true do end\" 0", reply, sizeof(reply));
	return unused;
}

static void f15_busy_with_a_script(void **state)
{
	struct load load;
	pthread_t script;
	char reply[128];

	(void)state;
	command("CONFIG SET busy-reply-threshold 50", "+OK");
	load_start(&load, open_at(redis.url, NULL, 5000), "F15", LOAD_LIMIT);
	load_to(&load, 300);
	assert_int_equal(pthread_create(&script, NULL, run_for_ever, NULL), 0);
	await_answer("PING", "BUSY");
	load_until_down(&load);
	load_refused(&load, 100);
	await_said("BUSY");
	do
		private_redis_command(&redis, "SCRIPT KILL", reply, sizeof(reply));
	while (strncmp(reply, "+OK", 3) != 0 && strncmp(reply, "-NOTBUSY", 8) != 0);
	assert_int_equal(pthread_join(script, NULL), 0);
	load_settle(&load, 1);
}

static void f16_rights_taken_away(void **state)
{
	(void)state;
	refused("F16a", "ACL SETUSER default -hset", "ACL SETUSER default +@all", "lacks a right");
}

/* Existing connections stay logged in, new ones are not let in. */
static void f16_password_changed(void **state)
{
	struct load load;

	(void)state;
	load_start(&load, open_at(redis.url, NULL, 5000), "F16b", LOAD_LIMIT);
	load_to(&load, 300);
	command("CONFIG SET requirepass sesame", "+OK");
	command("AUTH sesame\r\nCLIENT KILL TYPE normal SKIPME yes", "+OK");
	load_until_down(&load);
	load_refused(&load, 100);
	assert_reason("a password is needed");
	command("AUTH sesame\r\nCONFIG SET requirepass \"\"", "+OK");
	load_settle(&load, 1);
}

/* Counts that are gone are said to be; nothing else is amiss. */
static void f24_emptied(void **state)
{
	struct load load;

	(void)state;
	load_start(&load, open_at(redis.url, NULL, 20000), "F24", LOAD_LIMIT);
	load_to(&load, 300);
	command("FLUSHALL", "+OK");
	atomic_store(&load.gate, INT64_MAX);
	load_await(&load.refused, 1, "refused");
	load_end_unsettled(&load);
	assert_in_range(
		atomic_load(&load.accepted), LOAD_LIMIT + 300, LOAD_LIMIT + 300 + LOAD_THREADS);
	assert_int_equal(atomic_load(&load.down), 0);
	await_lines(&said.lost_counts, 1);
	assert_int_equal(said.lost_counts, 1);
	assert_int_equal(said.down, 0);
	store_close(&load.store);
}

static void f25_keys_of_somebody_else(void **state)
{
	struct store *store = open_at(redis.url, NULL, 20000);
	struct load load;

	(void)state;
	command("SET mailreeve:w:F25other:3600000 text", "+OK");
	load_start(&load, store, "F25", LOAD_LIMIT);
	load_to(&load, 300);
	for (int i = 0; i < 50; i++)
		assert_int_equal(reserve(store, "F25other", 10), STORE_DOWN);
	assert_true(is_up(store));
	load_settle(&load, 0);
}

/* Back by an hour, ahead by less than the window, and back again: nothing is forgotten. (By a clock that is
 * ahead by a whole window, the window is over.) */
static void f26_clock_of_the_host(void **state)
{
	static const int64_t skews[] = {-3600, 0, 1800, 0, -60, 0};
	struct load load;

	(void)state;
	restart_with_clock();
	load_start(&load, open_at(redis.url, NULL, 5000), "F26", LOAD_LIMIT);
	load_to_quiet(&load, 200);
	for (size_t i = 0; i < ARRAY_COUNT(skews); i++) {
		set_clock(skews[i]);
		load_to_quiet(&load, 200 + 100 * (int64_t)(i + 1));
		assert_int_equal(used(load.store, "F26"), atomic_load(&load.accepted));
	}
	load_settle(&load, 0);
	restart_with(keeping);
}

/* On a connection that stays. */
static int connect_to_redis(void)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path.sun_path, sizeof(path.sun_path), "%s", redis.socket);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&path, sizeof(path)), 0);
	return fd;
}

static void send_words(int fd, const char *words)
{
	assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
}

/* The one client that may be there is the test. */
static void f27_no_more_clients(void **state)
{
	struct load load;
	int fd;

	(void)state;
	load_start(&load, open_at(redis.url, NULL, 5000), "F27", LOAD_LIMIT);
	load_to(&load, 300);
	fd = connect_to_redis();
	send_words(fd, "CONFIG SET maxclients 1\r\nCLIENT KILL TYPE normal SKIPME yes\r\n");
	load_until_down(&load);
	load_refused(&load, 100);
	assert_reason("max number of clients");
	send_words(fd, "CONFIG SET maxclients 1000\r\n");
	load_settle(&load, 1);
	close(fd);
}

/* The name of a Redis moves to another address, and cannot be asked for in between. */
static void f28_name_of_the_host(void **state)
{
	struct wire_fault second;
	struct store *store;
	struct load load;
	char url[64];

	(void)state;
	wire_fault_start(&wire, redis.socket);
	named.port = wire.port;
	snprintf(url, sizeof(url), "redis://moving.example:%d", wire.port);
	snprintf(named.address, sizeof(named.address), "127.0.0.1");
	store = open_at(url, NULL, 5000);
	load_start(&load, store, "F28", LOAD_LIMIT);
	load_to(&load, 300);
	atomic_store(&named.fails, true);
	wire_fault_stop(&wire);
	load_until_down(&load);
	load_refused(&load, 100);
	/* The same server, at another address. */
	wire_fault_start_at(&second, redis.socket, "127.0.0.2", named.port);
	snprintf(named.address, sizeof(named.address), "127.0.0.2");
	atomic_store(&named.fails, false);
	load_settle(&load, 1);
	wire_fault_stop(&second);
}

int main(int argc, char **argv)
{
	char *slash = strrchr(argv[0], '/');
	char path[PATH_MAX];

	(void)argc;
	snprintf(path, sizeof(path), "%.*s/../../tests/tools/skewed_clock.so",
		slash == NULL ? 1 : (int)(slash - argv[0]), slash == NULL ? "." : argv[0]);
	if (realpath(path, skewed_clock) == NULL) {
		perror(path);
		return 1;
	}
	static const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(f01_killed_and_restarted_with_its_data, forget),
		cmocka_unit_test_setup(f02_killed_and_restarted_empty, forget),
		cmocka_unit_test_setup(f03_stopped, forget),
		cmocka_unit_test_setup(f04_slow, forget),
		cmocka_unit_test_setup(f05_a_byte_a_second, forget),
		cmocka_unit_test_setup(f06_part_of_a_reply_then_reset, forget),
		cmocka_unit_test_setup(f07_other_bytes_than_a_reply, forget),
		cmocka_unit_test_setup(f08_reset_before_the_reply, forget),
		cmocka_unit_test_setup(f08_claim_without_a_reply, forget),
		cmocka_unit_test_setup(f09_end_in_the_middle_of_replies, forget),
		cmocka_unit_test_setup(f10_scripts_flushed_all_the_time, forget),
		cmocka_unit_test_setup(f11_demoted_to_a_replica, forget),
		cmocka_unit_test_setup(f12_out_of_memory, forget),
		cmocka_unit_test_setup(f13_loading, forget),
		cmocka_unit_test_setup(f14_disk_full, forget),
		cmocka_unit_test_setup(f15_busy_with_a_script, forget),
		cmocka_unit_test_setup(f16_rights_taken_away, forget),
		cmocka_unit_test_setup(f16_password_changed, forget),
		cmocka_unit_test_setup(f24_emptied, forget),
		cmocka_unit_test_setup(f25_keys_of_somebody_else, forget),
		cmocka_unit_test_setup(f26_clock_of_the_host, forget),
		cmocka_unit_test_setup(f27_no_more_clients, forget),
		cmocka_unit_test_setup(f28_name_of_the_host, forget),
	};

	return load_run_rounds(cases, start_keeping, remove_all);
}
