/* SPDX-License-Identifier: BSD-2-Clause */
#include "mta_socket.h"

#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "text.h"

struct place {
	bool local;
	char path[512]; /* or the host; "" for any */
	unsigned long port;
};

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* "port@host", "host:port", or "port". */
static bool read_port(const char *text, struct place *place_r)
{
	const char *at = strchr(text, '@'), *colon = strrchr(text, ':');
	char port[16];
	struct text host, number;

	text_init(&host, place_r->path, sizeof(place_r->path));
	text_init(&number, port, sizeof(port));
	if (at != NULL) {
		text_add_n(&number, text, (size_t)(at - text));
		text_add(&host, at + 1);
	} else if (colon != NULL) {
		text_add_n(&host, text, (size_t)(colon - text));
		text_add(&number, colon + 1);
	} else {
		text_add(&number, text);
	}
	place_r->port = strtoul(port, NULL, 10);
	return is_number(port) && !host.truncated && !number.truncated;
}

static bool read_place(const char *text, struct place *place_r)
{
	static const char *const locals[] = {"unix:", "local:"};
	static const char *const ports[] = {"inet:", "inet6:"};

	*place_r = (struct place){.local = true};
	for (size_t i = 0; i < ARRAY_COUNT(locals); i++)
		if (ascii_starts_with(text, locals[i]))
			return text_copy(
				place_r->path, sizeof(place_r->path), text + strlen(locals[i]));
	if (text[0] == '/')
		return text_copy(place_r->path, sizeof(place_r->path), text);
	place_r->local = false;
	for (size_t i = 0; i < ARRAY_COUNT(ports); i++)
		if (ascii_starts_with(text, ports[i]))
			return read_port(text + strlen(ports[i]), place_r);
	return false;
}

static bool same_path(const char *theirs, const char *ours, const char *root)
{
	size_t length = strlen(root);

	if (strcmp(theirs, ours) == 0)
		return true;
	if (length == 0 || strncmp(ours, root, length) != 0 || ours[length] != '/')
		return false;
	return strcmp(theirs + (theirs[0] == '/'), ours + length + 1) == 0;
}

static bool is_any_host(const char *host)
{
	static const char *const any[] = {"", "0.0.0.0", "::", "[::]"};

	for (size_t i = 0; i < ARRAY_COUNT(any); i++)
		if (strcmp(host, any[i]) == 0)
			return true;
	return false;
}

static bool is_this_host(const char *host)
{
	static const char *const own[] = {"localhost", "127.0.0.1", "::1", "[::1]"};

	for (size_t i = 0; i < ARRAY_COUNT(own); i++)
		if (ascii_equal(host, own[i]))
			return true;
	return false;
}

bool mta_socket_is_same(const char *theirs_text, const char *ours_text, const char *root)
{
	struct place theirs, ours;

	if (!read_place(theirs_text, &theirs) || !read_place(ours_text, &ours) ||
		theirs.local != ours.local)
		return false;
	if (ours.local)
		return same_path(theirs.path, ours.path, root);
	return theirs.port == ours.port &&
	       (is_any_host(ours.path) || ascii_equal(theirs.path, ours.path) ||
		       (is_this_host(theirs.path) && is_this_host(ours.path)));
}
