/* SPDX-License-Identifier: BSD-2-Clause */
/* Every socket is connected (the kernel drops what other addresses send), has a port the kernel
 * chose, and is given up after some queries or seconds. No id is used twice on one socket, so an
 * answer that comes late can never be taken for another question's. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "mem.h"
#include "resolver_packet.h"
#include "resolver_private.h"

enum {
	SOCKET_QUERIES = 256, /* sent over one socket in its life */
	SLOTS = SOCKET_QUERIES * 2,
	SOCKET_LIFE_MS = 20000,
	RECEIVE_BUFFER = 1024 * 1024
};

struct udp_slot {
	struct question *question; /* NULL: answered or given up */
	uint16_t id;
	bool used;
};

struct udp_socket {
	struct resolver_watch watch; /* first */
	struct resolver_server *server;
	uint64_t opened_ms;
	unsigned sent; /* in its life */
	unsigned open; /* waiting for their answers */
	bool retired; /* closed as soon as nothing is open */
	bool refused; /* the network said that nobody is there */
	struct resolver_job job; /* to fail what is open after that */
	struct udp_slot slots[SLOTS];
};

static void fail_open(struct resolver_job *job);
static void receive(struct resolver_watch *watch, uint32_t events);

static struct udp_socket *socket_open(struct resolver *resolver, struct resolver_server *server)
{
	const struct sockaddr *address = (const struct sockaddr *)&server->address.socket_address;
	struct udp_socket *opened;
	int size = RECEIVE_BUFFER;
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return NULL;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	opened = mem_alloc(sizeof(*opened));
	opened->watch = (struct resolver_watch){.ready = receive, .resolver = resolver, .fd = fd};
	opened->job.run = fail_open;
	opened->server = server;
	opened->opened_ms = resolver->now_ms;
	if (connect(fd, address, server->address.length) != 0 ||
		!resolver_watch_open(&opened->watch, EPOLLIN)) {
		resolver_watch_close(&opened->watch);
		return NULL;
	}
	return opened;
}

static void retire(struct udp_socket *udp)
{
	for (size_t i = 0; i < RESOLVER_UDP_SOCKETS; i++)
		if (udp->server->sockets[i] == udp)
			udp->server->sockets[i] = NULL;
	udp->retired = true;
	if (udp->open == 0 && !udp->refused)
		resolver_watch_close(&udp->watch);
}

/* A socket chosen at random; without a free file descriptor, any that is left. */
static struct udp_socket *choose(struct resolver *resolver, struct resolver_server *server)
{
	struct udp_socket **place =
		&server->sockets[resolver_random(resolver) % RESOLVER_UDP_SOCKETS];
	struct udp_socket *old = *place;

	if (old != NULL && old->sent < SOCKET_QUERIES &&
		resolver->now_ms - old->opened_ms < SOCKET_LIFE_MS)
		return old;
	if (old != NULL)
		retire(old);
	*place = socket_open(resolver, server);
	if (*place != NULL)
		return *place;
	for (size_t i = 0; i < RESOLVER_UDP_SOCKETS; i++)
		if (server->sockets[i] != NULL && server->sockets[i]->sent < SOCKET_QUERIES)
			return server->sockets[i];
	return NULL;
}

/* The slot of ID, or the free one where it belongs. */
static struct udp_slot *slot_of(struct udp_socket *udp, uint16_t id)
{
	size_t at = id % SLOTS;

	while (udp->slots[at].used && udp->slots[at].id != id)
		at = (at + 1) % SLOTS;
	return &udp->slots[at];
}

static void occupy(struct resolver *resolver, struct udp_socket *udp, struct question *question)
{
	struct question_attempt *attempt = resolver_question_attempt(question);
	struct udp_slot *slot;

	do {
		attempt->id = resolver_random(resolver);
		slot = slot_of(udp, attempt->id);
	} while (slot->used);
	slot->used = true;
	slot->id = attempt->id;
	slot->question = question;
	attempt->socket = udp;
	attempt->slot = slot;
	udp->sent++;
	udp->open++;
}

