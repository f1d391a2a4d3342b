/* SPDX-License-Identifier: BSD-2-Clause */
#include "redis_place.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "mem.h"
#include "text.h"

enum { PASSWORD_SIZE = 256 };

void redis_place_init(
	struct redis_place *place, const struct redis_login *login, const struct store_host *host)
{
	memset(place, 0, sizeof(*place));
	place->login = login;
	place->host = *host;
	store_host_show(host, place->shown, sizeof(place->shown));
	if (login->database != 0)
		snprintf(place->shown + strlen(place->shown),
			sizeof(place->shown) - strlen(place->shown), "/%d", login->database);
}

void redis_place_init_unix(
	struct redis_place *place, const struct redis_login *login, const char *path)
{
	memset(place, 0, sizeof(*place));
	place->login = login;
	snprintf(place->path, sizeof(place->path), "%s", path);
	snprintf(place->shown, sizeof(place->shown), "unix:%s", path);
	if (login->database != 0)
		snprintf(place->shown + strlen(place->shown),
			sizeof(place->shown) - strlen(place->shown), "/%d", login->database);
}

static bool is_numeric(const char *host)
{
	unsigned char address[16];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

bool redis_place_is_numeric(const struct redis_place *place)
{
	return place->host.name[0] == '\0' || is_numeric(place->host.name);
}

bool redis_place_resolve(const struct redis_place *place, struct redis_addresses *addresses_r)
{
	const char *host =
		ascii_equal(place->host.name, "localhost") ? "127.0.0.1" : place->host.name;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *found = NULL;

	addresses_r->count = 0;
	if (is_numeric(host)) {
		addresses_r->count = 1;
		return text_copy(addresses_r->list[0], REDIS_ADDRESS_SIZE, host);
	}
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
		if (addresses_r->count == REDIS_ADDRESSES_MAX)
			break;
		if (getnameinfo(at->ai_addr, at->ai_addrlen, addresses_r->list[addresses_r->count],
			    REDIS_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0)
			addresses_r->count++;
	}
	freeaddrinfo(found);
	return addresses_r->count > 0;
}

/* False if there should be a password but it cannot be read. */
static bool read_password(const struct redis_login *login, char *password, size_t size)
{
	FILE *file;
	bool read;

	if (login->password_file == NULL)
		return text_copy(password, size, login->password);
	file = fopen(login->password_file, "re");
	if (file == NULL)
		return false;
	setvbuf(file, NULL, _IONBF, 0);
	read = fgets(password, (int)size, file) != NULL;
	fclose(file);
	/* One that does not fit is none, rather than a part of it. */
	read = read && strlen(password) + 1 < size;
	if (read)
		password[strcspn(password, "\r\n")] = '\0';
	return read;
}

static size_t append_login(
	const struct redis_login *login, struct redis_link *link, const char *password)
{
	struct redis_command command;
	size_t count = 0;

	/* A user without a password is logged in too, not taken for the default one. */
	if (*password != '\0' || login->user[0] != '\0') {
		redis_command_init(&command);
		redis_command_add(&command, "AUTH");
		if (login->user[0] != '\0')
			redis_command_add(&command, login->user);
		redis_command_add(&command, password);
		redis_link_append(link, &command, true);
		count++;
	}
	if (login->database != 0) {
		redis_command_init(&command);
		redis_command_add(&command, "SELECT");
		redis_command_addf(&command, "%d", login->database);
		redis_link_append(link, &command, true);
		count++;
	}
	return count;
}

static enum link_result log_in(const struct redis_login *login, uint64_t deadline_ms,
	struct redis_link *link, struct redis_answer *reply)
{
	enum link_result result = LINK_ANSWERED;
	char password[PASSWORD_SIZE] = "";
	size_t count;

	if (!read_password(login, password, sizeof(password))) {
		reply->kind = ANSWER_ERROR;
		snprintf(reply->error, sizeof(reply->error),
			"NOAUTH the password file cannot be read, or its first line is too long");
		return LINK_ANSWERED;
	}
	count = append_login(login, link, password);
	OPENSSL_cleanse(password, sizeof(password));
	while (count-- > 0 && result == LINK_ANSWERED && reply->kind != ANSWER_ERROR) {
		result = redis_link_receive(link, deadline_ms, reply);
		if (result != LINK_ANSWERED || reply->kind == ANSWER_ERROR)
			break;
		mem_free(reply->text);
		reply->text = NULL;
	}
	return result;
}

enum link_result redis_place_connect(const struct redis_place *place, const char *address,
	uint64_t deadline_ms, struct redis_link **link_r, struct redis_answer *reply_r)
{
	struct redis_target target = {
		address, place->host.port, place->path, place->login->tls, place->host.name};
	enum link_result result = redis_link_open(&target, deadline_ms, link_r, reply_r);

	if (result == LINK_ANSWERED)
		result = log_in(place->login, deadline_ms, *link_r, reply_r);
	if (result != LINK_ANSWERED || reply_r->kind == ANSWER_ERROR) {
		mem_free(reply_r->text);
		reply_r->text = NULL;
		redis_link_close(link_r);
	}
	return result;
}
