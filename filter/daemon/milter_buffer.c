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

#include "milter_crowd.h"

enum {
	LINGER_MS = 1, /* how long libmilter waits for a next command, and a recv of ours */
	SPARE = 8, /* buffers that are kept for the next who reads */
	HEAD = 5, /* bytes of a packet before its data: their length, and the command */
	PIECES_MAX = 4 /* of one write; libmilter's have two */
};

/* What has arrived and was not read yet. */
struct held {
	size_t start, end;
	unsigned char bytes[MILTER_BUFFER_READ];
};

/* What libmilter has written and the system has not, and where the two stand. */
struct unsent {
	size_t length; /* of BYTES */
	size_t rest; /* of a packet that the system took a part of: libmilter comes back with it */
	bool full; /* the system took no more */
	unsigned char bytes[MILTER_BUFFER_WRITE];
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
static struct held *_Atomic held_of[MILTER_BUFFER_DESCRIPTORS];
static struct unsent *_Atomic unsent_of[MILTER_BUFFER_DESCRIPTORS]; /* NULL: all is written */
static struct held *_Atomic spare[SPARE];
static _Thread_local bool begun;
static atomic_int lingering; /* threads */
static atomic_int lingering_most = 1; /* that may, now */

void milter_buffer_begin(void)
{
	milter_crowd_begin();
	begun = true;
}

static struct held *held(int fd)
{
	return fd < 0 || fd >= MILTER_BUFFER_DESCRIPTORS ? NULL : held_of[fd];
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

static void forget_unsent(int fd)
{
	free(atomic_exchange(&unsent_of[fd], NULL));
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
	struct unsent *unsent = unsent_of[watched->fd];

	if (unsent != NULL && unsent->full) {
		unsent->full = false;
		return system_poll(watched, 1, timeout_ms);
	}
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
		if (!asked)
			room = milter_crowd_room();
		asked = true;
		if (room == 0) {
			one->revents = 0;
			ready--;
			continue;
		}
		room--;
		milter_crowd_enter(one->fd);
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

	if (ours && watched->events == POLLOUT)
		return poll_to_write(watched, timeout_ms);
	if (ours && (watched->events & POLLIN) != 0)
		return poll_to_read(watched, timeout_ms);
	ready = system_poll(watched, count, timeout_ms);
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

static size_t length_of(const struct iovec *pieces, int count)
{
	size_t length = 0;

	for (int i = 0; i < count; i++)
		length += pieces[i].iov_len;
	return length;
}

static struct unsent *unsent(int fd)
{
	if (unsent_of[fd] == NULL)
		unsent_of[fd] = calloc(1, sizeof(struct unsent));
	return unsent_of[fd];
}

/* A whole packet that changes the message (SMFIR_* of mfdef.h), which no MTA acts on before the verdict. */
static bool is_change(int fd, const struct iovec *pieces, int count)
{
	const unsigned char *head = pieces[0].iov_base;
	const struct unsent *before = unsent_of[fd];

	if ((before != NULL && before->rest > 0) || pieces[0].iov_len < HEAD ||
		strchr("+2-bhimqe", head[4]) == NULL || head[4] == '\0')
		return false;
	return length_of(pieces, count) == 4 + ((size_t)head[0] << 24 | (size_t)head[1] << 16 |
						       (size_t)head[2] << 8 | (size_t)head[3]);
}

/* False where it has no room. */
static bool keep(int fd, const struct iovec *pieces, int count)
{
	struct unsent *kept = unsent(fd);

	if (kept == NULL || length_of(pieces, count) > sizeof(kept->bytes) - kept->length)
		return false;
	for (int i = 0; i < count; i++) {
		memcpy(kept->bytes + kept->length, pieces[i].iov_base, pieces[i].iov_len);
		kept->length += pieces[i].iov_len;
	}
	return true;
}

/* The system took no more: libmilter polls, and comes back with the rest. */
static ssize_t wait_for_room(int fd)
{
	struct unsent *waiting = unsent(fd);

	if (waiting != NULL)
		waiting->full = true;
	errno = EAGAIN;
	return -1;
}

/* What is kept and what is written now, as much as the system takes at once. */
static ssize_t send_all(int fd, const struct iovec *pieces, int count)
{
	struct iovec all[1 + PIECES_MAX];
	struct msghdr message = {.msg_iov = all};
	struct unsent *kept = unsent_of[fd];
	size_t before = kept == NULL ? 0 : kept->length;
	size_t length = length_of(pieces, count < PIECES_MAX ? count : PIECES_MAX);
	ssize_t sent;

	if (before > 0)
		all[message.msg_iovlen++] = (struct iovec){kept->bytes, before};
	for (int i = 0; i < count && i < PIECES_MAX; i++)
		all[message.msg_iovlen++] = pieces[i];
	sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN ? wait_for_room(fd) : -1;
	if ((size_t)sent < before) {
		kept->length -= (size_t)sent;
		memmove(kept->bytes, kept->bytes + sent, kept->length);
		return wait_for_room(fd);
	}
	length -= (size_t)sent - before;
	if (length == 0) {
		forget_unsent(fd);
		return sent - (ssize_t)before;
	}
	if (kept != NULL)
		kept->length = 0;
	(void)wait_for_room(fd);
	if (unsent_of[fd] != NULL)
		unsent_of[fd]->rest = length;
	return (size_t)sent == before ? -1 : sent - (ssize_t)before;
}

ssize_t milter_buffer_writev(int fd, const struct iovec *pieces, int count)
{
	ssize_t sent;

	if (held(fd) == NULL || count < 1)
		return syscall(SYS_writev, fd, pieces, count);
	if (is_change(fd, pieces, count) && keep(fd, pieces, count))
		return (ssize_t)length_of(pieces, count);
	sent = send_all(fd, pieces, count);
	if (unsent_of[fd] == NULL && held_of[fd] == &nothing)
		hold(fd, &answered);
	return sent;
}

int milter_buffer_accept(int listener, struct sockaddr *address, socklen_t *length)
{
	const struct timeval moment = {.tv_usec = LINGER_MS * 1000};
	int fd;

	if (begun)
		(void)milter_crowd_room();
	fd = accept4(listener, address, length, 0);
	if (begun && fd >= 0 && fd < MILTER_BUFFER_DESCRIPTORS &&
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)) == 0) {
		hold(fd, &nothing);
		milter_crowd_enter(fd);
	}
	return fd;
}

int milter_buffer_close(int fd)
{
	if (held(fd) != NULL) {
		milter_crowd_leave(fd);
		hold(fd, NULL);
		forget_unsent(fd);
	}
	return (int)syscall(SYS_close, fd);
}
