/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_accept.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/unix_listener.h"
#include "clock.h"
#include "compiler.h"

static int listener, mta = -1;
static struct sockaddr_un address;
static socklen_t address_length;
static struct rlimit files;

/* The system's, or the error that it is said to have met. */
static int error_of_accept;
int accept_or_fail(int fd, struct sockaddr *peer, socklen_t *length, int flags) __asm__("accept4");

int accept_or_fail(int fd, struct sockaddr *peer, socklen_t *length, int flags)
{
	if (error_of_accept == 0)
		return (int)syscall(SYS_accept4, fd, peer, length, flags);
	errno = error_of_accept;
	return -1;
}

static int begin(void **state)
{
	(void)state;
	listener = unix_listener(&address, &address_length);
	return getrlimit(RLIMIT_NOFILE, &files);
}

static int finish(void **state)
{
	(void)state;
	return close(listener);
}

/* One in line. */
static int connect_mta(void **state)
{
	(void)state;
	mta = socket(AF_UNIX, SOCK_STREAM, 0);
	return connect(mta, (struct sockaddr *)&address, address_length);
}

static int close_mta(void **state)
{
	(void)state;
	error_of_accept = 0;
	return close(mta);
}

static void begin_with(rlim_t limit)
{
	struct rlimit less = {.rlim_cur = limit, .rlim_max = files.rlim_max};

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	milter_accept_begin();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

static int in_line(void)
{
	struct pollfd watched = {.fd = listener, .events = POLLIN};

	return poll(&watched, 1, 0);
}

static void assert_waits(void)
{
	uint64_t before_ms = clock_monotonic_ms();

	assert_int_equal(milter_accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(clock_monotonic_ms() >= before_ms + MILTER_ACCEPT_PAUSE_MS - 1);
}

static void a_connection_is_not_for_children(void **state)
{
	struct sockaddr_un peer = {.sun_family = AF_UNSPEC};
	socklen_t length = sizeof(peer);
	int fd = milter_accept(listener, (struct sockaddr *)&peer, &length);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(peer.sun_family, AF_UNIX);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	milter_accept_closed();
}

/* Three of four may be connections. */
static void some_are_left_to_others(void **state)
{
	enum { ALL = 8, CONNECTIONS = 6 };
	int fd = fcntl(listener, F_DUPFD, 0);

	close(fd);
	begin_with(ALL + (rlim_t)fd);
	for (int i = 0; i < CONNECTIONS; i++) {
		fd = milter_accept(listener, NULL, NULL);
		assert_true(fd >= 0);
		close(fd);
		close_mta(state);
		assert_int_equal(connect_mta(state), 0);
	}
	assert_waits();
	assert_int_equal(in_line(), 1);
	milter_accept_closed();
	fd = milter_accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	close(fd);
	for (int i = 0; i < CONNECTIONS; i++)
		milter_accept_closed();
	begin_with(files.rlim_cur);
}

static void who_finds_no_room_waits(void **state)
{
	static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
		error_of_accept = errors[i];
		assert_waits();
	}
}

/* What libmilter would end the program for. */
static void a_connection_that_failed_is_not_the_end(void **state)
{
	static const int errors[] = {ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH,
		ENONET, ENOPROTOOPT, EOPNOTSUPP, EPERM, EPROTO, ETIMEDOUT};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
		error_of_accept = errors[i];
		assert_int_equal(milter_accept(listener, NULL, NULL), -1);
		assert_int_equal(errno, EAGAIN);
	}
}

static void a_socket_that_is_none_is_the_end(void **state)
{
	(void)state;
	assert_int_equal(milter_accept(-1, NULL, NULL), -1);
	assert_int_equal(errno, EBADF);
	error_of_accept = EINVAL;
	assert_int_equal(milter_accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EINVAL);
}

#define test(function) cmocka_unit_test_setup_teardown(function, connect_mta, close_mta)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_connection_is_not_for_children),
		test(some_are_left_to_others),
		test(who_finds_no_room_waits),
		test(a_connection_that_failed_is_not_the_end),
		test(a_socket_that_is_none_is_the_end),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
