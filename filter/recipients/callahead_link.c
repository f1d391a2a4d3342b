/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_link.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

enum { INPUT_SIZE = 2 * CALLAHEAD_LINE_MAX };

struct callahead_link {
	int fd;
	struct callahead_tls *tls; /* NULL: in the clear */
	bool smtputf8;
	size_t used;
	char input[INPUT_SIZE];
};

static bool complain(char why[CALLAHEAD_WHY_SIZE], const char *text)
{
	snprintf(why, CALLAHEAD_WHY_SIZE, "%s", text);
	return false;
}

/* False when the same step is of no use any more. */
static bool wait_for(struct callahead_link *link, enum callahead_progress progress,
	uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	if (progress == CALLAHEAD_FAILED && link->tls != NULL) {
		callahead_tls_explain(link->tls, why);
		return false;
	}
	return callahead_socket_wait(link->fd, progress, deadline_ms, why);
}

static enum callahead_progress write_some(
	struct callahead_link *link, const char *bytes, size_t length, size_t *written_r)
{
	*written_r = 0;
	if (link->tls != NULL)
		return callahead_tls_write(link->tls, bytes, length, written_r);
	return callahead_socket_write(link->fd, bytes, length, written_r);
}

static bool send_all(struct callahead_link *link, const char *bytes, size_t length,
	uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	while (length > 0) {
		size_t written;
		enum callahead_progress progress = write_some(link, bytes, length, &written);

		if (progress != CALLAHEAD_DONE && !wait_for(link, progress, deadline_ms, why))
			return false;
		bytes += written;
		length -= written;
	}
	return true;
}

static bool receive(struct callahead_link *link, uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	char *place = link->input + link->used;
	size_t room = sizeof(link->input) - link->used;

	for (;;) {
		enum callahead_progress progress;
		size_t got = 0;

		if (link->tls != NULL)
			progress = callahead_tls_read(link->tls, place, room, &got);
		else
			progress = callahead_socket_read(link->fd, place, room, &got);
		if (progress == CALLAHEAD_DONE) {
			link->used += got;
			return true;
		}
		if (!wait_for(link, progress, deadline_ms, why))
			return false;
	}
}

/* Reads lines until the reply is whole; what follows it stays in the input. */
bool callahead_link_listen(struct callahead_link *link, uint64_t deadline_ms,
	struct callahead_reply *reply_r, char why[CALLAHEAD_WHY_SIZE])
{
	size_t total = 0;

	*reply_r = (struct callahead_reply){0};
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
			reply_r, link->input, length > 0 && end[-1] == '\r' ? length - 1 : length);
		link->used -= length + 1;
		memmove(link->input, end + 1, link->used);
		if (line == CALLAHEAD_LINE_BAD || total > CALLAHEAD_REPLY_MAX)
			return complain(why, "its reply is no reply of SMTP");
		if (line == CALLAHEAD_LINE_LAST)
			return true;
	}
}

bool callahead_link_is_quiet(struct callahead_link *link)
{
	if (link->used > 0)
		return false;
	return link->tls == NULL ? callahead_socket_is_quiet(link->fd)
				 : callahead_tls_is_quiet(link->tls);
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
	       callahead_link_listen(link, deadline_ms, reply_r, why);
}

bool callahead_link_encrypt(struct callahead_link *link, struct callahead_tls_context *context,
	const struct callahead_target *target, const struct ipaddr *address, uint64_t deadline_ms,
	char why[CALLAHEAD_WHY_SIZE])
{
	enum callahead_progress progress;

	/* What was said in the clear must not count as said in secret. */
	if (link->used > 0)
		return complain(why, "it spoke between STARTTLS and TLS");
	link->tls = callahead_tls_create(context, link->fd, target, address);
	if (link->tls == NULL)
		return complain(why, "TLS: no memory");
	while ((progress = callahead_tls_shake_hands(link->tls)) != CALLAHEAD_DONE)
		if (!wait_for(link, progress, deadline_ms, why))
			return false;
	return true;
}

struct callahead_link *callahead_link_open(const struct callahead_target *target,
	const struct ipaddr *address, uint64_t deadline_ms, char why[CALLAHEAD_WHY_SIZE])
{
	struct callahead_link *link;
	int fd = callahead_socket_connect(target, address, deadline_ms, why);

	if (fd < 0)
		return NULL;
	link = mem_alloc(sizeof(*link));
	link->fd = fd;
	return link;
}

bool callahead_link_has_smtputf8(const struct callahead_link *link)
{
	return link->smtputf8;
}

void callahead_link_set_smtputf8(struct callahead_link *link, bool has)
{
	link->smtputf8 = has;
}

void callahead_link_close(struct callahead_link **link_ptr)
{
	struct callahead_link *link = *link_ptr;
	size_t written;

	if (link == NULL)
		return;
	*link_ptr = NULL;
	/* Whether it arrives does not matter to us. */
	(void)write_some(link, "QUIT\r\n", 6, &written);
	callahead_tls_free(&link->tls);
	close(link->fd);
	mem_free(link);
}
