/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_link.h"

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
#include "mem.h"

enum { INPUT_SIZE = 2 * CALLAHEAD_LINE_MAX };

struct callahead_link {
	int fd;
	bool smtputf8;
	size_t used;
	char input[INPUT_SIZE];
};

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

/* -1 with a reason. */
static int connect_to(const struct callahead_target *target, const struct ipaddr *address,
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

static bool send_all(struct callahead_link *link, const char *bytes, size_t length,
	uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	while (length > 0) {
		ssize_t sent = send(link->fd, bytes, length, MSG_NOSIGNAL);

		if (sent > 0) {
			bytes += sent;
			length -= (size_t)sent;
		} else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
			return complain(why, strerror(errno));
		} else if (!wait_for(link->fd, POLLOUT, deadline_ms, why)) {
			return false;
		}
	}
	return true;
}

static bool receive(struct callahead_link *link, uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	for (;;) {
		ssize_t got = recv(
			link->fd, link->input + link->used, sizeof(link->input) - link->used, 0);

		if (got > 0) {
			link->used += (size_t)got;
			return true;
		}
		if (got == 0)
			return complain(why, "it closed the connection");
		if (errno != EAGAIN && errno != EINTR)
			return complain(why, strerror(errno));
		if (!wait_for(link->fd, POLLIN, deadline_ms, why))
			return false;
	}
}

/* Reads lines until the reply is whole; what follows it stays in the input. */
static bool read_reply(struct callahead_link *link, uint64_t deadline_ms,
	struct callahead_reply *reply, char why[CALLAHEAD_WHY_SIZE])
{
	size_t total = 0;

	*reply = (struct callahead_reply){0};
	for (;;) {
		char *end = memchr(link->input, '\n', link->used);
		enum callahead_line line;
		size_t length;

		if (end == NULL) {
			if (link->used > CALLAHEAD_LINE_MAX)
				return complain(why, "a line of its reply is too long");
			if (!receive(link, deadline_ms, why))
				return false;
			continue;
		}
		length = (size_t)(end - link->input);
		total += length + 1;
		line = callahead_reply_add(
			reply, link->input, length > 0 && end[-1] == '\r' ? length - 1 : length);
		link->used -= length + 1;
		memmove(link->input, end + 1, link->used);
		if (line == CALLAHEAD_LINE_BAD || total > CALLAHEAD_REPLY_MAX)
			return complain(why, "its reply is no reply of SMTP");
		if (line == CALLAHEAD_LINE_LAST)
			return true;
	}
}

bool callahead_link_is_quiet(const struct callahead_link *link)
{
	struct pollfd watched = {.fd = link->fd, .events = POLLIN};

	return link->used == 0 && poll(&watched, 1, 0) == 0;
}

bool callahead_link_ask(struct callahead_link *link, const char *command, uint64_t deadline_ms,
	struct callahead_reply *reply_r, char why[CALLAHEAD_WHY_SIZE])
{
	char line[CALLAHEAD_COMMAND_MAX + 3];
	int length = snprintf(line, sizeof(line), "%s\r\n", command);

	*reply_r = (struct callahead_reply){0};
	if (length < 0 || (size_t)length >= sizeof(line))
		return complain(why, "the command would be too long");
	/* What comes before the question is no answer to it. */
	if (!callahead_link_is_quiet(link))
		return complain(why, "it spoke or hung up unasked");
	return send_all(link, line, (size_t)length, deadline_ms, why) &&
	       read_reply(link, deadline_ms, reply_r, why);
}

static bool greet(struct callahead_link *link, const struct callahead_target *target,
	const char *our_name, uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	struct callahead_reply reply;
	char command[CALLAHEAD_COMMAND_MAX];

	if (!read_reply(link, deadline_ms, &reply, why))
		return false;
	if (reply.code != 220) {
		snprintf(why, CALLAHEAD_WHY_SIZE, "it greets with %u", reply.code);
		return false;
	}
	snprintf(command, sizeof(command), "%s %s", target->lmtp ? "LHLO" : "EHLO", our_name);
	if (!callahead_link_ask(link, command, deadline_ms, &reply, why))
		return false;
	link->smtputf8 = reply.smtputf8;
	if (reply.code / 100 == 5 && !target->lmtp) {
		snprintf(command, sizeof(command), "HELO %s", our_name);
		if (!callahead_link_ask(link, command, deadline_ms, &reply, why))
			return false;
	}
	if (reply.code == 250)
		return true;
	snprintf(why, CALLAHEAD_WHY_SIZE, "it answers %u to %.4s", reply.code, command);
	return false;
}

struct callahead_link *callahead_link_open(const struct callahead_target *target,
	const struct ipaddr *address, const char *our_name, uint64_t deadline_ms,
	char why[CALLAHEAD_WHY_SIZE])
{
	struct callahead_link *link;
	int fd = connect_to(target, address, deadline_ms, why);

	if (fd < 0)
		return NULL;
	link = mem_alloc(sizeof(*link));
	link->fd = fd;
	if (!greet(link, target, our_name, deadline_ms, why))
		callahead_link_close(&link);
	return link;
}

bool callahead_link_has_smtputf8(const struct callahead_link *link)
{
	return link->smtputf8;
}

void callahead_link_close(struct callahead_link **link_ptr)
{
	struct callahead_link *link = *link_ptr;

	if (link == NULL)
		return;
	*link_ptr = NULL;
	/* Whether it arrives does not matter to us. */
	if (send(link->fd, "QUIT\r\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0;
	close(link->fd);
	mem_free(link);
}
