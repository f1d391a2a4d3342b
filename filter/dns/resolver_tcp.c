/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection for one question: it is only needed when an answer does not fit a datagram. The
 * question's own timer bounds it. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "mem.h"
#include "resolver_packet.h"
#include "resolver_private.h"

enum { CONNECTIONS_MAX = 256, LENGTH_PREFIX = 2 };

struct tcp_connection {
	struct resolver_watch watch; /* first */
	struct question *question;
	size_t query_length, query_sent;
	size_t answer_length, answer_got; /* both with the prefix */
	uint8_t *answer; /* NULL until the prefix came */
	uint8_t prefix[LENGTH_PREFIX];
	uint8_t query[LENGTH_PREFIX + RESOLVER_PACKET_QUERY_MAX];
};

static void exchange(struct resolver_watch *watch, uint32_t events);

bool resolver_tcp_send(struct resolver *resolver, struct question *question)
{
	struct question_attempt *attempt = resolver_question_attempt(question);
	const struct resolver_address *address = &attempt->server->address;
	struct tcp_connection *connection;
	int family = address->socket_address.ss_family;
	int fd;

	if (resolver->tcp_connections >= CONNECTIONS_MAX)
		return false;
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	connection = mem_alloc(sizeof(*connection));
	connection->watch =
		(struct resolver_watch){.ready = exchange, .resolver = resolver, .fd = fd};
	connection->question = question;
	connection->answer_length = LENGTH_PREFIX;
	attempt->connection = connection;
	attempt->id = resolver_random(resolver);
	resolver->tcp_connections++;
	connection->query_length =
		resolver_question_write(question, connection->query + LENGTH_PREFIX);
	connection->query[0] = (uint8_t)(connection->query_length >> 8);
	connection->query[1] = (uint8_t)connection->query_length;
	connection->query_length += LENGTH_PREFIX;
	if ((connect(fd, (const struct sockaddr *)&address->socket_address, address->length) != 0 &&
		    errno != EINPROGRESS) ||
		!resolver_watch_open(&connection->watch, EPOLLOUT)) {
		resolver_tcp_forget(question);
		return false;
	}
	resolver_count(&resolver->counters.queries_tcp, 1);
	return true;
}

void resolver_tcp_forget(struct question *question)
{
	struct question_attempt *attempt = resolver_question_attempt(question);
	struct tcp_connection *connection = attempt->connection;

	if (connection == NULL)
		return;
	attempt->connection = NULL;
	connection->watch.resolver->tcp_connections--;
	mem_free(connection->answer);
	connection->answer = NULL;
	resolver_watch_close(&connection->watch);
}

/* False when the connection is of no use any more. */
static bool send_query(struct tcp_connection *connection)
{
	ssize_t sent = send(connection->watch.fd, connection->query + connection->query_sent,
		connection->query_length - connection->query_sent, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	connection->query_sent += (size_t)sent;
	if (connection->query_sent == connection->query_length)
		resolver_watch_change(&connection->watch, EPOLLIN);
	return true;
}

static bool receive_answer(struct tcp_connection *connection)
{
	uint8_t *into = connection->answer != NULL ? connection->answer : connection->prefix;
	ssize_t got = recv(connection->watch.fd, into + connection->answer_got,
		connection->answer_length - connection->answer_got, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return false;
	connection->answer_got += (size_t)got;
	if (connection->answer_got < connection->answer_length || connection->answer != NULL)
		return true;
	connection->answer_length += (size_t)(connection->prefix[0] << 8 | connection->prefix[1]);
	connection->answer = mem_alloc(connection->answer_length);
	return true;
}

static void exchange(struct resolver_watch *watch, uint32_t events)
{
	struct tcp_connection *connection = (struct tcp_connection *)watch;
	bool useful = true;
	uint8_t *answer;
	size_t length;

	(void)events;
	if (connection->query_sent < connection->query_length)
		useful = send_query(connection);
	else
		useful = receive_answer(connection);
	if (!useful) {
		resolver_question_unreachable(connection->question);
		return;
	}
	if (connection->answer == NULL || connection->answer_got < connection->answer_length)
		return;
	answer = connection->answer;
	length = connection->answer_length - LENGTH_PREFIX;
	connection->answer = NULL; /* the question closes the connection while it reads this */
	resolver_question_reply(connection->question, answer + LENGTH_PREFIX, length, true);
	mem_free(answer);
}
