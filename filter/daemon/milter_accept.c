/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_accept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "compiler.h"
#include "log.h"

static atomic_size_t open_connections;
static size_t limit = SIZE_MAX, most = SIZE_MAX; /* files, connections */
static uint64_t warn_ms; /* not before */

/* Numbers are given from below. */
static size_t descriptors_in_use(void)
{
	int next = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (next < 0)
		return 0;
	close(next);
	return (size_t)next;
}

void milter_accept_begin(void)
{
	struct rlimit files;
	size_t used = descriptors_in_use();

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= SIZE_MAX)
		return;
	limit = files.rlim_cur;
	most = limit > used ? limit - used : 1;
	most -= most / 4 < MILTER_ACCEPT_RESERVE ? most / 4 : MILTER_ACCEPT_RESERVE;
}

/* Errors that accept(2) says to take as "try again": of a connection that waited, or of its network. */
static bool is_of_a_connection(int error)
{
	static const int errors[] = {ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH,
		ENONET, ENOPROTOOPT, EOPNOTSUPP, EPERM, EPROTO, ETIMEDOUT};

	for (size_t i = 0; i < ARRAY_COUNT(errors); i++)
		if (errors[i] == error)
			return true;
	return false;
}

static bool is_want_of_room(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static int wait_for_room(int error)
{
	const struct timespec pause = {.tv_nsec = MILTER_ACCEPT_PAUSE_MS * 1000000L};
	uint64_t now_ms = clock_monotonic_ms();

	if (now_ms >= warn_ms) {
		warn_ms = now_ms + MILTER_ACCEPT_WARN_MS;
		log_warning("%zu connections of MTAs are open, more must wait: %s (limit %zu: "
			    "LimitNOFILE of the unit, or ulimit -n)",
			atomic_load(&open_connections), strerror(error), limit);
	}
	nanosleep(&pause, NULL);
	errno = EAGAIN;
	return -1;
}

int milter_accept(int listener, struct sockaddr *address_r, socklen_t *length_r)
{
	int fd;

	if (atomic_load(&open_connections) >= most)
		return wait_for_room(EMFILE);
	fd = accept4(listener, address_r, length_r, SOCK_CLOEXEC);
	if (fd >= 0)
		atomic_fetch_add(&open_connections, 1);
	else if (is_want_of_room(errno))
		return wait_for_room(errno);
	else if (is_of_a_connection(errno))
		errno = EAGAIN;
	return fd;
}

void milter_accept_closed(void)
{
	atomic_fetch_sub(&open_connections, 1);
}