static void refuse(struct udp_socket *udp)
{
	if (udp->refused)
		return;
	udp->refused = true;
	resolver_later(udp->watch.resolver, &udp->job);
	if (!udp->retired)
		retire(udp);
}

bool resolver_udp_send(struct resolver *resolver, struct question *question)
{
	struct question_attempt *attempt = resolver_question_attempt(question);
	uint8_t packet[RESOLVER_PACKET_QUERY_MAX];

	/* The first error may be about an earlier packet: so once more over another socket. */
	for (int attempts = 0; attempts < 2; attempts++) {
		struct udp_socket *udp = choose(resolver, attempt->server);
		size_t length;
		ssize_t sent;

		if (udp == NULL)
			return false;
		occupy(resolver, udp, question);
		length = resolver_question_write(question, packet);
		sent = send(udp->watch.fd, packet, length, MSG_NOSIGNAL);
		if (sent >= 0 || errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
			resolver_count(&resolver->counters.queries_udp, 1);
			return true;
		}
		refuse(udp);
		resolver_udp_forget(question);
	}
	return false;
}

void resolver_udp_forget(struct question *question)
{
	struct question_attempt *attempt = resolver_question_attempt(question);
	struct udp_socket *udp = attempt->socket;

	if (udp == NULL)
		return;
	attempt->slot->question = NULL;
	attempt->slot = NULL;
	attempt->socket = NULL;
	udp->open--;
	if (udp->retired && udp->open == 0 && !udp->refused)
		resolver_watch_close(&udp->watch);
}

/* Nobody is at the other end: every question waiting there goes on to the next server at once. */
static void fail_open(struct resolver_job *job)
{
	struct udp_socket *udp =
		(struct udp_socket *)((char *)job - offsetof(struct udp_socket, job));

	for (size_t i = 0; i < SLOTS; i++)
		if (udp->slots[i].question != NULL)
			resolver_question_unreachable(udp->slots[i].question);
	resolver_watch_close(&udp->watch);
}

static void take(struct udp_socket *udp, const uint8_t *packet, size_t length)
{
	struct resolver *resolver = udp->watch.resolver;
	struct udp_slot *slot;
	uint16_t id;

	if (!resolver_packet_id(packet, length, &id)) {
		resolver_count(&resolver->counters.rejected, 1);
		return;
	}
	slot = slot_of(udp, id);
	if (!slot->used || slot->question == NULL)
		resolver_count(&resolver->counters.rejected, 1);
	else
		resolver_question_reply(slot->question, packet, length, false);
}

static void receive(struct resolver_watch *watch, uint32_t events)
{
	struct udp_socket *udp = (struct udp_socket *)watch;
	struct resolver *resolver = watch->resolver;
	struct mmsghdr messages[RESOLVER_UDP_BATCH] = {{.msg_len = 0}};
	struct iovec parts[RESOLVER_UDP_BATCH];
	int count;

	(void)events;
	for (size_t i = 0; i < RESOLVER_UDP_BATCH; i++) {
		parts[i].iov_base = resolver->datagrams[i];
		parts[i].iov_len = RESOLVER_UDP_BUFFER;
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	count = recvmmsg(watch->fd, messages, RESOLVER_UDP_BATCH, MSG_DONTWAIT, NULL);
	if (count < 0 && errno != EAGAIN && errno != EINTR)
		refuse(udp);
	for (int i = 0; i < count; i++) {
		if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
			resolver_count(&resolver->counters.rejected, 1);
		else
			take(udp, resolver->datagrams[i], messages[i].msg_len);
	}
}

void resolver_udp_close(struct resolver_server *server)
{
	for (size_t i = 0; i < RESOLVER_UDP_SOCKETS; i++)
		if (server->sockets[i] != NULL)
			retire(server->sockets[i]);
}
