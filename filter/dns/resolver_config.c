/* SPDX-License-Identifier: BSD-2-Clause */
#include "resolver_config.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { LINE = 1024 };

static bool is_port(const char *text)
{
	unsigned long port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (!ascii_is_digit(*text))
			return false;
		port = port * 10 + (unsigned long)(*text - '0');
	}
	return port > 0 && port < 65536;
}

/* Cuts TEXT into host and port; *PORT_R stays as it is when there is none. */
static bool split(char *text, char **host_r, const char **port_r)
{
	char *colon = strchr(text, ':');
	char *end;

	*host_r = text;
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL)
			return false;
		*host_r = text + 1;
		*end = '\0';
		if (end[1] == '\0')
			return true;
		*port_r = end + 2;
		return end[1] == ':' && is_port(*port_r);
	}
	if (colon == NULL || strchr(colon + 1, ':') != NULL)
		return true; /* IPv4, or a bare IPv6 address */
	*colon = '\0';
	*port_r = colon + 1;
	return is_port(*port_r);
}

bool resolver_config_address(const char *text, struct resolver_address *address_r)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_DGRAM,
	};
	struct addrinfo *found = NULL;
	char copy[RESOLVER_ADDRESS_TEXT_SIZE];
	const char *port = "53";
	char *host;

	memset(address_r, 0, sizeof(*address_r));
	if (!text_copy(copy, sizeof(copy), text) || !split(copy, &host, &port) || *host == '\0' ||
		strchr("0123456789abcdefABCDEF:", *host) == NULL)
		return false;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	memcpy(&address_r->socket_address, found->ai_addr, found->ai_addrlen);
	address_r->length = found->ai_addrlen;
	freeaddrinfo(found);
	return text_copy(address_r->text, sizeof(address_r->text), text);
}

size_t resolver_config_file(
	const char *path, struct resolver_address addresses_r[RESOLVER_SERVERS_MAX])
{
	FILE *file = fopen(path, "re");
	char line[LINE];
	size_t count = 0;

	if (file == NULL)
		return 0;
	while (count < RESOLVER_SERVERS_MAX && fgets(line, sizeof(line), file) != NULL) {
		char *rest = NULL;
		const char *word = strtok_r(line, " \t\r\n", &rest);
		const char *address;

		if (word == NULL || strcmp(word, "nameserver") != 0)
			continue;
		address = strtok_r(NULL, " \t\r\n", &rest);
		if (address != NULL && resolver_config_address(address, &addresses_r[count]))
			count++;
	}
	fclose(file);
	return count;
}
