/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

static bool complain(char why[CALLAHEAD_WHY_SIZE], const char *text)
{
	snprintf(why, CALLAHEAD_WHY_SIZE, "%s", text);
	return false;
}

static bool wait_for(int fd, short events, uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	struct pollfd watched = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = clock_monotonic_ms();
		int ready;

		if (now >= deadline_ms)
			return complain(why, "no answer in time");
		ready = poll(&watched, 1, (int)(deadline_ms - now));
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return complain(why, strerror(errno));
	}
}

bool callahead_socket_wait(int fd, enum callahead_progress progress, uint64_t deadline_ms,
	char why[CALLAHEAD_WHY_SIZE])
{
	if (progress == CALLAHEAD_WANTS_READ)
		return wait_for(fd, POLLIN, deadline_ms, why);
	if (progress == CALLAHEAD_WANTS_WRITE)
		return wait_for(fd, POLLOUT, deadline_ms, why);
	return complain(why,
		progress == CALLAHEAD_ENDED ? "it closed the connection" : "the connection broke");
}

/* Connecting. ---------------------------------------------------------------------------------- */

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

static socklen_t fill_address(const struct callahead_target *target, const struct ipaddr *address,
	union any_address *place)
{
	*place = (union any_address){0};
	if (target->socket[0] != '\0') {
		place->local.sun_family = AF_UNIX;
		memcpy(place->local.sun_path, target->socket, strlen(target->socket) + 1);
		return sizeof(place->local);
	}
	if (address->family == IP_V4) {
		place->v4.sin_family = AF_INET;
		place->v4.sin_port = htons((uint16_t)target->port);
		memcpy(&place->v4.sin_addr, address->bytes, 4);
		return sizeof(place->v4);
	}
	place->v6.sin6_family = AF_INET6;
	place->v6.sin6_port = htons((uint16_t)target->port);
	memcpy(&place->v6.sin6_addr, address->bytes, 16);
	return sizeof(place->v6);
}

static bool finish_connect(int fd, uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	socklen_t size = sizeof(int);
	int failed = 0;

	if (!wait_for(fd, POLLOUT, deadline_ms, why))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
		failed = errno;
	return failed == 0 || complain(why, strerror(failed));
}

int callahead_socket_connect(const struct callahead_target *target, const struct ipaddr *address,
	uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	union any_address place;
	socklen_t size = fill_address(target, address, &place);
	int fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		complain(why, strerror(errno));
		return -1;
	}
	if (connect(fd, &place.any, size) == 0)
		return fd;
	if (errno == EINPROGRESS) {
		if (finish_connect(fd, deadline_ms, why))
			return fd;
	} else {
		complain(why, strerror(errno));
	}
	close(fd);
	return -1;
}

/* Talking. ------------------------------------------------------------------------------------- */

enum callahead_progress callahead_socket_read(int fd, char *bytes, size_t size, size_t *length_r)
{
	ssize_t got = recv(fd, bytes, size, 0);

	*length_r = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return CALLAHEAD_DONE;
	if (got == 0)
		return CALLAHEAD_ENDED;
	return errno == EAGAIN || errno == EINTR ? CALLAHEAD_WANTS_READ : CALLAHEAD_FAILED;
}

enum callahead_progress callahead_socket_write(
	int fd, const char *bytes, size_t length, size_t *written_r)
{
	ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

	*written_r = sent > 0 ? (size_t)sent : 0;
	if (sent > 0)
		return CALLAHEAD_DONE;
	return sent == 0 || errno == EAGAIN || errno == EINTR ? CALLAHEAD_WANTS_WRITE
							      : CALLAHEAD_FAILED;
}

bool callahead_socket_is_quiet(int fd)
{
	struct pollfd watched = {.fd = fd, .events = POLLIN};

	return poll(&watched, 1, 0) == 0;
}
