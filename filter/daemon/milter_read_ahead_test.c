/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections of these tests are read as libmilter reads: poll, head, poll, rest. */
#include "milter_read_ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/random_below.h"

static int listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_length = sizeof(address.sun_family);

/* Both ends of a connection. */
struct pair {
	int mta, ours;
};

static int begin(void **state)
{
	(void)state;
	/* An address of the system's choice, not of a file. */
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, address_length), 0);
	address_length = sizeof(address);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_length), 0);
	assert_int_equal(listen(listener, 16), 0);
	milter_read_ahead_begin();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	return close(listener);
}

static struct pair connected(void)
{
	struct pair pair = {.mta = socket(AF_UNIX, SOCK_STREAM, 0)};

	assert_int_equal(connect(pair.mta, (struct sockaddr *)&address, address_length), 0);
	pair.ours = accept(listener, NULL, NULL);
	assert_true(pair.ours >= 0);
	return pair;
}

static void disconnect(struct pair *pair)
{
	close(pair->mta);
	close(pair->ours);
}

static bool is_ready(int fd, int timeout_ms)
{
	struct pollfd watched = {.fd = fd, .events = POLLIN | POLLPRI, .revents = -1};
	int ready = poll(&watched, 1, timeout_ms);

	assert_true(ready == 0 || ready == 1);
	assert_int_equal(watched.revents, ready == 1 ? POLLIN : 0);
	return ready == 1;
}

/* Bytes that are still with the system. */
static int left_with_system(int fd)
{
	int left = -1;

	assert_int_equal(ioctl(fd, FIONREAD, &left), 0);
	return left;
}

static void test_all_is_taken_at_once(void **state)
{
	struct pair pair = connected();
	char bytes[8] = "";

	(void)state;
	assert_false(is_ready(pair.ours, 0));
	assert_int_equal(write(pair.mta, "headrest", 8), 8);
	assert_int_equal(left_with_system(pair.ours), 8);
	assert_true(is_ready(pair.ours, 0));
	assert_int_equal(left_with_system(pair.ours), 0);
	assert_int_equal(read(pair.ours, bytes, 4), 4);
	assert_memory_equal(bytes, "head", 4);
	assert_true(is_ready(pair.ours, 0));
	assert_int_equal(read(pair.ours, bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "rest", 4);
	assert_false(is_ready(pair.ours, 0));
	disconnect(&pair);
}

/* What a wait has waited for is taken, too. */
static void *write_later(void *argument)
{
	const struct pair *pair = argument;

	usleep(20000);
	assert_int_equal(write(pair->mta, "late", 4), 4);
	return NULL;
}

static void test_waits(void **state)
{
	struct pair pair = connected();
	pthread_t writer;
	char bytes[4];

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, write_later, &pair), 0);
	assert_true(is_ready(pair.ours, 60000));
	assert_int_equal(left_with_system(pair.ours), 0);
	assert_int_equal(read(pair.ours, bytes, 1), 1);
	assert_true(is_ready(pair.ours, -1));
	assert_int_equal(read(pair.ours, bytes, 4), 3);
	assert_memory_equal(bytes, "ate", 3);
	pthread_join(writer, NULL);
	disconnect(&pair);
}

/* The end comes after all that was sent before it. */
static void test_end(void **state)
{
	struct pair pair = connected();
	char bytes[8];

	(void)state;
	assert_int_equal(write(pair.mta, "last", 4), 4);
	close(pair.mta);
	assert_true(is_ready(pair.ours, 0));
	assert_int_equal(read(pair.ours, bytes, sizeof(bytes)), 4);
	assert_true(is_ready(pair.ours, 0));
	assert_int_equal(read(pair.ours, bytes, sizeof(bytes)), 0);
	assert_true(is_ready(pair.ours, 0));
	assert_int_equal(read(pair.ours, bytes, sizeof(bytes)), 0);
	close(pair.ours);
}

/* Without a poll before it, a read is the system's. */
static void test_read_alone(void **state)
{
	struct pair pair = connected();
	char bytes[8];

	(void)state;
	assert_int_equal(write(pair.mta, "abc", 3), 3);
	assert_int_equal(read(pair.ours, bytes, sizeof(bytes)), 3);
	assert_memory_equal(bytes, "abc", 3);
	disconnect(&pair);
}

/* A number is given again: what its last owner left is nobody's. */
static void test_closed(void **state)
{
	struct pair pair = connected();
	int pipes[2];
	char bytes[16];

	(void)state;
	assert_int_equal(write(pair.mta, "left behind", 11), 11);
	assert_true(is_ready(pair.ours, 0));
	close(pair.ours);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pipes[0], pair.ours);
	assert_false(is_ready(pipes[0], 0));
	assert_int_equal(write(pipes[1], "new", 3), 3);
	assert_true(is_ready(pipes[0], 0));
	assert_int_equal(left_with_system(pipes[0]), 3);
	assert_int_equal(read(pipes[0], bytes, sizeof(bytes)), 3);
	assert_memory_equal(bytes, "new", 3);
	close(pipes[0]);
	close(pipes[1]);
	close(pair.mta);
}

