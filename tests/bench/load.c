/* SPDX-License-Identifier: BSD-2-Clause */
/* The load generator of the benchmark: speaks the MTA's half of the milter protocol (version 6) on
 * many connections from one thread, obeys what the filter negotiates, and measures each stage that is
 * answered. Prints "name=value" pairs on one line.
 *
 *     load -s unix-socket [-c connections] [-m messages-per-connection] [-n messages]
 *          [-t think-ms] [-r seconds] [-k senders] [-i] [-C client-prefix] [-d domain] [-R rcpt]
 *          [-u]
 *
 * -u: every session has a client address (10.1.x.y), HELO name and sender domain of its own.
 * -i: only open that many idle connections, print "idle", and wait for end of input. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum step { NEGOTIATE, CONNECT, HELO, MAIL, RCPT, DATA, HEADER, EOH, BODY, EOM, STEP_COUNT };
enum { HEADER_COUNT = 8, BODY_BYTES = 2048, PACKET_MAX = 4096, SAMPLES_MAX = 1 << 20 };

static const char *const step_names[STEP_COUNT] = {
	"negotiate", "connect", "helo", "mail", "rcpt", "data", "header", "eoh", "body", "eom"};
/* SMFIP_NR_* and SMFIP_NO* by step; RCPT and EOM are always sent here. */
static const uint32_t no_reply[STEP_COUNT] = {[CONNECT] = 0x1000,
	[HELO] = 0x2000,
	[MAIL] = 0x4000,
	[RCPT] = 0x8000,
	[DATA] = 0x10000,
	[HEADER] = 0x80,
	[EOH] = 0x40000,
	[BODY] = 0x80000};
static const uint32_t not_sent[STEP_COUNT] = {[CONNECT] = 0x1,
	[HELO] = 0x2,
	[MAIL] = 0x4,
	[RCPT] = 0x8,
	[DATA] = 0x200,
	[HEADER] = 0x20,
	[EOH] = 0x40,
	[BODY] = 0x10};

struct session {
	int fd;
	enum step step; /* whose reply is awaited, or that comes next */
	unsigned header; /* how many header fields are out */
	unsigned messages_left;
	unsigned number;
	uint32_t steps; /* negotiated */
	uint64_t sent_us;
	uint64_t wake_us; /* think time; 0: none */
	bool waits;
	unsigned char in[PACKET_MAX];
	size_t in_length;
	unsigned char out[16384];
	size_t out_length;
};

struct samples {
	uint32_t *us;
	size_t count;
};

static struct {
	const char *socket, *prefix, *domain, *recipient;
	unsigned connections, per_connection, think_ms, seconds, senders;
	unsigned chunks; /* of the body; more than one only for who answers none of them */
	unsigned long messages;
	bool idle, unique;
} options = {.prefix = "192.0.2",
	.domain = "good.test",
	.recipient = "user@example.test",
	.connections = 50,
	.per_connection = 10,
	.messages = 20000,
	.seconds = 60,
	.senders = 50,
	.chunks = 1};

static struct samples samples[STEP_COUNT];
static unsigned long done, refused, started;
static unsigned next_number;
static uint32_t negotiated;
static int poller;

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(struct session *session, char command, const void *data, size_t length)
{
	uint32_t size = htonl((uint32_t)length + 1);

	if (session->out_length + length + 5 > sizeof(session->out))
		die("output too long");
	memcpy(session->out + session->out_length, &size, 4);
	session->out[session->out_length + 4] = (unsigned char)command;
	memcpy(session->out + session->out_length + 5, data, length);
	session->out_length += length + 5;
}

/* FORMAT uses '|' for NUL. */
static void put_text(struct session *session, char command, const char *text)
{
	char data[1024];
	size_t length = strlen(text);

	for (size_t i = 0; i <= length; i++)
		data[i] = text[i] == '|' ? '\0' : text[i];
	put(session, command, data, length);
}

