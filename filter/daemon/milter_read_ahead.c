/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_read_ahead.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* How long libmilter waits for a next command. */
enum { LINGER_MS = 1 };

/* What has arrived and was not read yet. */
struct held {
	size_t start, end;
	unsigned char bytes[MILTER_READ_AHEAD_SIZE];
};

/* Names of the system's, bodies of ours. Ours never call these names, but siblings of them. */
int milter_read_ahead_poll(struct pollfd *watched, nfds_t count, int timeout_ms) __asm__("poll");
ssize_t milter_read_ahead_read(int fd, void *bytes, size_t size) __asm__("read");
int milter_read_ahead_accept(int listener, struct sockaddr *address, socklen_t *length) __asm__(
	"accept");
int milter_read_ahead_close(int fd) __asm__("close");

/* By descriptor: NULL for those that are not ours, NOTHING for ours that hold nothing. */
static struct held nothing;
static struct held *_Atomic held_of[MILTER_READ_AHEAD_DESCRIPTORS];
static _Thread_local bool begun;
static atomic_int lingering;

void milter_read_ahead_begin(void)
{
	begun = true;
}

static struct held *held(int fd)
{
	return fd < 0 || fd >= MILTER_READ_AHEAD_DESCRIPTORS ? NULL : held_of[fd];
}

static void hold(int fd, struct held *held)
{
	struct held *before = atomic_exchange(&held_of[fd], held);

	if (before != &nothing)
		free(before);
}

/* True when a read would not wait: something is held now, or the end or an error is next. */
static bool take_what_arrived(int fd)
{
	struct held *taken = malloc(sizeof(*taken));
	ssize_t got;

	if (taken == NULL)
		return false;
	got = recv(fd, taken->bytes, sizeof(taken->bytes), MSG_DONTWAIT);
	if (got > 0) {
		taken->start = 0;
		taken->end = (size_t)got;
		hold(fd, taken);
		return true;
	}
	free(taken);
	return got == 0 || (errno != EAGAIN && errno != EINTR);
}

static int system_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

	return ppoll(watched, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

/* Before libmilter puts a connection back among those that wait, its thread waits a moment for the next
 * command. So many that wait so at once are enough: each more is one more thread. */
static int linger(struct pollfd *watched)
{
	int ready = 0;

	watched->revents = 0;
	if (atomic_fetch_add(&lingering, 1) < MILTER_READ_AHEAD_LINGERING)
		ready = system_poll(watched, 1, LINGER_MS);
	atomic_fetch_sub(&lingering, 1);
	return ready;
}

/* Several at once are never ours while they hold something. */
int milter_read_ahead_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
	struct held *ours =
		count == 1 && (watched->events & POLLIN) != 0 ? held(watched->fd) : NULL;
	int ready;

	if (ours == NULL)
		return system_poll(watched, count, timeout_ms);
	watched->revents = POLLIN;
	if (ours != &nothing || take_what_arrived(watched->fd))
		return 1;
	ready = timeout_ms == LINGER_MS ? linger(watched) : system_poll(watched, count, timeout_ms);
	if (ready == 1 && watched->revents == POLLIN)
		take_what_arrived(watched->fd);
	return ready;
}

ssize_t milter_read_ahead_read(int fd, void *bytes, size_t size)
{
	struct iovec into = {.iov_base = bytes, .iov_len = size};
	struct held *ours = held(fd);
	size_t length;

	if (ours == NULL || ours == &nothing)
		return readv(fd, &into, 1);
	length = ours->end - ours->start < size ? ours->end - ours->start : size;
	memcpy(bytes, ours->bytes + ours->start, length);
	ours->start += length;
	if (ours->start == ours->end)
		hold(fd, &nothing);
	return (ssize_t)length;
}

int milter_read_ahead_accept(int listener, struct sockaddr *address, socklen_t *length)
{
	int fd = accept4(listener, address, length, 0);

	if (begun && fd >= 0 && fd < MILTER_READ_AHEAD_DESCRIPTORS)
		hold(fd, &nothing);
	return fd;
}

int milter_read_ahead_close(int fd)
{
	if (held(fd) != NULL)
		hold(fd, NULL);
	return (int)syscall(SYS_close, fd);
}
