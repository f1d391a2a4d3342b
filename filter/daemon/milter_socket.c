/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter_socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "account.h"
#include "ipaddr.h"
#include "text.h"

const char *milter_socket_path(const char *socket_text)
{
	if (ascii_starts_with(socket_text, "local:"))
		return socket_text + strlen("local:");
	if (ascii_starts_with(socket_text, "unix:"))
		return socket_text + strlen("unix:");
	return socket_text[0] == '/' ? socket_text : NULL;
}

static int connect_path(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (!text_copy(address.sun_path, sizeof(address.sun_path), path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

bool milter_socket_prepare(const char *socket_text, char *why, size_t why_size)
{
	const char *path = milter_socket_path(socket_text);
	struct stat status;
	int fd;

	if (path == NULL || lstat(path, &status) != 0)
		return true;
	if (!S_ISSOCK(status.st_mode)) {
		snprintf(why, why_size, "%s exists and is not a socket; remove it or name another",
			path);
		return false;
	}
	fd = connect_path(path);
	if (fd >= 0)
		close(fd);
	/* EAGAIN: it listens, and has its hands full. */
	if (fd >= 0 || errno == EAGAIN) {
		snprintf(why, why_size, "another process listens on %s; stop it first", path);
		return false;
	}
	return true;
}

/* Then there is nothing to change, for which a sandbox may leave us no right. */
static bool belongs_to(const char *path, uid_t uid, gid_t gid)
{
	struct stat status;

	return lstat(path, &status) == 0 && (uid == (uid_t)-1 || status.st_uid == uid) &&
	       (gid == (gid_t)-1 || status.st_gid == gid);
}

bool milter_socket_share(const struct daemon_options *daemon, char *why, size_t why_size)
{
	const char *path = milter_socket_path(daemon->socket);
	struct account owner = {.uid = (uid_t)-1};
	gid_t gid = (gid_t)-1;

	if (path == NULL)
		return true;
	/* The user who is dropped to owns the socket: milter_socket_poke connects to it. */
	if ((daemon->user != NULL && !account_find(daemon->user, &owner, why, why_size)) ||
		(daemon->socket_group != NULL &&
			!account_find_group(daemon->socket_group, &gid, why, why_size)))
		return false;
	if (!belongs_to(path, owner.uid, gid) && chown(path, owner.uid, gid) != 0) {
		snprintf(why, why_size,
			"cannot change owner and group of %s: %s; a folder with the group and the "
			"mode 2750 passes its group on",
			path, strerror(errno));
		return false;
	}
	if (chmod(path, (mode_t)strtoul(daemon->socket_mode, NULL, 8)) != 0) {
		snprintf(why, why_size, "cannot set the mode of %s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

/* "inet:8891@127.0.0.1" or "inet:8891": loopback where no numeric host is given. */
static void poke_internet(const char *socket_text)
{
	bool version6 = ascii_starts_with(socket_text, "inet6:");
	const char *port = strchr(socket_text, ':');
	const char *host = strchr(socket_text, '@');
	struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	struct sockaddr_in address4 = {.sin_family = AF_INET};
	struct ipaddr given;
	in_port_t number;
	int fd;

	if (port == NULL)
		return;
	number = htons((in_port_t)strtoul(port + 1, NULL, 10));
	address4.sin_port = number;
	address4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address6.sin6_port = number;
	if (host != NULL && ipaddr_parse(host + 1, &given) &&
		ipaddr_scope(&given) != IP_UNSPECIFIED) {
		memcpy(&address4.sin_addr, given.bytes, 4);
		memcpy(&address6.sin6_addr, given.bytes, 16);
	}
	fd = socket(version6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* Non-blocking: the attempt alone wakes the listener. */
	if (version6)
		(void)connect(fd, (struct sockaddr *)&address6, sizeof(address6));
	else
		(void)connect(fd, (struct sockaddr *)&address4, sizeof(address4));
	usleep(20000);
	close(fd);
}

void milter_socket_poke(const char *socket_text)
{
	const char *path;
	int fd;

	assert(socket_text != NULL);
	path = milter_socket_path(socket_text);
	if (path == NULL) {
		poke_internet(socket_text);
		return;
	}
	fd = connect_path(path);
	if (fd >= 0)
		close(fd);
}

unsigned milter_socket_port(const struct sockaddr *address)
{
	if (address == NULL)
		return 0;
	if (address->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
	if (address->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
	return 0;
}
