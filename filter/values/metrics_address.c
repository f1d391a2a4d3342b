/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics_address.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool parse_port(const char *text, unsigned *port_r)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return false;
	*port_r = (unsigned)strtoul(text, NULL, 10);
	return *port_r < 65536;
}

bool metrics_address_parse(const char *text, struct metrics_address *address_r)
{
	const char *colon = strrchr(text, ':');
	char host[IPADDR_TEXT_SIZE + 2];
	size_t length;

	if (colon == NULL)
		return ipaddr_parse("127.0.0.1", &address_r->address) &&
		       parse_port(text, &address_r->port);
	if (*text == '[' && colon > text && colon[-1] == ']')
		length = (size_t)(colon - text) - 2;
	else
		length = strcspn(text, ":");
	if (length >= sizeof(host) || (*text != '[' && text + length != colon))
		return false;
	memcpy(host, text + (*text == '['), length);
	host[length] = '\0';
	return parse_port(colon + 1, &address_r->port) && ipaddr_parse(host, &address_r->address) &&
	       (*text == '[') == (address_r->address.family == IP_V6);
}
