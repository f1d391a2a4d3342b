/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_buffer.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "milter_accept.h"
#include "milter_crowd.h"
#include "milter_descriptors.h"
#include "milter_handover.h"
#include "milter_pool.h"
#include "milter_unsent.h"

enum {
	LINGER_MS = 1, /* how long libmilter waits for a next command, and a recv of ours */
	SPARE = 8 /* buffers that are kept for the next who reads */
};

/* What has arrived and was not read yet. */
struct held {
	size_t start, end;
	unsigned char bytes[MILTER_BUFFER_READ];
};

/* Names of the system's, bodies of ours. Ours never call these names, but siblings of them. */
int milter_buffer_poll(struct pollfd *watched, nfds_t count, int timeout_ms) __asm__("poll");
ssize_t milter_buffer_read(int fd, void *bytes, size_t size) __asm__("read");
ssize_t milter_buffer_writev(int fd, const struct iovec *pieces, int count) __asm__("writev");
int milter_buffer_accept(int listener, struct sockaddr *address, socklen_t *length) __asm__(
	"accept");
int milter_buffer_close(int fd) __asm__("close");

/* By descriptor: NULL for those that are not ours, NOTHING for ours that hold nothing, ANSWERED for those
 * whose MTA has just been told something that it waited for, so that nothing more is there yet. */
static struct held nothing, answered;
static struct held *_Atomic held_of[MILTER_DESCRIPTORS];
static struct held *_Atomic spare[SPARE];
static _Thread_local bool begun, hands_over;
static _Thread_local int listening = -1;
static atomic_int lingering; /* threads */
static atomic_int lingering_most = 1; /* that may, now */

void milter_buffer_begin(void)
{
	milter_pool_begin();
	milter_accept_begin();
	milter_crowd_begin();
	begun = milter_handover_begin() == 0;
}

static struct held *held(int fd)
{
	return fd < 0 || fd >= MILTER_DESCRIPTORS ? NULL : held_of[fd];
}

static struct held *take_spare(void)
{
	for (int i = 0; i < SPARE; i++) {
		struct held *found = spare[i] == NULL ? NULL : atomic_exchange(&spare[i], NULL);

		if (found != NULL)
			return found;
	}
	return malloc(sizeof(struct held));
}

static void give_spare(struct held *held)
{
	for (int i = 0; i < SPARE && held != NULL; i++)
		if (spare[i] == NULL)
			held = atomic_exchange(&spare[i], held);
	free(held);
}

static void hold(int fd, struct held *held)
{
	struct held *before = atomic_exchange(&held_of[fd], held);

	if (before != &nothing && before != &answered)
		give_spare(before);
}

/* True when a read would not wait: something is held now, or the end or an error is next. FLAGS: of recv. */
static bool take_what_arrives(int fd, int flags)
{
	struct held *taken = take_spare();
	ssize_t got;

	if (taken == NULL)
		return false;
	got = recv(fd, taken->bytes, sizeof(taken->bytes), flags);
	if (got > 0) {
		taken->start = 0;
		taken->end = (size_t)got;
		hold(fd, taken);
		return true;
	}
	give_spare(taken);
	return got == 0 || (errno != EAGAIN && errno != EINTR);
}

