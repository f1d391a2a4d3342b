/* SPDX-License-Identifier: BSD-2-Clause */
#include "callahead_target.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

enum { SMTP_PORT = 25, LMTP_PORT = 24, PORT_MAX = 65535 };

static bool parse_port(const char *text, unsigned *port_r)
{
	unsigned port = 0;
	size_t digits;

	for (digits = 0; digits < 5 && ascii_is_digit(text[digits]); digits++)
		port = port * 10 + (unsigned)(text[digits] - '0');
	if (digits == 0 || text[digits] != '\0' || port == 0 || port > PORT_MAX)
		return false;
	*port_r = port;
	return true;
}

/* HOST is taken apart in place: "a", "a:25", "[::1]", "[::1]:25", "::1". */
static bool parse_place(char *host, struct callahead_target *target)
{
	char *colon = strrchr(host, ':');

	if (ipaddr_parse(host, &target->address))
		return true;
	if (host[0] == '[') {
		char *end = strchr(host, ']');

		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		colon = end[1] == ':' ? end + 1 : NULL;
		*end = '\0';
		host++;
		if (!ipaddr_parse(host, &target->address))
			return false;
	}
	if (colon != NULL) {
		*colon = '\0';
		if (!parse_port(colon + 1, &target->port))
			return false;
	}
	if (target->address.family != IP_NONE || ipaddr_parse(host, &target->address))
		return true;
	return domain_canonical(host, target->host) && domain_is_hostname(target->host);
}

bool callahead_target_parse(const char *text, struct callahead_target *target_r)
{
	char host[CALLAHEAD_TARGET_SIZE];

	*target_r = (struct callahead_target){0};
	target_r->lmtp = ascii_starts_with(text, "lmtp:");
	if (!target_r->lmtp && !ascii_starts_with(text, "smtp:"))
		return false;
	target_r->port = target_r->lmtp ? LMTP_PORT : SMTP_PORT;
	text += strlen("smtp:");
	if (text[0] == '/')
		return target_r->lmtp &&
		       text_copy(target_r->socket, sizeof(target_r->socket), text);
	return text_copy(host, sizeof(host), text) && parse_place(host, target_r);
}

const char *callahead_target_format(const struct callahead_target *target, char *buffer)
{
	const char *protocol = target->lmtp ? "lmtp" : "smtp";
	char address[IPADDR_TEXT_SIZE];

	if (target->socket[0] != '\0')
		snprintf(buffer, CALLAHEAD_TARGET_SIZE, "%s:%s", protocol, target->socket);
	else if (target->host[0] != '\0')
		snprintf(buffer, CALLAHEAD_TARGET_SIZE, "%s:%s:%u", protocol, target->host,
			target->port);
	else
		snprintf(buffer, CALLAHEAD_TARGET_SIZE,
			target->address.family == IP_V6 ? "%s:[%s]:%u" : "%s:%s:%u", protocol,
			ipaddr_format(&target->address, address), target->port);
	return buffer;
}
