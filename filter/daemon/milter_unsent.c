/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_unsent.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "milter_descriptors.h"

enum {
	HEAD = 5, /* bytes of a packet before its data: their length, and the command */
	PIECES_MAX = 4 /* of one write; libmilter's have two */
};

/* What libmilter has written and the system has not, and where the two stand. */
struct unsent {
	size_t length; /* of BYTES */
	size_t rest; /* of a packet that the system took a part of: libmilter comes back with it */
	bool full; /* the system took no more */
	unsigned char bytes[MILTER_UNSENT_BYTES];
};

static struct unsent *_Atomic unsent_of[MILTER_DESCRIPTORS]; /* NULL: all is written */

void milter_unsent_forget(int fd)
{
	free(atomic_exchange(&unsent_of[fd], NULL));
}

bool milter_unsent_any(int fd)
{
	return unsent_of[fd] != NULL;
}

bool milter_unsent_waits(int fd)
{
	struct unsent *waiting = unsent_of[fd];
	bool full = waiting != NULL && waiting->full;

	if (full)
		waiting->full = false;
	return full;
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
		milter_unsent_forget(fd);
		return sent - (ssize_t)before;
	}
	if (kept != NULL)
		kept->length = 0;
	(void)wait_for_room(fd);
	if (unsent_of[fd] != NULL)
		unsent_of[fd]->rest = length;
	return (size_t)sent == before ? -1 : sent - (ssize_t)before;
}

ssize_t milter_unsent_write(int fd, const struct iovec *pieces, int count)
{
	if (is_change(fd, pieces, count) && keep(fd, pieces, count))
		return (ssize_t)length_of(pieces, count);
	return send_all(fd, pieces, count);
}
