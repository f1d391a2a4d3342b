/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "milter_descriptors.h"
#include "milter_threads.h"

static atomic_bool given[MILTER_DESCRIPTORS];
static atomic_int pending; /* of those */
static _Atomic uint64_t moved_ms; /* when one was taken last, or there was none before */
static atomic_int wanted; /* threads */
static int wake[2] = {-1, -1}; /* the thread that listens */

int milter_handover_begin(void)
{
	return pipe2(wake, O_CLOEXEC | O_NONBLOCK);
}

void milter_handover_give(int fd)
{
	if (fd < 0 || fd >= MILTER_DESCRIPTORS || atomic_exchange(&given[fd], true))
		return;
	if (atomic_fetch_add(&pending, 1) == 0)
		atomic_store(&moved_ms, clock_monotonic_ms());
}

void milter_handover_take(int fd)
{
	if (fd < 0 || fd >= MILTER_DESCRIPTORS || !given[fd] || !atomic_exchange(&given[fd], false))
		return;
	if (atomic_fetch_sub(&pending, 1) > 1)
		atomic_store(&moved_ms, clock_monotonic_ms());
}

static bool has_something_to_do(void)
{
	return atomic_load(&pending) > 0 || milter_threads_owed() > 0;
}

/* Whether it is time to look is found by one thread alone. Who is owed a thread gets it before others. */
static void review(void)
{
	uint64_t before = atomic_load(&moved_ms), now = clock_monotonic_ms();
	int threads = atomic_load(&pending);

	milter_threads_pay();
	if (milter_threads_owed() > 0 || threads == 0 || now < before + MILTER_HANDOVER_WAIT_MS ||
		!atomic_compare_exchange_strong(&moved_ms, &before, now))
		return;
	atomic_store(&wanted, threads < MILTER_HANDOVER_MOST ? threads : (int)MILTER_HANDOVER_MOST);
	while (write(wake[1], "", 1) < 0 && errno == EINTR)
		continue;
}

int milter_handover_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
	bool soon =
		has_something_to_do() && (timeout_ms < 0 || timeout_ms > MILTER_HANDOVER_WAIT_MS);
	int wait_ms = soon ? MILTER_HANDOVER_WAIT_MS : timeout_ms;
	struct timespec timeout = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
	int ready = ppoll(watched, count, wait_ms < 0 ? NULL : &timeout, NULL);

	if (has_something_to_do())
		review();
	return ready;
}

int milter_handover_listen(struct pollfd *listener, int timeout_ms)
{
	struct pollfd both[2] = {*listener, {.fd = wake[0], .events = POLLIN}};
	char bytes[64];
	int ready = 0;

	if (atomic_load(&pending) == 0 || milter_threads_owed() > 0)
		atomic_store(&wanted, 0);
	if (atomic_load(&wanted) == 0)
		ready = milter_handover_poll(both, 2, timeout_ms);
	if (ready > 0 && both[1].revents != 0)
		while (read(wake[0], bytes, sizeof(bytes)) > 0)
			continue;
	listener->revents = ready > 0 ? both[0].revents : 0;
	if (atomic_load(&wanted) > 0)
		listener->revents |= POLLIN;
	return ready < 0 ? ready : listener->revents != 0;
}

bool milter_handover_wants(void)
{
	return atomic_load(&wanted) > 0;
}

/* libmilter would end the program after some errors, but for this one. */
static int try_again(void)
{
	errno = EAGAIN;
	return -1;
}

int milter_handover_make(int listener, struct sockaddr *address_r, socklen_t *length_r)
{
	int left = atomic_load(&wanted), ends[2];

	atomic_compare_exchange_strong(&wanted, &left, left - 1);
	if (address_r != NULL && getsockname(listener, address_r, length_r) != 0)
		return try_again();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return try_again();
	close(ends[1]);
	return ends[0];
}
