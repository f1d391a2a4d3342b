/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_mta.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_mta_tls.h"

enum { TICK_MS = 10, LINE_SIZE = 1024 };

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

static bool is_stopping(struct fake_mta *server)
{
	bool stopping;

	pthread_mutex_lock(&server->mutex);
	stopping = server->stopping;
	pthread_mutex_unlock(&server->mutex);
	return stopping;
}

static struct fake_mta_orders orders_of(struct fake_mta *server)
{
	struct fake_mta_orders orders;

	pthread_mutex_lock(&server->mutex);
	orders = server->orders;
	pthread_mutex_unlock(&server->mutex);
	return orders;
}

/* The other end of a connection. */
struct peer {
	int fd;
	struct fake_mta_wire *wire; /* NULL: in the clear */
};

static bool put(const struct peer *peer, const char *bytes, size_t length)
{
	if (peer->wire != NULL)
		return fake_mta_wire_write(peer->wire, bytes, length) == (ssize_t)length;
	return send(peer->fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static bool get_byte(const struct peer *peer, char *byte)
{
	if (peer->wire != NULL)
		return fake_mta_wire_read(peer->wire, byte, 1) == 1;
	return recv(peer->fd, byte, 1, 0) == 1;
}

/* Waits for the other end to hang up, or for the end of the test. */
static void be_silent(struct fake_mta *server, int fd)
{
	char byte;

	while (!is_stopping(server)) {
		struct pollfd watched = {.fd = fd, .events = POLLIN};

		if (poll(&watched, 1, TICK_MS) > 0 && recv(fd, &byte, 1, 0) <= 0)
			return;
	}
}

static void repeat(struct fake_mta *server, const struct peer *peer, const char *bytes)
{
	while (!is_stopping(server) && put(peer, bytes, strlen(bytes)))
		;
}

static void drip(struct fake_mta *server, const struct peer *peer)
{
	static const char reply[] = "250-a good reply, but slow";

	for (size_t i = 0; !is_stopping(server) && put(peer, &reply[i % (sizeof(reply) - 1)], 1);
		i++)
		usleep(TICK_MS * 1000);
}

static void reset(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* False when the connection shall end. */
static bool answer(struct fake_mta *server, const struct peer *peer, const char *reply)
{
	static const char garbage[] = "\x16\x03\x01\0\xff\xfe\r\n\r\n";
	char line[LINE_SIZE];

	if (reply[0] != '!') {
		int length = snprintf(line, sizeof(line), "%s\r\n", reply);

		return put(peer, line, (size_t)length);
	}
	if (strcmp(reply, "!reset") == 0)
		reset(peer->fd);
	else if (strcmp(reply, "!silent") == 0)
		be_silent(server, peer->fd);
	else if (strcmp(reply, "!flood") == 0)
		repeat(server, peer, "250-and so on\r\n");
	else if (strcmp(reply, "!long") == 0)
		repeat(server, peer, "250-and so on and so on, ");
	else if (strcmp(reply, "!drip") == 0)
		drip(server, peer);
	else if (strcmp(reply, "!garbage") == 0)
		return put(peer, garbage, sizeof(garbage) - 1);
	else if (strcmp(reply, "!twice") == 0)
		return put(peer, "250 yes\r\n250 yes\r\n", 18);
	else
		must(strcmp(reply, "!close") == 0, reply);
	return false;
}

static const char *known(const char *address)
{
	static const char *const addresses[] = {"anna@example.org", "\"b b\"@example.org",
		"postmaster@example.org", "m\xc3\xbcller@example.org"};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		if (strcasecmp(address, addresses[i]) == 0)
			return "250 2.1.5 Ok";
	return "550 5.1.1 <x> SECRET words of the target";
}

static const char *answer_rcpt(struct fake_mta *server, char *line)
{
	char *end = strrchr(line, '>');
	struct fake_mta_orders orders;

	pthread_mutex_lock(&server->mutex);
	server->recipients++;
	pthread_mutex_unlock(&server->mutex);
	if (strncasecmp(line, "RCPT TO:<", 9) != 0 || end == NULL || end[1] != '\0')
		return "501 5.5.4 bad RCPT";
	*end = '\0';
	for (orders = orders_of(server); orders.hold && !is_stopping(server);
		orders = orders_of(server))
		usleep(TICK_MS * 1000);
	return orders.rcpt == NULL ? known(line + 9) : orders.rcpt(line + 9);
}

static const char *or_else(const char *ordered, const char *usual)
{
	return ordered == NULL ? usual : ordered;
}

static const char *answer_to(struct fake_mta *server, char *line, bool *in_mail)
{
	struct fake_mta_orders orders = orders_of(server);

	if (strncasecmp(line, "EHLO ", 5) == 0 || strncasecmp(line, "LHLO ", 5) == 0) {
		pthread_mutex_lock(&server->mutex);
		server->greetings++;
		server->lhlo += line[0] == 'L';
		pthread_mutex_unlock(&server->mutex);
		return or_else(orders.ehlo,
			orders.starttls != NULL
				? "250-SECRET.example.org\r\n250-STARTTLS\r\n250 SMTPUTF8"
				: "250-SECRET.example.org\r\n250-PIPELINING\r\n250 SMTPUTF8");
	}
	if (strncasecmp(line, "HELO ", 5) == 0)
		return or_else(orders.helo, "250 SECRET.example.org");
	if (strncasecmp(line, "MAIL FROM:<>", 12) == 0) {
		pthread_mutex_lock(&server->mutex);
		snprintf(server->last_mail, sizeof(server->last_mail), "%.90s", line);
		pthread_mutex_unlock(&server->mutex);
		if (*in_mail)
			return "503 5.5.1 nested MAIL";
		*in_mail = true;
		return or_else(orders.mail, "250 2.1.0 Ok");
	}
	if (strcasecmp(line, "STARTTLS") == 0 && orders.starttls != NULL)
		return orders.starttls;
	if (strcasecmp(line, "RSET") == 0) {
		*in_mail = false;
		return or_else(orders.rset, "250 2.0.0 Ok");
	}
	if (strncasecmp(line, "RCPT ", 5) == 0 && *in_mail)
		return answer_rcpt(server, line);
	return strcasecmp(line, "QUIT") == 0 ? "!close" : "503 5.5.1 what?";
}

static bool get_line(const struct peer *peer, char line[LINE_SIZE])
{
	size_t used = 0;

	while (used < LINE_SIZE - 1 && get_byte(peer, line + used))
		if (line[used++] == '\n') {
			line[used >= 2 && line[used - 2] == '\r' ? used - 2 : used - 1] = '\0';
			return true;
		}
	return false;
}

static bool begin_tls(struct fake_mta *server, struct peer *peer)
{
	peer->wire = fake_mta_wire_accept(server->tls, peer->fd);
	pthread_mutex_lock(&server->mutex);
	server->encrypted += peer->wire != NULL;
	pthread_mutex_unlock(&server->mutex);
	return peer->wire != NULL;
}

static void converse(struct fake_mta *server, struct peer *peer)
{
	char line[LINE_SIZE];
	bool in_mail = false;

	if (!answer(server, peer,
		    or_else(orders_of(server).banner, "220 SECRET.example.org ESMTP")))
		return;
	while (get_line(peer, line)) {
		bool was_rset = strcasecmp(line, "RSET") == 0;
		const char *reply;

		if (peer->wire == NULL && strncasecmp(line, "MAIL ", 5) == 0) {
			pthread_mutex_lock(&server->mutex);
			server->said_in_clear++;
			pthread_mutex_unlock(&server->mutex);
		}
		reply = answer_to(server, line, &in_mail);
		if (!answer(server, peer, reply) ||
			(was_rset && orders_of(server).hang_up_when_idle))
			return;
		if (strcasecmp(line, "STARTTLS") == 0 && strncmp(reply, "220", 3) == 0 &&
			!orders_of(server).no_tls && !begin_tls(server, peer))
			return;
	}
}

struct visit {
	struct fake_mta *server;
	int fd;
};

static void *serve(void *given)
{
	struct visit visit = *(struct visit *)given;
	struct peer peer = {.fd = visit.fd};
	int null;

	free(given);
	converse(visit.server, &peer);
	if (peer.wire != NULL)
		fake_mta_wire_close(&peer.wire);
	/* The number stays taken until the end of the test. */
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	must(null >= 0 && dup2(null, visit.fd) == visit.fd, "dup2");
	close(null);
	return NULL;
}

static void welcome(struct fake_mta *server, int fd)
{
	struct visit *visit = malloc(sizeof(*visit));
	int i = 0;

	must(visit != NULL, "malloc");
	*visit = (struct visit){server, fd};
	pthread_mutex_lock(&server->mutex);
	server->connections++;
	while (i < FAKE_MTA_CLIENTS && server->clients[i].fd != 0)
		i++;
	must(i < FAKE_MTA_CLIENTS, "too many clients");
	server->clients[i].fd = fd;
	must(pthread_create(&server->clients[i].thread, NULL, serve, visit) == 0, "thread");
	pthread_mutex_unlock(&server->mutex);
}

static void *run(void *given)
{
	struct fake_mta *server = given;

	while (!is_stopping(server)) {
		struct pollfd watched = {.fd = server->listener, .events = POLLIN};

		if (poll(&watched, 1, TICK_MS) > 0) {
			int fd = accept(server->listener, NULL, NULL);

			if (fd >= 0)
				welcome(server, fd);
		}
	}
	return NULL;
}

static void listen_locally(struct fake_mta *server)
{
	struct sockaddr_un place = {.sun_family = AF_UNIX};

	snprintf(server->path, sizeof(server->path), "/tmp/fake_mta.%ld.sock", (long)getpid());
	unlink(server->path);
	snprintf(place.sun_path, sizeof(place.sun_path), "%s", server->path);
	server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	must(bind(server->listener, (struct sockaddr *)&place, sizeof(place)) == 0, "bind");
}

static void listen_on_loopback(struct fake_mta *server)
{
	struct sockaddr_in place = {.sin_family = AF_INET};
	socklen_t size = sizeof(place);

	place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(server->listener, (struct sockaddr *)&place, sizeof(place)) == 0, "bind");
	must(getsockname(server->listener, (struct sockaddr *)&place, &size) == 0, "name");
	server->port = ntohs(place.sin_port);
}

void fake_mta_start(struct fake_mta *server, bool local)
{
	*server = (struct fake_mta){0};
	pthread_mutex_init(&server->mutex, NULL);
	server->tls = fake_mta_tls_create();
	if (local)
		listen_locally(server);
	else
		listen_on_loopback(server);
	must(listen(server->listener, FAKE_MTA_CLIENTS) == 0, "listen");
	must(pthread_create(&server->thread, NULL, run, server) == 0, "thread");
}

void fake_mta_stop(struct fake_mta *server)
{
	pthread_mutex_lock(&server->mutex);
	server->stopping = true;
	pthread_mutex_unlock(&server->mutex);
	pthread_join(server->thread, NULL);
	for (int i = 0; i < FAKE_MTA_CLIENTS; i++) {
		if (server->clients[i].fd == 0)
			continue;
		shutdown(server->clients[i].fd, SHUT_RDWR);
		pthread_join(server->clients[i].thread, NULL);
		close(server->clients[i].fd);
	}
	close(server->listener);
	if (server->path[0] != '\0')
		unlink(server->path);
	fake_mta_tls_free(&server->tls);
	pthread_mutex_destroy(&server->mutex);
}

void fake_mta_order(struct fake_mta *server, const struct fake_mta_orders *orders)
{
	pthread_mutex_lock(&server->mutex);
	server->orders = orders == NULL ? (struct fake_mta_orders){0} : *orders;
	server->connections = server->greetings = server->lhlo = server->recipients = 0;
	server->encrypted = server->said_in_clear = 0;
	pthread_mutex_unlock(&server->mutex);
}

int fake_mta_recipients(struct fake_mta *server)
{
	int recipients;

	pthread_mutex_lock(&server->mutex);
	recipients = server->recipients;
	pthread_mutex_unlock(&server->mutex);
	return recipients;
}

int fake_mta_connections(struct fake_mta *server)
{
	int connections;

	pthread_mutex_lock(&server->mutex);
	connections = server->connections;
	pthread_mutex_unlock(&server->mutex);
	return connections;
}

int fake_mta_encrypted(struct fake_mta *server)
{
	int encrypted;

	pthread_mutex_lock(&server->mutex);
	encrypted = server->encrypted;
	pthread_mutex_unlock(&server->mutex);
	return encrypted;
}

int fake_mta_said_in_clear(struct fake_mta *server)
{
	int said;

	pthread_mutex_lock(&server->mutex);
	said = server->said_in_clear;
	pthread_mutex_unlock(&server->mutex);
	return said;
}

void fake_mta_write_certificate(struct fake_mta *server, const char *path)
{
	fake_mta_tls_write_certificate(server->tls, path);
}