/* Who this session claims to be. */
static void who(const struct session *session, char address[32], char helo[80], char domain[80])
{
	unsigned number = session->number;

	if (options.unique) {
		snprintf(address, 32, "10.1.%u.%u", number / 250 % 250, 1 + number % 250);
		snprintf(domain, 80, "d%u.%s", number, options.domain);
		snprintf(helo, 80, "mail.d%u.%s", number, options.domain);
		return;
	}
	snprintf(address, 32, "%s.%u", options.prefix, 10 + number % options.senders % 200);
	snprintf(domain, 80, "%s", options.domain);
	snprintf(helo, 80, "mail%u.%s", number % options.senders % 200, options.domain);
}

static void flush_out(struct session *session);

static void put_step(struct session *session, enum step step)
{
	static char body[BODY_BYTES];
	char text[512];
	char address[32], helo[80], domain[80];

	who(session, address, helo, domain);
	switch (step) {
	case CONNECT:
		put_text(session, 'D', "Cj|mx.example.test|{daemon_name}|mx.example.test|");
		snprintf(text, sizeof(text), "[%s]|4##%s|", address, address);
		for (char *c = text; *c != '\0'; c++)
			if (*c == '#')
				*c = 1; /* port, set below */
		put_text(session, 'C', text);
		break;
	case HELO:
		put_text(session, 'D', "H");
		snprintf(text, sizeof(text), "%s|", helo);
		put_text(session, 'H', text);
		break;
	case MAIL:
		snprintf(text, sizeof(text), "M{mail_addr}|user%u@%s|{mail_host}|%s|",
			session->number % options.senders, domain, domain);
		put_text(session, 'D', text);
		snprintf(text, sizeof(text), "<user%u@%s>|SIZE=2600|",
			session->number % options.senders, domain);
		put_text(session, 'M', text);
		break;
	case RCPT:
		snprintf(text, sizeof(text), "R{rcpt_addr}|%s|{rcpt_mailer}|smtp|{rcpt_host}|x|",
			options.recipient);
		put_text(session, 'D', text);
		snprintf(text, sizeof(text), "<%s>|", options.recipient);
		put_text(session, 'R', text);
		break;
	case DATA:
		put_text(session, 'T', "");
		break;
	case HEADER:
		if (session->header == 0)
			snprintf(text, sizeof(text), "From|A Person <user%u@%s>|",
				session->number % options.senders, domain);
		else if (session->header == 1)
			snprintf(text, sizeof(text), "To|<%s>|", options.recipient);
		else if (session->header == 2)
			snprintf(text, sizeof(text), "Date|Sun, 22 Nov 2026 10:00:00 +0000|");
		else if (session->header == 3)
			snprintf(text, sizeof(text), "Message-ID|<%u.%lu@%s>|", session->number,
				done, options.domain);
		else if (session->header == 4)
			snprintf(text, sizeof(text), "Subject|a subject of ordinary length|");
		else
			snprintf(text, sizeof(text), "X-Field-%u|an ordinary value of a field|",
				session->header);
		put_text(session, 'L', text);
		break;
	case EOH:
		put_text(session, 'N', "");
		break;
	case BODY:
		if (body[0] == '\0')
			for (size_t i = 0; i < sizeof(body); i++)
				body[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' : 'x';
		for (unsigned i = 0; i < options.chunks; i++) {
			if (i > 0)
				flush_out(session);
			put(session, 'B', body, sizeof(body));
		}
		break;
	case EOM:
		put_text(session, 'D', "Ei|4XYZ1234567|");
		put_text(session, 'E', "");
		break;
	default:
		break;
	}
}

static void flush_out(struct session *session)
{
	size_t sent = 0;

	while (sent < session->out_length) {
		ssize_t n = send(
			session->fd, session->out + sent, session->out_length - sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			die("send");
		sent += (size_t)n;
	}
	session->out_length = 0;
}

static void open_session(struct session *session)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
	uint32_t offer[3] = {htonl(6), htonl(0x1ff), htonl(0x1fffff)};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", options.socket);
	session->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (session->fd < 0 ||
		connect(session->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect");
	fcntl(session->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(poller, EPOLL_CTL_ADD, session->fd, &event);
	session->in_length = session->out_length = 0;
	session->step = NEGOTIATE;
	session->messages_left = options.per_connection;
	session->number = next_number++;
	session->waits = true;
	session->sent_us = now_us();
	put(session, 'O', offer, sizeof(offer));
	flush_out(session);
}

static void close_session(struct session *session)
{
	put_text(session, 'Q', "");
	flush_out(session);
	close(session->fd);
	session->fd = -1;
}

/* Ends this message; false when the session is over. */
static bool next_message(struct session *session)
{
	done++;
	session->messages_left--;
	if (done >= options.messages && started >= options.messages) {
		close_session(session);
		return false;
	}
	if (session->messages_left == 0) {
		close_session(session);
		if (started >= options.messages)
			return false;
		open_session(session);
		return false;
	}
	session->step = MAIL;
	return true;
}

/* Sends from session->step on until a step that is answered, or a pause. */
static void proceed(struct session *session)
{
	for (;;) {
		enum step step = session->step;

		if (step == MAIL)
			started++;
		if (step == HEADER && session->header == HEADER_COUNT) {
			session->header = 0;
			session->step = EOH;
			continue;
		}
		if ((session->steps & not_sent[step]) != 0) {
			session->step++;
			continue;
		}
		if (step == HEADER && session->header > HEADER_COUNT)
			session->header = 0;
		put_step(session, step);
		if (step == HEADER)
			session->header++;
		if ((session->steps & no_reply[step]) == 0) {
			session->waits = true;
			session->sent_us = now_us();
			flush_out(session);
			return;
		}
		if (step != HEADER)
			session->step++;
		if (step < DATA) {
			flush_out(session);
			if (options.think_ms > 0) {
				session->wake_us = now_us() + options.think_ms * 1000U;
				return;
			}
		}
	}
}

static void record(enum step step, uint64_t us)
{
	struct samples *kept = &samples[step];

	if (kept->us == NULL)
		kept->us = calloc(SAMPLES_MAX, sizeof(kept->us[0]));
	if (kept->us != NULL && kept->count < SAMPLES_MAX)
		kept->us[kept->count++] = (uint32_t)us;
}

/* A reply (not a change of the message) came for session->step. */
static void on_reply(struct session *session, const unsigned char *packet, size_t length)
{
	char command = (char)packet[0];

	if (strchr("+-2behimpq", command) != NULL && session->step == EOM)
		return; /* a change of the message; the verdict follows */
	record(session->step, now_us() - session->sent_us);
	session->waits = false;
	if (session->step == NEGOTIATE) {
		if (command != 'O' || length < 13)
			die("no negotiation");
		memcpy(&session->steps, packet + 9, 4);
		session->steps = ntohl(session->steps);
		negotiated = session->steps;
		session->step = CONNECT;
		session->header = 0;
	} else if (command != 'c' && command != 'a') {
		refused++;
		if (!next_message(session))
			return;
	} else if (session->step == EOM) {
		if (!next_message(session))
			return;
	} else if (session->step != HEADER) {
		session->step++;
	}
	if (options.think_ms > 0 && session->step > NEGOTIATE && session->step <= DATA)
		session->wake_us = now_us() + options.think_ms * 1000U;
	else
		proceed(session);
}

static void on_readable(struct session *session)
{
	int fd = session->fd;
	ssize_t n = recv(
		fd, session->in + session->in_length, sizeof(session->in) - session->in_length, 0);

	if (n == 0)
		die("the filter hung up");
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		die("recv");
	session->in_length += (size_t)n;
	while (session->in_length >= 5 && session->fd == fd) {
		uint32_t size;

		memcpy(&size, session->in, 4);
		size = ntohl(size);
		if (size > PACKET_MAX - 4)
			die("packet too long");
		if (session->in_length < size + 4)
			return;
		on_reply(session, session->in + 4, size);
		if (session->in_length < size + 4)
			return; /* a new connection began */
		memmove(session->in, session->in + 4 + size, session->in_length - 4 - size);
		session->in_length -= 4 + size;
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_results(uint64_t elapsed_us)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("messages=%lu refused=%lu seconds=%.3f rate=%.1f steps=%x", done, refused,
		(double)elapsed_us / 1e6, (double)done * 1e6 / (double)elapsed_us, negotiated);
	for (int step = CONNECT; step < STEP_COUNT; step++) {
		struct samples *kept = &samples[step];

		if (kept->count == 0)
			continue;
		qsort(kept->us, kept->count, sizeof(kept->us[0]), compare);
		printf(" %s_p50_us=%u %s_p99_us=%u", step_names[step], kept->us[kept->count / 2],
			step_names[step], kept->us[kept->count * 99 / 100]);
	}
	printf("\n");
}

static void run(struct session *sessions)
{
	uint64_t start = now_us();
	uint64_t limit = start + options.seconds * UINT64_C(1000000);

	for (unsigned i = 0; i < options.connections; i++)
		open_session(&sessions[i]);
	while (done < options.messages && now_us() < limit) {
		struct epoll_event events[256];
		int count = epoll_wait(poller, events, 256, options.think_ms > 0 ? 1 : 100);

		for (int i = 0; i < count; i++) {
			struct session *session = events[i].data.ptr;

			if (session->fd >= 0)
				on_readable(session);
		}
		if (options.think_ms == 0)
			continue;
		for (unsigned i = 0; i < options.connections; i++) {
			if (sessions[i].fd >= 0 && sessions[i].wake_us != 0 &&
				sessions[i].wake_us <= now_us()) {
				sessions[i].wake_us = 0;
				proceed(&sessions[i]);
			}
		}
	}
	print_results(now_us() - start);
}

static void run_idle(struct session *sessions)
{
	for (unsigned i = 0; i < options.connections; i++) {
		struct session *session = &sessions[i];

		open_session(session);
		fcntl(session->fd, F_SETFL, 0);
		while (session->in_length < 17) {
			ssize_t n = recv(session->fd, session->in + session->in_length,
				sizeof(session->in) - session->in_length, 0);

			if (n <= 0)
				die("recv");
			session->in_length += (size_t)n;
		}
		memcpy(&session->steps, session->in + 13, 4);
		session->steps = ntohl(session->steps);
		put_step(session, CONNECT);
		put_step(session, HELO);
		flush_out(session);
	}
	puts("idle");
	fflush(stdout);
	while (getchar() != EOF)
		continue;
}

static void read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "s:c:m:n:t:r:k:iuC:d:R:b:")) != -1) {
		switch (option) {
		case 's':
			options.socket = optarg;
			break;
		case 'c':
			options.connections = (unsigned)atoi(optarg);
			break;
		case 'm':
			options.per_connection = (unsigned)atoi(optarg);
			break;
		case 'n':
			options.messages = strtoul(optarg, NULL, 10);
			break;
		case 't':
			options.think_ms = (unsigned)atoi(optarg);
			break;
		case 'r':
			options.seconds = (unsigned)atoi(optarg);
			break;
		case 'k':
			options.senders = (unsigned)atoi(optarg);
			break;
		case 'b':
			options.chunks = (unsigned)atoi(optarg);
			break;
		case 'i':
			options.idle = true;
			break;
		case 'u':
			options.unique = true;
			break;
		case 'C':
			options.prefix = optarg;
			break;
		case 'd':
			options.domain = optarg;
			break;
		case 'R':
			options.recipient = optarg;
			break;
		default:
			exit(64);
		}
	}
	if (options.socket == NULL || options.senders == 0) {
		fputs("load: -s unix-socket is needed\n", stderr);
		exit(64);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct session *sessions;

	read_options(argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	sessions = calloc(options.connections, sizeof(*sessions));
	poller = epoll_create1(0);
	if (sessions == NULL || poller < 0)
		die("start");
	if (options.idle)
		run_idle(sessions);
	else
		run(sessions);
	return 0;
}
