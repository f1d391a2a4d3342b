/* SPDX-License-Identifier: BSD-2-Clause */
#include "private_redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "compiler.h"

enum { START_MS = 20000, ARGUMENTS_MAX = 24 };

static ATTR_NORETURN void give_up(const char *what)
{
	fprintf(stderr, "private redis: %s: %s\n", what, strerror(errno));
	abort();
}

static int connect_to(const struct sockaddr *address, socklen_t size)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		give_up("socket");
	if (connect(fd, address, size) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_once(const struct private_redis *redis)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	struct sockaddr_in port = {.sin_family = AF_INET, .sin_port = htons((uint16_t)redis->port)};

	port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (redis->is_sentinel)
		return connect_to((const struct sockaddr *)&port, sizeof(port));
	snprintf(path.sun_path, sizeof(path.sun_path), "%s", redis->socket);
	return connect_to((const struct sockaddr *)&path, sizeof(path));
}

/* From here on the system takes ports for connections; one that a server gives up while it restarts
 * could be taken by any. */
static int first_port_of_connections(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
	int first = 0;

	if (file == NULL)
		give_up("ip_local_port_range");
	if (fscanf(file, "%d", &first) != 1 || first < 4096)
		first = 32768;
	fclose(file);
	return first;
}

enum { CLAIMS_MAX = 256 };
static int claims[CLAIMS_MAX];
static size_t claim_count;

/* No other test that runs now takes PORT, though nobody listens there yet: its name is ours. */
static bool claim(int port)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || claim_count == CLAIMS_MAX)
		give_up("no more ports");
	/* In the abstract namespace: gone with the last who has it. */
	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "mailreeve-test-port-%d", port);
	if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) != 0) {
		close(fd);
		return false;
	}
	claims[claim_count++] = fd;
	return true;
}

void private_redis_forget_ports(void)
{
	while (claim_count > 0)
		close(claims[--claim_count]);
}

int private_redis_free_port(void)
{
	enum { TRIES = 1000 };
	struct sockaddr_in address = {.sin_family = AF_INET};
	int end = first_port_of_connections();

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < TRIES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		uint16_t random;
		bool is_free;

		if (fd < 0 || getrandom(&random, sizeof(random), 0) != sizeof(random))
			give_up("no free port");
		address.sin_port = htons((uint16_t)(end / 2 + random % (end / 2)));
		is_free = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
		close(fd);
		if (is_free && claim(ntohs(address.sin_port)))
			return ntohs(address.sin_port);
	}
	give_up("no free port");
}

static void send_command(int fd, const char *command)
{
	char line[512];
	int length = snprintf(line, sizeof(line), "%s\r\n", command);

	if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length)
		give_up("send");
}

static void read_line(int fd, char *reply, size_t size)
{
	size_t used = 0;
	char c = '\0';

	while (used + 1 < size && c != '\n' && recv(fd, &c, 1, 0) == 1)
		if (c != '\r' && c != '\n')
			reply[used++] = c;
	reply[used] = '\0';
}

void private_redis_command(
	const struct private_redis *redis, const char *command, char *reply, size_t size)
{
	int fd = connect_once(redis);

	if (fd < 0)
		give_up("connect");
	send_command(fd, command);
	read_line(fd, reply, size);
	close(fd);
}

void private_redis_ask(
	const struct private_redis *redis, const char *command, char *reply, size_t size)
{
	int fd = connect_once(redis);
	size_t used = 0;
	ssize_t got;

	reply[0] = '\0';
	if (fd < 0)
		return;
	send_command(fd, command);
	if (shutdown(fd, SHUT_WR) != 0)
		give_up("shutdown");
	while (used + 1 < size && (got = recv(fd, reply + used, size - 1 - used, 0)) > 0)
		used += (size_t)got;
	reply[used] = '\0';
	close(fd);
}

/* Any answer but "loading" means that it is ready: a server with a password says NOAUTH. */
static bool answers(const struct private_redis *redis, bool loaded)
{
	char reply[128] = "";
	int fd = connect_once(redis);

	if (fd < 0)
		return false;
	send_command(fd, "PING");
	read_line(fd, reply, sizeof(reply));
	close(fd);
	return reply[0] != '\0' && (!loaded || strstr(reply, "LOADING") == NULL);
}

