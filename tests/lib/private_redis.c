/* SPDX-License-Identifier: BSD-2-Clause */
#include "private_redis.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum { START_MS = 20000, ARGUMENTS_MAX = 24 };

static void give_up(const char *what)
{
	fprintf(stderr, "private redis: %s: %s\n", what, strerror(errno));
	abort();
}

static int connect_once(const struct private_redis *redis)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		give_up("socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", redis->socket);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
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

/* Any answer but "loading" means that it is ready: a server with a password says NOAUTH. */
static int answers(const struct private_redis *redis)
{
	char reply[128] = "";
	int fd = connect_once(redis);

	if (fd < 0)
		return 0;
	send_command(fd, "PING");
	read_line(fd, reply, sizeof(reply));
	close(fd);
	return reply[0] != '\0' && strstr(reply, "LOADING") == NULL;
}

static void run_server(const struct private_redis *redis, pid_t parent)
{
	const char *arguments[ARGUMENTS_MAX + PRIVATE_REDIS_OPTIONS_MAX] = {"redis-server",
		"--port", "0", "--unixsocket", redis->socket, "--dir", redis->folder, "--save", "",
		"--appendonly", "no", "--daemonize", "no", "--loglevel", "warning", "--logfile",
		"redis.log"};
	size_t count = 0;

	while (arguments[count] != NULL)
		count++;
	for (size_t i = 0; redis->options[i] != NULL; i++)
		arguments[count++] = redis->options[i];
	/* A test that dies leaves no server behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	execvp(arguments[0], (char *const *)(const void *)arguments);
	_exit(127);
}

void private_redis_restart(struct private_redis *redis)
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
	while (!answers(redis)) {
		if (waitpid(redis->pid, &status, WNOHANG) != 0 || clock_monotonic_ms() > give_up_ms)
			give_up("redis-server did not start");
		poll(NULL, 0, 5);
	}
}

void private_redis_start(struct private_redis *redis, const char *const *options)
{
	memset(redis, 0, sizeof(*redis));
	snprintf(redis->folder, sizeof(redis->folder), "/tmp/mailreeve-redis-XXXXXX");
	if (mkdtemp(redis->folder) == NULL)
		give_up("mkdtemp");
	snprintf(redis->socket, sizeof(redis->socket), "%s/socket", redis->folder);
	snprintf(redis->url, sizeof(redis->url), "unix:%s", redis->socket);
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