static int system_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

	return ppoll(watched, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

/* Before libmilter puts a connection back among those that wait, its thread waits a moment for the next
 * command. That is good where commands come fast, and wasted where clients think: as many threads may wait
 * so as have found that it is. */
static bool linger(int fd)
{
	int others = atomic_fetch_add(&lingering, 1), most = atomic_load(&lingering_most);
	bool arrived = false;

	if (others < most) {
		arrived = take_what_arrives(fd, 0);
		if (arrived && most < MILTER_BUFFER_LINGERING)
			atomic_compare_exchange_strong(&lingering_most, &most, most + 1);
		else if (!arrived && most > 1)
			atomic_compare_exchange_strong(&lingering_most, &most, most - 1);
	}
	atomic_fetch_sub(&lingering, 1);
	return arrived;
}

static int wait_to_read(struct pollfd *watched, int timeout_ms)
{
	int ready;

	milter_crowd_leave(watched->fd);
	if (timeout_ms == LINGER_MS) {
		ready = linger(watched->fd);
		watched->revents = ready == 1 ? POLLIN : 0;
	} else {
		/* It must not be said that something is there when it is not: the read would give up. */
		do {
			ready = system_poll(watched, 1, timeout_ms);
		} while (ready == 1 && watched->revents == POLLIN &&
			 !take_what_arrives(watched->fd, MSG_DONTWAIT));
	}
	if (ready != 0)
		milter_crowd_enter(watched->fd);
	return ready;
}

static int poll_to_read(struct pollfd *watched, int timeout_ms)
{
	struct held *ours = held_of[watched->fd];

	watched->revents = POLLIN;
	if (ours != &nothing && ours != &answered)
		return 1;
	if (ours == &answered)
		hold(watched->fd, &nothing);
	else if (take_what_arrives(watched->fd, MSG_DONTWAIT))
		return 1;
	return wait_to_read(watched, timeout_ms);
}

/* There nearly always is room, and if not the write says so: it never waits. */
static int poll_to_write(struct pollfd *watched, int timeout_ms)
{
	if (milter_unsent_waits(watched->fd))
		return system_poll(watched, 1, timeout_ms);
	watched->revents = POLLOUT;
	return 1;
}

/* Each session that is ready gets a thread: so many are said to be ready as there is room for, and with the
 * next call those behind them. */
static int let_in(struct pollfd *watched, nfds_t count, int ready)
{
	static _Thread_local nfds_t start;
	nfds_t next = start;
	size_t room = 0;
	bool asked = false;

	for (nfds_t i = 0; i < count; i++) {
		struct pollfd *one = &watched[(start + i) % count];

		if (one->revents == 0 || held(one->fd) == NULL)
			continue;
		if (!asked) {
			milter_pool_starts_sessions();
			hands_over = true;
			room = milter_crowd_room();
		}
		asked = true;
		if (room == 0) {
			one->revents = 0;
			ready--;
			continue;
		}
		room--;
		milter_crowd_enter(one->fd);
		milter_handover_give(one->fd);
		next = (start + i + 1) % count;
	}
	start = next;
	return ready;
}

/* Several at once are never ours while they hold something. */
int milter_buffer_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
	bool ours = count == 1 && held(watched->fd) != NULL;
	int ready;

	if (ours)
		milter_handover_take(watched->fd);
	if (ours && watched->events == POLLOUT)
		return poll_to_write(watched, timeout_ms);
	if (ours && (watched->events & POLLIN) != 0)
		return poll_to_read(watched, timeout_ms);
	if (count == 1 && begun && watched->fd == listening) {
		milter_pool_started();
		return milter_handover_listen(watched, timeout_ms);
	}
	ready = hands_over ? milter_handover_poll(watched, count, timeout_ms)
			   : system_poll(watched, count, timeout_ms);
	return count == 1 || ready <= 0 ? ready : let_in(watched, count, ready);
}

ssize_t milter_buffer_read(int fd, void *bytes, size_t size)
{
	struct iovec into = {.iov_base = bytes, .iov_len = size};
	struct held *ours = held(fd);
	size_t length;

	if (ours == NULL || ours == &nothing || ours == &answered)
		return readv(fd, &into, 1);
	length = ours->end - ours->start < size ? ours->end - ours->start : size;
	memcpy(bytes, ours->bytes + ours->start, length);
	ours->start += length;
	if (ours->start == ours->end)
		hold(fd, &nothing);
	return (ssize_t)length;
}

ssize_t milter_buffer_writev(int fd, const struct iovec *pieces, int count)
{
	ssize_t sent;

	if (held(fd) == NULL || count < 1)
		return syscall(SYS_writev, fd, pieces, count);
	sent = milter_unsent_write(fd, pieces, count);
	if (!milter_unsent_any(fd) && held_of[fd] == &nothing)
		hold(fd, &answered);
	return sent;
}

/* A new connection enters alone, but where those inside do nothing as many as may be inside. */
static void wait_to_accept(void)
{
	static _Thread_local size_t room;

	if (room > 0) {
		room--;
		return;
	}
	room = milter_crowd_room();
	room = room == MILTER_CROWD_MAX ? room - 1 : 0;
}

static int accept_session(int listener, struct sockaddr *address, socklen_t *length)
{
	const struct timeval moment = {.tv_usec = LINGER_MS * 1000};
	int fd = milter_accept(listener, address, length);

	if (fd < 0)
		return fd;
	if (fd >= MILTER_DESCRIPTORS ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)) != 0) {
		milter_accept_closed();
		return fd;
	}
	hold(fd, &nothing);
	milter_crowd_enter(fd);
	milter_handover_give(fd);
	return fd;
}

int milter_buffer_accept(int listener, struct sockaddr *address, socklen_t *length)
{
	bool made;

	if (!begun)
		return accept4(listener, address, length, 0);
	milter_pool_starts_sessions();
	listening = listener;
	made = milter_handover_wants();
	if (!made)
		wait_to_accept();
	if (!milter_pool_start()) {
		errno = EAGAIN;
		return -1;
	}
	return made ? milter_handover_make(listener, address, length)
		    : accept_session(listener, address, length);
}

int milter_buffer_close(int fd)
{
	int failed;

	if (held(fd) == NULL)
		return (int)syscall(SYS_close, fd);
	milter_crowd_leave(fd);
	milter_handover_take(fd);
	hold(fd, NULL);
	milter_unsent_forget(fd);
	failed = (int)syscall(SYS_close, fd);
	milter_accept_closed();
	return failed;
}
