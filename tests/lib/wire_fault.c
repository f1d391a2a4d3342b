/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire_fault.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"

enum { PAIRS_MAX = 96, BUFFER_SIZE = 64 * 1024, TICK_MS = 1 };

struct pair {
	int client, server; /* 0: free */
	char waiting[BUFFER_SIZE]; /* replies that are not passed on yet */
	size_t used;
	uint64_t due_ms;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

static void drop(struct pair *pair, bool reset)
{
	struct linger now = {1, 0};

	if (reset)
		setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(pair->client);
	close(pair->server);
	pair->client = pair->server = 0;
	pair->used = 0;
}

static void pass(int to, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(to, bytes, length, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		bytes += sent;
		length -= (size_t)sent;
	}
}

/* The fault that hits what is there now, and one time less of it. */
static enum wire_fault_kind struck(struct wire_fault *wire)
{
	int kind = atomic_load(&wire->kind);
	int times = atomic_load(&wire->times);

	if (kind == WIRE_CLEAN)
		return WIRE_CLEAN;
	atomic_fetch_add(&wire->hits, 1);
	if (times > 0 && atomic_fetch_sub(&wire->times, 1) == 1)
		atomic_store(&wire->kind, WIRE_CLEAN);
	return (enum wire_fault_kind)kind;
}

static void strike(struct wire_fault *wire, struct pair *pair)
{
	static const char garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	size_t amount = (size_t)atomic_load(&wire->amount);
	enum wire_fault_kind kind = struck(wire);

	switch (kind) {
	case WIRE_CUT:
	case WIRE_END:
		pass(pair->client, pair->waiting, amount < pair->used ? amount : pair->used);
		drop(pair, kind != WIRE_END);
		return;
	case WIRE_SWALLOW:
		drop(pair, true);
		return;
	case WIRE_GARBAGE:
		pass(pair->client, garbage, strlen(garbage));
		break;
	default:
		pass(pair->client, pair->waiting, pair->used);
		break;
	}
	pair->used = 0;
}

static void pass_replies(struct wire_fault *wire, struct pair *pair)
{
	int kind = atomic_load(&wire->kind);
	uint64_t now = clock_monotonic_ms();
	size_t amount = (size_t)atomic_load(&wire->amount);

	if (pair->client == 0 || pair->used == 0 || kind == WIRE_HOLE)
		return;
	if ((kind == WIRE_DELAY || kind == WIRE_DRIP) && now < pair->due_ms)
		return;
	if (kind != WIRE_DRIP) {
		strike(wire, pair);
		return;
	}
	pass(pair->client, pair->waiting, 1);
	memmove(pair->waiting, pair->waiting + 1, --pair->used);
	pair->due_ms = now + amount;
}

static void read_server(struct wire_fault *wire, struct pair *pair)
{
	ssize_t got = recv(
		pair->server, pair->waiting + pair->used, sizeof(pair->waiting) - pair->used, 0);

	if (got <= 0) {
		drop(pair, false);
		return;
	}
	if (pair->used == 0)
		pair->due_ms = clock_monotonic_ms() + (uint64_t)atomic_load(&wire->amount);
	pair->used += (size_t)got;
}

static void read_client(struct pair *pair)
{
	static char buffer[BUFFER_SIZE];
	ssize_t got = recv(pair->client, buffer, sizeof(buffer), 0);

	if (got <= 0)
		drop(pair, false);
	else
		pass(pair->server, buffer, (size_t)got);
}

static void accept_client(const struct wire_fault *wire, struct pair *pairs)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int client = accept(wire->listener, NULL, NULL);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", wire->target);
	for (size_t i = 0; i < PAIRS_MAX && client >= 0; i++) {
		if (pairs[i].client != 0)
			continue;
		if (connect(server, (const struct sockaddr *)&address, sizeof(address)) != 0)
			break;
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		pairs[i].client = client;
		pairs[i].server = server;
		return;
	}
	close(client);
	close(server);
}

static void serve_once(struct wire_fault *wire, struct pair *pairs)
{
	struct pollfd watched[1 + 2 * PAIRS_MAX];
	bool hole = atomic_load(&wire->kind) == WIRE_HOLE;

	watched[0] = (struct pollfd){.fd = wire->listener, .events = POLLIN};
	for (size_t i = 0; i < PAIRS_MAX; i++) {
		bool open = pairs[i].client != 0;
		bool room = pairs[i].used < BUFFER_SIZE / 2;

		watched[1 + 2 * i] = (struct pollfd){
			.fd = open && !hole ? pairs[i].client : -1, .events = POLLIN};
		watched[2 + 2 * i] = (struct pollfd){
			.fd = open && !hole && room ? pairs[i].server : -1, .events = POLLIN};
	}
	if (poll(watched, 1 + 2 * PAIRS_MAX, TICK_MS) < 0)
		return;
	for (size_t i = 0; i < PAIRS_MAX; i++) {
		if (pairs[i].client != 0 && watched[2 + 2 * i].revents != 0)
			read_server(wire, &pairs[i]);
		if (pairs[i].client != 0 && watched[1 + 2 * i].revents != 0)
			read_client(&pairs[i]);
		pass_replies(wire, &pairs[i]);
	}
	if (watched[0].revents != 0)
		accept_client(wire, pairs);
}

static void *serve(void *argument)
{
	struct wire_fault *wire = argument;
	struct pair *pairs = calloc(PAIRS_MAX, sizeof(*pairs));

	must(pairs != NULL, "calloc");
	while (!atomic_load(&wire->stopping))
		serve_once(wire, pairs);
	for (size_t i = 0; i < PAIRS_MAX; i++)
		if (pairs[i].client != 0)
			drop(&pairs[i], false);
	free(pairs);
	return NULL;
}

void wire_fault_start_at(struct wire_fault *wire, const char *target, const char *at, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t size = sizeof(address);
	int on = 1;

	memset(wire, 0, sizeof(*wire));
	snprintf(wire->target, sizeof(wire->target), "%s", target);
	must(inet_pton(AF_INET, at, &address.sin_addr) == 1, "inet_pton");
	wire->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(wire->listener >= 0, "socket");
	setsockopt(wire->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(wire->listener, (const struct sockaddr *)&address, size) == 0, "bind");
	must(listen(wire->listener, PAIRS_MAX) == 0, "listen");
	must(getsockname(wire->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
	wire->port = ntohs(address.sin_port);
	snprintf(wire->url, sizeof(wire->url), "redis://127.0.0.1:%d", wire->port);
	must(pthread_create(&wire->thread, NULL, serve, wire) == 0, "pthread_create");
}

void wire_fault_start(struct wire_fault *wire, const char *target)
{
	wire_fault_start_at(wire, target, "127.0.0.1", 0);
}

void wire_fault_set(struct wire_fault *wire, enum wire_fault_kind kind, int amount, int times)
{
	atomic_store(&wire->amount, amount);
	atomic_store(&wire->times, times);
	atomic_store(&wire->kind, kind);
}

void wire_fault_stop(struct wire_fault *wire)
{
	atomic_store(&wire->stopping, true);
	pthread_join(wire->thread, NULL);
	close(wire->listener);
}
