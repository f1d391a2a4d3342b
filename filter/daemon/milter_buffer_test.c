/* SPDX-License-Identifier: BSD-2-Clause */
/* The connections of these tests are read and written as libmilter does it: poll, head, poll, rest; and
 * poll, writev, until all is written. */
/* libmilter calls poll and read themselves, not what checks the size of a buffer for them. */
#undef _FORTIFY_SOURCE
#include "milter_buffer.h"

#include <arpa/inet.h>
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
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/random_below.h"
#include "../../tests/lib/unix_listener.h"
#include "milter_crowd.h"
#include "milter_unsent.h"

static int listener;
static struct sockaddr_un address;
static socklen_t address_length;

/* Both ends of a connection. */
struct pair {
	int mta, ours;
};

static int begin(void **state)
{
	(void)state;
	listener = unix_listener(&address, &address_length);
	milter_buffer_begin();
	return 0;
}

static int finish(void **state)
{
	(void)state;
	return close(listener);
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

/* One that is closed already is none of ours: a thread was wanted. */
static int accepted(void)
{
	char byte;

	for (;;) {
		int fd;

		assert_true(is_ready(listener, -1));
		fd = accept(listener, NULL, NULL);
		assert_true(fd >= 0);
		if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
			return fd;
		close(fd);
	}
}

static struct pair connected(void)
{
	struct pair pair = {.mta = socket(AF_UNIX, SOCK_STREAM, 0)};

	assert_int_equal(connect(pair.mta, (struct sockaddr *)&address, address_length), 0);
	pair.ours = accepted();
	return pair;
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

/* All get their turn, however many are ready at once. */
static void test_a_crowd(void **state)
{
	enum { CROWD = 3 * MILTER_CROWD_MAX };
	struct pair pairs[CROWD];
	struct pollfd watched[CROWD];
	bool served[CROWD] = {false};
	char byte;

	(void)state;
	for (int i = 0; i < CROWD; i++) {
		pairs[i] = connected();
		assert_false(is_ready(pairs[i].ours, 0));
		assert_int_equal(write(pairs[i].mta, "a", 1), 1);
	}
	for (int left = CROWD; left > 0;) {
		int ready, counted = 0;

		for (int i = 0; i < CROWD; i++)
			watched[i] = (struct pollfd){.fd = pairs[i].ours, .events = POLLIN};
		ready = poll(watched, CROWD, -1);
		for (int i = 0; i < CROWD; i++) {
			if (watched[i].revents == 0)
				continue;
			counted++;
			/* As a thread that answers it and hands it back, while the MTA goes on. */
			assert_true(is_ready(pairs[i].ours, -1));
			assert_int_equal(read(pairs[i].ours, &byte, 1), 1);
			assert_false(is_ready(pairs[i].ours, 0));
			assert_int_equal(write(pairs[i].mta, "a", 1), 1);
			left -= !served[i];
			served[i] = true;
		}
		assert_int_equal(counted, ready);
		assert_in_range(ready, 1, MILTER_CROWD_MAX);
	}
	for (int i = 0; i < CROWD; i++)
		disconnect(&pairs[i]);
}

/* Nobody is served any more, but many are waited for: a moment, not for ever. */
static void test_a_crowd_that_is_stuck(void **state)
{
	enum { CROWD = 3 * MILTER_CROWD_MAX };
	struct pair pairs[CROWD];
	struct pollfd watched[CROWD];
	int entered = 0;

	(void)state;
	for (int i = 0; i < CROWD; i++) {
		pairs[i] = connected();
		assert_false(is_ready(pairs[i].ours, 0));
		assert_int_equal(write(pairs[i].mta, "a", 1), 1);
		watched[i] = (struct pollfd){.fd = pairs[i].ours, .events = POLLIN};
	}
	while (entered < CROWD) {
		int ready = poll(watched, (nfds_t)(CROWD - entered), -1), left = 0;

		assert_in_range(ready, 1, MILTER_CROWD_MAX);
		for (int i = 0; i < CROWD - entered; i++)
			if (watched[i].revents == 0)
				watched[left++] = watched[i];
		entered += ready;
	}
	for (int i = 0; i < CROWD; i++)
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
enum { THREADS = 3 * MILTER_BUFFER_LINGERING, COMMANDS = 200 };

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

enum { PACKET_HEAD = 5 };

/* As mi_wr_cmd of libmilter; false where the connection is gone. */
static bool answer(int fd, char command, const void *data, size_t length)
{
	uint32_t size = htonl((uint32_t)length + 1);
	unsigned char head[PACKET_HEAD];
	struct iovec pieces[2] = {{head, PACKET_HEAD}, {(void *)(uintptr_t)data, length}};
	struct iovec *piece = pieces;
	int count = length > 0 ? 2 : 1;

	memcpy(head, &size, 4);
	head[4] = (unsigned char)command;
	while (count > 0) {
		struct pollfd watched = {.fd = fd, .events = POLLOUT};
		ssize_t written;

		assert_int_equal(poll(&watched, 1, 60000), 1);
		written = writev(fd, piece, count);
		if (written < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		for (; written > 0 && count > 0 && (size_t)written >= piece->iov_len; count--)
			written -= (ssize_t)piece++->iov_len;
		if (written > 0) {
			piece->iov_base = (unsigned char *)piece->iov_base + written;
			piece->iov_len -= (size_t)written;
		}
	}
	return true;
}

static void assert_arrived(int fd, const char *bytes, size_t length)
{
	char arrived[8192];

	assert_int_equal(left_with_system(fd), length);
	assert_int_equal(recv(fd, arrived, sizeof(arrived), MSG_DONTWAIT), length);
	assert_memory_equal(arrived, bytes, length);
}

static void test_changes_wait_for_the_verdict(void **state)
{
	static const char changes[] = "+2-bhimqe";
	struct pair pair = connected();

	(void)state;
	for (size_t i = 0; i < sizeof(changes) - 1; i++) {
		const char all[] = {0, 0, 0, 4, changes[i], 'a', 'b', 'c', 0, 0, 0, 1, 'c'};

		assert_true(answer(pair.ours, changes[i], "abc", 3));
		assert_int_equal(left_with_system(pair.mta), 0);
		assert_true(answer(pair.ours, 'c', NULL, 0));
		assert_arrived(pair.mta, all, sizeof(all));
	}
	disconnect(&pair);
}

/* All that is no change leaves at once, with what was before it. */
static void test_answers_do_not_wait(void **state)
{
	static const char answers[] = "acdrtypOsf4";
	struct pair pair = connected();

	(void)state;
	for (size_t i = 0; i < sizeof(answers) - 1; i++) {
		const char all[] = {0, 0, 0, 3, answers[i], 'a', 'b'};

		assert_true(answer(pair.ours, answers[i], "ab", 2));
		assert_arrived(pair.mta, all, sizeof(all));
	}
	disconnect(&pair);
}

static void test_many_changes_do_not_wait(void **state)
{
	static char change[MILTER_UNSENT_BYTES];
	struct pair pair = connected();
	size_t all = 0;

	(void)state;
	for (size_t length = 0; length < sizeof(change); length += 7) {
		assert_true(answer(pair.ours, 'h', change, length));
		all += PACKET_HEAD + length;
		assert_in_range(all - (size_t)left_with_system(pair.mta), 0, MILTER_UNSENT_BYTES);
	}
	assert_true(answer(pair.ours, 'c', NULL, 0));
	assert_int_equal(left_with_system(pair.mta), all + PACKET_HEAD);
	disconnect(&pair);
}

/* What waited for a verdict that never came is not written to who has the number next. */
static void test_changes_of_a_closed(void **state)
{
	static const char verdict[] = {0, 0, 0, 1, 'c'};
	struct pair pair = connected();
	struct pair next = {.mta = socket(AF_UNIX, SOCK_STREAM, 0)};

	(void)state;
	assert_true(answer(pair.ours, 'h', "abc", 3));
	close(pair.ours);
	assert_int_equal(connect(next.mta, (struct sockaddr *)&address, address_length), 0);
	next.ours = accepted();
	assert_int_equal(next.ours, pair.ours);
	assert_true(answer(next.ours, 'c', NULL, 0));
	assert_arrived(next.mta, verdict, sizeof(verdict));
	close(pair.mta);
	disconnect(&next);
}

static void test_the_mta_is_gone(void **state)
{
	struct pair pair = connected();

	(void)state;
	close(pair.mta);
	assert_true(answer(pair.ours, 'h', "abc", 3));
	assert_false(answer(pair.ours, 'c', NULL, 0));
	assert_int_equal(errno, EPIPE);
	close(pair.ours);
}

/* Packets of random length and kind, to an MTA that reads slowly: it reads what was written. */
enum { PACKETS = 20000 };

static const char kinds[] = "hicpmqyb";

static size_t packet_at(uint64_t *random, char *kind, unsigned char *data)
{
	size_t length = random_below(random, random_below(random, 9) == 0 ? 20000 : 400);

	*kind = kinds[random_below(random, sizeof(kinds) - 1)];
	for (size_t i = 0; i < length; i++)
		data[i] = byte_at(i * length);
	return length;
}

static void *read_packets(void *argument)
{
	const struct pair *pair = argument;
	static unsigned char wanted[20000], got[PACKET_HEAD + 20000];
	uint64_t random = 11, pause = 5;

	for (int i = 0; i < PACKETS; i++) {
		char kind;
		size_t length = packet_at(&random, &kind, wanted);

		if (random_below(&pause, 500) == 0)
			usleep(2000);
		assert_int_equal(recv(pair->mta, got, PACKET_HEAD + length, MSG_WAITALL),
			PACKET_HEAD + length);
		assert_int_equal(got[4], kind);
		assert_memory_equal(got + PACKET_HEAD, wanted, length);
	}
	return NULL;
}

static void test_a_slow_reader(void **state)
{
	struct pair pair = connected();
	static unsigned char data[20000];
	int small = 4096;
	uint64_t random = 11;
	pthread_t reader;

	(void)state;
	assert_int_equal(setsockopt(pair.ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	assert_int_equal(pthread_create(&reader, NULL, read_packets, &pair), 0);
	for (int i = 0; i < PACKETS; i++) {
		char kind;
		size_t length = packet_at(&random, &kind, data);

		assert_true(answer(pair.ours, kind, data, length));
	}
	assert_true(answer(pair.ours, 'c', NULL, 0));
	pthread_join(reader, NULL);
	disconnect(&pair);
}

/* After an answer the next command is found as any other. */
static void test_commands_after_answers(void **state)
{
	struct pair pair = connected();
	char bytes[8];

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(write(pair.mta, "command", 7), 7);
		assert_true(is_ready(pair.ours, i % 3 == 0 ? 1 : -1));
		assert_int_equal(read(pair.ours, bytes, sizeof(bytes)), 7);
		assert_true(answer(pair.ours, 'h', "a", 1));
		assert_true(answer(pair.ours, 'c', NULL, 0));
		if (i % 2 == 0)
			assert_false(is_ready(pair.ours, 1));
		assert_int_equal(recv(pair.mta, bytes, sizeof(bytes), 0), 8);
		assert_int_equal(recv(pair.mta, bytes, sizeof(bytes), 0), 3);
	}
	disconnect(&pair);
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
		cmocka_unit_test(test_a_crowd),
		cmocka_unit_test(test_a_crowd_that_is_stuck),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_many_linger),
		cmocka_unit_test(test_changes_wait_for_the_verdict),
		cmocka_unit_test(test_answers_do_not_wait),
		cmocka_unit_test(test_many_changes_do_not_wait),
		cmocka_unit_test(test_changes_of_a_closed),
		cmocka_unit_test(test_the_mta_is_gone),
		cmocka_unit_test(test_a_slow_reader),
		cmocka_unit_test(test_commands_after_answers),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