static void run_server(const struct private_redis *redis, pid_t parent)
{
	const char *server[ARGUMENTS_MAX + PRIVATE_REDIS_OPTIONS_MAX] = {"redis-server", "--port",
		"0", "--unixsocket", redis->socket, "--dir", redis->folder, "--save", "",
		"--appendonly", "no", "--daemonize", "no", "--loglevel", "notice", "--logfile",
		"redis.log"};
	const char *sentinel[] = {"redis-server", redis->options[0], "--sentinel", NULL};
	const char **arguments = redis->is_sentinel ? sentinel : server;
	const char *program =
		redis->program != NULL ? redis->program : getenv("MAILREEVE_REDIS_SERVER");
	size_t count = 0;

	while (arguments[count] != NULL)
		count++;
	for (size_t i = 0; redis->options[i] != NULL && !redis->is_sentinel; i++)
		arguments[count++] = redis->options[i];
	if (redis->is_sentinel && chdir(redis->folder) != 0)
		_exit(127);
	if (redis->preload != NULL && (setenv("LD_PRELOAD", redis->preload, 1) != 0 ||
					      setenv("SKEWED_CLOCK", redis->clock_file, 1) != 0))
		_exit(127);
	/* A test that dies leaves no server behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	execvp(program != NULL ? program : "redis-server", (char *const *)(const void *)arguments);
	_exit(127);
}

/* What it says itself about why it does not start. */
static void show_log(const struct private_redis *redis)
{
	char path[128], line[512];
	FILE *log;

	snprintf(path, sizeof(path), "%s/%s", redis->folder,
		redis->is_sentinel ? "sentinel.log" : "redis.log");
	log = fopen(path, "r");
	while (log != NULL && fgets(line, sizeof(line), log) != NULL)
		fputs(line, stderr);
	if (log != NULL)
		fclose(log);
}

static void start(struct private_redis *redis, bool loaded)
{
	uint64_t give_up_ms = clock_monotonic_ms() + START_MS;
	pid_t parent;
	int status;

	parent = getpid();
	redis->pid = fork();
	if (redis->pid < 0)
		give_up("fork");
	if (redis->pid == 0)
		run_server(redis, parent);
	while (!answers(redis, loaded)) {
		if (waitpid(redis->pid, &status, WNOHANG) != 0 ||
			clock_monotonic_ms() > give_up_ms) {
			show_log(redis);
			give_up("redis-server did not start");
		}
		poll(NULL, 0, 5);
	}
}

void private_redis_restart(struct private_redis *redis)
{
	start(redis, true);
}

void private_redis_restart_loading(struct private_redis *redis)
{
	start(redis, false);
}

void private_redis_prepare(struct private_redis *redis)
{
	snprintf(redis->folder, sizeof(redis->folder), "/tmp/mailreeve-redis-XXXXXX");
	if (mkdtemp(redis->folder) == NULL)
		give_up("mkdtemp");
	snprintf(redis->socket, sizeof(redis->socket), "%s/socket", redis->folder);
	snprintf(redis->url, sizeof(redis->url), "unix:%s", redis->socket);
}

void private_redis_start(struct private_redis *redis, const char *const *options)
{
	memset(redis, 0, sizeof(*redis));
	private_redis_prepare(redis);
	for (size_t i = 0; options != NULL && options[i] != NULL; i++) {
		if (i + 1 == PRIVATE_REDIS_OPTIONS_MAX)
			give_up("too many options");
		redis->options[i] = options[i];
	}
	private_redis_restart(redis);
}

void private_redis_stop(struct private_redis *redis)
{
	int status;

	if (redis->pid == 0)
		return;
	kill(redis->pid, SIGKILL);
	while (waitpid(redis->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	redis->pid = 0;
	unlink(redis->socket);
}

static int remove_entry(const char *path, const struct stat *unused, int type, struct FTW *level)
{
	(void)unused;
	(void)type;
	(void)level;
	return remove(path);
}

void private_redis_remove(struct private_redis *redis)
{
	private_redis_stop(redis);
	nftw(redis->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
