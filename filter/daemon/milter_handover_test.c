/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_handover.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/unix_listener.h"
#include "milter_descriptors.h"

enum { LONG_MS = 60000, FIRST = 1000 /* of descriptors that are numbers only */ };

static int listener;

static int begin(void **state)
{
	struct sockaddr_un address;
	socklen_t length;

	(void)state;
	listener = unix_listener(&address, &length);
	return milter_handover_begin();
}

static int finish(void **state)
{
	(void)state;
	return close(listener);
}

static int listen_ms(int timeout_ms)
{
	struct pollfd watched = {.fd = listener, .events = POLLIN};
	int ready = milter_handover_listen(&watched, timeout_ms);

	assert_int_equal(watched.revents, ready == 1 ? POLLIN : 0);
	return ready;
}

static void await_wanted(void)
{
	while (listen_ms(LONG_MS) == 0)
		continue;
	assert_true(milter_handover_wants());
}

/* As libmilter sees it: of the listener's family, and at its end. */
static void accept_made(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t length = sizeof(address);
	int fd = milter_handover_make(listener, (struct sockaddr *)&address, &length);
	char byte;

	assert_true(fd >= 0);
	assert_true(length > 0);
	assert_int_equal(address.sun_family, AF_UNIX);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

static void who_is_taken_wants_no_thread(void **state)
{
	(void)state;
	milter_handover_give(FIRST);
	milter_handover_give(FIRST);
	milter_handover_take(FIRST);
	milter_handover_take(FIRST);
	assert_int_equal(listen_ms(2 * MILTER_HANDOVER_WAIT_MS), 0);
	assert_false(milter_handover_wants());
}

static void each_who_is_not_taken_wants_one(void **state)
{
	enum { COUNT = 3 };

	(void)state;
	for (int i = 0; i < COUNT; i++)
		milter_handover_give(FIRST + i);
	await_wanted();
	for (int i = 0; i < COUNT; i++) {
		assert_true(milter_handover_wants());
		assert_int_equal(listen_ms(LONG_MS), 1);
		accept_made();
	}
	assert_false(milter_handover_wants());
	/* Again, for they are still there. */
	await_wanted();
	while (milter_handover_wants())
		accept_made();
	for (int i = 0; i < COUNT; i++)
		milter_handover_take(FIRST + i);
	assert_int_equal(listen_ms(2 * MILTER_HANDOVER_WAIT_MS), 0);
}

static void not_more_than_that(void **state)
{
	int made = 0;

	(void)state;
	for (int i = 0; i < 2 * MILTER_HANDOVER_MOST; i++)
		milter_handover_give(FIRST + i);
	await_wanted();
	for (; milter_handover_wants(); made++)
		accept_made();
	assert_int_equal(made, MILTER_HANDOVER_MOST);
	for (int i = 0; i < 2 * MILTER_HANDOVER_MOST; i++)
		milter_handover_take(FIRST + i);
}

static void *listen_long(void *unused)
{
	await_wanted();
	return unused;
}

/* The one that listens sleeps while another hands over. */
static void who_listens_is_woken(void **state)
{
	struct pollfd nothing = {.fd = -1};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, listen_long, NULL), 0);
	poll(NULL, 0, 20);
	milter_handover_give(FIRST);
	while (!milter_handover_wants())
		assert_int_equal(milter_handover_poll(&nothing, 1, LONG_MS), 0);
	pthread_join(thread, NULL);
	while (milter_handover_wants())
		accept_made();
	milter_handover_take(FIRST);
}

static void a_real_connection_is_told_of(void **state)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int mta = socket(AF_UNIX, SOCK_STREAM, 0), accepted;

	(void)state;
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(connect(mta, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen_ms(LONG_MS), 1);
	assert_false(milter_handover_wants());
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	close(accepted);
	close(mta);
}

/* What libmilter does not take for the end of its socket. */
static void without_descriptors_it_is_tried_again(void **state)
{
	struct rlimit files, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	none = (struct rlimit){.rlim_max = files.rlim_max};
	milter_handover_give(FIRST);
	await_wanted();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(milter_handover_make(listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_false(milter_handover_wants());
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	await_wanted();
	accept_made();
	milter_handover_take(FIRST);
}

static void no_number_is_too_odd(void **state)
{
	(void)state;
	milter_handover_give(-1);
	milter_handover_give(MILTER_DESCRIPTORS);
	milter_handover_take(-1);
	milter_handover_take(MILTER_DESCRIPTORS);
	assert_int_equal(listen_ms(2 * MILTER_HANDOVER_WAIT_MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_taken_wants_no_thread),
		cmocka_unit_test(each_who_is_not_taken_wants_one),
		cmocka_unit_test(not_more_than_that),
		cmocka_unit_test(who_listens_is_woken),
		cmocka_unit_test(a_real_connection_is_told_of),
		cmocka_unit_test(without_descriptors_it_is_tried_again),
		cmocka_unit_test(no_number_is_too_odd),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
