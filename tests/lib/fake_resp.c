/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_resp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64, INPUT_MAX = 64 * 1024, TICK_MS = 10 };

struct client {
	int fd; /* 0: free */
	char input[INPUT_MAX];
	size_t used;
	const char *slow; /* what is still to be sent, by drip or late */
	size_t slow_left;
	bool late;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

/* A line "*3" or "$17" at *AT: its number, with *AT moved behind it; -1 while it is not whole. */
static long read_header(const char *input, size_t used, size_t *at)
{
	const char *end = *at < used ? memchr(input + *at, '\n', used - *at) : NULL;
	long number;

	if (end == NULL)
		return -1;
	number = strtol(input + *at + 1, NULL, 10);
	*at = (size_t)(end - input) + 1;
	return number;
}

/* The length of the first whole command, or 0. */
static size_t command_length(const char *input, size_t used)
{
	size_t at = 0;
	long parts = read_header(input, used, &at);

	for (; parts > 0; parts--) {
		long length = read_header(input, used, &at);

		if (length < 0)
			return 0;
		at += (size_t)length + 2;
	}
	return parts == 0 && at <= used ? at : 0;
}

static bool holds(const char *command, size_t length, const char *word)
{
	return memmem(command, length, word, strlen(word)) != NULL;
}

static const char *healthy_answer(const char *command, size_t length)
{
	if (holds(command, length, "\r\nPING\r\n"))
		return "+PONG\r\n";
	if (!holds(command, length, "\r\nEVAL"))
		return "+OK\r\n";
	if (holds(command, length, "\r\nreserve\r\n"))
		return "$9\r\n0 0 1 0 0\r\n";
	return holds(command, length, "\r\npeek\r\n") ? "$1\r\n1\r\n" : "$1\r\n0\r\n";
}

static void drop(struct client *client, bool reset)
{
	struct linger now = {1, 0};

	if (reset)
		setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(client->fd);
	memset(client, 0, sizeof(*client));
}

static void send_all(const struct client *client, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		length -= (size_t)sent;
	}
}

static struct fake_resp_orders orders_for(
	struct fake_resp *server, const char *command, size_t length)
{
	struct fake_resp_orders orders = {0};
	bool is_probe = holds(command, length, ":w:probe");
	bool is_call = !is_probe && holds(command, length, "\r\nEVALSHA\r\n");

	pthread_mutex_lock(&server->mutex);
	if (is_call) {
		server->asked++;
		memcpy(server->last[1], server->last[0], sizeof(server->last[0]));
		memset(server->last[0], 0, sizeof(server->last[0]));
		memcpy(server->last[0], command,
			length < sizeof(server->last[0]) ? length : sizeof(server->last[0]));
	}
	if ((is_call || (is_probe && server->orders.probes_too)) &&
		(server->orders.only == NULL || holds(command, length, server->orders.only)))
		orders = server->orders;
	if (is_call && server->orders.times > 0 && --server->orders.times == 0)
		server->orders = (struct fake_resp_orders){0};
	pthread_mutex_unlock(&server->mutex);
	return orders;
}

static void answer(struct fake_resp *server, struct client *client, size_t length)
{
	struct fake_resp_orders orders = orders_for(server, client->input, length);
	const char *bytes =
		orders.answer != NULL ? orders.answer : healthy_answer(client->input, length);
	size_t size = orders.length != 0 ? orders.length : strlen(bytes);

	client->used -= length;
	memmove(client->input, client->input + length, client->used);
	if (orders.after == FAKE_RESP_DRIP || orders.after == FAKE_RESP_LATE) {
		client->slow = bytes;
		client->slow_left = size;
		client->late = orders.after == FAKE_RESP_LATE;
		return;
	}
	send_all(client, bytes, size);
	if (orders.after != FAKE_RESP_KEEP)
		drop(client, orders.after == FAKE_RESP_RESET);
}

static void send_slow(struct fake_resp *server, struct client *client)
{
	bool due;

	if (client->fd == 0 || client->slow_left == 0)
		return;
	pthread_mutex_lock(&server->mutex);
	due = !client->late || server->orders.answer == NULL;
	pthread_mutex_unlock(&server->mutex);
	if (!due)
		return;
	send_all(client, client->slow, client->late ? client->slow_left : 1);
	client->slow++;
	client->slow_left = client->late ? 0 : client->slow_left - 1;
}

static void read_client(struct fake_resp *server, struct client *client)
{
	ssize_t got = recv(client->fd, client->input + client->used, INPUT_MAX - client->used, 0);
	size_t length;

	if (got <= 0) {
		drop(client, false);
		return;
	}
	client->used += (size_t)got;
	while (client->fd != 0 && (length = command_length(client->input, client->used)) > 0)
		answer(server, client, length);
}

static void accept_client(const struct fake_resp *server, struct client *clients)
{
	int fd = accept(server->listener, NULL, NULL);
	int on = 1;

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (size_t i = 0; i < CLIENTS_MAX && fd >= 0; i++)
		if (clients[i].fd == 0) {
			clients[i].fd = fd;
			return;
		}
	if (fd >= 0)
		close(fd);
}

static void serve_once(struct fake_resp *server, struct client *clients)
{
	struct pollfd watched[CLIENTS_MAX + 1] = {{.fd = server->listener, .events = POLLIN}};

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		watched[i + 1] = (struct pollfd){
			.fd = clients[i].fd == 0 ? -1 : clients[i].fd, .events = POLLIN};
	if (poll(watched, CLIENTS_MAX + 1, TICK_MS) < 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (watched[i + 1].revents != 0)
			read_client(server, &clients[i]);
		send_slow(server, &clients[i]);
	}
	if (watched[0].revents != 0)
		accept_client(server, clients);
}

static void *serve(void *argument)
{
	struct fake_resp *server = argument;
	struct client *clients = calloc(CLIENTS_MAX, sizeof(*clients));
	bool stopping = false;

	must(clients != NULL, "calloc");
	while (!stopping) {
		serve_once(server, clients);
		pthread_mutex_lock(&server->mutex);
		stopping = server->stopping;
		pthread_mutex_unlock(&server->mutex);
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (clients[i].fd != 0)
			drop(&clients[i], false);
	free(clients);
	return NULL;
}

void fake_resp_start(struct fake_resp *server, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t size = sizeof(address);
	int on = 1;

	memset(server, 0, sizeof(*server));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(server->listener >= 0, "socket");
	setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(server->listener, (const struct sockaddr *)&address, size) == 0, "bind");
	must(listen(server->listener, CLIENTS_MAX) == 0, "listen");
	must(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
	server->port = ntohs(address.sin_port);
	snprintf(server->url, sizeof(server->url), "redis://127.0.0.1:%d", server->port);
	pthread_mutex_init(&server->mutex, NULL);
	must(pthread_create(&server->thread, NULL, serve, server) == 0, "pthread_create");
}

void fake_resp_stop(struct fake_resp *server)
{
	pthread_mutex_lock(&server->mutex);
	server->stopping = true;
	pthread_mutex_unlock(&server->mutex);
	pthread_join(server->thread, NULL);
	close(server->listener);
	pthread_mutex_destroy(&server->mutex);
}

void fake_resp_order(struct fake_resp *server, const struct fake_resp_orders *orders)
{
	pthread_mutex_lock(&server->mutex);
	server->orders = *orders;
	pthread_mutex_unlock(&server->mutex);
}

int fake_resp_asked(struct fake_resp *server)
{
	int asked;

	pthread_mutex_lock(&server->mutex);
	asked = server->asked;
	pthread_mutex_unlock(&server->mutex);
	return asked;
}
