/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[96], text[128], why[400];

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/milter_socket_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(text, sizeof(text), "unix:%s", path);
	why[0] = '\0';
	return 0;
}

static int finish(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static int bind_unix(int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool is_knocked(int listener)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};

	return poll(&ready, 1, 10000) == 1;
}

static void test_path(void **state)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{"unix:/run/a", "/run/a"},
		{"local:/run/a", "/run/a"},
		{"LOCAL:/run/a", "/run/a"},
		{"/run/a", "/run/a"},
		{"unix:", ""},
		{"inet:8891@127.0.0.1", NULL},
		{"inet6:8891@[::1]", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const char *got = milter_socket_path(rows[i].text);

		if (rows[i].path == NULL)
			assert_null(got);
		else
			assert_string_equal(got, rows[i].path);
	}
}

static void test_prepare_free_places(void **state)
{
	(void)state;
	assert_true(milter_socket_prepare(text, why, sizeof(why)));
	assert_true(milter_socket_prepare("inet:8891@127.0.0.1", why, sizeof(why)));
	close(bind_unix(SOCK_STREAM));
	assert_true(milter_socket_prepare(text, why, sizeof(why))); /* stale */
	assert_string_equal(why, "");
}

static void test_prepare_taken_places(void **state)
{
	int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	int listener, callers[8];

	(void)state;
	assert_true(file >= 0);
	close(file);
	assert_false(milter_socket_prepare(text, why, sizeof(why)));
	assert_non_null(strstr(why, "is not a socket"));
	assert_non_null(strstr(why, path));
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);

	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_false(milter_socket_prepare(text, why, sizeof(why)));
	assert_non_null(strstr(why, "is not a socket"));
	unlink(path);

	listener = bind_unix(SOCK_STREAM);
	assert_int_equal(listen(listener, 1), 0);
	/* Also while it has no time for a caller. */
	for (size_t i = 0; i < ARRAY_COUNT(callers); i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};

		why[0] = '\0';
		assert_false(milter_socket_prepare(text, why, sizeof(why)));
		assert_non_null(strstr(why, "another process listens"));
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
		callers[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(callers[i], (struct sockaddr *)&address, sizeof(address));
	}
	for (size_t i = 0; i < ARRAY_COUNT(callers); i++)
		close(callers[i]);
	close(listener);
}

static void test_share(void **state)
{
	char mode[] = "0620", group_name[64], nobody[] = "nobody-of-that-name";
	struct daemon_options daemon = {.socket = text, .socket_mode = mode};
	const struct group *group = getgrgid(getgid());
	struct stat status;
	int fd = bind_unix(SOCK_STREAM);

	(void)state;
	assert_non_null(group);
	snprintf(group_name, sizeof(group_name), "%s", group->gr_name);
	daemon.socket_group = group_name;
	assert_true(milter_socket_share(&daemon, why, sizeof(why)));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0620);
	assert_int_equal(status.st_gid, getgid());
	assert_int_equal(status.st_uid, getuid());

	daemon.socket_group = nobody;
	assert_false(milter_socket_share(&daemon, why, sizeof(why)));
	assert_non_null(strstr(why, "no group \"nobody-of-that-name\""));
	daemon.socket_group = NULL;
	daemon.user = nobody;
	assert_false(milter_socket_share(&daemon, why, sizeof(why)));
	assert_non_null(strstr(why, "no user \"nobody-of-that-name\""));
	daemon.user = NULL;
	close(fd);
	unlink(path);
	assert_false(milter_socket_share(&daemon, why, sizeof(why)));
	assert_non_null(strstr(why, path));
}

static void test_poke_unix(void **state)
{
	int listener = bind_unix(SOCK_STREAM);

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	milter_socket_poke(text);
	assert_true(is_knocked(listener));
	close(listener);
	/* Nobody there any more. */
	milter_socket_poke(text);
	unlink(path);
	milter_socket_poke(text);
}

static void test_poke_internet(void **state)
{
	static const struct {
		int family;
		const char *before, *after;
	} rows[] = {
		{AF_INET, "inet:", "@127.0.0.1"},
		{AF_INET, "inet:", "@localhost"},
		{AF_INET, "inet:", "@0.0.0.0"},
		{AF_INET, "inet:", ""},
		{AF_INET6, "inet6:", "@[::1]"},
		{AF_INET6, "inet6:", "@::1"},
		{AF_INET6, "inet6:", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct sockaddr_in6 address6 = {
			.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
		struct sockaddr_in address4 = {
			.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
		bool version6 = rows[i].family == AF_INET6;
		struct sockaddr *address = version6 ? (struct sockaddr *)(void *)&address6
						    : (struct sockaddr *)(void *)&address4;
		socklen_t length = version6 ? sizeof(address6) : sizeof(address4);
		int listener = socket(rows[i].family, SOCK_STREAM, 0);
		char socket_text[100];

		assert_true(listener >= 0);
		assert_int_equal(bind(listener, address, length), 0);
		assert_int_equal(listen(listener, 1), 0);
		assert_int_equal(getsockname(listener, address, &length), 0);
		snprintf(socket_text, sizeof(socket_text), "%s%u%s", rows[i].before,
			milter_socket_port(address), rows[i].after);
		milter_socket_poke(socket_text);
		if (!is_knocked(listener))
			fail_msg("%s was not heard", socket_text);
		close(listener);
	}
}

static void test_port(void **state)
{
	struct sockaddr_in address4 = {.sin_family = AF_INET, .sin_port = htons(25)};
	struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons(65535)};
	struct sockaddr_un local = {.sun_family = AF_UNIX};

	(void)state;
	assert_int_equal(milter_socket_port((struct sockaddr *)(void *)&address4), 25);
	assert_int_equal(milter_socket_port((struct sockaddr *)(void *)&address6), 65535);
	assert_int_equal(milter_socket_port((struct sockaddr *)(void *)&local), 0);
	assert_int_equal(milter_socket_port(NULL), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		test(test_prepare_free_places),
		test(test_prepare_taken_places),
		test(test_share),
		test(test_poke_unix),
		cmocka_unit_test(test_poke_internet),
		cmocka_unit_test(test_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
