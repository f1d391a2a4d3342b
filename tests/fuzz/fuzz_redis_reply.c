/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes from the network as the replies of a Redis server, through hiredis and our bounds. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "fuzz.h"
#include "mem.h"
#include "redis_error.h"
#include "redis_link.h"

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static void remove_socket(void)
{
	unlink(address.sun_path);
}

static int listen_once(void)
{
	static int listener;

	if (listener > 0)
		return listener;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/mailreeve-fuzz-%d",
		(int)getpid());
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST_HOLD(listener > 0);
	MUST_HOLD(bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0);
	MUST_HOLD(listen(listener, 8) == 0);
	atexit(remove_socket);
	return listener;
}

static void check(const struct redis_answer *reply)
{
	MUST_HOLD(reply->kind != ANSWER_NUMBERS || reply->count <= REDIS_NUMBERS_MAX);
	MUST_HOLD((reply->kind == ANSWER_TEXT || reply->kind == ANSWER_TEXTS) ==
		  (reply->text != NULL));
	if (reply->kind == ANSWER_TEXTS) {
		size_t ends = 0;

		for (size_t i = 0; i < reply->length; i++)
			ends += reply->text[i] == '\0';
		MUST_HOLD(ends >= reply->count);
	}
	MUST_HOLD(reply->text == NULL || reply->text[reply->length] == '\0');
	if (reply->kind == ANSWER_ERROR) {
		char shown[40];

		MUST_HOLD(strlen(reply->error) < sizeof(reply->error));
		MUST_HOLD(redis_error(reply->error) != NULL);
		redis_error_show(reply->error, shown, sizeof(shown));
		for (const char *c = shown; *c != '\0'; c++)
			MUST_HOLD(*c >= ' ' && *c <= '~');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int listener = listen_once();
	uint64_t deadline_ms = clock_monotonic_ms() + 5000;
	struct redis_command command;
	struct redis_answer reply;
	struct redis_link *link = NULL;
	struct redis_target target = {.path = address.sun_path};
	enum link_result result = redis_link_open(&target, deadline_ms, &link, &reply);
	int peer = accept(listener, NULL, NULL);

	MUST_HOLD(result == LINK_ANSWERED && peer > 0);
	MUST_HOLD(send(peer, data, size, MSG_NOSIGNAL) == (ssize_t)size);
	redis_command_init(&command);
	redis_command_add(&command, "PING");
	redis_link_append(link, &command, size % 2 == 0);
	MUST_HOLD(shutdown(peer, SHUT_WR) == 0);
	do {
		memset(&reply, 0, sizeof(reply));
		result = redis_link_receive(link, deadline_ms, &reply);
		if (result == LINK_ANSWERED)
			check(&reply);
		mem_free(reply.text);
	} while (result == LINK_ANSWERED);
	MUST_HOLD(result != LINK_TIMEOUT);
	redis_link_close(&link);
	close(peer);
	return 0;
}