/* Descriptors that were not accepted here stay with the system. */
static void *accept_elsewhere(void *argument)
{
	struct pair *pair = argument;

	*pair = connected();
	return NULL;
}

static void test_others(void **state)
{
	struct pair pair;
	pthread_t other;
	int errors;

	(void)state;
	assert_int_equal(pthread_create(&other, NULL, accept_elsewhere, &pair), 0);
	pthread_join(other, NULL);
	assert_int_equal(write(pair.mta, "abc", 3), 3);
	assert_true(is_ready(pair.ours, 0));
	assert_int_equal(left_with_system(pair.ours), 3);
	disconnect(&pair);

	errno = 0;
	errors = close(-1);
	assert_int_equal(errors, -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(read(-1, &pair, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(accept(-1, NULL, NULL), -1);
	assert_int_equal(errno, EBADF);
}

static void test_writing_is_the_systems(void **state)
{
	struct pair pair = connected();
	struct pollfd watched = {.fd = pair.ours, .events = POLLOUT};

	(void)state;
	assert_int_equal(poll(&watched, 1, 0), 1);
	assert_int_equal(watched.revents, POLLOUT);
	disconnect(&pair);
}

/* Many at once, as libmilter's controller waits for connections that nobody reads. */
static void test_many(void **state)
{
	struct pair pairs[3] = {connected(), connected(), connected()};
	struct pollfd watched[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		watched[i] = (struct pollfd){.fd = pairs[i].ours, .events = POLLIN};
	assert_int_equal(poll(watched, 3, 0), 0);
	assert_int_equal(write(pairs[1].mta, "abc", 3), 3);
	assert_int_equal(poll(watched, 3, -1), 1);
	assert_int_equal(watched[1].revents, POLLIN);
	assert_int_equal(left_with_system(pairs[1].ours), 3);
	for (int i = 0; i < 3; i++)
		disconnect(&pairs[i]);
}

/* Commands of random length, sent in random pieces, against what was sent. */
enum { STREAM = 3000000 };

static unsigned char byte_at(size_t position)
{
	return (unsigned char)(position * 2654435761U >> 13);
}

static void *send_stream(void *argument)
{
	const struct pair *pair = argument;
	static unsigned char piece[100000];
	uint64_t random = 7;

	for (size_t sent = 0; sent < STREAM;) {
		size_t length =
			1 + random_below(&random, random_below(&random, 4) == 0 ? 100000 : 300);

		length = length < STREAM - sent ? length : STREAM - sent;
		for (size_t i = 0; i < length; i++)
			piece[i] = byte_at(sent + i);
		for (size_t done = 0; done < length;) {
			ssize_t n = send(pair->mta, piece + done, length - done, 0);

			assert_true(n > 0);
			done += (size_t)n;
		}
		sent += length;
	}
	shutdown(pair->mta, SHUT_WR);
	return NULL;
}

static void test_stream(void **state)
{
	struct pair pair = connected();
	static unsigned char bytes[70000];
	uint64_t random = 3;
	pthread_t sender;
	size_t position = 0;

	(void)state;
	assert_int_equal(pthread_create(&sender, NULL, send_stream, &pair), 0);
	for (;;) {
		size_t wanted =
			1 + random_below(&random, random_below(&random, 4) == 0 ? 70000 : 40);
		ssize_t got;

		assert_true(is_ready(pair.ours, -1));
		got = read(pair.ours, bytes, wanted);
		assert_true(got >= 0 && (size_t)got <= wanted);
		if (got == 0)
			break;
		for (size_t i = 0; i < (size_t)got; i++)
			if (bytes[i] != byte_at(position + i))
				fail_msg("byte %zu differs", position + i);
		position += (size_t)got;
	}
	assert_int_equal(position, STREAM);
	pthread_join(sender, NULL);
	disconnect(&pair);
}

/* More threads than may linger wait for commands as libmilter's do: none misses any. */
enum { THREADS = 3 * MILTER_READ_AHEAD_LINGERING, COMMANDS = 200 };

static void *send_commands(void *argument)
{
	const struct pair *pairs = argument;

	for (unsigned char command = 0; command < COMMANDS; command++)
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(write(pairs[i].mta, &command, 1), 1);
	return NULL;
}

static void *take_commands(void *argument)
{
	const struct pair *pair = argument;

	for (unsigned char wanted = 0; wanted < COMMANDS; wanted++) {
		unsigned char command = 0;

		while (!is_ready(pair->ours, 1))
			;
		assert_int_equal(read(pair->ours, &command, 1), 1);
		assert_int_equal(command, wanted);
	}
	assert_false(is_ready(pair->ours, 1));
	return NULL;
}

static void test_many_linger(void **state)
{
	struct pair pairs[THREADS];
	pthread_t threads[THREADS], sender;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		pairs[i] = connected();
		assert_int_equal(pthread_create(&threads[i], NULL, take_commands, &pairs[i]), 0);
	}
	assert_int_equal(pthread_create(&sender, NULL, send_commands, pairs), 0);
	pthread_join(sender, NULL);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		disconnect(&pairs[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_taken_at_once),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_read_alone),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_writing_is_the_systems),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_many_linger),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
